"""Where a pipeline's random orders, and random numbers in general, are: to be kept, and gone on with in another process."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.data.node import Node
from treadle.keras_like.data.seed import Epochs


def _random_sources(dataset: Any) -> Iterator[Epochs]:
    """The random sources of a data set's stages, always in the same order."""
    stack, seen = [dataset._node], set()
    while stack:
        node: Node = stack.pop()
        if id(node) not in seen:
            seen.add(id(node))
            stack.extend(reversed(node.sources))
            found = getattr(node, "_epochs", None)
            if found is not None:
                yield found


def orders(dataset: Any) -> list[Any]:
    """Which order comes next, for each stage that shuffles or draws. Data sets made within functions are not looked into.

    >>> import treadle as tf
    >>> ds = tf.data.Dataset.range(5).shuffle(5, seed=1)
    >>> first = list(ds.as_numpy_iterator())
    >>> orders(ds)
    [[[1], 1]]
    """
    return [source.state() for source in _random_sources(dataset)]


def set_orders(dataset: Any, state: list[Any]) -> None:
    """Go on where `orders` was called, on the same data set or on one made in the same way."""
    sources = list(_random_sources(dataset))
    if len(sources) != len(state):
        raise tf.errors.InvalidArgumentError(
            f"The data set has {len(sources)} random stages. Received: the state of one with {len(state)}.")
    for source, one in zip(sources, state):
        source.restore(one)


def random_state() -> dict[str, Any]:
    """The state of the random numbers that belong to no layer: treadle's, NumPy's and Python's. JSON can hold it."""
    kind, words, position, has_normal, normal = np.random.get_state()
    version, state, pending = random.getstate()
    return {"treadle": tf.random.get_state(), "python": [version, list(state), pending],
            "numpy": [kind, np.asarray(words).tolist(), int(position), int(has_normal), float(normal)]}


def set_random_state(state: dict[str, Any]) -> None:
    """Go on where `random_state` was called."""
    tf.random.set_state(state["treadle"])
    kind, words, position, has_normal, normal = state["numpy"]
    np.random.set_state((kind, np.array(words, np.uint32), position, has_normal, normal))
    version, words, pending = state["python"]
    random.setstate((version, tuple(words), pending))


class Place:
    """Where an iteration over some data is: how it began, and how many batches were taken of it.

    A state leads back there in another process: the iteration begins as it did, and the batches are gone through again.
    """

    def __init__(self, dataset: Any = None):
        self._dataset = dataset
        self.is_kept = False
        self.taken = 0
        self._before_epoch = 0  # of those, the ones of epochs before
        self._left_out = 0  # batches of the epoch to come that were taken before it was restored
        self._began: dict[str, Any] = {}
        self._restored: dict[str, Any] | None = None

    def begin(self, epoch: Callable[[], Iterable[Any]]) -> Iterator[Any]:
        """Begin an iteration; or one that was restored, and leave out what was taken of it."""
        state, self._restored = self._restored, None
        self.taken = 0
        if state is None:
            if self.is_kept:
                self._began = {"orders": self._orders(), "random": random_state()}
            return iter(epoch())
        now = random_state()
        self._set_orders(state["orders"])
        set_random_state(state["random"])
        running = iter(epoch())
        for _ in range(state["taken"]):
            next(running, None)
        set_random_state(now)
        self._began = {"orders": state["orders"], "random": state["random"]}
        self.taken, self._left_out = state["taken"], state["done"]
        return running

    def begin_epoch(self) -> None:
        """An epoch begins, or goes on that was restored."""
        self._before_epoch, self._left_out = self.taken - self._left_out, 0

    def state(self, done: int | None, is_running: bool) -> dict[str, Any]:
        """As `Batches.state`."""
        if done is None and not is_running:
            return {"orders": self._orders(), "taken": 0, "done": 0}
        taken = self.taken if done is None else self._before_epoch + done
        return {**self._began, "taken": taken, "done": done or 0}

    def restore(self, state: dict[str, Any]) -> None:
        """As `Batches.restore`."""
        if state["taken"]:
            self._restored = state
        else:
            self._set_orders(state["orders"])

    def _orders(self) -> list[Any]:
        return [] if self._dataset is None else orders(self._dataset)

    def _set_orders(self, state: list[Any]) -> None:
        if self._dataset is not None:
            set_orders(self._dataset, state)
