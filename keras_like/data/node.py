"""`Node`: one stage of a pipeline. `Dataset` is the user's handle on a node; the node does the work.

A node gives its elements in two ways. `elements()` yields them one at a time, and every node can. `rows()` gives them
as columns of data with an order, where that is possible: shuffling then permutes integers, and batching gathers many
rows at once, which is what makes `from_tensor_slices(...).shuffle(...).batch(...)` fast.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

import treadle as tf

AUTOTUNE = -1
INFINITE_CARDINALITY = -1
UNKNOWN_CARDINALITY = -2


class Rows(NamedTuple):
    """Elements as rows of columns: element `i` is `[column[i] for column in columns]`, packed as `template`."""

    columns: list[np.ndarray]
    template: Any
    # How many rows one iteration visits, or INFINITE_CARDINALITY.
    size: int
    # The rows that one iteration visits, as arrays of indices; None for every row once, in order.
    order: Callable[[], Iterator[np.ndarray]] | None = None

    def indices(self) -> Iterator[np.ndarray]:
        """The order, spelled out."""
        return iter([np.arange(self.size)]) if self.order is None else self.order()


class RowBatches(NamedTuple):
    """Batches as rows of arrays: each item of an iteration of `indices` has the row numbers of one batch."""

    table: Any  # an element's structure, with all its rows in each array
    indices: Callable[[], Iterator[np.ndarray]]


def is_static(spec: Any) -> bool:
    """True if the spec leaves no size open."""
    return all(isinstance(s, tf.TensorSpec) and s.shape.is_fully_defined() for s in tf.nest.flatten(spec))


class Node(ABC):
    """One stage of a pipeline."""

    #: The stages this one reads from.
    sources: tuple[Node, ...] = ()

    @abstractmethod
    def elements(self) -> Iterator[Any]:
        """A new iteration over the elements."""

    @abstractmethod
    def cardinality(self) -> int:
        """How many elements, INFINITE_CARDINALITY or UNKNOWN_CARDINALITY."""

    @abstractmethod
    def make_spec(self) -> Any:
        """The element spec."""

    @cached_property
    def spec(self) -> Any:
        """The element spec, worked out when first asked for: a mapped function may have to run for it."""
        with tf.init_scope():
            return self.make_spec()

    def example(self) -> Any:
        """An element to learn the spec from, got without drawing from any random source."""
        return next(self.elements())

    def runs(self) -> list[tuple[Any, int]] | None:
        """What one iteration gives as [(spec of known shapes, how many elements in a row have it)], if that is known."""
        count = self.cardinality()
        return [(self.spec, count)] if count >= 0 and is_static(self.spec) else None

    def rows(self) -> Rows | None:
        """The elements as rows of columns, or None where they have to be made one by one."""
        return None

    def row_batches(self) -> RowBatches | None:
        """The elements as batches of rows of columns, or None where they are no such thing."""
        return None

    def is_cheap(self) -> bool:
        """True if the next element takes microseconds, so that a thread would cost more than it hides."""
        return False


class Unary(Node):
    """A node with one source, whose elements, count and spec it keeps unless it says otherwise."""

    def __init__(self, source: Node):
        self.source = source
        self.sources = (source,)

    def cardinality(self) -> int:
        return self.source.cardinality()

    def make_spec(self) -> Any:
        return self.source.spec

    def example(self) -> Any:
        return self.source.example()
