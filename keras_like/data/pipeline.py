"""What the parts of `Dataset` share: the node behind it, and checks of arguments."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import treadle as tf
from treadle.keras_like.data.node import AUTOTUNE, Node

if TYPE_CHECKING:
    from treadle.keras_like.data.dataset import Dataset


class Pipeline:
    """A handle on a node. `Dataset` is the one concrete class; its methods come in parts, one file each."""

    __slots__ = ("_node", "__weakref__")
    _node: Node

    @classmethod
    @abstractmethod
    def _of(cls, node: Node) -> Dataset:
        """The data set of a node."""


def integer(value: Any, argument: str) -> int:
    """An argument that must be an integer, or a scalar integer tensor."""
    try:
        return value.__index__()
    except (AttributeError, TypeError):
        raise tf.errors.DtypeError(f"`{argument}` must be an integer. Received: {value!r}.") from None


def positive(value: Any, argument: str) -> int:
    """An argument that must be an integer above zero."""
    number = integer(value, argument)
    if number < 1:
        raise tf.errors.InvalidArgumentError(f"`{argument}` must be greater than zero. Received: {number}.")
    return number


def parallelism(value: Any, argument: str = "num_parallel_calls") -> int | None:
    """An argument that must be None, AUTOTUNE or an integer above zero."""
    if value is None or integer(value, argument) == AUTOTUNE:
        return value
    return positive(value, argument)


def function(value: Any, argument: str) -> Any:
    """An argument that must be callable."""
    if not callable(value):
        raise tf.errors.DtypeError(f"`{argument}` must be a function. Received: {value!r}.")
    return value
