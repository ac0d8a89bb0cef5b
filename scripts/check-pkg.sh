#!/usr/bin/env bash
# Whether pkg/ was built from the sources that are here. Prints nothing and succeeds when it was.
#
#   scripts/check-pkg.sh          compare with pkg/SOURCES.sha256
#   scripts/check-pkg.sh --hash   print the hash of the sources
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Everything that the wasm module and the package are made of; what is native or serves training only does not count.
sources() {
  {
    find src \( -path src/cli -o -path src/train -o -path src/data -o -path src/evaluate -o -path src/files -o -path src/import -o -path src/report -o -path src/compare \
      -o -path src/discriminator -o -path src/loss \) -prune \
      -o -type f ! -path src/main.rs ! -path src/watch.rs -print
    printf '%s\n' Cargo.toml Cargo.lock .cargo/config.toml scripts/build-pkg.sh scripts/wasm.sh scripts/notices.py LICENSE-MIT LICENSE-APACHE
  } | LC_ALL=C sort
}
hash="$(sources | while read -r file; do sha256sum "$file"; done | sha256sum | cut -d' ' -f1)"

if [ "${1:-}" = --hash ]; then
  echo "$hash"
elif [ ! -f pkg/SOURCES.sha256 ]; then
  echo "pkg/ has not been built: run make pkg" >&2
  exit 1
elif [ "$(cat pkg/SOURCES.sha256)" != "$hash" ]; then
  echo "pkg/ was built from other sources: run make pkg" >&2
  exit 1
fi
