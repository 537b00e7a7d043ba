"""Images of other sizes: `tf.image.resize` and its relatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from treadle.ir import dims, dtypes, errors
from treadle.ir.attributes import as_shape, as_size
from treadle.ir.dims import Size
from treadle.ir.ops.arrays import expand_dims, reshape
from treadle.ir.ops.elementary import floor
from treadle.ir.ops.elementwise import cast, maximum, minimum
from treadle.ir.ops.indexing import gather_rows
from treadle.ir.ops.logic import greater_equal, less_equal, logical_and
from treadle.ir.ops.resampling import METHODS, resize_axis, weights
from treadle.ir.ops.rules import count_as_number, show
from treadle.runtime.composites.arrays import pad
from treadle.runtime.composites.arrays import range_ as arange
from treadle.runtime.composites.indexing import where
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.tensor import Tensor


class ResizeMethod:
    """The names of the methods of `tf.image.resize`."""

    BILINEAR = "bilinear"
    NEAREST_NEIGHBOR = "nearest"
    BICUBIC = "bicubic"
    AREA = "area"
    LANCZOS3 = "lanczos3"
    LANCZOS5 = "lanczos5"
    GAUSSIAN = "gaussian"
    MITCHELLCUBIC = "mitchellcubic"


def as_images(value: Any, name: str = "image") -> Tensor:
    """A tensor of one image [height, width, channels] or a batch of them. Raises InvalidArgumentError for other ranks."""
    x = convert_to_tensor(value)
    if x.type.rank not in (3, 4):
        raise errors.InvalidArgumentError(
            f"`{name}` is one image [height, width, channels] or a batch [batch, height, width, channels]. Received: a "
            f"tensor of shape {show(x.type.shape)}.")
    return x


def over_batch(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """`function` of a batch of images; a single image counts as a batch of one."""
    if x.type.rank == 4:
        return function(x)
    result = function(expand_dims(x, axis=0))
    return reshape(result, result.type.shape[1:])


def size_pair(size: Any) -> tuple[Size, Size]:
    """(height, width) from what `size` says."""
    pair = as_shape(size)
    if len(pair) != 2:
        raise errors.InvalidArgumentError(f"`size` holds the new height and width. Received: size={size!r}.")
    return pair


def resize(images: Any, size: Any, method: str = ResizeMethod.BILINEAR, preserve_aspect_ratio: bool = False,
           antialias: bool = False, name: str | None = None) -> Tensor:
    """Images of the height and width `size`.

    Args:
        images: [height, width, channels] or [batch, height, width, channels], of any number dtype.
        size: two integers, or a tensor of two.
        method: "bilinear" (default), "nearest", "bicubic" (Keys' kernel, a = -0.5), "area", "lanczos3", "lanczos5",
            "gaussian", "mitchellcubic"; see `tf.image.ResizeMethod`.
        preserve_aspect_ratio: the largest size within `size` that keeps the ratio of height to width.
        antialias: when the images become smaller, average over all pixels that one new pixel stands for.

    Returns: float32, but for "nearest", which keeps the dtype.

    Output pixel o of n stands at the position (o + 0.5) * size / n - 0.5 of the input.

    >>> import treadle as tf
    >>> tf.image.resize([[[0.0], [10.0]]], [1, 4]).numpy().ravel().tolist()
    [0.0, 2.5, 7.5, 10.0]
    """
    x = as_images(images, "images")
    height, width = size_pair(size)
    rows, columns = x.type.shape[-3], x.type.shape[-2]
    method = str(method).lower()
    if method not in METHODS:
        raise errors.InvalidArgumentError(
            f"`method` is one of {', '.join(map(repr, METHODS))}. Received: method={method!r}.")
    if preserve_aspect_ratio:
        height, width = _with_ratio(rows, columns, height, width)
    if method != "nearest":
        x = cast(x, dtype=dtypes.float32)
    for axis, n in ((-3, height), (-2, width)):
        if x.type.shape[axis] != n:
            x = resize_axis(x, axis=axis, size=n, method=method, antialias=antialias)
    return x


def resampling_weights(size: int, output_size: int, method: str = ResizeMethod.BILINEAR,
                       antialias: bool = False) -> np.ndarray:
    """How much of each of `size` pixels is in each of `output_size`, when `resize` makes them by a method.

    An array f64[size, output_size], for resampling with NumPy, where images of many sizes are read on the host.

    >>> import treadle as tf
    >>> tf.image.resampling_weights(2, 1).tolist()
    [[0.5], [0.5]]
    """
    if method not in METHODS or size < 1 or output_size < 1:
        raise errors.InvalidArgumentError(
            f"Sizes are at least 1, the method is one of {', '.join(map(repr, METHODS))}. Received: {size}, {output_size}, "
            f"method={method!r}.")
    return weights(size, output_size, method, antialias)


def _with_ratio(rows: Size, columns: Size, height: Size, width: Size) -> tuple[int, int]:
    """The largest size within (height, width) of the ratio rows : columns."""
    if not dims.is_known(rows, columns, height, width):
        raise errors.UnimplementedError(
            "`preserve_aspect_ratio` needs sizes that are known while tracing. Received: images of the size "
            f"{rows} x {columns} for {height} x {width}. Call `tf.image.resize` outside of a trace, or with known sizes.")
    scale = min(height / rows, width / columns)
    return round(scale * rows), round(scale * columns)


def resize_with_pad(image: Any, target_height: Any, target_width: Any, method: str = ResizeMethod.BILINEAR,
                    antialias: bool = False, name: str | None = None) -> Tensor:
    """Images of a size, with their ratio of height to width kept and zeros around them. The dtype is that of `resize`.

    >>> import treadle as tf
    >>> tf.image.resize_with_pad([[[1.0], [1.0]]], 2, 2).numpy()[..., 0].tolist()
    [[1.0, 1.0], [0.0, 0.0]]
    """
    x = as_images(image)
    height, width = as_size(target_height), as_size(target_width)
    rows, columns = x.type.shape[-3], x.type.shape[-2]
    if not dims.is_known(rows, columns, height, width):
        raise errors.UnimplementedError(
            f"`resize_with_pad` needs sizes that are known while tracing. Received: images of shape {show(x.type.shape)}.")
    ratio = max(columns / width, rows / height)
    new_height, new_width = rows / ratio, columns / ratio
    small = resize(x, (int(new_height), int(new_width)), method, antialias=antialias)
    top, left = max(int((height - new_height) / 2), 0), max(int((width - new_width) / 2), 0)
    around = [[top, height - int(new_height) - top], [left, width - int(new_width) - left], [0, 0]]
    return pad(small, around if x.type.rank == 3 else [[0, 0], *around])


def crop_and_resize(image: Any, boxes: Any, box_indices: Any, crop_size: Any, method: str = "bilinear",
                    extrapolation_value: float = 0.0, name: str | None = None) -> Tensor:
    """A crop of the size `crop_size` for each box [y1, x1, y2, x2], out of the image that `box_indices` names.

    Args:
        image: [batch, height, width, channels].
        boxes: [n, 4], as shares of the image: 0 is the first pixel, 1 the last; a box may reach outside, or be mirrored.
        box_indices: [n].
        crop_size: two integers.
        method: "bilinear" (default) or "nearest".
        extrapolation_value: the value outside of the image.

    Returns: f32[n, *crop_size, channels].

    >>> import treadle as tf
    >>> image = tf.reshape(tf.range(4.0), [1, 2, 2, 1])
    >>> tf.image.crop_and_resize(image, [[0.0, 0.0, 1.0, 1.0]], [0], [1, 3]).numpy().ravel().tolist()
    [1.0, 1.5, 2.0]
    """
    x = convert_to_tensor(image)
    if x.type.rank != 4 or method not in ("bilinear", "nearest"):
        raise errors.InvalidArgumentError(
            "`crop_and_resize` takes images [batch, height, width, channels] and the method 'bilinear' or 'nearest'. "
            f"Received: a tensor of shape {show(x.type.shape)}, method={method!r}.")
    corners = convert_to_tensor(boxes, dtype_hint=dtypes.float32)
    height, width = size_pair(crop_size)
    crops = gather_rows(cast(x, dtype=dtypes.float32), box_indices, axis=0)
    for axis, n, first, last in ((1, height, corners[:, 0], corners[:, 2]), (2, width, corners[:, 1], corners[:, 3])):
        span = count_as_number(crops.type.shape[axis] - 1, dtypes.float32)
        if n == 1:
            places = expand_dims((first + last) * 0.5 * span, axis=1)
        else:
            step = (last - first) * span / count_as_number(n - 1, dtypes.float32)
            places = expand_dims(first * span, axis=1) + expand_dims(step, axis=1) * cast(arange(n), dtype=dtypes.float32)
        crops = _sampled(crops, axis, places, span, method, extrapolation_value)
    return crops


def _sampled(x: Tensor, axis: int, places: Tensor, last: Any, method: str, outside: float) -> Tensor:
    """`x` [n, ...] at `places` [n, count] along an axis, each row of places in its own image."""
    inside = logical_and(greater_equal(places, 0.0), less_equal(places, last))
    within = minimum(maximum(places, 0.0), last)

    def shaped(values: Tensor) -> Tensor:
        rest = x.type.rank - 1 - axis
        return reshape(values, (values.type.shape[0], *[1] * (axis - 1), values.type.shape[1], *[1] * rest))

    def taken(at: Tensor) -> Tensor:
        return gather_rows(x, cast(at, dtype=dtypes.int32), axis=axis, batch_dims=1)

    if method == "nearest":
        found = taken(floor(within + 0.5))
    else:
        low = floor(within)
        part = shaped(within - low)
        found = taken(low) * (1.0 - part) + taken(minimum(low + 1.0, last)) * part
    return where(shaped(inside), found, outside)


errors.shield(globals())
