#!/usr/bin/env bash
# Runs every fuzz target of tests/fuzz for some seconds (60), each in turn, and ends with what the first failure says. Needs a nightly toolchain
# and cargo-fuzz: rustup toolchain install nightly && cargo install cargo-fuzz. What it finds lies in tests/fuzz/artifacts.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

seconds="${1:-60}"
dir="$(target_dir fuzz)"
# The versions that everything here is built with.
cp Cargo.lock tests/fuzz/Cargo.lock
for target in tests/fuzz/targets/*.rs; do
  target="$(basename "$target" .rs)"
  # Ten seconds are a hang, a gibibyte too much memory.
  CARGO_TARGET_DIR="$dir" cargo +nightly fuzz run --fuzz-dir tests/fuzz --sanitizer none "$target" -- \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=65536
done
