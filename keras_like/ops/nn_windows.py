"""`keras.ops.nn`: convolutions and pooling of [batch, sizes ..., channels], or channels first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core.image_format import as_data_format
from treadle.keras_like.layers.arguments import arranged, as_padding, channels_of, per_axis, sizes_of, spatial_axes, tf_format
from treadle.keras_like.layers.convolution_by_channel import by_channel
from treadle.keras_like.ops.operation import operation
from treadle.keras_like.ops.promotion import tensor

Sizes = int | Sequence[int]


def _images(inputs: Any, data_format: str | None) -> tuple[Any, int, str]:
    """(the tensor, how many axes lie between batch and channels, the data format)."""
    x = tensor(inputs)
    if x.shape.rank not in (3, 4, 5):
        raise tf.errors.InvalidArgumentError(
            f"Expected a batch with 1 to 3 axes beside channels. Received: an input of shape {x.shape}.")
    return x, x.shape.rank - 2, as_data_format(data_format)


# --- convolutions -----------------------------------------------------------------------------------------------------


def conv(inputs: Any, kernel: Any, strides: Sizes = 1, padding: str = "valid", data_format: str | None = None,
         dilation_rate: Sizes = 1) -> Any:
    """The convolution with a kernel [*window, channels, filters]; fewer channels than the input's make groups.

    >>> from treadle import keras
    >>> keras.ops.conv(keras.ops.ones((1, 5, 2)), keras.ops.ones((3, 2, 4))).shape
    TensorShape([1, 3, 4])
    """
    kernel = tensor(kernel)
    x, rank, order = _images(inputs, data_format)
    channels = channels_of(x.shape, order)
    if channels is not None and channels % kernel.shape[-2]:
        raise tf.errors.InvalidArgumentError(
            f"The input's channels must be a multiple of the kernel's. Received: {channels} and {kernel.shape[-2]}.")
    return tf.nn.convolution(
        tensor(x, kernel.dtype), kernel, strides=per_axis(strides, rank, "strides"), padding=as_padding(padding).upper(),
        data_format=tf_format(rank, order), dilations=per_axis(dilation_rate, rank, "dilation_rate"))


def depthwise_conv(inputs: Any, kernel: Any, strides: Sizes = 1, padding: str = "valid", data_format: str | None = None,
                   dilation_rate: Sizes = 1) -> Any:
    """Each channel convolved on its own, with a kernel [*window, channels, results of each]."""
    kernel = tensor(kernel)
    x, _, order = _images(inputs, data_format)
    _require_channels(x, kernel, order)
    return conv(x, by_channel(kernel), strides, padding, order, dilation_rate)


def separable_conv(inputs: Any, depthwise_kernel: Any, pointwise_kernel: Any, strides: Sizes = 1, padding: str = "valid",
                   data_format: str | None = None, dilation_rate: Sizes = 1) -> Any:
    """`depthwise_conv`, and a convolution with windows of one element after it."""
    x = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(x, pointwise_kernel, data_format=data_format)


def _require_channels(x: Any, kernel: Any, order: str, axis: int = -2) -> None:
    if channels_of(x.shape, order) not in (None, kernel.shape[axis]):
        raise tf.errors.InvalidArgumentError(
            f"The kernel is for {kernel.shape[axis]} channels. Received: an input of shape {x.shape}, {order}.")


def conv_transpose(inputs: Any, kernel: Any, strides: Sizes = 1, padding: str = "valid", output_padding: Any = None,
                   data_format: str | None = None, dilation_rate: Sizes = 1) -> Any:
    """The transposed convolution with a kernel [*window, filters, channels].

    New sizes: (n - 1) * stride + max(window, stride) for "valid" padding, n * stride for "same"; with `output_padding`,
    so many elements more than the smallest that fit.
    """
    kernel = tensor(kernel)
    x, rank, order = _images(inputs, data_format)
    x = tensor(x, kernel.dtype)
    _require_channels(x, kernel, order, axis=-1)
    steps, gaps = per_axis(strides, rank, "strides"), per_axis(dilation_rate, rank, "dilation_rate")
    extra = None if output_padding is None else per_axis(output_padding, rank, "output_padding", allow_zero=True)
    valid = as_padding(padding) == "valid"
    windows = [(k - 1) * gap + 1 for k, gap in zip(kernel.shape.as_list()[:-2], gaps)]
    if extra is None:
        longer = [max(w, s) if valid else s for w, s in zip(windows, steps)]
    else:
        longer = [(w if valid else w % 2) + e for w, e in zip(windows, extra)]
    known = [tf.shape(x)[i] if n is None else n for i, n in enumerate(x.shape.as_list())]
    sizes = [(n - 1) * s + more for n, s, more in zip(sizes_of(known, order), steps, longer)]
    pads = []
    for window, more in zip(windows, longer):
        total = 0 if valid else window - more
        before = max(total // 2, 0)
        pads.append([before, max(total - before, 0)])
    return tf.nn.conv_transpose(
        x, kernel, arranged(known[0], sizes, kernel.shape[-2], order), strides=steps,
        padding=arranged([0, 0], pads, [0, 0], order), dilations=gaps, data_format=tf_format(rank, order))


# --- pooling ----------------------------------------------------------------------------------------------------------


def max_pool(inputs: Any, pool_size: Sizes, strides: Any = None, padding: str = "valid",
             data_format: str | None = None) -> Any:
    """The largest element of each window; `strides`: default `pool_size`."""
    return _pooled(tf.nn.max_pool, inputs, pool_size, strides, padding, data_format)


def average_pool(inputs: Any, pool_size: Sizes, strides: Any = None, padding: str = "valid",
                 data_format: str | None = None) -> Any:
    """The mean of each window; padding does not count. `strides`: default `pool_size`."""
    return _pooled(tf.nn.avg_pool, inputs, pool_size, strides, padding, data_format)


def _pooled(function: Any, inputs: Any, pool_size: Any, strides: Any, padding: str, data_format: str | None) -> Any:
    x, rank, order = _images(inputs, data_format)
    window = per_axis(pool_size, rank, "pool_size")
    steps = window if strides is None else per_axis(strides, rank, "strides")
    return function(x, window, steps, as_padding(padding).upper(), data_format=tf_format(rank, order))


def adaptive_max_pool(inputs: Any, output_size: Sizes, data_format: str | None = None) -> Any:
    """`output_size` parts of each axis, the largest element of each: part i of m is floor(i n / m) to ceil((i + 1) n / m)."""
    return _adaptive(_largest, inputs, output_size, data_format)


def adaptive_average_pool(inputs: Any, output_size: Sizes, data_format: str | None = None) -> Any:
    """`output_size` parts of each axis, the mean of each: part i of m is floor(i n / m) to ceil((i + 1) n / m)."""
    return _adaptive(_mean, inputs, output_size, data_format)


def _adaptive(reduce: Any, inputs: Any, output_size: Any, data_format: str | None) -> Any:
    x, rank, order = _images(inputs, data_format)
    for axis, wanted in zip(spatial_axes(rank, order), per_axis(output_size, rank, "output_size")):
        size = x.shape[axis]
        if size is None:
            raise tf.errors.InvalidArgumentError(f"Adaptive pooling needs known sizes. Received: shape {x.shape}.")
        index = np.arange(wanted)
        x = reduce(x, axis, index * size // wanted, -(-(index + 1) * size // wanted))
    return x


def _largest(x: Any, axis: int, starts: np.ndarray, ends: np.ndarray) -> Any:
    # Shorter parts repeat their last element, which changes no maximum.
    places = np.minimum(starts[:, None] + np.arange(np.max(ends - starts)), ends[:, None] - 1)
    return tf.reduce_max(tf.gather(x, places.astype(np.int32), axis=axis), axis=axis + 1)


def _mean(x: Any, axis: int, starts: np.ndarray, ends: np.ndarray) -> Any:
    place = np.arange(x.shape[axis])[:, None]
    weights = ((place >= starts) & (place < ends)) / (ends - starts)
    pooled = tf.tensordot(x, tf.constant(weights, x.dtype), axes=[[axis], [0]])
    order = list(range(x.shape.rank - 1))
    order.insert(axis, x.shape.rank - 1)
    return tf.transpose(pooled, order)


# --- blocks -----------------------------------------------------------------------------------------------------------


def unfold(x: Any, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1) -> Any:
    """The windows of images, channels first, as columns: [batch, channels, h, w] -> [batch, channels * window, windows]."""
    x = tensor(x)
    window, gaps, steps = (per_axis(v, 2, n) for v, n in (
        (kernel_size, "kernel_size"), (dilation, "dilation"), (stride, "stride")))
    border = per_axis(padding, 2, "padding", allow_zero=True)
    x = tf.pad(x, [[0, 0], [0, 0], *([b, b] for b in border)])
    for axis in range(2):  # [b, c, h, w] -> [b, c, kh, nh, w] -> [b, c, kh, nh, kw, nw]
        place = 2 if axis == 0 else 4
        x = tf.gather(x, _window_places(x.shape[place], window[axis], gaps[axis], steps[axis]), axis=place)
    x = tf.transpose(x, [0, 1, 2, 4, 3, 5])
    _, channels, kh, kw, nh, nw = x.shape.as_list()
    return tf.reshape(x, [-1, channels * kh * kw, nh * nw])


def _window_places(size: int, window: int, gap: int, step: int) -> np.ndarray:
    """The places of each window's elements: [window, windows]."""
    count = (size - gap * (window - 1) - 1) // step + 1
    return (np.arange(window)[:, None] * gap + np.arange(count)[None, :] * step).astype(np.int32)


