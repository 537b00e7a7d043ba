"""RandomFlip: images mirrored at random."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core import random
from treadle.keras_like.images.layout import area_axes
from treadle.keras_like.images.sampling import require_one_of
from treadle.keras_like.layers.image.base import ImageLayer, Sizes

_MODES = ("horizontal", "vertical", "horizontal_and_vertical")


class RandomFlip(ImageLayer):
    """While training, each image is flipped with probability 1/2.

    Args:
        mode: "horizontal", "vertical", or "horizontal_and_vertical" (default: both at once).
        seed: an integer. Default: one that `tf.random.set_seed` decides.
        data_format: "channels_last" (default) or "channels_first".

    >>> import treadle as tf
    >>> from treadle import keras
    >>> flip = keras.layers.RandomFlip("horizontal", seed=1)
    >>> sorted({tuple(flip(tf.constant([[[1.0], [2.0]]])).numpy().ravel().tolist()) for _ in range(20)})
    [(1.0, 2.0), (2.0, 1.0)]
    """

    def __init__(self, mode: str = "horizontal_and_vertical", seed: int | None = None, data_format: Any = None, **kwargs: Any):
        super().__init__(data_format=data_format, **kwargs)
        self._seeded(seed)
        self.mode = require_one_of(mode, _MODES, "mode")

    def draw(self, sizes: Sizes, seed: Any) -> Any:
        return {"flips": random.uniform([sizes.batch, 1, 1, 1], seed=seed) <= 0.5,
                "input_height": sizes.height, "input_width": sizes.width}

    def change(self, images: Any, transformation: Any) -> Any:
        rows, columns = area_axes(self.data_format)
        axes = [axis for axis, kind in ((rows, "vertical"), (columns, "horizontal")) if kind in self.mode]
        flipped = tf.reverse(images, axes)
        return tf.where(transformation["flips"], flipped, images)

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any = None, training: bool = True) -> Any:
        return self.transform_images(segmentation_masks, transformation, training)

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        if not training or transformation is None:
            return bounding_boxes
        height, width = transformation["input_height"], transformation["input_width"]
        corners = self._boxes_as_corners(bounding_boxes, height, width)
        x1, y1, x2, y2 = tf.split(corners["boxes"], 4, axis=-1)
        if "horizontal" in self.mode:
            x1, x2 = tf.cast(width, x1.dtype) - x2, tf.cast(width, x1.dtype) - x1
        if "vertical" in self.mode:
            y1, y2 = tf.cast(height, y1.dtype) - y2, tf.cast(height, y1.dtype) - y1
        flips = tf.squeeze(transformation["flips"], axis=[-1])
        boxes = tf.where(flips, tf.concat([x1, y1, x2, y2], axis=-1), corners["boxes"])
        return self._boxes_from_corners({**corners, "boxes": boxes}, height, width)
