"""RandomBrightness: images made lighter or darker at random."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core import random
from treadle.keras_like.layers.image.arguments import factor_range, value_pair
from treadle.keras_like.layers.image.base import ImageLayer, Sizes


class RandomBrightness(ImageLayer):
    """While training, x + f * (high - low) for each image, with f drawn from a range; cut off at low and high.

    Args:
        factor: two numbers from -1 to 1, or one number f for (-f, f).
        value_range: (low, high), of the pixel values. Default (0, 255).
        seed: an integer. Default: one that `tf.random.set_seed` decides.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.RandomBrightness((0.5, 0.5), value_range=(0, 1))(tf.zeros([1, 1, 2])).numpy().ravel().tolist()
    [0.5, 0.5]
    """

    def __init__(self, factor: Any, value_range: Any = (0, 255), seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.factor, self.value_range = factor_range(factor, -1, 1), value_pair(value_range)
        self._seeded(seed)

    def draw(self, sizes: Sizes, seed: Any) -> Any:
        low, high = self.value_range
        return {"rgb_delta": random.uniform([sizes.batch, 1, 1, 1], *self.factor, seed=seed) * (high - low)}

    def change(self, images: Any, transformation: Any) -> Any:
        return tf.clip_by_value(images + tf.cast(transformation["rgb_delta"], images.dtype), *self.value_range)
