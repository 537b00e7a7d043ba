"""RandomErasing: rectangles of images covered at random."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core import random
from treadle.keras_like.images.layout import channels_axis
from treadle.keras_like.layers.image.arguments import chosen, factor_range, for_each_image
from treadle.keras_like.layers.image.base import ImageLayer, Sizes
from treadle.keras_like.layers.image.patches import inside, random_stretch


class RandomErasing(ImageLayer):
    """While training, a rectangle of each image is covered, with a probability drawn from a range. Source: arXiv:1708.04896.

    Args:
        factor: two probabilities, or one number f for (0, f). Default 1.
        scale: the range that the squares of height and width, as shares of the image's, are drawn from, within 0 to 1.
            Default (0.02, 0.33).
        fill_value: a number, or one for each of three channels. Default: normal numbers times high.
        value_range: (low, high), at which what covers is cut off. Default (0, 255).
        seed: an integer. Default: one that `tf.random.set_seed` decides.
        data_format: "channels_last" (default) or "channels_first".

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.RandomErasing()(tf.ones([2, 4, 4, 3]), training=True).shape
    TensorShape([2, 4, 4, 3])
    """

    def __init__(self, factor: Any = 1.0, scale: Any = (0.02, 0.33), fill_value: Any = None, value_range: Any = (0, 255),
                 seed: int | None = None, data_format: Any = None, **kwargs: Any):
        super().__init__(data_format=data_format, **kwargs)
        self.factor, self.scale = factor_range(factor, 0, 1), factor_range(scale, 0, 1, "scale")
        if isinstance(fill_value, (tuple, list)) and len(fill_value) != 3:
            raise tf.errors.InvalidArgumentError(
                f"`fill_value` is a number, or three of them. Received: fill_value={fill_value!r}.")
        self.fill_value, self.value_range = fill_value, value_range
        self._seeded(seed)

    def draw(self, sizes: Sizes, seed: Any) -> Any:
        share = tf.sqrt(random.uniform([sizes.batch, 2], *self.scale, dtype=self.compute_dtype, seed=seed))
        columns = random_stretch(sizes.batch, sizes.width, share[:, 0], self.compute_dtype, seed)
        rows = random_stretch(sizes.batch, sizes.height, share[:, 1], self.compute_dtype, seed)
        return {"apply_erasing": chosen(sizes.batch, self.factor, seed),
                "batch_masks": inside(sizes, rows, columns, self.data_format),
                "fill_value": tf.clip_by_value(self._cover(sizes, seed), *self.value_range)}

    def _cover(self, sizes: Sizes, seed: Any) -> Any:
        if self.fill_value is not None:
            shape = [1, 1, 1, 1]
            if isinstance(self.fill_value, (tuple, list)):
                shape[channels_axis(self.data_format)] = 3
            return tf.reshape(tf.constant(self.fill_value, self.compute_dtype), shape)
        shape = ([sizes.batch, sizes.height, sizes.width, sizes.channels] if self.data_format == "channels_last"
                 else [sizes.batch, sizes.channels, sizes.height, sizes.width])
        return random.normal(shape, dtype=self.compute_dtype, seed=seed) * self.value_range[1]

    def change(self, images: Any, transformation: Any) -> Any:
        covered = tf.logical_and(transformation["batch_masks"], for_each_image(transformation["apply_erasing"]))
        return tf.where(covered, tf.cast(transformation["fill_value"], images.dtype), images)
