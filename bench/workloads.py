"""The four models that training is measured with: their batches, their weights, and how Keras' classes say them.

NumPy only: the module of layers is an argument, so that treadle, Keras and hand-written JAX train the same model from
the same weights, each in its own environment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

RATE, BETA_1, BETA_2, EPSILON = 1e-3, 0.9, 0.999, 1e-7  # Adam
LAYERS, WIDTH, HEADS, TOKENS, VOCABULARY = 4, 256, 4, 128, 1000  # the transformer


@dataclass(frozen=True)
class Workload:
    """A model and its batch; `shapes` are its weights' in the order in which Keras lists them."""

    title: str
    model: Callable[[Any], Any]  # of a module like Keras
    shapes: list[tuple[int, ...]]
    inputs: tuple[int, ...]  # with the batch
    targets: tuple[int, ...]
    classes: int
    words: int = 0  # the inputs are numbers below this one; 0: they are floats

    def batches(self, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """`count` batches in one array: inputs and classes."""
        rng = np.random.default_rng(seed)
        size = (count * self.inputs[0], *self.inputs[1:])
        x = rng.integers(0, self.words, size).astype(np.int32) if self.words else rng.normal(size=size).astype(np.float32)
        y = rng.integers(0, self.classes, (count * self.targets[0], *self.targets[1:])).astype(np.int32)
        return x, y

    def weights(self) -> list[np.ndarray]:
        """Initial weights: vectors a little above 0, the rest scaled by the fan-in."""
        rng = np.random.default_rng(1)
        return [(rng.normal(size=s) / np.sqrt(np.prod(s[:-1]))).astype(np.float32) if len(s) > 1
                else rng.uniform(0.05, 0.1, s).astype(np.float32) for s in self.shapes]


def mlp(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential([keras.Input((784,)), layers.Dense(256, activation="relu"),
                             layers.Dense(256, activation="relu"), layers.Dense(10)])


def conv_net(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential([
        keras.Input((32, 32, 3)),
        layers.Conv2D(32, 3, padding="same", activation="relu"), layers.Conv2D(32, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(64, 3, padding="same", activation="relu"), layers.Conv2D(64, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(), layers.Flatten(), layers.Dense(10)])


def lstm(keras: Any) -> Any:
    return keras.Sequential([keras.Input((64, 64)), keras.layers.LSTM(128), keras.layers.Dense(10)])


def transformer(keras: Any) -> Any:
    """A language model: causal attention, layer normalization before each part."""
    layers = keras.layers
    tokens = keras.Input((TOKENS,), dtype="int32")
    x = layers.Embedding(VOCABULARY, WIDTH)(tokens)
    for _ in range(LAYERS):
        y = layers.LayerNormalization()(x)
        x = x + layers.MultiHeadAttention(HEADS, WIDTH // HEADS)(y, y, use_causal_mask=True)
        y = layers.LayerNormalization()(x)
        x = x + layers.Dense(WIDTH)(layers.Dense(4 * WIDTH, activation="gelu")(y))
    return keras.Model(tokens, layers.Dense(VOCABULARY)(layers.LayerNormalization()(x)))


def dense_stack(keras: Any, units: int) -> Any:
    """Eight layers, for files; nothing trains it."""
    return keras.Sequential([keras.Input((units,)), *[keras.layers.Dense(units, activation="relu") for _ in range(8)]])


def _transformer_shapes() -> list[tuple[int, ...]]:
    d, h, k = WIDTH, HEADS, WIDTH // HEADS
    attention: list[tuple[int, ...]] = [(d, h, k), (h, k)] * 3 + [(h, k, d), (d,)]
    block = [(d,), (d,), *attention, (d,), (d,), (d, 4 * d), (4 * d,), (4 * d, d), (d,)]
    return [(VOCABULARY, d), *block * LAYERS, (d,), (d,), (d, VOCABULARY), (VOCABULARY,)]


WORKLOADS = {
    "mlp": Workload("MLP (784-256-256-10, batch 64)", mlp,
                    [(784, 256), (256,), (256, 256), (256,), (256, 10), (10,)], (64, 784), (64,), 10),
    "conv_net": Workload("conv net (32x32x3, batch 32, conv 32-32-pool-64-64-pool-dense)", conv_net,
                         [(3, 3, 3, 32), (32,), (3, 3, 32, 32), (32,), (3, 3, 32, 64), (64,), (3, 3, 64, 64), (64,),
                          (4096, 10), (10,)], (32, 32, 32, 3), (32,), 10),
    "lstm": Workload("LSTM(128) (64 steps of 64 features, batch 32)", lstm,
                     [(64, 512), (128, 512), (512,), (128, 10), (10,)], (32, 64, 64), (32,), 10),
    "transformer": Workload("transformer (4 layers, d 256, 4 heads, 128 tokens, batch 8, vocabulary 1,000)", transformer,
                            _transformer_shapes(), (8, TOKENS), (8, TOKENS), VOCABULARY, VOCABULARY),
}
