"""Milliseconds a step of Keras' `fit` for a model of bench/workloads.py."""

import statistics
import time

from bench.workloads import WORKLOADS

STEPS = {"conv_net": 12, "lstm": 24, "transformer": 6}  # an epoch


def _keras(name, rounds=5):
    import keras
    workload, steps = WORKLOADS[name], STEPS[name]
    model, (x, y) = workload.model(keras), workload.batches(steps)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    times = []
    for _ in range(rounds + 2):
        start = time.perf_counter()
        model.fit(x, y, batch_size=workload.inputs[0], verbose=0)
        times.append((time.perf_counter() - start) / steps * 1e3)
    yield f"Keras {keras.__version__} on {keras.backend.backend()}, model.fit", statistics.median(times[2:])


tensorflow = keras_jax = _keras
