"""Constraints: what a weight is mapped to after each update."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import treadle as tf
from treadle.keras_like.core.descriptions import describe, from_description
from treadle.keras_like.core.resolve import named, resolve

_EPSILON = 1e-7


class Constraint:
    """Base of constraints: a subclass defines `__call__(w)`, the weight as it may be."""

    def __call__(self, w: Any) -> Any:
        """The weight, constrained."""
        raise tf.errors.UnimplementedError(f"`{type(self).__name__}` does not define `__call__`.")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The constraint of a configuration."""
        return cls(**config)


def _norm(w: Any, axis: Any) -> Any:
    return tf.sqrt(tf.reduce_sum(tf.square(w), axis=axis, keepdims=True))


class MaxNorm(Constraint):
    """w * clip(|w|, 0, max_value) / |w|, the norm along `axis`."""

    def __init__(self, max_value: float = 2, axis: Any = 0):
        self.max_value, self.axis = max_value, axis

    def __call__(self, w: Any) -> Any:
        w = tf.convert_to_tensor(w)
        norms = _norm(w, self.axis)
        return w * (tf.clip_by_value(norms, 0, self.max_value) / (_EPSILON + norms))

    def get_config(self) -> dict[str, Any]:
        return {"max_value": self.max_value, "axis": self.axis}


class NonNeg(Constraint):
    """max(w, 0)."""

    def __call__(self, w: Any) -> Any:
        return tf.nn.relu(w)


class UnitNorm(Constraint):
    """w / |w|, the norm along `axis`."""

    def __init__(self, axis: Any = 0):
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        w = tf.convert_to_tensor(w)
        return w / (_EPSILON + _norm(w, self.axis))

    def get_config(self) -> dict[str, Any]:
        return {"axis": self.axis}


class MinMaxNorm(Constraint):
    """w scaled so that its norm along `axis` lies between the bounds: rate * clip(|w|, min, max) + (1 - rate) * |w|."""

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Any = 0):
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, axis

    def __call__(self, w: Any) -> Any:
        w = tf.convert_to_tensor(w)
        norms = _norm(w, self.axis)
        wanted = self.rate * tf.clip_by_value(norms, self.min_value, self.max_value) + (1 - self.rate) * norms
        return w * (wanted / (_EPSILON + norms))

    def get_config(self) -> dict[str, Any]:
        return {"min_value": self.min_value, "max_value": self.max_value, "rate": self.rate, "axis": self.axis}


max_norm, non_neg, unit_norm, min_max_norm = MaxNorm, NonNeg, UnitNorm, MinMaxNorm
named("constraints", MaxNorm=MaxNorm, NonNeg=NonNeg, UnitNorm=UnitNorm, MinMaxNorm=MinMaxNorm, max_norm=MaxNorm,
      non_neg=NonNeg, unit_norm=UnitNorm, min_max_norm=MinMaxNorm)


def get(identifier: Any) -> Any:
    """A constraint by name, by configuration, or as it is."""
    return resolve("constraints", identifier)


def serialize(constraint: Any) -> Any:
    """A constraint as a dictionary of plain values."""
    return describe(constraint)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The constraint of a name, or of what `serialize` returned. `custom_objects`: your own classes by name."""
    return from_description(config, custom_objects, family="constraints")
