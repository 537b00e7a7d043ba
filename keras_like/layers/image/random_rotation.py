"""RandomRotation: images turned at random."""

from __future__ import annotations

import math
from typing import Any

import treadle as tf
from treadle.keras_like.core import random
from treadle.keras_like.layers.image.affine import AffineLayer, as_rows
from treadle.keras_like.layers.image.arguments import factor_range
from treadle.keras_like.layers.image.base import Sizes
from treadle.keras_like.utils.bounding_boxes import affine_transform


class RandomRotation(AffineLayer):
    """While training, each image is turned around its middle by an angle drawn from a range.

    Args:
        factor: two numbers from -1 to 1, as shares of a full turn (positive: counter-clockwise), or one number f for
            (-f, f).
        fill_mode: what the image goes on with beyond its edges: "reflect" (default), "wrap", "constant" (`fill_value`) or
            "nearest" (the edge's pixel).
        interpolation: "bilinear" (default) or "nearest".
        seed: an integer. Default: one that `tf.random.set_seed` decides.
        fill_value: default 0.
        data_format: "channels_last" (default) or "channels_first".

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.RandomRotation(0.2)(tf.ones([2, 8, 8, 3]), training=True).shape
    TensorShape([2, 8, 8, 3])
    """

    def __init__(self, factor: Any, fill_mode: str = "reflect", interpolation: str = "bilinear", seed: int | None = None,
                 fill_value: float = 0.0, data_format: Any = None, **kwargs: Any):
        super().__init__(data_format=data_format, **kwargs)
        self.factor = factor_range(factor, -1, 1)
        self._seeded(seed)
        self._filled(fill_mode, interpolation, fill_value)

    def draw(self, sizes: Sizes, seed: Any) -> Any:
        angle = random.uniform([sizes.batch], self.factor[0] * 360.0, self.factor[1] * 360.0, seed=seed)
        height, width = (tf.cast(n, "float32") for n in (sizes.height, sizes.width))
        return {"angle": angle, "rotation_matrix": _turned(angle, height, width), "image_height": sizes.height,
                "image_width": sizes.width}

    def matrix(self, transformation: Any, height: Any, width: Any) -> Any:
        return transformation["rotation_matrix"]

    def moved_boxes(self, boxes: Any, transformation: Any, height: Any, width: Any) -> Any:
        angle = transformation["angle"]
        zero = tf.zeros_like(angle)
        return affine_transform(boxes, angle, zero, zero, tf.ones_like(angle), zero, zero, height, width)


def _turned(angle: Any, height: Any, width: Any) -> Any:
    """The transform that turns by angles in degrees around the middle."""
    x, y = (width - 1) / 2, (height - 1) / 2
    cos, sin = tf.cos(angle * (math.pi / 180)), tf.sin(angle * (math.pi / 180))
    return as_rows(cos, -sin, x - x * cos + y * sin, sin, cos, y - x * sin - y * cos, 0, 0)
