"""Seconds from the decorator to the first result of the MLP's training step, each in a process of its own."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from bench.peers import keras_steps
from bench.workloads import WORKLOADS

WORKLOAD = WORKLOADS["mlp"]


def _timed(step, *batch):
    start = time.perf_counter()
    float(step(*batch))
    return time.perf_counter() - start


def _in_processes(library, way, rounds=3):
    """The median of what this script finds for a way in new processes, each with an empty cache."""
    found = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as cache:
            done = subprocess.run([sys.executable, "-m", "bench.peers", library, "first_call", way], capture_output=True,
                                  text=True, check=True, env={**os.environ, "TORCHINDUCTOR_CACHE_DIR": cache})
        answer = json.loads(done.stdout.splitlines()[-1])
        if answer["failed"]:
            raise RuntimeError(answer["failed"])
        found.append(answer["rows"][way])
    return statistics.median(found)


def tensorflow(way=""):
    import keras
    import tensorflow as tf
    for name, options in (("tf.function", {}), ("tf.function(jit_compile=True)", {"jit_compile": True})):
        if name == way:
            model, batch = WORKLOAD.model(keras), map(tf.constant, WORKLOAD.batches(1))
            yield name, _timed(tf.function(keras_steps.on_tensorflow(model), **options), *batch)
        elif not way:
            yield f"{name} ({tf.__version__})", _in_processes("tensorflow", name)


def keras_jax(way=""):
    import jax
    import keras
    if way:
        step, batch = keras_steps.on_jax(WORKLOAD.model(keras)), map(jax.numpy.asarray, WORKLOAD.batches(1))
        yield way, _timed(step, *batch)
    else:
        yield f"Keras {keras.__version__} on jax, jax.jit", _in_processes("keras_jax", "jit")


def torch(way=""):
    import torch

    from bench.peers.torch_models import batches, training_step
    if way:
        step, batch = training_step("mlp", compiled=True), batches("mlp")
        yield way, _timed(lambda x, y: step(x, y)[0], *batch)
    else:
        yield f"torch.compile ({torch.__version__})", _in_processes("torch", "compile")


def nnx(way=""):
    import flax
    import jax

    from bench.peers.nnx_models import training_step
    if way:
        step, batch = training_step("mlp"), map(jax.numpy.asarray, WORKLOAD.batches(1))
        yield way, _timed(lambda x, y: step(x, y)[0], *batch)
    else:
        yield f"nnx.jit (flax {flax.__version__})", _in_processes("nnx", "jit")