def fold(x: Any, output_size: Sizes, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1) -> Any:
    """The inverse of `unfold`: windows put back, elements that several windows hold added up."""
    x = tensor(x)
    sizes, window, gaps, steps = (per_axis(v, 2, n) for v, n in (
        (output_size, "output_size"), (kernel_size, "kernel_size"), (dilation, "dilation"), (stride, "stride")))
    border = per_axis(padding, 2, "padding", allow_zero=True)
    whole = [n + 2 * b for n, b in zip(sizes, border)]
    rows, columns = (_window_places(n, k, g, s) for n, k, g, s in zip(whole, window, gaps, steps))
    channels = x.shape[1] // (window[0] * window[1])
    x = tf.reshape(x, [-1, channels, window[0], window[1], rows.shape[1], columns.shape[1]])
    # Where each element goes along each axis, as a matrix of zeros and ones.
    by_row, by_column = (np.eye(n, dtype=np.float32)[p] for n, p in zip(whole, (rows, columns)))
    x = tf.einsum("bcijmn,imh,jnw->bchw", x, tf.constant(by_row, x.dtype), tf.constant(by_column, x.dtype))
    return x[:, :, border[0]:border[0] + sizes[0], border[1]:border[1] + sizes[1]]


@operation
def depth_to_space(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Channels spread over blocks of block_size x block_size pixels: a quarter of the channels for 2."""
    first = as_data_format(data_format) == "channels_first"
    x = tensor(x)
    x = tf.transpose(x, [0, 2, 3, 1]) if first else x
    _, height, width, channels = x.shape.as_list()
    n = block_size
    if channels % (n * n):
        raise tf.errors.InvalidArgumentError(f"The channels must be a multiple of {n * n}. Received: {channels}.")
    # With channels first, Keras reads the channels as [rest, row, column], else as [row, column, rest].
    rest = channels // (n * n)
    x = tf.reshape(x, [-1, height, width, rest, n, n] if first else [-1, height, width, n, n, rest])
    x = tf.transpose(x, [0, 3, 1, 4, 2, 5] if first else [0, 1, 3, 2, 4, 5])
    return tf.reshape(x, [-1, rest, height * n, width * n] if first else [-1, height * n, width * n, rest])


@operation
def space_to_depth(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """The inverse of `depth_to_space`."""
    first = as_data_format(data_format) == "channels_first"
    x, n = tensor(x), block_size
    height, width = x.shape.as_list()[2:] if first else x.shape.as_list()[1:3]
    channels = x.shape[1] if first else x.shape[3]
    if height % n or width % n:
        raise tf.errors.InvalidArgumentError(f"Height and width must be multiples of {n}. Received: shape {x.shape}.")
    height, width = height // n, width // n
    if first:
        x = tf.transpose(tf.reshape(x, [-1, channels, height, n, width, n]), [0, 1, 3, 5, 2, 4])
        return tf.reshape(x, [-1, channels * n * n, height, width])
    x = tf.transpose(tf.reshape(x, [-1, height, n, width, n, channels]), [0, 1, 3, 2, 4, 5])
    return tf.reshape(x, [-1, height, width, n * n * channels])
