#!/usr/bin/env bash
# Runs the tests: any of lint, native, web, demo, examples. Goes on after a failure and says at the end what failed.
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

# One profile and one folder for lints, native tests and the command that the demo's tests compare with: each dependency is checked once
# and built once. The example has a folder of its own: cargo gives a library that is a cdylib too one file name whatever its features
# (libmirrorgan.rlib), so that in one folder the tests would be linked with the example's library, which has none.
native_dir="$(target_dir)"
example_dir="$(target_dir example)"
export MIRRORGAN_CLI="$native_dir/debug/mirrorgan"

# What is off by default and can be tested everywhere. All builds of the first folder have it, so that there is one of each.
with=(--features remote)

in_native_dir() { CARGO_TARGET_DIR="$native_dir" "$@"; }

lint() {
  scripts/bootstrap.sh node &&
    cargo fmt --check &&
    cargo fmt --check --manifest-path tests/examples/rust/Cargo.toml &&
    in_native_dir cargo clippy "${with[@]}" --all-targets -- -D warnings &&
    floors &&
    fuzz_targets &&
    in_native_dir env RUSTDOCFLAGS="-D warnings" cargo doc "${with[@]}" --no-deps --lib &&
    scripts/check-pkg.sh &&
    node node_modules/typescript/lib/tsc.js -p tests/types
}

# The lower floors by themselves: without the command line, and without what learns and measures. Then all without what is off by default.
floors() {
  local found
  found="$(cargo tree --locked --no-default-features -e normal --prefix none --format '{p}' | cut -d' ' -f1 | sort -u |
    grep -xE 'anyhow|ash|clap|cubecl|cubecl-wgpu|ctrlc|indicatif|open|tar|wgpu|burn-autodiff|burn-optim|burn-remote|burn-store|iroh|tokio')"
  if [ -n "$found" ]; then
    echo "without features the crate depends on" $found >&2
    return 1
  fi
  in_native_dir cargo clippy --no-default-features --lib -- -D warnings &&
    in_native_dir cargo clippy --no-default-features --features lab --lib -- -D warnings &&
    in_native_dir cargo clippy --lib -- -D warnings
}

# They are run by hand (make fuzz), and fit the crate all the same.
fuzz_targets() {
  cp Cargo.lock tests/fuzz/Cargo.lock &&
    cargo fmt --check --manifest-path tests/fuzz/Cargo.toml &&
    in_native_dir cargo clippy --manifest-path tests/fuzz/Cargo.toml -- -D warnings
}

native() {
  in_native_dir cargo test "${with[@]}" --no-fail-fast && example
}

# The program of tests/examples/rust, which has the crate without its features, with the versions that everything here is built with.
example() {
  local folder=tests/examples/rust out said
  out="$(mktemp -d)"
  cp Cargo.lock "$folder/Cargo.lock" &&
    said="$(CARGO_TARGET_DIR="$example_dir" cargo run -q --manifest-path "$folder/Cargo.toml" -- \
      tests/fixtures/v0.1.0/model "this flower has pink petals and a yellow center" "$out")" &&
    echo "$said" && grep -q "^described as: this this" <<<"$said" && grep -q "^petals: " <<<"$said" && [ -s "$out/256.png" ]
  local status=$?
  rm -rf "$out"
  [ "$status" = 0 ] || echo "the example failed" >&2
  return "$status"
}

web() {
  scripts/bootstrap.sh wasm browser &&
    CARGO_TARGET_DIR="$(target_dir wasm)" with_wasm wasm-pack test --headless --chrome
}

demo() {
  scripts/bootstrap.sh browser node &&
    # It builds the command, too, and leaves the small model that some of the demo's tests draw with.
    in_native_dir cargo test "${with[@]}" --test native -q tiny_model &&
    node --test --test-concurrency=1 --test-reporter=spec tests/demo/*.test.mjs
}

examples() {
  scripts/bootstrap.sh browser node &&
    in_native_dir cargo test "${with[@]}" --test native -q tiny_model &&
    node --test --test-concurrency=1 --test-reporter=spec tests/examples/*.test.mjs
}

failed=()
passed=0
for part in "$@"; do
  say "$part"
  if "$part"; then passed=$((passed + 1)); else failed+=("$part"); fi
done
if [ "${#failed[@]}" -gt 0 ]; then
  echo "test parts: $passed passed, ${#failed[@]} failed (${failed[*]})"
  exit 1
fi
echo "test parts: $passed passed, 0 failed"
