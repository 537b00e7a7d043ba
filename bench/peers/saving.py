"""Milliseconds of the calls that save or load a Keras model's files."""

import os
import tempfile

from bench.peers.timing import median_us
from bench.workloads import dense_stack


def _keras(what, units):
    import keras
    model = dense_stack(keras, int(units))
    with tempfile.TemporaryDirectory() as folder:
        whole, weights = os.path.join(folder, "model.keras"), os.path.join(folder, "model.weights.h5")
        save = {"save_weights": lambda: model.save_weights(weights), "save": lambda: model.save(whole)}
        load = {"load_weights": lambda: model.load_weights(weights), "load_model": lambda: keras.models.load_model(whole)}
        for call in save.values():
            call()
        for name, call in (save if what == "saving" else load).items():
            yield f"Keras {keras.__version__} on {keras.backend.backend()}, {name}", median_us(call, 1) / 1e3


keras_jax = _keras
