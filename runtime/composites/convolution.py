"""`tf.nn.convolution` and its relatives, for one, two and three spatial axes."""

from __future__ import annotations

from typing import Any

from treadle.ir import dims, errors
from treadle.ir.attributes import as_shape
from treadle.ir.ops import convolution as ops
from treadle.ir.ops.arrays import reshape
from treadle.ir.ops.windows import channels_of
from treadle.runtime.composites.image_layout import as_padding, is_channels_first, over_images, per_axis
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.tensor import Tensor


def _operands(input: Any, filters: Any, rank: int | None = None) -> tuple[Tensor, Tensor, int]:
    w = convert_to_tensor(filters)
    x = convert_to_tensor(input, dtype_hint=w.dtype)
    found = w.type.rank - 2
    if found < 1 or (rank is not None and found != rank) or x.type.rank < found + 2:
        expected = f"filters of rank {rank + 2}" if rank is not None else "filters of rank 3 to 5"
        raise errors.InvalidArgumentError(
            f"Expected {expected} and an input of at least that rank. Received: input of shape {x.shape}, filters of "
            f"shape {w.shape}.")
    return x, w, found


def _convolution(input: Any, filters: Any, strides: Any, padding: Any, data_format: str | None, dilations: Any,
                 rank: int | None = None) -> Tensor:
    x, w, rank = _operands(input, filters, rank)
    first = is_channels_first(data_format, rank)
    how = {"strides": per_axis(strides, rank, first, "strides"), "padding": as_padding(padding, rank, first),
           "dilations": per_axis(dilations, rank, first, "dilations"), "channels_first": first}

    def convolved(x: Tensor) -> Tensor:
        channels, taken = channels_of(x.type, first), w.type.shape[-2]
        # Filters that take fewer channels than there are: each group of channels has filters of its own.
        groups = 1 if not taken else dims.floordiv(channels, taken)
        return ops.convolution(x, w, groups=groups, **how)

    return over_images(convolved, x, rank)


def convolution(input: Any, filters: Any, strides: Any = None, padding: Any = "VALID", data_format: str | None = None,
                dilations: Any = None, name: str | None = None) -> Tensor:
    """The convolution of `input` [batch, *sizes, channels] with `filters` [*window, channels, outputs].

    y[n, o, c] = sum over k, i of x[n, o * stride + k * dilation - pad, i] w[k, i, c]

    Args:
        input: the images; their rank is that of the filters, or higher (then the first axes together are the batch).
        filters: of the dtype of `input`. If they take a g-th of its channels, there are g groups.
        strides: an integer, or one for each spatial axis. Default 1.
        padding: "VALID" (default), "SAME", or a list of [before, after], one for each axis of the input.
        data_format: "NWC", "NHWC", "NDHWC" (default) or "NCW", "NCHW", "NCDHW".
        dilations: an integer, or one for each spatial axis: the distance between the window's elements. Default 1.

    Raises:
        InvalidArgumentError: channels or sizes that do not fit together.

    >>> import treadle as tf
    >>> tf.nn.convolution(tf.ones([1, 4, 4, 2]), tf.ones([3, 3, 2, 5])).shape
    TensorShape([1, 2, 2, 5])
    """
    return _convolution(input, filters, strides, padding, data_format, dilations)


def conv1d(input: Any, filters: Any, stride: Any, padding: Any, data_format: str = "NWC", dilations: Any = None,
           name: str | None = None) -> Tensor:
    """`convolution` over one axis: input [batch, width, channels], filters [window, channels, outputs].

    >>> import treadle as tf
    >>> tf.nn.conv1d(tf.ones([1, 5, 1]), tf.ones([2, 1, 1]), 1, "VALID").shape
    TensorShape([1, 4, 1])
    """
    return _convolution(input, filters, stride, padding, data_format, dilations, 1)


def conv2d(input: Any, filters: Any, strides: Any, padding: Any, data_format: str = "NHWC", dilations: Any = None,
           name: str | None = None) -> Tensor:
    """`convolution` over two axes: input [batch, height, width, channels], filters [h, w, channels, outputs].

    >>> import treadle as tf
    >>> tf.nn.conv2d(tf.ones([1, 4, 4, 1]), tf.ones([3, 3, 1, 8]), strides=2, padding="SAME").shape
    TensorShape([1, 2, 2, 8])
    """
    return _convolution(input, filters, strides, padding, data_format, dilations, 2)


def conv3d(input: Any, filters: Any, strides: Any, padding: Any, data_format: str = "NDHWC", dilations: Any = None,
           name: str | None = None) -> Tensor:
    """`convolution` over three axes: input [batch, depth, height, width, channels], filters [d, h, w, in, out]."""
    return _convolution(input, filters, strides, padding, data_format, dilations, 3)


