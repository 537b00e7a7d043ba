"""RandomColorDegeneration: images with paler colours at random."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core import random
from treadle.keras_like.images.color import rgb_to_grayscale
from treadle.keras_like.layers.image.arguments import factor_range, value_pair
from treadle.keras_like.layers.image.base import ImageLayer, Sizes


class RandomColorDegeneration(ImageLayer):
    """While training, x + f * (grey - x) for each image, with f drawn from a range.

    Args:
        factor: two numbers from -1 (stronger colours) over 0 (no change) to 1 (grey), or one number f for (-f, f).
        value_range: (low, high), at which the result is cut off. Default (0, 255).
        data_format: "channels_last" (default) or "channels_first".
        seed: an integer. Default: one that `tf.random.set_seed` decides.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.RandomColorDegeneration(0.5)(tf.ones([2, 4, 4, 3]), training=True).shape
    TensorShape([2, 4, 4, 3])
    """

    def __init__(self, factor: Any, value_range: Any = (0, 255), data_format: Any = None, seed: int | None = None,
                 **kwargs: Any):
        super().__init__(data_format=data_format, **kwargs)
        self.factor, self.value_range = factor_range(factor, -1, 1), value_pair(value_range)
        self._seeded(seed)

    def draw(self, sizes: Sizes, seed: Any) -> Any:
        return {"factor": random.uniform([sizes.batch, 1, 1, 1], *self.factor, seed=seed)}

    def change(self, images: Any, transformation: Any) -> Any:
        gray = rgb_to_grayscale(images, self.data_format)
        factor = tf.cast(transformation["factor"], images.dtype)
        return tf.clip_by_value(images + factor * (gray - images), *self.value_range)
