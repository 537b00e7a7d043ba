"""What the layers that normalize share: axes, a scale gamma and a shift beta for them, arithmetic in float32 or wider."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import treadle as tf
from treadle.keras_like.layers.built_in import BuiltIn


class Normalizing(BuiltIn):
    """A layer whose output has its input's shape, and which has a gamma and a beta if `scale` and `center` say so."""

    casts_integers = True

    axis: Any
    gamma: Any = None
    beta: Any = None

    def _add_scale_and_shift(self, shape: tuple[int, ...]) -> None:
        for name, wanted in (("gamma", self.scale), ("beta", self.center)):  # type: ignore[attr-defined]
            setattr(self, name, self.add_weight(
                name=name, shape=shape, initializer=getattr(self, f"{name}_initializer"),
                regularizer=getattr(self, f"{name}_regularizer"), constraint=getattr(self, f"{name}_constraint"),
                autocast=False) if wanted else None)

    def compute_output_shape(self, input_shape: Any) -> Any:
        for axis in as_axes(self.axis):
            if not -len(input_shape) <= axis < len(input_shape):
                raise tf.errors.InvalidArgumentError(
                    f"The input has no axis {axis}. Received: axis={self.axis} for the shape {tuple(input_shape)}.")
        return input_shape


def as_axes(axis: Any) -> list[int]:
    """A list of axes from one or several."""
    return list(axis) if isinstance(axis, (list, tuple)) else [axis]


def check_axes(axis: Any) -> Any:
    """An axis, or a list of axes. Raises DtypeError (a TypeError) for anything else."""
    if isinstance(axis, (list, tuple)):
        return list(axis)
    if not isinstance(axis, int):
        raise tf.errors.DtypeError(f"`axis` is an integer or a list of integers. Received: axis={axis!r}.")
    return axis


def widened(x: Any) -> Any:
    """x in float32, if it is narrower."""
    return tf.cast(x, "float32") if x.dtype.name in ("float16", "bfloat16") or not x.dtype.is_floating else x


def along(weight: Any, axes: Sequence[int], x: Any) -> Any:
    """A weight that goes along some axes of x, in x's dtype and with size 1 along the others."""
    weight = tf.cast(weight, x.dtype)
    positions = [a % x.shape.rank for a in axes]
    if positions == [x.shape.rank - 1]:
        return weight
    return tf.reshape(weight, [x.shape[i] if i in positions else 1 for i in range(x.shape.rank)])


def normalized(x: Any, mean: Any, variance: Any, gamma: Any, beta: Any, epsilon: float) -> Any:
    """gamma * (x - mean) / sqrt(variance + epsilon) + beta; gamma and beta may be None."""
    factor = tf.math.rsqrt(variance + epsilon)
    if gamma is not None:
        factor = factor * gamma
    shift = -mean * factor
    return x * factor + (shift if beta is None else shift + beta)
