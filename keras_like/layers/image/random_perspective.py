"""RandomPerspective: images seen from elsewhere, at random."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core import random
from treadle.keras_like.images.layout import size_of
from treadle.keras_like.images.sampling import INTERPOLATIONS, homography, perspective_transform, require_one_of
from treadle.keras_like.layers.image.affine import MovingLayer
from treadle.keras_like.layers.image.arguments import chosen, factor_range, for_each_image
from treadle.keras_like.layers.image.base import Sizes
from treadle.keras_like.utils.bounding_boxes import around


class RandomPerspective(MovingLayer):
    """While training, the corners of images are moved, each image with a probability drawn from a range.

    Args:
        factor: two probabilities, or one number f for (0, f). Default 1.
        scale: how far, from 0 to 1: a corner at p comes to p (1 + d), with d drawn from [-scale / 2, scale / 2).
        interpolation: "bilinear" (default) or "nearest".
        fill_value: of what is beyond the edges. Default 0.
        seed: an integer. Default: one that `tf.random.set_seed` decides.
        data_format: "channels_last" (default) or "channels_first".

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.RandomPerspective()(tf.ones([2, 8, 8, 3]), training=True).shape
    TensorShape([2, 8, 8, 3])
    """

    def __init__(self, factor: Any = 1.0, scale: float = 1.0, interpolation: str = "bilinear", fill_value: float = 0.0,
                 seed: int | None = None, data_format: Any = None, **kwargs: Any):
        super().__init__(data_format=data_format, **kwargs)
        self.factor = factor_range(factor, 0, 1)
        if not 0 <= scale <= 1:
            raise tf.errors.InvalidArgumentError(f"`scale` is a number from 0 to 1. Received: scale={scale!r}.")
        self.scale, self.fill_value = scale, fill_value
        self.interpolation = require_one_of(interpolation, INTERPOLATIONS, "interpolation")
        self._seeded(seed)

    def draw(self, sizes: Sizes, seed: Any) -> Any:
        right, bottom = (tf.cast(n, self.compute_dtype) - 1 for n in (sizes.width, sizes.height))
        zero = tf.zeros_like(right)
        corners = tf.reshape(tf.stack([zero, zero, right, zero, zero, bottom, right, bottom]), [1, 4, 2])
        start = tf.tile(corners, [sizes.batch, 1, 1])
        move = random.uniform([sizes.batch, 4, 2], -0.5 * self.scale, 0.5 * self.scale, dtype=self.compute_dtype, seed=seed)
        return {"apply_perspective": chosen(sizes.batch, self.factor, seed), "start_points": start,
                "end_points": start + start * move, "image_height": sizes.height, "image_width": sizes.width}

    def moved(self, images: Any, transformation: Any, interpolation: str) -> Any:
        found = perspective_transform(images, transformation["start_points"], transformation["end_points"], interpolation,
                                      self.fill_value, self.data_format)
        return tf.where(for_each_image(transformation["apply_perspective"]), found, images)

    def moved_boxes(self, boxes: Any, transformation: Any, height: Any, width: Any) -> Any:
        start, end = (tf.cast(transformation[k], "float32") for k in ("start_points", "end_points"))
        a0, a1, a2, b0, b1, b2, c0, c1 = (v[:, :, None] for v in tf.unstack(homography(end, start)[:, None], num=8, axis=-1))

        def move(x: Any, y: Any) -> tuple[Any, Any]:
            k = c0 * x + c1 * y + 1
            return (a0 * x + a1 * y + a2) / k, (b0 * x + b1 * y + b2) / k

        applied = tf.reshape(transformation["apply_perspective"], [size_of(boxes, 0), 1, 1])
        return tf.where(applied, around(boxes, move), boxes)
