"""RandomCrop: a part of the images at a random place."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core import random
from treadle.keras_like.images.layout import height_and_width
from treadle.keras_like.images.resizing import cut, middle_of_ratio, resize
from treadle.keras_like.layers.image.sized import SizedLayer


class RandomCrop(SizedLayer):
    """While training, the part height x width of the images at a random place, the same for the whole batch.

    Without `training`, and for smaller images, the largest part in the middle with the same ratio of height to width is
    resized to height x width.

    Args:
        height, width: the new size.
        seed: an integer. Default: one that `tf.random.set_seed` decides.
        data_format: "channels_last" (default) or "channels_first".

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.RandomCrop(2, 3)(tf.ones([5, 8, 8, 3]), training=True).shape
    TensorShape([5, 2, 3, 3])
    """

    def __init__(self, height: int, width: int, seed: int | None = None, data_format: Any = None, name: str | None = None,
                 **kwargs: Any):
        super().__init__(data_format=data_format, name=name, **kwargs)
        self._sized(height, width)
        self._seeded(seed)

    def _is_larger(self, height: Any, width: Any) -> bool:
        """Whether there is a place to choose; images of open sizes are taken to be larger."""
        return ((not isinstance(height, int) or height > self.height)
                and (not isinstance(width, int) or width > self.width))

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """(top, left, height, width) of the part, then height and width of the images."""
        height, width = height_and_width(data["images"] if isinstance(data, dict) else data, self.data_format)
        if not training or not self._is_larger(height, width):
            return (*middle_of_ratio(height, width, self.height, self.width), height, width)
        seed = self.generator if seed is None else seed
        top, left = (random.randint([], 0, room, seed=seed) for room in (height - self.height + 1, width - self.width + 1))
        return top, left, self.height, self.width, height, width

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        return self._part(images, transformation, "bilinear")

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any = None, training: bool = True) -> Any:
        return self._part(segmentation_masks, transformation, "nearest")

    def _part(self, images: Any, transformation: Any, interpolation: str) -> Any:
        top, left, *size = transformation
        height, width = size[:2] or (self.height, self.width)
        x = cut(tf.cast(images, self.compute_dtype), top, left, height, width, self.data_format)
        if (height, width) == (self.height, self.width):
            return x
        return resize(x, (self.height, self.width), interpolation, data_format=self.data_format)

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        *part, height, width = transformation
        corners = self._boxes_as_corners(bounding_boxes, height, width)
        return self._boxes_in_part(corners, part)
