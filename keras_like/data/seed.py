"""Where the order of shuffles comes from: NumPy generators, seeded by the user's seed and `tf.random.set_seed`."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

import treadle as tf


class Epochs:
    """A random source for each iteration of a node: another one every time, or the same one each time.

    The same `seed` gives the same sequence of orders in every process.
    """

    def __init__(self, seed: int | None, rerandomize: bool = True):
        self._entropy = entropy(seed)
        self._rerandomize = rerandomize
        self._epoch = 0
        self._lock = threading.Lock()

    def next(self) -> np.random.SeedSequence:
        """The seed of the next iteration."""
        with self._lock:
            epoch = self._epoch
            self._epoch += self._rerandomize
        return np.random.SeedSequence(self._entropy, spawn_key=(epoch,))

    def state(self) -> list[Any]:
        """Where it is, as plain numbers."""
        with self._lock:
            return [list(self._entropy), self._epoch]

    def restore(self, state: list[Any]) -> None:
        """Go on where `state` was taken."""
        with self._lock:
            self._entropy, self._epoch = list(state[0]), state[1]


def entropy(seed: int | None) -> list[int]:
    """The numbers that seed a node: the user's, or some drawn from the stream that `tf.random.set_seed` starts."""
    if seed is not None:
        return [int(seed) % 2**64]
    with tf.init_scope():  # even while tracing: a data set lives outside
        return np.asarray(tf.random.uniform([4], maxval=2**31 - 1, dtype=tf.int32)).tolist()


def generators(sequence: np.random.SeedSequence, count: int) -> list[np.random.Generator]:
    """Independent generators."""
    return [np.random.Generator(np.random.PCG64(child)) for child in sequence.spawn(count)]
