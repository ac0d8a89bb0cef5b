# Sourced by what builds wasm modules (build-pkg.sh, benches/web/relaxed.sh), after common.sh: how each is compiled, bound and made small.
# shellcheck shell=bash

# The passes keep exactly what the compiler emitted for; the features are those of every browser with WebAssembly SIMD.
FEATURES=(--enable-simd --enable-bulk-memory --enable-sign-ext --enable-mutable-globals --enable-nontrapping-float-to-int
  --enable-multivalue --enable-reference-types)

# module NAME OUT FOLDER LEVEL [cargo arguments]: OUT gets mirrorgan_NAME.js and mirrorgan_NAME_bg.wasm, FOLDER is cargo's. OWN_FLAGS are
# flags of rustc for this crate alone, MORE_FEATURES those of wasm-opt.
module() {
  local name="$1" out="$2" folder="$3" level="$4" raw="$2/mirrorgan_$1_bg.wasm"
  shift 4
  say "building mirrorgan_$name"
  with_wasm cargo rustc --lib --no-default-features --target "$TARGET" --profile web --target-dir "$folder" "$@" -- ${OWN_FLAGS:-}
  wasm-bindgen --target web --no-typescript --omit-default-module-path --out-dir "$out" --out-name "mirrorgan_$name" --remove-name-section --remove-producers-section \
    "$folder/$TARGET/web/deps/mirrorgan.wasm"
  say "wasm-opt $level mirrorgan_$name ($(stat -c %s "$raw") bytes)"
  node_modules/.bin/wasm-opt "$level" "${FEATURES[@]}" ${MORE_FEATURES:-} "$raw" -o "$raw.small"
  mv "$raw.small" "$raw"
  [ "$(stat -c %s "$raw")" -lt 20000000 ] || die "mirrorgan_${name}_bg.wasm has $(stat -c %s "$raw") bytes: more than 20 MB"
}

# cpu_module OUT FOLDER
cpu_module() {
  module cpu "$1" "$2" -O3 --config 'target.wasm32-unknown-unknown.rustflags=["--cfg","mirrorgan_cpu_only"]'
}

# threads_module OUT FOLDER: threads need a standard library with atomics, which is built along with the rest: that part of cargo is
# not stable yet. Memory that several Workers share comes from outside, with a limit: 2 GiB.
threads_module() {
  local flags='"--cfg","mirrorgan_cpu_only","-Ctarget-feature=+atomics"' argument
  for argument in --shared-memory --import-memory --max-memory=2147483648 --export=__wasm_init_tls --export=__tls_size --export=__tls_align \
    --export=__tls_base --export=__heap_base --export=__stack_pointer; do
    flags+=",\"-Clink-arg=$argument\""
  done
  RUSTC_BOOTSTRAP=1 MORE_FEATURES="--enable-threads ${MORE_FEATURES:-}" module threads "$1" "$2" -O3 \
    -Zbuild-std=std,panic_abort --config "target.wasm32-unknown-unknown.rustflags=[$flags]"
}
