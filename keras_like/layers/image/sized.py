"""Layers whose images all get one size: `height` x `width`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import treadle as tf
from treadle.keras_like.images.layout import area_axes
from treadle.keras_like.layers.arguments import positive
from treadle.keras_like.layers.image.base import ImageLayer
from treadle.keras_like.utils.bounding_boxes import crop


class SizedLayer(ImageLayer):
    """A layer with the attributes `height` and `width`, of the images it returns."""

    height: int
    width: int

    def _sized(self, height: Any, width: Any) -> None:
        self.height, self.width = positive(height, "height"), positive(width, "width")

    def compute_output_shape(self, input_shape: Any) -> Any:
        shape = list(input_shape)
        if len(shape) not in (3, 4):
            raise tf.errors.InvalidArgumentError(
                f"`input_shape` is that of one image (3 sizes) or of a batch (4). Received: {tuple(input_shape)}.")
        rows, columns = area_axes(self.data_format)
        shape[rows], shape[columns] = self.height, self.width
        return tuple(shape)

    def _boxes_in_part(self, corners: dict[str, Any], part: Sequence[Any]) -> dict[str, Any]:
        """Boxes xyxy as they stand in the part (top, left, height, width), when it is resized to height x width."""
        top, left, height, width = (tf.cast(n, "float32") for n in part)
        scale = tf.stack([self.width / width, self.height / height] * 2)
        moved = crop(corners["boxes"], top, left, height, width) * scale
        return self._boxes_from_corners({**corners, "boxes": moved}, self.height, self.width)
