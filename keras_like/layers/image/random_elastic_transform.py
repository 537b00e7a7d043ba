"""RandomElasticTransform: images bent at random, as if drawn on rubber."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core import random
from treadle.keras_like.images.filters import displaced, displacements
from treadle.keras_like.images.layout import channels_last
from treadle.keras_like.images.sampling import FILL_MODES, INTERPOLATIONS, require_one_of
from treadle.keras_like.layers.image.affine import MovingLayer
from treadle.keras_like.layers.image.arguments import chosen, factor_range, for_each_image
from treadle.keras_like.layers.image.base import Sizes


class RandomElasticTransform(MovingLayer):
    """While training, pixels are moved by a smooth random field, each image with a probability drawn from a range.

    Args:
        factor: two probabilities, or one number f for (0, f). Default 1.
        scale: the range that the strength s is drawn from, within 0 to 1, or one number. The field is that of
            `keras.ops.image.elastic_transform` with alpha = 0.1 s max(height, width), sigma = 0.05 s min(height, width).
        interpolation: "bilinear" (default) or "nearest".
        fill_mode: "reflect" (default), "wrap", "constant", "nearest" or "mirror".
        fill_value: for "constant". Default 0.
        value_range: (low, high), at which the result is cut off. Default (0, 255).
        seed: an integer. Default: one that `tf.random.set_seed` decides.
        data_format: "channels_last" (default) or "channels_first".

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.RandomElasticTransform()(tf.ones([2, 8, 8, 3]), training=True).shape
    TensorShape([2, 8, 8, 3])
    """

    def __init__(self, factor: Any = 1.0, scale: Any = 1.0, interpolation: str = "bilinear", fill_mode: str = "reflect",
                 fill_value: float = 0.0, value_range: Any = (0, 255), seed: int | None = None, data_format: Any = None,
                 **kwargs: Any):
        super().__init__(data_format=data_format, **kwargs)
        self.factor, self.scale = factor_range(factor, 0, 1), factor_range(scale, 0, 1, "scale")
        self.interpolation = require_one_of(interpolation, INTERPOLATIONS, "interpolation")
        self.fill_mode = require_one_of(fill_mode, tuple(FILL_MODES), "fill_mode")
        self.fill_value, self.value_range = fill_value, value_range
        self._seeded(seed)

    def draw(self, sizes: Sizes, seed: Any) -> Any:
        if self.scale[1] == 0 or self.factor[1] == 0:
            return None
        return {"apply_transform": chosen(sizes.batch, self.factor, seed),
                "distortion_factor": random.uniform([], *self.scale, dtype=self.compute_dtype, seed=seed),
                "noise": random.normal([sizes.batch, sizes.height, sizes.width, 2], dtype=self.compute_dtype, seed=seed)}

    def moved(self, images: Any, transformation: Any, interpolation: str) -> Any:
        height, width = self._area(images)
        noise, strength = transformation["noise"], transformation["distortion_factor"]
        least, most = (f(tf.cast(height, noise.dtype), tf.cast(width, noise.dtype)) for f in (tf.minimum, tf.maximum))
        # As wide as the largest sigma asks for: the size of a kernel must not depend on what was drawn.
        kernel_size = 2 * (_smaller(height, width) * round(150 * self.scale[1]) // 1000) + 1
        field = displacements(noise, 0.1 * most * strength, 0.05 * least * strength + 1e-6, kernel_size)
        found = channels_last(lambda x: displaced(x, field, interpolation, self.fill_mode, self.fill_value), images,
                              self.data_format)
        return tf.where(for_each_image(transformation["apply_transform"]), found, images)

    def change(self, images: Any, transformation: Any) -> Any:
        return tf.clip_by_value(super().change(images, transformation), *self.value_range)

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        raise tf.errors.UnimplementedError(
            "`RandomElasticTransform` cannot say what becomes of bounding boxes. Leave them out of what the layer "
            f"{self.name!r} gets.")


def _smaller(a: Any, b: Any) -> Any:
    return min(a, b) if isinstance(a, int) and isinstance(b, int) else tf.minimum(a, b)
