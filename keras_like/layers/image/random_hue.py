"""RandomHue: images with their colours turned at random."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core import random
from treadle.keras_like.images.color import hsv_to_rgb, rgb_to_hsv
from treadle.keras_like.images.layout import channels_axis
from treadle.keras_like.layers.image.arguments import factor_range, rescaled
from treadle.keras_like.layers.image.base import ImageLayer, Sizes


class RandomHue(ImageLayer):
    """While training, the hue of each image turns by f / 2 of the colour circle, in either direction, f drawn from a range.

    Args:
        factor: two numbers from 0 to 1, or one number f for (0, f).
        value_range: (low, high), of the pixel values. Default (0, 255).
        data_format: "channels_last" (default) or "channels_first".
        seed: an integer. Default: one that `tf.random.set_seed` decides.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.RandomHue(0.2)(tf.ones([2, 4, 4, 3]), training=True).shape
    TensorShape([2, 4, 4, 3])
    """

    def __init__(self, factor: Any, value_range: Any = (0, 255), data_format: Any = None, seed: int | None = None,
                 **kwargs: Any):
        super().__init__(data_format=data_format, **kwargs)
        self.factor, self.value_range = factor_range(factor, 0, 1), value_range
        self._seeded(seed)

    def draw(self, sizes: Sizes, seed: Any) -> Any:
        backwards = random.uniform([sizes.batch], seed=seed) > 0.5
        turn = random.uniform([sizes.batch], *self.factor, seed=seed) * 0.5
        return {"factor": tf.where(backwards, -turn, turn)}

    def change(self, images: Any, transformation: Any) -> Any:
        axis = channels_axis(self.data_format)
        hue, saturation, value = tf.unstack(rgb_to_hsv(rescaled(images, self.value_range, (0, 1)), self.data_format), axis=axis)
        hue = hue + tf.cast(transformation["factor"], images.dtype)[:, None, None]
        colors = hsv_to_rgb(tf.stack([hue, saturation, value], axis=axis), self.data_format)
        return rescaled(tf.clip_by_value(colors, 0, 1), (0, 1), self.value_range)
