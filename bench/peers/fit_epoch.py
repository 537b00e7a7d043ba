"""Seconds an epoch of the MLP, 60,000 shuffled rows in batches of 64, with the accuracy: Keras' `fit`, and loops elsewhere."""

import statistics
import time

import numpy as np

from bench.workloads import WORKLOADS

WORKLOAD, BATCHES = WORKLOADS["mlp"], 937


def _seconds(epoch, rounds=4):
    """The median over all but the first."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        epoch()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def _keras():
    import keras
    model, (x, y) = WORKLOAD.model(keras), WORKLOAD.batches(BATCHES)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    yield (f"Keras {keras.__version__} on {keras.backend.backend()}, model.fit",
           _seconds(lambda: model.fit(x, y, batch_size=64, verbose=0)))


tensorflow = keras_jax = _keras


def _loop(x, y, step, right_of):
    def epoch():
        order, right = np.random.permutation(len(x)).reshape(BATCHES, -1), 0
        for rows in order:
            _, logits = step(x[rows], y[rows])
            right = right + right_of(logits, y[rows])
        float(right)
    return _seconds(epoch)


def torch():
    import torch

    from bench.peers.torch_models import batches, training_step
    x, y = batches("mlp", BATCHES)
    for way, compiled in (("torch eager", False), ("torch.compile", True)):
        found = _loop(x, y, training_step("mlp", compiled), lambda logits, y: (logits.argmax(-1) == y).sum())
        yield f"{way} ({torch.__version__}), a loop", found


def nnx():
    import flax
    import jax

    from bench.peers.nnx_models import training_step
    x, y = WORKLOAD.batches(BATCHES)
    right_of = jax.jit(lambda logits, y: (logits.argmax(-1) == y).sum())
    yield f"nnx.jit (flax {flax.__version__}), a loop", _loop(x, y, training_step("mlp"), right_of)
