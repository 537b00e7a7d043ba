"""Arguments that several families of layers take: one integer or one for each axis, paddings, shapes of windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import treadle as tf


def per_axis(value: Any, rank: int, name: str, allow_zero: bool = False) -> tuple[int, ...]:
    """`rank` integers from one, or from a sequence of so many. Raises InvalidArgumentError for others."""
    values = (value,) * rank if isinstance(value, (int, np.integer)) else value
    lowest = 0 if allow_zero else 1
    if (not isinstance(values, Sequence) or isinstance(values, str) or len(values) != rank
            or not all(isinstance(v, (int, np.integer)) and v >= lowest for v in values)):
        raise tf.errors.InvalidArgumentError(
            f"`{name}` is an integer, or {rank} of them, each at least {lowest}. Received: {name}={value!r}.")
    return tuple(int(v) for v in values)


def pairs(value: Any, rank: int, name: str) -> tuple[tuple[int, int], ...]:
    """(before, after) for each axis, from one integer, one for each axis, or pairs."""
    if isinstance(value, (int, np.integer)):
        value = (value,) * rank
    if not isinstance(value, Sequence) or len(value) != rank:
        raise tf.errors.InvalidArgumentError(
            f"`{name}` is an integer, {rank} integers, or {rank} pairs (before, after). Received: {name}={value!r}.")
    return tuple(per_axis(v, 2, name, allow_zero=True) for v in value)  # type: ignore[misc]


def as_padding(value: Any, causal: bool = False) -> str:
    """"valid" or "same" (or "causal", where that is allowed), in lower case."""
    allowed = ("valid", "same", "causal") if causal else ("valid", "same")
    if not isinstance(value, str) or value.lower() not in allowed:
        raise tf.errors.InvalidArgumentError(
            f"`padding` is one of {', '.join(map(repr, allowed))}. Received: padding={value!r}.")
    return value.lower()


def positive(value: Any, name: str) -> int:
    """A positive integer, or InvalidArgumentError."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value <= 0:
        raise tf.errors.InvalidArgumentError(f"`{name}` is a positive integer. Received: {name}={value!r}.")
    return int(value)


def channels_of(shape: Sequence[Any], data_format: str) -> Any:
    """The number of channels of inputs of a shape."""
    return shape[-1] if data_format == "channels_last" else shape[1]


def sizes_of(shape: Sequence[Any], data_format: str) -> tuple[Any, ...]:
    """The sizes between batch and channels."""
    return tuple(shape[1:-1] if data_format == "channels_last" else shape[2:])


def arranged(batch: Any, sizes: Sequence[Any], channels: Any, data_format: str) -> tuple[Any, ...]:
    """A shape from its parts."""
    return (batch, *sizes, channels) if data_format == "channels_last" else (batch, channels, *sizes)


def spatial_axes(rank: int, data_format: str) -> list[int]:
    """The axes between batch and channels."""
    return list(range(1, rank + 1)) if data_format == "channels_last" else list(range(2, rank + 2))


def tf_format(rank: int, data_format: str) -> str:
    """The name `tf.nn` has for a data format: "NHWC", "NCW" ..."""
    sizes = "DHW"[3 - rank:]
    return f"N{sizes}C" if data_format == "channels_last" else f"NC{sizes}"


def window_sizes(sizes: Sequence[Any], window: Sequence[int], strides: Sequence[int], padding: str,
                 dilations: Sequence[int]) -> tuple[Any, ...]:
    """How many windows there are along each axis; None for open sizes.

    valid: floor((n - (window - 1) * dilation - 1) / stride) + 1; same and causal: ceil(n / stride).
    """
    found = []
    for n, k, stride, dilation in zip(sizes, window, strides, dilations):
        taken = n if n is None or padding != "valid" else n - (k - 1) * dilation
        if taken is not None and taken <= 0:
            raise tf.errors.InvalidArgumentError(
                f"The output would have no elements: the window {tuple(window)} with dilations {tuple(dilations)} does not "
                f"fit into the sizes {tuple(sizes)}. Use padding='same' or a smaller window.")
        found.append(None if taken is None else -(-taken // stride))
    return tuple(found)
