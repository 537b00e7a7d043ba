"""RandomContrast: images with more or less contrast at random."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core import random
from treadle.keras_like.images.layout import area_axes
from treadle.keras_like.layers.image.arguments import factor_range
from treadle.keras_like.layers.image.base import ImageLayer, Sizes


class RandomContrast(ImageLayer):
    """While training, (x - mean) * f + mean with the mean of each channel of each image, f drawn from [1 - lower, 1 + upper).

    Args:
        factor: (lower, upper), from 0 to 1, or one number: (0, f).
        value_range: (low, high), at which the result is cut off. Default (0, 255).
        seed: an integer. Default: one that `tf.random.set_seed` decides.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.RandomContrast(0.2)(tf.ones([2, 4, 4, 3]), training=True).shape
    TensorShape([2, 4, 4, 3])
    """

    def __init__(self, factor: Any, value_range: Any = (0, 255), seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.factor, self.value_range = factor_range(factor, 0, 1), value_range
        self._seeded(seed)

    def draw(self, sizes: Sizes, seed: Any) -> Any:
        lower, upper = self.factor
        return {"contrast_factor": random.uniform([sizes.batch, 1, 1, 1], 1.0 - lower, 1.0 + upper, seed=seed)}

    def change(self, images: Any, transformation: Any) -> Any:
        mean = tf.reduce_mean(images, area_axes(self.data_format), keepdims=True)
        factor = tf.cast(transformation["contrast_factor"], images.dtype)
        return tf.clip_by_value((images - mean) * factor + mean, *self.value_range)
