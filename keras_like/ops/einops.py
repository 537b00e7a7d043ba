"""`keras.ops.rearrange`: axes split, joined and reordered by a pattern of names."""

from __future__ import annotations

import re
from typing import Any

import treadle as tf
from treadle.keras_like.ops.numpy_shapes import sizes_of
from treadle.keras_like.ops.promotion import tensor as as_tensor


def rearrange(tensor: Any, pattern: str, **axes_lengths: int) -> Any:
    """The axes as the right side of `pattern` arranges those of the left one; names in brackets share an axis.

    >>> from treadle import keras
    >>> keras.ops.rearrange(keras.ops.ones((2, 6, 3)), "b (h w) c -> b c h w", h=2).shape
    TensorShape([2, 3, 2, 3])
    """
    x = as_tensor(tensor)
    left, arrow, right = pattern.partition("->")
    before, after = _axes(left), _axes(right)
    names = [n for axis in before for n in axis]
    if not arrow or sorted(names) != sorted(n for axis in after for n in axis) or len(set(names)) != len(names):
        raise tf.errors.InvalidArgumentError(
            f"Both sides of a pattern hold the same names, each once: 'b (h w) c -> b c h w'. Received: {pattern!r}.")
    if len(before) != x.shape.rank:
        raise tf.errors.InvalidArgumentError(
            f"The pattern has {len(before)} axes on its left side. Received: {pattern!r} for a tensor of shape {x.shape}.")
    sizes: dict[str, Any] = dict(axes_lengths)
    for axis, size in zip(before, sizes_of(x)):
        open_names = [n for n in axis if n not in sizes]
        known = 1
        for n in axis:
            known = known * sizes.get(n, 1)
        if len(open_names) > 1 or (isinstance(size, int) and size % known):
            raise tf.errors.InvalidArgumentError(
                f"The axis ({' '.join(axis)}), of size {size}, cannot be split. Received: {axes_lengths}. Give the "
                "sizes of all names in brackets but one.")
        if open_names:
            sizes[open_names[0]] = size // known
    x = tf.reshape(x, [sizes[n] for n in names])
    order = [n for axis in after for n in axis]
    x = tf.transpose(x, [names.index(n) for n in order])
    joined = []
    for axis in after:
        size = 1
        for n in axis:
            size = size * sizes[n]
        joined.append(size)
    return tf.reshape(x, joined)


def _axes(side: str) -> list[list[str]]:
    return [group.split() if group else [name] for group, name in re.findall(r"\(([^)]*)\)|(\w+)", side)]
