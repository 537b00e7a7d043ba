"""RandomGrayscale: images without colours at random."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core import random
from treadle.keras_like.images.color import rgb_to_grayscale
from treadle.keras_like.layers.image.base import ImageLayer, Sizes


class RandomGrayscale(ImageLayer):
    """While training, each image becomes grey, in all its channels, with probability `factor`.

    Args:
        factor: from 0 to 1. Default 0.5.
        data_format: "channels_last" (default) or "channels_first".
        seed: an integer. Default: one that `tf.random.set_seed` decides.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.RandomGrayscale(1.0)(tf.ones([2, 4, 4, 3]), training=True).shape
    TensorShape([2, 4, 4, 3])
    """

    def __init__(self, factor: float = 0.5, data_format: Any = None, seed: int | None = None, **kwargs: Any):
        super().__init__(data_format=data_format, **kwargs)
        if not 0 <= factor <= 1:
            raise tf.errors.InvalidArgumentError(f"`factor` is a number from 0 to 1. Received: factor={factor!r}.")
        self.factor = factor
        self._seeded(seed)

    def draw(self, sizes: Sizes, seed: Any) -> Any:
        return random.uniform([sizes.batch, 1, 1, 1], seed=seed) < self.factor

    def change(self, images: Any, transformation: Any) -> Any:
        return tf.where(transformation, rgb_to_grayscale(images, self.data_format), images)
