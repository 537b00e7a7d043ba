"""Images of other sizes, stretched, or with their ratio of height to width kept by cutting or framing."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core.image_format import as_data_format
from treadle.keras_like.images.layout import area_axes, channels_last, height_and_width, require_images


def _least(a: Any, b: Any) -> Any:
    return min(a, b) if isinstance(a, int) and isinstance(b, int) else tf.minimum(a, b)


def _most(a: Any, b: Any) -> Any:
    return max(a, b) if isinstance(a, int) and isinstance(b, int) else tf.maximum(a, b)


def cut(images: Any, top: Any, left: Any, height: Any, width: Any, data_format: str) -> Any:
    """The part of images of a size at (top, left), which may be tensors."""
    rows, columns = (images.shape.rank + axis for axis in area_axes(data_format))
    begin: list[Any] = [0] * images.shape.rank
    size = [tf.shape(images)[i] if n is None else n for i, n in enumerate(images.shape)]
    begin[rows], begin[columns], size[rows], size[columns] = top, left, height, width
    return tf.slice(images, begin, size)


def middle_of_ratio(height: Any, width: Any, target_height: int, target_width: int) -> tuple[Any, Any, Any, Any]:
    """(top, left, height, width) of the largest part of an image, in its middle, with the ratio of a target size."""
    part_height = _most(_least(height, width * target_height // target_width), 1)
    part_width = _most(_least(width, height * target_width // target_height), 1)
    return (height - part_height) // 2, (width - part_width) // 2, part_height, part_width


def frame_of_ratio(height: Any, width: Any, target_height: int, target_width: int) -> tuple[Any, Any]:
    """How many pixels an image needs above and below, and on either side, to have the ratio of a target size."""
    whole_height = _most(height, width * target_height // target_width)
    whole_width = _most(width, height * target_width // target_height)
    return (whole_height - height) // 2, (whole_width - width) // 2


def resize(images: Any, size: Any, interpolation: str = "bilinear", antialias: bool = False,
           crop_to_aspect_ratio: bool = False, pad_to_aspect_ratio: bool = False, fill_mode: str = "constant",
           fill_value: Any = 0.0, data_format: str | None = None) -> Any:
    """Images of the size (height, width).

    Args:
        images: one image or a batch.
        interpolation: "bilinear" (default), "nearest" (keeps the dtype), "bicubic", "area", "lanczos3", "lanczos5",
            "gaussian", "mitchellcubic".
        antialias: when images become smaller, average over all pixels that one new pixel stands for.
        crop_to_aspect_ratio: cut the images to the new ratio of height to width first, rather than stretch them.
        pad_to_aspect_ratio: frame them with `fill_value` instead.
        data_format: "channels_last" (default) or "channels_first".

    >>> import treadle as tf
    >>> from treadle.keras_like.images.resizing import resize
    >>> resize(tf.ones([1, 4, 8, 3]), (2, 2), crop_to_aspect_ratio=True).shape
    TensorShape([1, 2, 2, 3])
    """
    x, layout = require_images(images), as_data_format(data_format)
    if not isinstance(size, (tuple, list)) or len(size) != 2:
        raise tf.errors.InvalidArgumentError(f"`size` holds the new height and width. Received: size={size!r}.")
    if fill_mode != "constant":
        raise tf.errors.InvalidArgumentError(f"`fill_mode` can only be 'constant'. Received: fill_mode={fill_mode!r}.")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise tf.errors.InvalidArgumentError(
            "Only one of `crop_to_aspect_ratio` and `pad_to_aspect_ratio` can be True. Received: both.")
    height, width = height_and_width(x, layout)
    if crop_to_aspect_ratio:
        x = cut(x, *middle_of_ratio(height, width, *size), layout)
    elif pad_to_aspect_ratio:
        above, beside = frame_of_ratio(height, width, *size)
        around: list[Any] = [[0, 0]] * x.shape.rank
        rows, columns = area_axes(layout)
        around[rows], around[columns] = [above, above], [beside, beside]
        x = tf.pad(x, around, constant_values=tf.cast(fill_value, x.dtype))
    kind = x.dtype if x.dtype.is_floating else tf.float32
    found = channels_last(lambda x: tf.image.resize(x, size, interpolation, antialias=antialias), x, layout)
    return found if found.dtype == x.dtype else tf.cast(found, kind)


def smart_resize(x: Any, size: Any, interpolation: str = "bilinear", data_format: str = "channels_last") -> Any:
    """Images of a size without distortion: cut to the new ratio of height to width, then resized."""
    return resize(x, tuple(size), interpolation, crop_to_aspect_ratio=True, data_format=data_format)
