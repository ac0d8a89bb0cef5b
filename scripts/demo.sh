#!/usr/bin/env bash
# Serves the demo; builds pkg/ first when the sources are newer. Arguments go to scripts/serve.py.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$ROOT"
if ! scripts/check-pkg.sh; then
  say "building pkg/ (the first time this takes half an hour)"
  scripts/build-pkg.sh
fi
[ -f models/flowers/config.json ] || say "there is no models/flowers: the page will say so; train one as README.md says"
has python3 || scripts/bootstrap.sh node
exec python3 scripts/serve.py "$@"
