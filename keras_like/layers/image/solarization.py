"""Solarization: images whose light parts become negatives."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core import random
from treadle.keras_like.layers.image.arguments import factor_range, rescaled, value_pair
from treadle.keras_like.layers.image.base import ImageLayer, Sizes


class Solarization(ImageLayer):
    """While training, x + addition, turned into 255 - (x + addition) where that is at least a threshold.

    Args:
        addition_factor: two numbers from 0 to 1, or one number f for (0, f). What is added is drawn from
            [first, 255 * second). Default 0.
        threshold_factor: likewise, for the threshold. Default 0.
        value_range: (low, high), of the pixel values. Default (0, 255).
        seed: an integer. Default: one that `tf.random.set_seed` decides.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.Solarization()(tf.constant([[[55.0]]]), training=True).numpy().ravel().tolist()
    [200.0]
    """

    def __init__(self, addition_factor: Any = 0.0, threshold_factor: Any = 0.0, value_range: Any = (0, 255),
                 seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.addition_factor = factor_range(addition_factor, 0, 1, "addition_factor", strict=True)
        self.threshold_factor = factor_range(threshold_factor, 0, 1, "threshold_factor", strict=True)
        self.value_range = value_pair(value_range)
        self._seeded(seed)

    def draw(self, sizes: Sizes, seed: Any) -> Any:
        return {name: random.uniform([sizes.batch, 1, 1, 1], low, high * 255, dtype=self.compute_dtype, seed=seed)
                for name, (low, high) in (("additions", self.addition_factor), ("thresholds", self.threshold_factor))}

    def change(self, images: Any, transformation: Any) -> Any:
        x = rescaled(images, self.value_range, (0, 255)) + transformation["additions"]
        x = tf.clip_by_value(x, 0, 255)
        return rescaled(tf.where(x < transformation["thresholds"], x, 255 - x), (0, 255), self.value_range)
