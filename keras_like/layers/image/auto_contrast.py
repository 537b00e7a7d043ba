"""AutoContrast: images stretched over the whole range of values."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.images.layout import area_axes
from treadle.keras_like.layers.image.arguments import rescaled, value_pair
from treadle.keras_like.layers.image.base import ImageLayer


class AutoContrast(ImageLayer):
    """Each channel of each image is stretched so that its values reach from low to high; a flat one stays as it is.

    Args:
        value_range: (low, high), of the pixel values. Default (0, 255).

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.AutoContrast()(tf.constant([[[10.0], [15.0], [20.0]]])).numpy().ravel().tolist()
    [0.0, 127.5, 255.0]
    """

    def __init__(self, value_range: Any = (0, 255), **kwargs: Any):
        super().__init__(**kwargs)
        self.value_range = value_pair(value_range)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        return super().transform_images(images, {}, True)

    def change(self, images: Any, transformation: Any) -> Any:
        x = rescaled(images, self.value_range, (0, 255))
        axes = area_axes(self.data_format)
        low, high = tf.reduce_min(x, axes, keepdims=True), tf.reduce_max(x, axes, keepdims=True)
        scale = 255.0 / tf.where(high > low, high - low, tf.ones_like(low))
        stretched = rescaled(tf.clip_by_value(x * scale - low * scale, 0.0, 255.0), (0, 255), self.value_range)
        return tf.where(high > low, stretched, images)
