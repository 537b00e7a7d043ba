"""RandAugment: a few augmentations, chosen at random, one after the other."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core import random
from treadle.keras_like.layers.image.arguments import factor_range
from treadle.keras_like.layers.image.augmentations import augmentations, branches
from treadle.keras_like.layers.image.base import ImageLayer, Sizes

_NAMES = ("random_shear", "random_translation", "random_rotation", "random_brightness", "random_color_degeneration",
          "random_contrast", "random_sharpness", "random_posterization", "solarization", "auto_contrast", "equalization")


class RandAugment(ImageLayer):
    """While training, `num_ops` of 11 augmentations, the same for the whole batch. Source: arXiv:1909.13719.

    They are RandomShear, RandomTranslation, RandomRotation, RandomBrightness, RandomColorDegeneration, RandomContrast,
    RandomSharpness, RandomPosterization, Solarization, AutoContrast and Equalization.

    Args:
        value_range: (low, high), of the pixel values. Default (0, 255).
        num_ops: how many. Default 2.
        factor: their strength, two numbers from 0 to 1, or one number f for (0, f). Default 0.5.
        interpolation: "bilinear" (default) or "nearest".
        seed: an integer. Default: one that `tf.random.set_seed` decides.
        data_format: "channels_last" (default) or "channels_first".

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.RandAugment()(tf.ones([2, 8, 8, 3]), training=True).shape
    TensorShape([2, 8, 8, 3])
    """

    staged = False  # one of the branches is computed, and compiled, at a time

    def __init__(self, value_range: Any = (0, 255), num_ops: int = 2, factor: Any = 0.5, interpolation: str = "bilinear",
                 seed: int | None = None, data_format: Any = None, **kwargs: Any):
        super().__init__(data_format=data_format, **kwargs)
        self.value_range, self.num_ops, self.interpolation = value_range, num_ops, interpolation
        self.factor = factor_range(factor, 0, 1)
        self._seeded(seed)
        self._parts = augmentations(_NAMES, self.factor, value_range, interpolation, seed, data_format=self.data_format,
                                    bounding_box_format=self.bounding_box_format, dtype=self.dtype_policy)

    def draw(self, sizes: Sizes, seed: Any) -> Any:
        return {"layer_idxes": random.randint([self.num_ops], 0, len(self._parts), seed=seed),
                "transforms": {name: part.draw(sizes, seed) for name, part in self._parts.items()}}

    def _one_after_the_other(self, method: str, x: Any, transformation: Any) -> Any:
        """`x` through a method of each chosen layer; only those are computed."""
        drawn = transformation["transforms"]
        for i in range(self.num_ops):
            x = tf.switch_case(transformation["layer_idxes"][i], branches(self._parts, method, x, drawn.get))
        return x

    def change(self, images: Any, transformation: Any) -> Any:
        return self._one_after_the_other("transform_images", images, transformation)

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any = None, training: bool = True) -> Any:
        if not training or transformation is None:
            return segmentation_masks
        return self._one_after_the_other("transform_segmentation_masks", segmentation_masks, transformation)

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        if not training or transformation is None:
            return bounding_boxes
        boxes = {**bounding_boxes, "boxes": tf.cast(bounding_boxes["boxes"], "float32")}
        return self._one_after_the_other("transform_bounding_boxes", boxes, transformation)