# --- transposed -----------------------------------------------------------------------------------------------------


def _transposed(input: Any, filters: Any, output_shape: Any, strides: Any, padding: Any, data_format: str | None,
                dilations: Any, rank: int | None = None) -> Tensor:
    g, w, rank = _operands(input, filters, rank)
    first = is_channels_first(data_format, rank)
    return ops.convolution_input_gradient(
        w, g, shape=as_shape(output_shape), strides=per_axis(strides, rank, first, "strides"),
        padding=as_padding(padding, rank, first), dilations=per_axis(dilations, rank, first, "dilations"), groups=1,
        channels_first=first)


def conv_transpose(input: Any, filters: Any, output_shape: Any, strides: Any, padding: Any = "SAME",
                   data_format: str | None = None, dilations: Any = None, name: str | None = None) -> Tensor:
    """The transpose of `convolution`: the input of shape `output_shape` that `input` is the cotangent of.

    `filters` have the shape [*window, outputs, channels]: that of the convolution from output to input.

    >>> import treadle as tf
    >>> tf.nn.conv_transpose(tf.ones([1, 2, 2, 3]), tf.ones([2, 2, 5, 3]), [1, 4, 4, 5], strides=2).shape
    TensorShape([1, 4, 4, 5])
    """
    return _transposed(input, filters, output_shape, strides, padding, data_format, dilations)


def conv1d_transpose(input: Any, filters: Any, output_shape: Any, strides: Any, padding: Any = "SAME",
                     data_format: str = "NWC", dilations: Any = None, name: str | None = None) -> Tensor:
    """`conv_transpose` over one axis."""
    return _transposed(input, filters, output_shape, strides, padding, data_format, dilations, 1)


def conv2d_transpose(input: Any, filters: Any, output_shape: Any, strides: Any, padding: Any = "SAME",
                     data_format: str = "NHWC", dilations: Any = None, name: str | None = None) -> Tensor:
    """`conv_transpose` over two axes."""
    return _transposed(input, filters, output_shape, strides, padding, data_format, dilations, 2)


def conv3d_transpose(input: Any, filters: Any, output_shape: Any, strides: Any, padding: Any = "SAME",
                     data_format: str = "NDHWC", dilations: Any = None, name: str | None = None) -> Tensor:
    """`conv_transpose` over three axes."""
    return _transposed(input, filters, output_shape, strides, padding, data_format, dilations, 3)


def atrous_conv2d(value: Any, filters: Any, rate: int, padding: Any, name: str | None = None) -> Tensor:
    """`conv2d` whose window's elements are `rate` apart."""
    return _convolution(value, filters, 1, padding, "NHWC", rate, 2)


def atrous_conv2d_transpose(value: Any, filters: Any, output_shape: Any, rate: int, padding: Any,
                            name: str | None = None) -> Tensor:
    """The transpose of `atrous_conv2d`."""
    return _transposed(value, filters, output_shape, 1, padding, "NHWC", rate, 2)


# --- by channel -----------------------------------------------------------------------------------------------------


def depthwise_conv2d(input: Any, filter: Any, strides: Any, padding: Any, data_format: str | None = None,
                     dilations: Any = None, name: str | None = None) -> Tensor:
    """Each channel convolved with filters of its own: filter [h, w, channels, m] gives channels * m outputs.

    >>> import treadle as tf
    >>> tf.nn.depthwise_conv2d(tf.ones([1, 4, 4, 3]), tf.ones([2, 2, 3, 2]), [1, 1, 1, 1], "SAME").shape
    TensorShape([1, 4, 4, 6])
    """
    x, w, _ = _operands(input, filter, 2)
    channels = channels_of(x.type, is_channels_first(data_format, 2))
    if dims.is_known(channels, w.type.shape[2]) and channels != w.type.shape[2]:
        raise errors.InvalidArgumentError(
            f"`filter` must have one entry for each channel of the input. Received: input of shape {x.shape}, filter "
            f"of shape {w.shape}.")
    height, width, inputs, multiplier = w.type.shape
    return _convolution(x, reshape(w, (height, width, 1, inputs * multiplier)), strides, padding, data_format,
                        dilations, 2)


def separable_conv2d(input: Any, depthwise_filter: Any, pointwise_filter: Any, strides: Any, padding: Any,
                     data_format: str | None = None, dilations: Any = None, name: str | None = None) -> Tensor:
    """`depthwise_conv2d`, then a 1 x 1 convolution with `pointwise_filter` [1, 1, channels * m, outputs]."""
    deep = depthwise_conv2d(input, depthwise_filter, strides, padding, data_format, dilations)
    return _convolution(deep, pointwise_filter, 1, "VALID", data_format, 1, 2)


errors.shield(globals())
