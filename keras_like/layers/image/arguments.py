"""Arguments that image layers share: ranges of random factors, ranges of pixel values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import treadle as tf
from treadle.keras_like.core import random


def factor_range(factor: Any, low: float, high: float, name: str = "factor", strict: bool = False,
                 mirrored: bool = True) -> tuple[Any, Any]:
    """(lower, upper) from two numbers, or from one number f: (-f, f), or from `low` or 0 on, whichever is allowed.

    `strict`: both numbers of a pair must be from `low` to `high`; else it is enough that the ranges overlap.
    """
    if isinstance(factor, (tuple, list)) and len(factor) == 2:
        a, b = factor
        if (low <= a <= high and low <= b <= high) if strict else not (a > high or b < low):
            return tuple(sorted(factor))  # type: ignore[return-value]
    elif isinstance(factor, (int, float)) and not isinstance(factor, bool) and low <= factor <= high:
        size = abs(factor)
        return (max(-size, low) if mirrored else 0, size)
    raise tf.errors.InvalidArgumentError(
        f"`{name}` is a number from {low} to {high}, or two of them. Received: {name}={factor!r}.")


def value_pair(value_range: Any) -> Any:
    """The lowest and the highest pixel value, in order."""
    if not isinstance(value_range, (tuple, list)) or len(value_range) != 2:
        raise tf.errors.InvalidArgumentError(
            f"`value_range` holds the lowest and the highest pixel value. Received: value_range={value_range!r}.")
    return sorted(value_range)


def rescaled(images: Any, old: Sequence[Any], new: Sequence[Any]) -> Any:
    """Pixel values of one range as those of another."""
    if tuple(old) == tuple(new):
        return images
    return (images - old[0]) / (old[1] - old[0]) * (new[1] - new[0]) + new[0]


def chosen(batch: Any, factor: Sequence[float], seed: Any) -> Any:
    """Which images of a batch to change, [batch]: each with a probability drawn from the range `factor`."""
    probability = random.uniform([batch], factor[0], factor[1], seed=seed)
    return random.uniform([batch], 0.0, 1.0, seed=seed) < probability


def for_each_image(values: Any) -> Any:
    """[batch] as [batch, 1, 1, 1]."""
    return tf.reshape(values, [-1, 1, 1, 1])
