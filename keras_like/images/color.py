"""Colour spaces, for images in both layouts."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core.image_format import as_data_format
from treadle.keras_like.images.layout import channels_axis, channels_last, require_images


def rgb_to_grayscale(images: Any, data_format: str | None = None) -> Any:
    """0.2989 red + 0.587 green + 0.114 blue as one channel, of the images' dtype; one channel stays as it is.

    >>> import treadle as tf
    >>> from treadle.keras_like.images.color import rgb_to_grayscale
    >>> rgb_to_grayscale(tf.ones([4, 4, 3])).shape
    TensorShape([4, 4, 1])
    """
    x, layout = require_images(images), as_data_format(data_format)
    axis = channels_axis(layout)
    if x.shape[axis] not in (1, 3):
        raise tf.errors.InvalidArgumentError(
            f"Images have 3 channels, or 1. Received: images of shape {tuple(x.shape)}, data_format={layout!r}.")
    if x.shape[axis] == 1:
        return x
    weights = tf.constant([[0.2989], [0.587], [0.114]], x.dtype if x.dtype.is_floating else tf.float32)
    return channels_last(lambda x: tf.cast(tf.tensordot(tf.cast(x, weights.dtype), weights, 1), x.dtype), x, layout)


def rgb_to_hsv(images: Any, data_format: str | None = None) -> Any:
    """Hue (one turn is 1), saturation and value of floating images with numbers from 0 to 1."""
    return channels_last(tf.image.rgb_to_hsv, _floating(images), data_format)


def hsv_to_rgb(images: Any, data_format: str | None = None) -> Any:
    """The inverse of `rgb_to_hsv`."""
    return channels_last(tf.image.hsv_to_rgb, _floating(images), data_format)


def _floating(images: Any) -> Any:
    x = require_images(images)
    if not x.dtype.is_floating:
        raise tf.errors.InvalidArgumentError(f"Images must have a floating dtype. Received: {x.dtype.name}.")
    return x
