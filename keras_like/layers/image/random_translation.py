"""RandomTranslation: images moved at random."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core import random
from treadle.keras_like.layers.image.affine import AffineLayer, as_rows
from treadle.keras_like.layers.image.arguments import factor_range
from treadle.keras_like.layers.image.base import Sizes


class RandomTranslation(AffineLayer):
    """While training, each image is moved down and to the right by shares of its size drawn from ranges.

    Args:
        height_factor: two numbers from -1 to 1 (negative: up), or one number f for (-f, f).
        width_factor: likewise (negative: to the left).
        Others as for `RandomRotation`.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> layer = keras.layers.RandomTranslation(0.0, (0.5, 0.5), fill_mode="constant")
    >>> layer(tf.constant([[[1.0], [2.0], [3.0], [4.0]]]), training=True).numpy().ravel().tolist()
    [0.0, 0.0, 1.0, 2.0]
    """

    def __init__(self, height_factor: Any, width_factor: Any, fill_mode: str = "reflect", interpolation: str = "bilinear",
                 seed: int | None = None, fill_value: float = 0.0, data_format: Any = None, **kwargs: Any):
        super().__init__(data_format=data_format, **kwargs)
        self.height_factor, self.width_factor = height_factor, width_factor
        self._down = factor_range(height_factor, -1, 1, "height_factor", strict=True)
        self._right = factor_range(width_factor, -1, 1, "width_factor", strict=True)
        self._seeded(seed)
        self._filled(fill_mode, interpolation, fill_value)

    def draw(self, sizes: Sizes, seed: Any) -> Any:
        down = random.uniform([sizes.batch, 1], *self._down, seed=seed) * tf.cast(sizes.height, "float32")
        right = random.uniform([sizes.batch, 1], *self._right, seed=seed) * tf.cast(sizes.width, "float32")
        return {"translations": tf.cast(tf.concat([right, down], axis=1), "float32"), "image_height": sizes.height,
                "image_width": sizes.width}

    def matrix(self, transformation: Any, height: Any, width: Any) -> Any:
        moves = transformation["translations"]
        return as_rows(1, 0, -moves[:, 0], 0, 1, -moves[:, 1], 0, 0)

    def moved_boxes(self, boxes: Any, transformation: Any, height: Any, width: Any) -> Any:
        moves = transformation["translations"]
        return boxes + tf.concat([moves, moves], axis=1)[:, None, :]
