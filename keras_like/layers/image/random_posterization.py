"""RandomPosterization: images with fewer bits a colour at random."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core import random
from treadle.keras_like.layers.image.arguments import factor_range, for_each_image, rescaled, value_pair
from treadle.keras_like.layers.image.base import ImageLayer, Sizes


class RandomPosterization(ImageLayer):
    """While training, each image keeps only the first of the 8 bits of each colour, as many as drawn from a range.

    Args:
        factor: two numbers of bits from 1 to 8, the second excluded, or one number f for (1, f).
        value_range: (low, high), of the pixel values. Default (0, 255).
        data_format: "channels_last" (default) or "channels_first".
        seed: an integer. Default: one that `tf.random.set_seed` decides.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.RandomPosterization((1, 1))(tf.constant([[[100.0, 200.0]]]), training=True).numpy().ravel().tolist()
    [0.0, 128.0]
    """

    def __init__(self, factor: Any, value_range: Any = (0, 255), data_format: Any = None, seed: int | None = None,
                 **kwargs: Any):
        super().__init__(data_format=data_format, **kwargs)
        self.factor, self.value_range = factor_range(factor, 1, 8), value_pair(value_range)
        self._seeded(seed)

    def draw(self, sizes: Sizes, seed: Any) -> Any:
        low, high = self.factor
        kept = (random.randint([sizes.batch], low, high, seed=seed) if low != high
                else tf.fill([sizes.batch], tf.constant(low, "int32")))
        return {"shift_factor": tf.cast(8 - kept, "uint8")}

    def change(self, images: Any, transformation: Any) -> Any:
        shift = for_each_image(transformation["shift_factor"])
        x = tf.saturate_cast(rescaled(images, self.value_range, (0, 255)), "uint8")
        x = tf.bitwise.left_shift(tf.bitwise.right_shift(x, shift), shift)
        return rescaled(tf.cast(x, images.dtype), (0, 255), self.value_range)
