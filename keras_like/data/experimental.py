"""`tf.data.experimental`: the older spellings of what became part of `Dataset`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import treadle as tf
from treadle.keras_like.data.components import node_of
from treadle.keras_like.data.dataset import Dataset
from treadle.keras_like.data.node import AUTOTUNE, INFINITE_CARDINALITY, UNKNOWN_CARDINALITY, Node, Unary
from treadle.keras_like.data.options import AutoShardPolicy

__all__ = [
    "AUTOTUNE", "INFINITE_CARDINALITY", "UNKNOWN_CARDINALITY", "AutoShardPolicy", "assert_cardinality", "cardinality",
]


def cardinality(dataset: Dataset) -> Any:
    """`dataset.cardinality()`."""
    return dataset.cardinality()


def assert_cardinality(expected_cardinality: Any) -> Callable[[Dataset], Dataset]:
    """For `dataset.apply`: states how many elements there are. An iteration that finds another number raises.

    >>> import treadle as tf
    >>> ds = tf.data.Dataset.range(9).filter(lambda x: x < 3).apply(tf.data.experimental.assert_cardinality(3))
    >>> len(ds)
    3
    """
    return lambda dataset: Dataset(Counted(node_of(dataset, "`dataset`"), int(expected_cardinality)))


class Counted(Unary):
    """The same elements, which must be as many as stated."""

    def __init__(self, source: Node, expected: int):
        super().__init__(source)
        self._expected = expected

    def elements(self) -> Iterator[Any]:
        count = 0
        for element in self.source.elements():
            count += 1
            if 0 <= self._expected < count:
                break
            yield element
        if count != self._expected and self._expected != UNKNOWN_CARDINALITY:
            raise tf.errors.FailedPreconditionError(
                f"The data set should have {self._expected} elements. Received: "
                f"{'more' if count > self._expected >= 0 else count}.")

    def cardinality(self) -> int:
        return self._expected
