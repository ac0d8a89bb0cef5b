#!/usr/bin/env bash
# Installs what building and testing need and is not there yet; quick when everything is. For Debian with rustup.
#
#   scripts/bootstrap.sh [wasm|std-source|browser|node|all]...
#
# wasm        the wasm32 target (from rustup, else Debian's rustc-web with a standard library built here), wasm-pack, wasm-bindgen
# std-source  the standard library's source, for the module with threads
# browser     Chromium and its driver
# node        Node.js, npm and the packages of package-lock.json
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

updated=
apt_install() {
  has apt-get || die "please install: $* (this script knows apt-get only)"
  local sudo=
  if [ "$(id -u)" != 0 ]; then
    has sudo || die "please install as root: apt-get install $*"
    sudo=sudo
  fi
  if [ -z "$updated" ]; then
    $sudo apt-get update -qq || true
    updated=1
  fi
  say "apt-get install $*"
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# Debian's compiler has the wasm32 back end but no standard library for it: build that once.
debian_wasm() {
  say "rustup has no wasm32 target to download here: taking Debian's compiler"
  has /usr/bin/rustc && [ -d /usr/lib/rustlib/src ] && has rust-lld ||
    apt_install rustc-web cargo-web rust-web-src rust-web-llvm lld-22
  rustup toolchain list | grep -q '^debian' || rustup toolchain link debian /usr
  if ! has_std /usr; then
    say "building the standard library for wasm32 (a minute or two)"
    local work sudo=
    work="$(mktemp -d)"
    mkdir -p "$work/src"
    printf '[package]\nname = "empty_for_std"\nversion = "0.0.0"\nedition = "2024"\n[workspace]\n[profile.release]\npanic = "abort"\n' >"$work/Cargo.toml"
    : >"$work/src/lib.rs"
    (cd "$work" && RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$work/target" cargo +debian build -q --release \
      -Zbuild-std=std,panic_abort,test --target "$TARGET")
    [ -w /usr/lib/rustlib ] || sudo=sudo
    $sudo mkdir -p "/usr/lib/rustlib/$TARGET/lib"
    find "$work/target/$TARGET/release/deps" -name '*.rlib' ! -name 'libempty_for_std*' \
      -exec $sudo cp {} "/usr/lib/rustlib/$TARGET/lib/" \;
    rm -rf "$work"
  fi
}

wasm() {
  has rustup || die "rustup is missing: see https://rustup.rs"
  if ! wasm_toolchain >/dev/null; then
    say "rustup target add $TARGET"
    timeout 120 rustup target add "$TARGET" >/dev/null 2>&1 || debian_wasm
    wasm_toolchain >/dev/null || die "the wasm32 target could not be installed"
  fi
  if ! has wasm-pack; then
    say "cargo install wasm-pack (two minutes)"
    cargo install -q wasm-pack --locked 2>/dev/null || cargo install -q wasm-pack
  fi
  local version
  version="$(locked_version wasm-bindgen)"
  if [ "$(wasm-bindgen --version 2>/dev/null | awk '{ print $2 }')" != "$version" ]; then
    say "cargo install wasm-bindgen-cli $version (three minutes)"
    cargo install -q wasm-bindgen-cli --version "$version" --locked --force 2>/dev/null ||
      cargo install -q wasm-bindgen-cli --version "$version" --force
  fi
}

std_source() {
  local toolchain
  toolchain="$(wasm_toolchain)" || die "no wasm32 target: run scripts/bootstrap.sh wasm"
  # Debian's compiler came with it.
  if [ "$toolchain" != debian ] && [ ! -d "$(with_wasm rustc --print sysroot)/lib/rustlib/src/rust/library" ]; then
    say "rustup component add rust-src"
    rustup component add ${toolchain:+--toolchain "$toolchain"} rust-src >/dev/null
  fi
}

browser() {
  has chromium && has chromedriver || apt_install chromium chromium-driver
}

node_packages() {
  has node && has npm || apt_install nodejs npm
  has python3 || apt_install python3
  local stamp="$ROOT/node_modules/.mirrorgan-lock"
  if ! cmp -s "$ROOT/package-lock.json" "$stamp"; then
    say "npm ci"
    (cd "$ROOT" && npm ci --silent --no-audit --no-fund)
    cp "$ROOT/package-lock.json" "$stamp"
  fi
}

for part in "${@:-all}"; do
  case "$part" in
    wasm) wasm ;;
    std-source) std_source ;;
    browser) browser ;;
    node) node_packages ;;
    all)
      wasm
      browser
      node_packages
      ;;
    *) die "unknown part $part: expected wasm, std-source, browser, node or all" ;;
  esac
done
