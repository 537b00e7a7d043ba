"""RandomSaturation: images with stronger or paler colours at random."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core import random
from treadle.keras_like.core.epsilon import epsilon
from treadle.keras_like.images.color import hsv_to_rgb, rgb_to_hsv
from treadle.keras_like.images.layout import channels_axis
from treadle.keras_like.layers.image.arguments import factor_range, value_pair
from treadle.keras_like.layers.image.base import ImageLayer, Sizes


class RandomSaturation(ImageLayer):
    """While training, the saturation of each image is multiplied by f / (1 - f), with f drawn from a range.

    Args:
        factor: two numbers up to 1, with 0.5 for no change and 0 or less for grey, or one number f for (-f, f).
        value_range: (low, high), at which the saturation is cut off. Default (0, 255).
        data_format: "channels_last" (default) or "channels_first".
        seed: an integer. Default: one that `tf.random.set_seed` decides.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.RandomSaturation((0.0, 0.0))(tf.constant([[[3.0, 1.0, 2.0]]]), training=True).numpy().ravel().tolist()
    [3.0, 3.0, 3.0]
    """

    def __init__(self, factor: Any, value_range: Any = (0, 255), data_format: Any = None, seed: int | None = None,
                 **kwargs: Any):
        super().__init__(data_format=data_format, **kwargs)
        self.factor, self.value_range = factor_range(factor, -1, 1), value_pair(value_range)
        self._seeded(seed)

    def draw(self, sizes: Sizes, seed: Any) -> Any:
        drawn = random.uniform([sizes.batch], *self.factor, seed=seed)
        return {"factor": drawn / (1 - drawn + epsilon())}

    def change(self, images: Any, transformation: Any) -> Any:
        axis = channels_axis(self.data_format)
        hue, saturation, value = tf.unstack(rgb_to_hsv(images, self.data_format), axis=axis)
        factor = tf.cast(transformation["factor"], images.dtype)[:, None, None]
        saturation = tf.clip_by_value(saturation * factor, *self.value_range)
        return hsv_to_rgb(tf.stack([hue, saturation, value], axis=axis), self.data_format)
