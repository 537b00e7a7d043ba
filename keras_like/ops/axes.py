"""What reductions share: `axis` arguments and dtypes of means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import treadle as tf
from treadle.keras_like.core.policy import floatx
from treadle.keras_like.ops.promotion import floating

Axis = int | Sequence[int] | None


def axes_of(axis: Axis, rank: int) -> list[int]:
    """The axes meant, none of them negative."""
    given = range(rank) if axis is None else [axis] if isinstance(axis, int) else axis
    found = [a + rank if a < 0 else a for a in given]
    if not all(0 <= a < rank for a in found):
        raise tf.errors.InvalidArgumentError(f"The tensor has {rank} axes. Received: axis={axis}.")
    return found


def at_least_single(x: Any) -> Any:
    """A floating tensor of at least 32 bits: sums of many 16-bit numbers lose too much."""
    x = floating(x)
    return tf.cast(x, "float32") if x.dtype.is_floating and x.dtype.size < 4 else x


def float_dtype(x: Any) -> Any:
    """The dtype of the mean of x."""
    return tf.as_dtype(floatx()) if x.dtype.is_integer or x.dtype.is_bool else x.dtype
