"""Microseconds a step of the undecorated MNIST loop: forward, gradient, Adam, accuracy, nothing compiled by the user."""

import numpy as np

from bench.peers import keras_steps
from bench.peers.timing import median_us
from bench.workloads import WORKLOADS

X, Y = WORKLOADS["mlp"].batches(1)


def _keras(make):
    import keras
    step = make(WORKLOADS["mlp"].model(keras), keras.metrics.SparseCategoricalAccuracy())
    return median_us(lambda: np.asarray(step(X, Y)), 10, rounds=9)


def tensorflow():
    import keras
    import tensorflow as tf
    yield f"Keras {keras.__version__} on TensorFlow {tf.__version__}, eager", _keras(keras_steps.on_tensorflow)


def keras_jax():
    import keras
    yield (f"Keras {keras.__version__} on jax, op by op",
           _keras(lambda model, metric: keras_steps.on_jax(model, metric, jit=False)))


def torch():
    import torch

    from bench.peers.torch_models import training_step
    step, right = training_step("mlp"), 0

    def loop():
        nonlocal right
        x, y = torch.from_numpy(X), torch.from_numpy(Y).long()
        loss, logits = step(x, y)
        right += (logits.argmax(-1) == y).sum()
        return loss.item()
    yield f"torch {torch.__version__}, eager", median_us(loop, 100)


def nnx():
    import flax

    from bench.peers.nnx_models import training_step
    step, right = training_step("mlp", jit=False), 0

    def loop():
        nonlocal right
        loss, logits = step(X, Y)
        right += (logits.argmax(-1) == Y).sum()
        return np.asarray(loss)
    yield f"nnx (flax {flax.__version__}), op by op", median_us(loop, 5, rounds=5)
