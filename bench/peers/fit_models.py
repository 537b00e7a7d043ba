"""Milliseconds a step of Keras' `fit` for a model of bench/workloads.py, on the backends that the environment has."""

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time

from bench.workloads import WORKLOADS


def measure(name, steps=12, rounds=5):
    import keras
    workload = WORKLOADS[name]
    x, y = workload.batches(steps)
    model = workload.model(keras)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    times = []
    for _ in range(rounds + 2):
        start = time.perf_counter()
        model.fit(x, y, batch_size=workload.inputs[0], verbose=0)
        times.append((time.perf_counter() - start) / steps * 1e3)
    return {f"Keras {keras.__version__} on {keras.backend.backend()}, model.fit": statistics.median(times[2:])}


if __name__ == "__main__":
    if "KERAS_BACKEND" in os.environ:
        print(json.dumps(measure(sys.argv[1])))
    else:
        found = {}
        for backend in ("jax", "tensorflow"):
            if importlib.util.find_spec("keras") and importlib.util.find_spec(backend):
                done = subprocess.run([sys.executable, "-m", "bench.peers.fit_models", sys.argv[1]], capture_output=True,
                                      text=True, check=True, env={**os.environ, "KERAS_BACKEND": backend})
                found |= json.loads(done.stdout.splitlines()[-1])
        print(json.dumps(found))
