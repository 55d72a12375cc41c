"""Serves a model with llama.cpp's server on loopback, until standard input is closed.

Arguments: the weights, the chat template, the name of the model, the port.
"""

import sys

import xllamacpp

weights, template, name, port = sys.argv[1:]
params = xllamacpp.CommonParams()
params.model.path = weights
params.model_alias = {name}
params.hostnames = ["127.0.0.1"]
params.port = int(port)
params.use_jinja = True
with open(template, encoding="utf-8") as file:
    params.chat_template = file.read()
params.n_ctx = 2048
params.n_parallel = 1
# Two threads would spin while they wait for each other, which takes minutes on a busy machine with two cores.
params.cpuparams.n_threads = 1
params.cpuparams_batch.n_threads = 1
server = xllamacpp.Server(params)
sys.stdin.read()
