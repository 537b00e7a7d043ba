"""Milliseconds a training step of a model of bench/workloads.py."""

import numpy as np

from bench.peers import keras_steps
from bench.peers.timing import median_us
from bench.workloads import WORKLOADS


def _milliseconds(name, step):
    return median_us(lambda: np.asarray(step()), 50 if name == "mlp" else 3, rounds=9) / 1e3


def tensorflow(name):
    import keras
    import tensorflow as tf
    x, y = map(tf.constant, WORKLOADS[name].batches(1))
    for options in ({}, {"jit_compile": True}):
        step = tf.function(keras_steps.on_tensorflow(WORKLOADS[name].model(keras)), **options)
        way = "tf.function(jit_compile=True)" if options else "tf.function"
        yield f"{way} (TensorFlow {tf.__version__}, Keras {keras.__version__})", _milliseconds(name, lambda s=step: s(x, y))


def keras_jax(name):
    import jax
    import keras
    x, y = map(jax.numpy.asarray, WORKLOADS[name].batches(1))
    step = keras_steps.on_jax(WORKLOADS[name].model(keras))
    yield f"Keras {keras.__version__} on jax {jax.__version__}, jax.jit", _milliseconds(name, lambda: step(x, y))


def torch(name):
    import torch

    from bench.peers.torch_models import batches, training_step
    x, y = batches(name)
    for way, compiled in (("torch eager", False), ("torch.compile", True)):
        step = training_step(name, compiled)
        yield f"{way} ({torch.__version__})", _milliseconds(name, lambda s=step: s(x, y)[0])


def nnx(name):
    import flax
    import jax

    from bench.peers.nnx_models import training_step
    x, y = map(jax.numpy.asarray, WORKLOADS[name].batches(1))
    step = training_step(name)
    yield f"nnx.jit (flax {flax.__version__}, jax {jax.__version__})", _milliseconds(name, lambda: step(x, y)[0])
