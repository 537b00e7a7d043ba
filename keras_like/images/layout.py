"""Images as one batch with the channels last, whatever they come as, and their sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import treadle as tf
from treadle.keras_like.core.image_format import as_data_format


def size_of(x: Any, axis: int) -> Any:
    """The size of an axis: an integer, or a scalar tensor where it is open while tracing."""
    known = x.shape[axis]
    return tf.shape(x)[axis] if known is None else known


def require_images(x: Any, name: str = "images") -> Any:
    """The tensor, of rank 3 (one image) or 4 (a batch). Raises InvalidArgumentError for other ranks."""
    x = tf.convert_to_tensor(x)
    if x.shape.rank not in (3, 4):
        raise tf.errors.InvalidArgumentError(
            f"`{name}` is one image (rank 3) or a batch of images (rank 4). Received: a tensor of shape {tuple(x.shape)}.")
    return x


def channels_axis(data_format: str) -> int:
    """Where the channels are, counted from the end."""
    return -1 if data_format == "channels_last" else -3


def area_axes(data_format: str) -> tuple[int, int]:
    """Where height and width are, counted from the end."""
    return (-3, -2) if data_format == "channels_last" else (-2, -1)


def height_and_width(x: Any, data_format: str) -> tuple[Any, Any]:
    """The sizes of the images: integers, or scalar tensors where they are open."""
    rows, columns = area_axes(data_format)
    return size_of(x, x.shape.rank + rows), size_of(x, x.shape.rank + columns)


def channels_last(function: Callable[[Any], Any], images: Any, data_format: Any = None) -> Any:
    """`function` of a batch [batch, height, width, channels], for images in another layout or without a batch."""
    x, layout = require_images(images), as_data_format(data_format)
    single = x.shape.rank == 3
    x = x[None] if single else x
    result = function(x) if layout == "channels_last" else tf.transpose(function(tf.transpose(x, [0, 2, 3, 1])), [0, 3, 1, 2])
    return result[0] if single else result
