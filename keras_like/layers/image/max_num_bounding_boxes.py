"""MaxNumBoundingBoxes: the same number of boxes for every image."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.images.layout import size_of
from treadle.keras_like.layers.arguments import positive
from treadle.keras_like.layers.image.base import ImageLayer


class MaxNumBoundingBoxes(ImageLayer):
    """Boxes and their labels, cut off at `max_number`, or filled up to it with `fill_value`. Images stay as they are.

    Args:
        max_number: how many boxes.
        fill_value: an integer. Default -1.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> layer = keras.layers.MaxNumBoundingBoxes(2, bounding_box_format="xyxy")
    >>> boxes = {"boxes": tf.ones([1, 1, 4]), "labels": tf.constant([[7]])}
    >>> layer({"images": tf.ones([1, 4, 4, 3]), "bounding_boxes": boxes})["bounding_boxes"]["labels"].numpy().tolist()
    [[7, -1]]
    """

    def __init__(self, max_number: int, fill_value: int = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.max_number, self.fill_value = positive(max_number, "max_number"), int(fill_value)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        return images

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        count = size_of(bounding_boxes["boxes"], 1)
        missing = max(self.max_number - count, 0) if isinstance(count, int) else tf.maximum(self.max_number - count, 0)
        kept = self.max_number - missing
        found = {}
        for name, value in bounding_boxes.items():
            margins = [[0, 0], [0, missing], *[[0, 0]] * (value.shape.rank - 2)]
            found[name] = tf.pad(value[:, :kept], margins, constant_values=tf.cast(self.fill_value, value.dtype))
        return found

    def compute_output_shape(self, input_shape: Any) -> Any:
        if not isinstance(input_shape, dict) or "bounding_boxes" not in input_shape:
            return input_shape
        boxes = {k: (shape[0], self.max_number, *shape[2:]) for k, shape in input_shape["bounding_boxes"].items()}
        return {**input_shape, "bounding_boxes": boxes}
