"""Layers that look images up at other places: `fill_mode`, `interpolation` and `fill_value`."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.images.sampling import INTERPOLATIONS, affine_transform, require_one_of
from treadle.keras_like.layers.image.base import ImageLayer

_FILL_MODES = ("reflect", "wrap", "constant", "nearest")


class MovingLayer(ImageLayer):
    """A layer that moves pixels. Masks move with the images, without interpolation. Subclasses define `moved`."""

    interpolation: str

    def moved(self, images: Any, transformation: Any, interpolation: str) -> Any:
        """The images, of any dtype, with their pixels moved."""
        raise tf.errors.UnimplementedError(f"`{type(self).__name__}` does not define `moved`.")

    def moved_boxes(self, boxes: Any, transformation: Any, height: Any, width: Any) -> Any:
        """Boxes xyxy [batch, n, 4] of images of a size, moved along."""
        raise tf.errors.UnimplementedError(f"`{type(self).__name__}` does not define `moved_boxes`.")

    def change(self, images: Any, transformation: Any) -> Any:
        return self.moved(images, transformation, self.interpolation)

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any = None, training: bool = True) -> Any:
        if not training or transformation is None:
            return segmentation_masks
        return self.moved(tf.convert_to_tensor(segmentation_masks), transformation, "nearest")

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        if not training or transformation is None:
            return bounding_boxes
        height, width = transformation["image_height"], transformation["image_width"]
        corners = self._boxes_as_corners(bounding_boxes, height, width)
        moved = self.moved_boxes(corners["boxes"], transformation, tf.cast(height, "float32"), tf.cast(width, "float32"))
        return self._boxes_from_corners({**corners, "boxes": moved}, height, width)


class AffineLayer(MovingLayer):
    """A layer of an affine transform. Subclasses define `matrix`."""

    def _filled(self, fill_mode: str, interpolation: str, fill_value: float) -> None:
        self.fill_mode = require_one_of(fill_mode, _FILL_MODES, "fill_mode")
        self.interpolation = require_one_of(interpolation, INTERPOLATIONS, "interpolation")
        self.fill_value = fill_value

    def matrix(self, transformation: Any, height: Any, width: Any) -> Any:
        """The eight numbers of `affine_transform` for each image, [batch, 8]."""
        raise tf.errors.UnimplementedError(f"`{type(self).__name__}` does not define `matrix`.")

    def moved(self, images: Any, transformation: Any, interpolation: str) -> Any:
        height, width = (tf.cast(n, "float32") for n in self._area(images))
        return affine_transform(images, self.matrix(transformation, height, width), interpolation, self.fill_mode,
                                self.fill_value, self.data_format)


def as_rows(*columns: Any) -> Any:
    """Eight numbers for each image from eight columns, each [batch], [batch, 1] or a number."""
    size = next(tf.shape(c)[0] for c in columns if not isinstance(c, (int, float)))
    return tf.stack([tf.broadcast_to(tf.cast(c, "float32"), [size]) if isinstance(c, (int, float))
                     else tf.reshape(tf.cast(c, "float32"), [size]) for c in columns], axis=1)
