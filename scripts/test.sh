#!/usr/bin/env bash
# Runs the tests: any of lint, native, web, demo. Goes on after a failure and says at the end what failed.
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

native_dir="$(target_dir)"
export MIRRORGAN_CLI="$native_dir/release/mirrorgan"

lint() {
  scripts/bootstrap.sh node &&
    cargo fmt --check &&
    cargo clippy --release --all-targets --target-dir "$native_dir" -- -D warnings &&
    scripts/check-pkg.sh &&
    node node_modules/typescript/lib/tsc.js -p tests/types
}

native() {
  cargo test --release --target-dir "$native_dir"
}

web() {
  scripts/bootstrap.sh wasm browser &&
    CARGO_TARGET_DIR="$(target_dir wasm)" WASM_BINDGEN_TEST_TIMEOUT=600 CHROMEDRIVER="$(command -v chromedriver)" \
      with_wasm wasm-pack test --headless --chrome --mode no-install tests/web --profile web
}

demo() {
  scripts/bootstrap.sh browser node &&
    cargo build --release --bin mirrorgan --target-dir "$native_dir" &&
    # It leaves the small model that some of the demo's tests draw with.
    cargo test --release --test native --target-dir "$native_dir" -q tiny_model &&
    node --test --test-concurrency=1 --test-reporter=spec tests/demo/*.test.mjs
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
