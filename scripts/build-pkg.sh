#!/usr/bin/env bash
# Builds the npm package into pkg/: three wasm modules (the CPU alone; the same on threads; WebGPU and the CPU) and the JavaScript around them.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
. "$(dirname "${BASH_SOURCE[0]}")/wasm.sh"
cd "$ROOT"
scripts/bootstrap.sh wasm std-source node

work="$(mktemp -d)"
# Of what is built now: a source that changes meanwhile makes pkg/ old at once.
hash="$(scripts/check-pkg.sh --hash)"
trap 'rm -rf "$work"' EXIT
cpu_module "$work/cpu" "$(target_dir wasm-cpu)"
threads_module "$work/threads" "$(target_dir wasm-threads)"
module webgpu "$work/webgpu" "$(target_dir wasm)" -Os

# All or nothing: pkg/ is replaced when everything is there.
mkdir "$work/pkg"
cp src/web/js/*.js src/web/js/*.d.ts src/web/package/* LICENSE-MIT LICENSE-APACHE "$work/pkg/"
for name in cpu threads webgpu; do
  cp "$work/$name/mirrorgan_${name}_bg.wasm" "$work/pkg/"
  # Nobody reads what wasm-bindgen wrote, and every visitor downloads it.
  node_modules/.bin/esbuild --minify --format=esm --log-level=warning "$work/$name/mirrorgan_$name.js" --outfile="$work/pkg/mirrorgan_$name.js"
done
# One file without imports: Parcel makes one script of what two Workers import, and then finds it in neither. A thread makes no engine: without
# what mentions their classes esbuild leaves these out, a quarter of the script.
sed -e '/^if (Symbol.dispose)/d' -e 's/WebEngine\.__wrap(arg0)/arg0/' "$work/threads/mirrorgan_threads.js" >"$work/mirrorgan_threads.js"
cp src/web/js/thread.js "$work/"
node_modules/.bin/esbuild --bundle --minify --format=esm --log-level=warning "$work/thread.js" --outfile="$work/pkg/thread.js" --allow-overwrite
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
