#!/usr/bin/env bash
# What relaxed SIMD would bring on the CPU: builds the modules for the CPU with it and without, outside the checkout, and compares their times
# and pictures in Chromium and in Node.js.
#
#   benches/web/relaxed.sh [rounds [threads]]   OUT=folder (default target/relaxed)   BUILD=0: what was built there before
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/common.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/wasm.sh"
cd "$ROOT"
out="${OUT:-$(target_dir relaxed)}"
if [ "${BUILD:-1}" != 0 ]; then
  scripts/bootstrap.sh wasm std-source browser node
  for kind in plain relaxed; do
    mkdir -p "$out/$kind"
    cp pkg/* "$out/$kind/"
    # This crate alone, whose kernels draw: macerator 0.5, which burn's are made with, does not compile with it.
    [ "$kind" = plain ] || export OWN_FLAGS=-Ctarget-feature=+relaxed-simd MORE_FEATURES=--enable-relaxed-simd
    cpu_module "$out/$kind" "$(target_dir wasm-cpu)"
    threads_module "$out/$kind" "$(target_dir wasm-threads)"
  done
fi
node benches/web/relaxed.mjs "$out" "$@"
# Node.js 20 needs a flag, which V8 has for what is not yet standard.
flags=()
[ "$(node -p 'parseInt(process.versions.node)')" -ge 22 ] || flags=(--experimental-wasm-relaxed-simd)
node "${flags[@]}" benches/web/relaxed_node.mjs "$out" "$@"
