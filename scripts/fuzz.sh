#!/usr/bin/env bash
# Runs fuzz targets of tests/fuzz, each in turn, and ends with what the first failure says; what it found lies in tests/fuzz/artifacts.
#
#   scripts/fuzz.sh SECONDS|- [RUNS|- [TARGET]...]
#
# SECONDS (60) and RUNS (-) bound each target; "-" is no bound. Needs cargo-fuzz, which it installs, and no nightly toolchain: without a
# sanitizer, of which Rust's own checks do without, what cargo-fuzz asks of the compiler is stable.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"

seconds="${1:-60}"
runs="${2:--}"
targets=("${@:3}")
[ ${#targets[@]} -gt 0 ] || for file in tests/fuzz/targets/*.rs; do targets+=("$(basename "$file" .rs)"); done
has cargo-fuzz || {
  say "cargo install cargo-fuzz (two minutes)"
  cargo install -q --locked cargo-fuzz
}

# What a target begins with: the repository's own files of its kind, as far as they are small.
seeds() {
  case "$1" in
    captions_pickle) ls tests/fixtures/data/*.pickle ;;
    model) ls tests/fixtures/v0.1.0/model/{config.json,vocab.txt,stem.safetensors} models/*/config.json ;;
    pickle) ls tests/fixtures/text_encoder.pth ;;
    picture) ls tests/fixtures/data/cmyk.jpg ;;
    recipe) ls recipes/*.toml ;;
    words) ls tests/fixtures/words.json ;;
  esac
  ls tests/fuzz/seeds/"$1"/* 2>/dev/null || true
}

# Longest inputs, in bytes: long enough for what a reader looks at, and short enough for thousands in a second.
longest() {
  case "$1" in
    pickle) echo 32768 ;;
    model | shard) echo 16384 ;;
    *) echo 4096 ;;
  esac
}

export CARGO_TARGET_DIR
CARGO_TARGET_DIR="$(target_dir fuzz)"
# Some readers take files alone, and unpack into others: in memory where there is such a place.
[ ! -w /dev/shm ] || export TMPDIR=/dev/shm
# The versions that everything here is built with.
cp Cargo.lock tests/fuzz/Cargo.lock
bounds=()
[ "$seconds" = - ] || bounds+=("-max_total_time=$seconds")
[ "$runs" = - ] || bounds+=("-runs=$runs")
for target in "${targets[@]}"; do
  corpus="tests/fuzz/corpus/$target"
  mkdir -p "$corpus"
  mapfile -t files < <(seeds "$target")
  for file in "${files[@]}"; do cp "$file" "$corpus/$(tr / - <<<"$file")"; done
  say "$target"
  # Ten seconds are a hang, a gibibyte too much memory.
  cargo fuzz run --fuzz-dir tests/fuzz --sanitizer none "$target" "$corpus" -- \
    -timeout=10 -rss_limit_mb=1024 -max_len="$(longest "$target")" -entropic_scale_per_exec_time=1 -print_final_stats=1 "${bounds[@]}"
done
