# Sourced by the other scripts: where things are, and which toolchain has the wasm32 target.
# shellcheck shell=bash

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
TARGET=wasm32-unknown-unknown

say() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }

# Where builds go, `target_dir` for the native ones and `target_dir NAME` for others: outside the checkout when MIRRORGAN_CACHE says so
# (continuous integration), else below the usual target/.
target_dir() {
  if [ -n "${MIRRORGAN_CACHE:-}" ]; then echo "$MIRRORGAN_CACHE/${1:-native}"; else echo "$ROOT/target${1:+/$1}"; fi
}

# Whether a sysroot holds the standard library of wasm32.
has_std() { compgen -G "$1/lib/rustlib/$TARGET/lib/libstd-*.rlib" >/dev/null; }

# The rustup toolchain to build wasm32 with ("" for the default one); fails when there is none yet.
wasm_toolchain() {
  if [ -n "${MIRRORGAN_WASM_TOOLCHAIN:-}" ]; then
    echo "$MIRRORGAN_WASM_TOOLCHAIN"
  elif has_std "$(rustc --print sysroot)"; then
    echo ""
  elif has_std /usr && rustup toolchain list 2>/dev/null | grep -q '^debian'; then
    echo debian
  else
    return 1
  fi
}

# Runs a command with the toolchain that has wasm32.
with_wasm() {
  local toolchain
  toolchain="$(wasm_toolchain)" || die "no wasm32 target: run scripts/bootstrap.sh wasm"
  if [ -n "$toolchain" ]; then RUSTUP_TOOLCHAIN="$toolchain" "$@"; else "$@"; fi
}

# The version of a crate in Cargo.lock.
locked_version() { awk -v name="\"$1\"" '$1 == "name" && $3 == name { getline; gsub(/"/, "", $3); print $3; exit }' "$ROOT/Cargo.lock"; }

export PATH="$HOME/.cargo/bin:$PATH"
