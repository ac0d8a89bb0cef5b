#!/usr/bin/env bash
# Compares generator and STREAM with onnxruntime-web on the same networks in the same Chromium. PYTHON must have torch, onnx and safetensors.
#
#   benches/web/run.sh [rounds]      MODEL=folder (default models/flowers)   WEBGPU=0: the CPU alone   GPU=1: not on a software adapter   ONLY=describe, ONLY=draw
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/common.sh"
cd "$ROOT"
scripts/bootstrap.sh browser node
(cd benches/web && [ -d node_modules ] || npm ci --silent --ignore-scripts)
export MODEL="${MODEL:-$ROOT/models/flowers}"
mkdir -p benches/web/out
"${PYTHON:-python3}" benches/web/export_onnx.py "$MODEL" benches/web/out/generator.onnx
"${PYTHON:-python3}" benches/web/export_stream.py "$MODEL" benches/web/out
node benches/web/run.mjs "$(basename "$MODEL")" "$@"
