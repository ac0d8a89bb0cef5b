#!/usr/bin/env bash
# Builds the npm package into pkg/: three wasm modules (the CPU alone; the same on threads; WebGPU and the CPU) and the JavaScript around them.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"
scripts/bootstrap.sh wasm std-source node

# The passes keep exactly what the compiler emitted for; the features are those of every browser with WebAssembly SIMD.
FEATURES=(--enable-simd --enable-bulk-memory --enable-sign-ext --enable-mutable-globals --enable-nontrapping-float-to-int
  --enable-multivalue --enable-reference-types)

# build NAME TARGET-FOLDER LEVEL [cargo arguments]
build() {
  local name="$1" folder="$2" level="$3" wasm raw
  shift 3
  say "building mirrorgan_$name"
  with_wasm cargo build --lib --no-default-features --target "$TARGET" --profile web --target-dir "$folder" "$@"
  wasm="$folder/$TARGET/web/deps/mirrorgan.wasm"
  wasm-bindgen --target web --no-typescript --omit-default-module-path --out-dir "$work/$name" --out-name "mirrorgan_$name" --remove-name-section --remove-producers-section "$wasm"
  raw="$work/$name/mirrorgan_${name}_bg.wasm"
  say "wasm-opt $level mirrorgan_$name ($(stat -c %s "$raw") bytes)"
  node_modules/.bin/wasm-opt "$level" "${FEATURES[@]}" ${MORE_FEATURES:-} "$raw" -o "$raw.small"
  mv "$raw.small" "$raw"
  [ "$(stat -c %s "$raw")" -lt 20000000 ] || die "mirrorgan_${name}_bg.wasm has $(stat -c %s "$raw") bytes: more than 20 MB"
}

work="$(mktemp -d)"
# Of what is built now: a source that changes meanwhile makes pkg/ old at once.
hash="$(scripts/check-pkg.sh --hash)"
trap 'rm -rf "$work"' EXIT
build cpu "$(target_dir wasm-cpu)" -O3 --config 'target.wasm32-unknown-unknown.rustflags=["--cfg","mirrorgan_cpu_only"]'
# Threads need a standard library with atomics, which is built along with the rest: that part of cargo is not stable yet. Memory that
# several Workers share comes from outside, with a limit: 2 GiB.
THREADS='"--cfg","mirrorgan_cpu_only","-Ctarget-feature=+atomics"'
for argument in --shared-memory --import-memory --max-memory=2147483648 --export=__wasm_init_tls --export=__tls_size --export=__tls_align \
  --export=__tls_base --export=__heap_base --export=__stack_pointer; do
  THREADS+=",\"-Clink-arg=$argument\""
done
RUSTC_BOOTSTRAP=1 MORE_FEATURES=--enable-threads build threads "$(target_dir wasm-threads)" -O3 \
  -Zbuild-std=std,panic_abort --config "target.wasm32-unknown-unknown.rustflags=[$THREADS]"
build webgpu "$(target_dir wasm)" -Os

# All or nothing: pkg/ is replaced when everything is there.
mkdir "$work/pkg"
cp src/web/js/*.js src/web/js/*.d.ts src/web/package/* LICENSE-MIT LICENSE-APACHE "$work/pkg/"
for name in cpu threads webgpu; do
  cp "$work/$name/mirrorgan_${name}_bg.wasm" "$work/pkg/"
  # Nobody reads what wasm-bindgen wrote, and every visitor downloads it.
  node_modules/.bin/esbuild --minify --format=esm --log-level=warning "$work/$name/mirrorgan_$name.js" --outfile="$work/pkg/mirrorgan_$name.js"
done
# One file without imports: Parcel makes one script of what two Workers import, and then finds it in neither.
node_modules/.bin/esbuild --bundle --minify --format=esm --log-level=warning "$work/pkg/thread.js" --outfile="$work/pkg/thread.js" --allow-overwrite
# The types of what the modules give come from the Rust source.
awk '/^const TYPESCRIPT/ { on = 1; next } on && /^"#;/ { exit } on' src/web/types.rs >"$work/pkg/types.d.ts"
[ -s "$work/pkg/types.d.ts" ] || die "src/web/types.rs has no TypeScript section"
scripts/notices.py >"$work/pkg/THIRD-PARTY.txt"
version="$(locked_version mirrorgan)"
grep -q "\"version\": \"$version\"" src/web/package/package.json || die "src/web/package/package.json and Cargo.toml have other versions"
echo "$hash" >"$work/pkg/SOURCES.sha256"
rm -rf pkg
cp -r "$work/pkg" pkg
say "pkg/ is built:"
wc -c pkg/*.wasm pkg/*.js >&2
