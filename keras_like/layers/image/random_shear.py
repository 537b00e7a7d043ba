"""RandomShear: images slanted at random."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core import random
from treadle.keras_like.layers.image.affine import AffineLayer, as_rows
from treadle.keras_like.layers.image.arguments import factor_range
from treadle.keras_like.layers.image.base import Sizes
from treadle.keras_like.utils.bounding_boxes import around


class RandomShear(AffineLayer):
    """While training, pixel (x, y) of each image is the input's at (x + f y, y + g x), with f and g drawn from ranges.

    Args:
        x_factor: two numbers from 0 to 1, whose sign is drawn too, or one number f for (-f, f). Default 0.
        y_factor: likewise. Default 0.
        Others as for `RandomRotation`.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.RandomShear(0.3, 0.2)(tf.ones([2, 8, 8, 3]), training=True).shape
    TensorShape([2, 8, 8, 3])
    """

    def __init__(self, x_factor: Any = 0.0, y_factor: Any = 0.0, interpolation: str = "bilinear", fill_mode: str = "reflect",
                 fill_value: float = 0.0, data_format: Any = None, seed: int | None = None, **kwargs: Any):
        super().__init__(data_format=data_format, **kwargs)
        self.x_factor, self.y_factor = x_factor, y_factor
        self._across, self._down = _slants(x_factor, "x_factor"), _slants(y_factor, "y_factor")
        self._seeded(seed)
        self._filled(fill_mode, interpolation, fill_value)

    def draw(self, sizes: Sizes, seed: Any) -> Any:
        backwards = random.uniform([sizes.batch, 1], dtype=self.compute_dtype, seed=seed) > 0.5
        down = random.uniform([sizes.batch, 1], *self._down, dtype=self.compute_dtype, seed=seed)
        across = random.uniform([sizes.batch, 1], *self._across, dtype=self.compute_dtype, seed=seed)
        slants = tf.concat([across, down], axis=1)
        return {"shear_factor": tf.where(backwards, -slants, slants), "image_height": sizes.height,
                "image_width": sizes.width}

    def matrix(self, transformation: Any, height: Any, width: Any) -> Any:
        slants = transformation["shear_factor"]
        return as_rows(1, slants[:, 0], 0, slants[:, 1], 1, 0, 0, 0)

    def moved_boxes(self, boxes: Any, transformation: Any, height: Any, width: Any) -> Any:
        f, g = (tf.cast(transformation["shear_factor"][:, i], "float32")[:, None, None] for i in range(2))
        scale = 1 / (1 - f * g)
        return around(boxes, lambda x, y: ((x - f * y) * scale, (y - g * x) * scale))


def _slants(factor: Any, name: str) -> tuple[float, float]:
    if isinstance(factor, (int, float)):
        upper = factor_range(factor, 0, 1, name)[1]
        return -upper, upper
    return factor_range(factor, -1, 1, name, strict=True)  # what a configuration of Keras holds may be negative
