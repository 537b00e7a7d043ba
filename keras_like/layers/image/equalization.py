"""Equalization: images whose values are evenly frequent."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.images.layout import channels_axis
from treadle.keras_like.layers.image.arguments import rescaled, value_pair
from treadle.keras_like.layers.image.base import ImageLayer


class Equalization(ImageLayer):
    """While training, each value becomes its rank: the share of the batch's pixels, channel by channel, up to its bin.

    Args:
        value_range: (low, high), of the pixel values. Default (0, 255).
        bins: how many bins values are counted in. Default 256.
        data_format: "channels_last" (default) or "channels_first".

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.Equalization()(tf.constant([[[1.0], [2.0], [90.0]]])).numpy().ravel().tolist()
    [0.0, 128.0, 255.0]
    """

    def __init__(self, value_range: Any = (0, 255), bins: int = 256, data_format: Any = None, **kwargs: Any):
        super().__init__(data_format=data_format, **kwargs)
        self.bins, self.value_range = bins, value_pair(value_range)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        return super().transform_images(images, {}, training)

    def change(self, images: Any, transformation: Any) -> Any:
        axis = channels_axis(self.data_format)
        equalized = [self._equalized(channel) for channel in tf.unstack(images, axis=axis)]
        return tf.cast(tf.stack(equalized, axis=axis), images.dtype)

    def _equalized(self, channel: Any) -> Any:
        x = rescaled(tf.cast(channel, "float32"), self.value_range, (0, 255))
        counts = self._counts(x)
        below = tf.cumsum(counts)
        lowest = tf.reduce_min(tf.where(counts > 0, below, below[-1]))  # the count of the first bin that is not empty
        ranks = tf.round((below - lowest) * 255 / tf.maximum(below[-1] - lowest, 1))
        found = tf.gather(tf.clip_by_value(ranks, 0, 255), self._bin(x / 255.0 * (self.bins - 1)))
        several = tf.math.count_nonzero(counts) > 1
        return rescaled(tf.where(several, found, x), (0, 255), self.value_range)

    def _bin(self, scaled: Any) -> Any:
        return tf.cast(tf.clip_by_value(scaled, 0, self.bins - 1), "int32")

    def _counts(self, x: Any) -> Any:
        """How many values there are in each bin."""
        places = tf.reshape(self._bin(x * (self.bins - 1) / 255), [-1])
        return tf.math.unsorted_segment_sum(tf.ones_like(places, "float32"), places, self.bins)
