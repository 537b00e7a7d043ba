"""RandomSharpness: images sharpened or smoothed at random."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core import random
from treadle.keras_like.images.filters import smoothed
from treadle.keras_like.images.layout import channels_last
from treadle.keras_like.layers.image.arguments import factor_range, for_each_image, value_pair
from treadle.keras_like.layers.image.base import ImageLayer, Sizes

_KERNEL = [[1 / 13, 1 / 13, 1 / 13], [1 / 13, 5 / 13, 1 / 13], [1 / 13, 1 / 13, 1 / 13]]


class RandomSharpness(ImageLayer):
    """While training, x + (1 - 2 f) * (smoothed - x) for each image, with f drawn from a range.

    Args:
        factor: two numbers from 0 (smooth) to 1 (sharp), with 0.5 for no change, or one number f for (0, f).
        value_range: (low, high), at which the result is cut off. Default (0, 255).
        data_format: "channels_last" (default) or "channels_first".
        seed: an integer. Default: one that `tf.random.set_seed` decides.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.RandomSharpness(0.7)(tf.ones([2, 4, 4, 3]), training=True).shape
    TensorShape([2, 4, 4, 3])
    """

    def __init__(self, factor: Any, value_range: Any = (0, 255), data_format: Any = None, seed: int | None = None,
                 **kwargs: Any):
        super().__init__(data_format=data_format, **kwargs)
        self.factor, self.value_range = factor_range(factor, 0, 1), value_pair(value_range)
        self._seeded(seed)

    def draw(self, sizes: Sizes, seed: Any) -> Any:
        return {"factor": random.uniform([sizes.batch], *self.factor, seed=seed)}

    def change(self, images: Any, transformation: Any) -> Any:
        factor = for_each_image(tf.cast(transformation["factor"] * 2, images.dtype))
        smooth = channels_last(lambda x: smoothed(x, tf.constant(_KERNEL, x.dtype)), images, self.data_format)
        return tf.clip_by_value(images + (1 - factor) * (smooth - images), *self.value_range)
