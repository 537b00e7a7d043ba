"""`keras.Variable`: a `tf.Variable` with a path, a regularizer, a constraint, and a dtype to be read in."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core.naming import auto_name
from treadle.keras_like.core.state import autocast_dtype


class Variable(tf.Variable):
    """A weight.

    Args:
        initializer: a value, or a function of (shape, dtype) that makes it.
        shape: the shape; needed if `initializer` is a function.
        dtype: the dtype it is kept in. Default: that of the value, float32 for a function.
        trainable: whether optimizers change it and tapes watch it. Default True.
        autocast: whether layers of a mixed-precision policy read it in their compute dtype. Default True.
        aggregation: what becomes of the values that the replicas of a `tf.distribute` strategy assign: "none" (they must be
            equal), "mean", "sum" or "only_first_replica".
        name: the last part of its path.

    >>> from treadle import keras
    >>> keras.Variable(keras.initializers.Ones(), shape=(2,)).numpy().tolist()
    [1.0, 1.0]
    """

    __slots__ = ()

    def __init__(self, initializer: Any, shape: Any = None, dtype: Any = None, trainable: bool = True,
                 autocast: bool = True, aggregation: str = "none", synchronization: str = "auto",
                 name: str | None = None, **kwargs: Any):
        name = name or auto_name(type(self).__name__)
        value: Any = initializer
        if callable(initializer) and not isinstance(initializer, (tf.Tensor, tf.Variable)):
            if shape is None:
                raise tf.errors.InvalidArgumentError(
                    f"A variable made by an initializer needs its shape. Received: shape=None for {name!r}.")
            kind = tf.as_dtype("float32" if dtype is None else dtype)
            account_for("weight", shape, np.dtype(kind.as_numpy_dtype).itemsize)
            value = _delayed(initializer, tuple(shape), "float32" if dtype is None else dtype)
        super().__init__(value, trainable=trainable, dtype=dtype, name=name, shape=shape,
                         aggregation=None if aggregation == "none" else aggregation)
        self.autocast = autocast and self.dtype.is_floating
        self.path = name
        self.regularizer: Callable | None = None
        self.constraint = None

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self._name

    def _as_tensor(self) -> Any:
        tensor = super()._as_tensor()
        wanted = autocast_dtype()
        return tensor if wanted is None or not self.autocast or tensor.dtype.name == wanted else tf.cast(tensor, wanted)

    def __repr__(self) -> str:
        return f"<Variable path={self.path}, shape={tuple(self.shape)}, dtype={self.dtype.name}, value={self.numpy()}>"


class _Budget(threading.local):
    limit = 0
    left: int | None = None


_budget = _Budget()


@contextmanager
def at_most(limit: int) -> Iterator[None]:
    """Inside, weights that initializers make, and what else its sizes come from, take at most so many bytes: a file is not
    trusted to say how large they are."""
    before = vars(_budget).copy()
    _budget.limit = _budget.left = limit
    try:
        yield
    finally:
        vars(_budget).clear()
        vars(_budget).update(before)


def account_for(what: str, shape: Any, bytes_each: int) -> None:
    """Call this before making something whose size a configuration says. Raises InvalidArgumentError if a file that is being
    loaded has used up what `at_most` allows; does nothing else."""
    if _budget.left is not None:
        _budget.left -= math.prod(int(size) for size in shape) * bytes_each
        if _budget.left < 0:
            raise tf.errors.InvalidArgumentError(
                f"A {what} of shape {tuple(shape)} is more than the weights in the file can account for: at most "
                f"{_budget.limit} bytes.")


def _delayed(initializer: Callable, shape: tuple, dtype: Any) -> Callable[[], Any]:
    return lambda: initializer(shape, dtype=dtype)
