"""`tf.nn.max_pool`, `tf.nn.avg_pool` and their relatives, for one, two and three spatial axes."""

from __future__ import annotations

from typing import Any

from treadle.ir import dtypes, errors
from treadle.ir.ops import pooling as ops
from treadle.runtime.composites.image_layout import as_padding, is_channels_first, over_images, per_axis
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.tensor import Tensor


def _geometry(rank: int, ksize: Any, strides: Any, padding: Any, data_format: str | None,
              dilations: Any = None) -> dict[str, Any]:
    first = is_channels_first(data_format, rank)
    return {"window": per_axis(ksize, rank, first, "ksize"), "strides": per_axis(strides, rank, first, "strides"),
            "padding": as_padding(padding, rank, first),
            "dilations": per_axis(dilations, rank, first, "dilations"), "channels_first": first}


def _pooled(op: Any, input: Any, rank: int | None, ksize: Any, strides: Any, padding: Any, data_format: str | None,
            dilations: Any = None) -> Tensor:
    x = convert_to_tensor(input)
    if rank is None:
        rank = len(data_format) - 2 if isinstance(data_format, str) else x.type.rank - 2
    if not 1 <= rank <= 3 or x.type.rank < rank + 2:
        raise errors.InvalidArgumentError(
            f"Pooling takes [batch, *sizes, channels] with 1 to 3 sizes. Received: shape {x.shape}.")
    geometry = _geometry(rank, ksize, strides, padding, data_format, dilations)
    return over_images(lambda images: op(images, **geometry), x, rank)


def max_pool(input: Any, ksize: Any, strides: Any, padding: Any, data_format: str | None = None,
             name: str | None = None) -> Tensor:
    """The largest element of each window of [batch, *sizes, channels], with 1 to 3 spatial axes.

    Args:
        input: the images.
        ksize: the window's size: an integer, or one for each spatial axis.
        strides: the step from window to window, likewise.
        padding: "VALID", "SAME", or a list of [before, after], one for each axis. Padding never wins.
        data_format: "NWC", "NHWC", "NDHWC" (default) or "NCW", "NCHW", "NCDHW".

    The gradient goes to the first of several largest elements.

    >>> import treadle as tf
    >>> tf.nn.max_pool([[[1.0], [3.0], [2.0]]], ksize=2, strides=1, padding="VALID").numpy().tolist()
    [[[3.0], [3.0]]]
    """
    return _pooled(ops.max_pool_op, input, None, ksize, strides, padding, data_format)


def avg_pool(input: Any, ksize: Any, strides: Any, padding: Any, data_format: str | None = None,
             name: str | None = None) -> Tensor:
    """The mean of each window of [batch, *sizes, channels]; padding does not count. Arguments as for `max_pool`.

    >>> import treadle as tf
    >>> tf.nn.avg_pool([[[1.0], [3.0], [2.0]]], ksize=2, strides=1, padding="VALID").numpy().tolist()
    [[[2.0], [2.5]]]
    """
    return _pooled(ops.avg_pool_op, input, None, ksize, strides, padding, data_format)


def max_pool1d(input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NWC",
               name: str | None = None) -> Tensor:
    """`max_pool` of [batch, width, channels]."""
    return _pooled(ops.max_pool_op, input, 1, ksize, strides, padding, data_format)


def max_pool2d(input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NHWC",
               name: str | None = None) -> Tensor:
    """`max_pool` of [batch, height, width, channels].

    >>> import treadle as tf
    >>> tf.nn.max_pool2d(tf.ones([1, 5, 5, 2]), 2, 2, "SAME").shape
    TensorShape([1, 3, 3, 2])
    """
    return _pooled(ops.max_pool_op, input, 2, ksize, strides, padding, data_format)


def max_pool3d(input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NDHWC",
               name: str | None = None) -> Tensor:
    """`max_pool` of [batch, depth, height, width, channels]."""
    return _pooled(ops.max_pool_op, input, 3, ksize, strides, padding, data_format)


def avg_pool1d(input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NWC",
               name: str | None = None) -> Tensor:
    """`avg_pool` of [batch, width, channels]."""
    return _pooled(ops.avg_pool_op, input, 1, ksize, strides, padding, data_format)


def avg_pool2d(input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NHWC",
               name: str | None = None) -> Tensor:
    """`avg_pool` of [batch, height, width, channels]."""
    return _pooled(ops.avg_pool_op, input, 2, ksize, strides, padding, data_format)


def avg_pool3d(input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NDHWC",
               name: str | None = None) -> Tensor:
    """`avg_pool` of [batch, depth, height, width, channels]."""
    return _pooled(ops.avg_pool_op, input, 3, ksize, strides, padding, data_format)


def pool(input: Any, window_shape: Any, pooling_type: str, strides: Any = None, padding: Any = "VALID",
         data_format: str | None = None, dilations: Any = None, name: str | None = None) -> Tensor:
    """`max_pool` or `avg_pool` (`pooling_type` "MAX" or "AVG"), with windows whose elements are `dilations` apart."""
    found = {"MAX": ops.max_pool_op, "AVG": ops.avg_pool_op}
    if pooling_type not in found:
        raise errors.InvalidArgumentError(f"`pooling_type` must be 'MAX' or 'AVG'. Received: {pooling_type!r}.")
    return _pooled(found[pooling_type], input, None, window_shape, strides, padding, data_format, dilations)


def max_pool_with_argmax(input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NHWC",
                         output_dtype: Any = dtypes.int64, include_batch_in_index: bool = False,
                         name: str | None = None) -> tuple[Tensor, Tensor]:
    """`max_pool2d` and where each maximum stands: (y * width + x) * channels + c in its image.

    With `include_batch_in_index` the place is counted through the whole batch.

    >>> import treadle as tf
    >>> values, places = tf.nn.max_pool_with_argmax([[[[1.0], [5.0]]]], ksize=[1, 2], strides=1, padding="VALID")
    >>> values.numpy().item(), places.numpy().item()
    (5.0, 1)
    """
    x = convert_to_tensor(input)
    if data_format != "NHWC" or x.type.rank != 4:
        raise errors.InvalidArgumentError(
            f"`max_pool_with_argmax` takes images in the format NHWC. Received: data_format={data_format!r}, input of "
            f"shape {x.shape}.")
    geometry = _geometry(2, ksize, strides, padding, data_format)
    places = ops.max_pool_argmax(x, include_batch=include_batch_in_index, dtype=output_dtype, **geometry)
    return ops.max_pool_op(x, **geometry), places


errors.shield(globals())
