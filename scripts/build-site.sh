#!/usr/bin/env bash
# The demo as a folder of static files, for any web server and any path: scripts/build-site.sh FOLDER
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
site="${1:?usage: scripts/build-site.sh FOLDER}"
[ ! -e "$site" ] || { echo "error: $site exists already" >&2; exit 1; }
mkdir -p "$site"
cp -r www/. "$site/"
mkdir "$site/pkg" "$site/models"
cp pkg/*.js pkg/*.wasm "$site/pkg/"
[ ! -d models ] || cp -r models/. "$site/models/"
# Which models the page can offer.
python3 scripts/models_index.py "$site/models" >"$site/models/index.json"
