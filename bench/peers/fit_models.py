"""Milliseconds a step of `fit` for a model in a library: `fit_models.py treadle|keras NAME`."""

import importlib
import statistics
import sys
import time


def models(keras):
    """name -> (model, its input's shape and kind, classes, batch)"""
    layers = keras.layers

    def conv():
        return keras.Sequential([
            keras.Input((32, 32, 3)), layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.Conv2D(32, 3, padding="same", activation="relu"), layers.MaxPooling2D(),
            layers.Conv2D(64, 3, padding="same", activation="relu"), layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(), layers.Flatten(), layers.Dense(10)])

    def lstm():
        return keras.Sequential([keras.Input((64, 32)), layers.LSTM(128), layers.Dense(10)])

    def transformer():
        x = tokens = keras.Input((64,), dtype="int32")
        x = layers.Embedding(1000, 128)(tokens)
        for _ in range(2):
            x = layers.LayerNormalization()(x + layers.MultiHeadAttention(4, 32)(x, x))
            x = layers.LayerNormalization()(x + layers.Dense(128)(layers.Dense(512, activation="gelu")(x)))
        return keras.Model(tokens, layers.Dense(10)(layers.GlobalAveragePooling1D()(x)))

    return {"conv net (32x32x3, batch 32)": (conv, (32, 32, 3), 0, 32),
            "LSTM(128), 64 steps, batch 32": (lstm, (64, 32), 0, 32),
            "transformer (2 layers, d 128, 64 tokens, batch 16)": (transformer, (64,), 1000, 16)}


def measure(keras, name, steps=12, rounds=5):
    import numpy as np
    make, shape, vocabulary, batch = models(keras)[name]
    rng = np.random.default_rng(0)
    size = (steps * batch, *shape)
    x = rng.integers(0, vocabulary, size).astype("int32") if vocabulary else rng.normal(size=size).astype("float32")
    y = rng.integers(0, 10, len(x)).astype("int32")
    model = make()
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    times = []
    for _ in range(rounds + 2):
        start = time.perf_counter()
        model.fit(x, y, batch_size=batch, verbose=0)
        times.append((time.perf_counter() - start) / steps * 1e3)
    return statistics.median(times[2:])


if __name__ == "__main__":
    library, name = sys.argv[1:]
    print(measure(importlib.import_module("treadle.keras" if library == "treadle" else library), name))
