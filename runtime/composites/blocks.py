"""Moving blocks of pixels between space, depth and batch, and other rearrangements of images and rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from treadle.ir import dims, errors
from treadle.ir.ops.arrays import pad_with, reshape, transpose
from treadle.ir.ops.elementwise import maximum, square
from treadle.ir.ops.indexing import gather_rows, strided_slice
from treadle.ir.ops.reductions import reduce_sum
from treadle.ir.types import product
from treadle.runtime.composites.image_layout import is_channels_first
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.tensor import Tensor


def _divided(size: Any, by: int, what: str) -> Any:
    if dims.is_known(size) and size % by:
        raise errors.InvalidArgumentError(f"{what} must be a multiple of {by}. Received: {size}.")
    return dims.floordiv(size, by)


def _image(input: Any, data_format: str, block_size: int) -> tuple[Tensor, bool]:
    x = convert_to_tensor(input)
    if x.type.rank != 4:
        raise errors.InvalidArgumentError(f"`input` must have rank 4. Received: shape {x.shape}.")
    if not isinstance(block_size, int) or block_size < 2:
        raise errors.InvalidArgumentError(f"`block_size` must be 2 or more. Received: {block_size!r}.")
    return x, is_channels_first(data_format, 2)


def depth_to_space(input: Any, block_size: int, data_format: str = "NHWC", name: str | None = None) -> Tensor:
    """Each pixel's channels, laid out as a square of block_size^2 pixels: [b, h, w, k^2 c] -> [b, h k, w k, c].

    >>> import treadle as tf
    >>> tf.nn.depth_to_space(tf.ones([1, 2, 2, 12]), 2).shape
    TensorShape([1, 4, 4, 3])
    """
    x, first = _image(input, data_format, block_size)
    k = block_size
    if first:
        b, c, h, w = x.type.shape
        c = _divided(c, k * k, "The number of channels")
        return reshape(transpose(reshape(x, (b, k, k, c, h, w)), (0, 3, 4, 1, 5, 2)), (b, c, h * k, w * k))
    b, h, w, c = x.type.shape
    c = _divided(c, k * k, "The number of channels")
    return reshape(transpose(reshape(x, (b, h, w, k, k, c)), (0, 1, 3, 2, 4, 5)), (b, h * k, w * k, c))


def space_to_depth(input: Any, block_size: int, data_format: str = "NHWC", name: str | None = None) -> Tensor:
    """Each square of block_size^2 pixels, stacked as the channels of one: the inverse of `depth_to_space`.

    >>> import treadle as tf
    >>> tf.nn.space_to_depth(tf.ones([1, 4, 4, 3]), 2).shape
    TensorShape([1, 2, 2, 12])
    """
    x, first = _image(input, data_format, block_size)
    k = block_size
    b, h, w, c = (x.type.shape[0], *x.type.shape[2:], x.type.shape[1]) if first else x.type.shape
    h, w = _divided(h, k, "The height"), _divided(w, k, "The width")
    if first:
        return reshape(transpose(reshape(x, (b, c, h, k, w, k)), (0, 3, 5, 1, 2, 4)), (b, k * k * c, h, w))
    return reshape(transpose(reshape(x, (b, h, k, w, k, c)), (0, 1, 3, 2, 4, 5)), (b, h, w, k * k * c))


def _blocks(block_shape: Any, margins: Any, what: str) -> tuple[list[int], list[list[int]]]:
    known, pairs = np.asarray(convert_to_tensor(block_shape).known), np.asarray(convert_to_tensor(margins).known)
    sizes = [int(k) for k in known.reshape(-1)]
    found = [[int(a), int(b)] for a, b in pairs.reshape(-1, 2)]
    if known.ndim == 0:
        sizes = sizes * len(found)
    if len(sizes) != len(found) or any(k < 1 for k in sizes) or any(n < 0 for pair in found for n in pair):
        raise errors.InvalidArgumentError(
            f"`block_shape` must be positive, with one pair of {what} for each. Received: {sizes} and {found}.")
    return sizes, found


def space_to_batch(input: Any, block_shape: Any, paddings: Any, name: str | None = None) -> Tensor:
    """Pixels that stand `block_shape` apart become images of their own: [b, h, w, c] -> [b k l, h / k, w / l, c].

    The axes after the first are padded with zeros by `paddings` before.

    >>> import treadle as tf
    >>> tf.space_to_batch(tf.ones([1, 4, 4, 3]), [2, 2], [[0, 0], [0, 0]]).shape
    TensorShape([4, 2, 2, 3])
    """
    x = convert_to_tensor(input)
    blocks, pads = _blocks(block_shape, paddings, "paddings")
    n = len(blocks)
    rest = [0, 0] * (x.type.rank - 1 - n)
    if any(a for pair in pads for a in pair):
        x = pad_with(x, convert_to_tensor(0, x.dtype), (0, 0, *[a for pair in pads for a in pair], *rest))
    batch, shape, tail = x.type.shape[0], x.type.shape[1:n + 1], x.type.shape[n + 1:]
    small = [_divided(s, k, "A padded size") for s, k in zip(shape, blocks)]
    split = reshape(x, (batch, *[p for pair in zip(small, blocks) for p in pair], *tail))
    order = [*range(2, 2 * n + 1, 2), 0, *range(1, 2 * n, 2), *range(2 * n + 1, 2 * n + 1 + len(tail))]
    return reshape(transpose(split, order), (batch * product(blocks), *small, *tail))


def batch_to_space(input: Any, block_shape: Any, crops: Any, name: str | None = None) -> Tensor:
    """The inverse of `space_to_batch`; `crops` are cut off the sizes afterwards.

    >>> import treadle as tf
    >>> tf.batch_to_space(tf.ones([4, 2, 2, 3]), [2, 2], [[0, 0], [0, 0]]).shape
    TensorShape([1, 4, 4, 3])
    """
    x = convert_to_tensor(input)
    blocks, cuts = _blocks(block_shape, crops, "crops")
    n = len(blocks)
    batch = _divided(x.type.shape[0], product(blocks), "The batch")
    sizes, tail = x.type.shape[1:n + 1], x.type.shape[n + 1:]
    split = reshape(x, (*blocks, batch, *sizes, *tail))
    order = [n, *[p for i in range(n) for p in (n + 1 + i, i)], *range(2 * n + 1, 2 * n + 1 + len(tail))]
    large = [s * k for s, k in zip(sizes, blocks)]
    joined = reshape(transpose(split, order), (batch, *large, *tail))
    begin = (0, *[a for a, _ in cuts], *[0] * len(tail))
    end = (batch, *[s - b for s, (_, b) in zip(large, cuts)], *tail)
    return strided_slice(joined, begin, end, (1,) * len(begin))


def bias_add(value: Any, bias: Any, data_format: str | None = None, name: str | None = None) -> Tensor:
    """value + bias, a vector with one element for each channel: the last axis, or with data_format "NC..." the second.

    >>> import treadle as tf
    >>> tf.nn.bias_add([[1.0, 2.0]], [10.0, 20.0]).numpy().tolist()
    [[11.0, 22.0]]
    """
    x = convert_to_tensor(value)
    b = convert_to_tensor(bias, dtype_hint=x.dtype)
    first = data_format is not None and data_format.startswith("NC")
    axis = 1 if first else x.type.rank - 1
    if b.type.rank != 1 or x.type.rank < 2 or (
            dims.is_known(b.type.shape[0], x.type.shape[axis]) and b.type.shape[0] != x.type.shape[axis]):
        raise errors.InvalidArgumentError(
            f"`bias` must be a vector with one element for each channel. Received: value of shape {x.shape}, bias of "
            f"shape {b.shape}.")
    return x + (reshape(b, (b.type.shape[0], *[1] * (x.type.rank - 2))) if first else b)


def embedding_lookup(params: Any, ids: Any, max_norm: float | None = None, name: str | None = None) -> Tensor:
    """The rows `ids` of `params`; longer ones are scaled to the length `max_norm`, if given.

    >>> import treadle as tf
    >>> tf.nn.embedding_lookup([[1.0, 2.0], [3.0, 4.0]], [1, 1, 0]).numpy().tolist()
    [[3.0, 4.0], [3.0, 4.0], [1.0, 2.0]]
    """
    rows = gather_rows(convert_to_tensor(params), ids, axis=0)
    if max_norm is None:
        return rows
    axes = list(range(convert_to_tensor(ids).type.rank, rows.type.rank))
    norm = reduce_sum(square(rows), axes, keepdims=True) ** 0.5
    return rows * max_norm / maximum(norm, max_norm)


errors.shield(globals())
