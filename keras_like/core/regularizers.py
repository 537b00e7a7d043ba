"""Regularizers: functions of a weight whose values are added to the loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import treadle as tf
from treadle.keras_like.core.descriptions import describe, from_description
from treadle.keras_like.core.resolve import named, resolve


class Regularizer:
    """Base of regularizers: a subclass defines `__call__(x)`, a scalar, and `get_config()`."""

    def __call__(self, x: Any) -> Any:
        """The penalty for the weight `x`."""
        raise tf.errors.UnimplementedError(f"`{type(self).__name__}` does not define `__call__`.")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        raise tf.errors.UnimplementedError(f"`{type(self).__name__}` does not define `get_config`.")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The regularizer of a configuration."""
        return cls(**config)


class L1L2(Regularizer):
    """l1 * sum(|x|) + l2 * sum(x^2).

    >>> from treadle import keras
    >>> float(keras.regularizers.L1L2(l1=0.1, l2=0.01)([1.0, -2.0]))
    0.3500000238418579
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0):
        self.l1, self.l2 = _factor("l1", l1), _factor("l2", l2)

    def __call__(self, x: Any) -> Any:
        x = tf.convert_to_tensor(x)
        total = tf.zeros((), x.dtype)
        if self.l1:
            total += self.l1 * tf.reduce_sum(tf.abs(x))
        if self.l2:
            total += self.l2 * tf.reduce_sum(tf.square(x))
        return total

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1, "l2": self.l2}


class L1(L1L2):
    """l1 * sum(|x|)."""

    def __init__(self, l1: float = 0.01):
        super().__init__(l1=0.01 if l1 is None else l1)

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1}


class L2(L1L2):
    """l2 * sum(x^2)."""

    def __init__(self, l2: float = 0.01):
        super().__init__(l2=0.01 if l2 is None else l2)

    def get_config(self) -> dict[str, Any]:
        return {"l2": self.l2}


class OrthogonalRegularizer(Regularizer):
    """factor times the mean of |cos| between different rows (or columns) of a matrix.

    Args:
        factor: default 0.01.
        mode: "rows" or "columns".
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows"):
        if mode not in ("rows", "columns"):
            raise tf.errors.InvalidArgumentError(f"`mode` is 'rows' or 'columns'. Received: {mode!r}.")
        self.factor, self.mode = _factor("factor", factor), mode

    def __call__(self, x: Any) -> Any:
        x = tf.convert_to_tensor(x)
        if x.shape.rank != 2:
            raise tf.errors.InvalidArgumentError(f"The weight must be a matrix. Received: shape {x.shape}.")
        axis = 1 if self.mode == "rows" else 0
        x = tf.math.l2_normalize(x, axis=axis)
        product = tf.matmul(x, x, transpose_b=True) if self.mode == "rows" else tf.matmul(x, x, transpose_a=True)
        size = int(product.shape[0])
        off = product * (1.0 - tf.eye(size, dtype=x.dtype))
        return self.factor * 0.5 * tf.reduce_sum(tf.abs(off)) / (size * (size - 1.0) / 2.0)

    def get_config(self) -> dict[str, Any]:
        return {"factor": self.factor, "mode": self.mode}


def _factor(name: str, value: Any) -> float:
    if not isinstance(value, (int, float)) or value != value or value < 0 or value == float("inf"):
        raise tf.errors.InvalidArgumentError(f"`{name}` is a finite number, 0 or more. Received: {name}={value!r}.")
    return float(value)


l1, l2, orthogonal_regularizer = L1, L2, OrthogonalRegularizer


def l1_l2(l1: float = 0.01, l2: float = 0.01) -> L1L2:
    """`L1L2` with both factors 0.01 by default."""
    return L1L2(l1=l1, l2=l2)


named("regularizers", L1=L1, L2=L2, L1L2=L1L2, OrthogonalRegularizer=OrthogonalRegularizer, l1=L1, l2=L2, l1_l2=L1L2,
      orthogonal_regularizer=OrthogonalRegularizer)


def get(identifier: Any) -> Any:
    """A regularizer by name, by configuration, or as it is."""
    return resolve("regularizers", identifier)


def serialize(regularizer: Any) -> Any:
    """A regularizer as a dictionary of plain values."""
    return describe(regularizer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The regularizer of a name, or of what `serialize` returned. `custom_objects`: your own classes by name."""
    return from_description(config, custom_objects, family="regularizers")
