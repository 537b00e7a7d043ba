"""Milliseconds of each call that saves or loads a model's files, as JSON: `saving.py treadle|keras UNITS ROUNDS [no-fsync]`."""

import importlib
import json
import os
import statistics
import sys
import tempfile
import time


def measure(keras, units, rounds):
    """call -> milliseconds, for 8 dense layers of units x units weights. Each round makes the four calls in turn."""
    layers = keras.layers
    model = keras.Sequential([keras.Input((units,)), *(layers.Dense(units, activation="relu") for _ in range(8))])
    with tempfile.TemporaryDirectory() as folder:
        whole, weights = os.path.join(folder, "model.keras"), os.path.join(folder, "model.weights.h5")
        calls = {"save": lambda: model.save(whole), "load_model": lambda: keras.models.load_model(whole),
                 "save_weights": lambda: model.save_weights(weights), "load_weights": lambda: model.load_weights(weights)}
        times = {name: [] for name in calls}
        for _ in range(rounds + 2):
            for name, call in calls.items():
                start = time.perf_counter()
                found = call()
                times[name].append((time.perf_counter() - start) * 1e3)
                del found
    return {name: statistics.median(found[2:]) for name, found in times.items()}


if __name__ == "__main__":
    library, units, rounds, *options = sys.argv[1:]
    if "no-fsync" in options:
        os.fsync = lambda descriptor: None
    keras = importlib.import_module("treadle.keras" if library == "treadle" else library)
    print(json.dumps(measure(keras, int(units), int(rounds))))
