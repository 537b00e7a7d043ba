"""Resizing: images of one size."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.images.layout import height_and_width
from treadle.keras_like.images.resizing import resize
from treadle.keras_like.layers.image.sized import SizedLayer


class Resizing(SizedLayer):
    """Images of the size height x width, in the dtype they come in (integers are rounded).

    Args:
        height, width: the new size.
        interpolation: "bilinear" (default), "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian",
            "mitchellcubic".
        crop_to_aspect_ratio: cut images to the new ratio of height to width first, rather than stretch them.
        pad_to_aspect_ratio: frame them with `fill_value` instead.
        fill_mode: "constant".
        fill_value: default 0.
        antialias: when images become smaller, average over all pixels that one new pixel stands for.
        data_format: "channels_last" (default) or "channels_first".

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.Resizing(2, 3)(tf.ones([8, 8, 1])).shape
    TensorShape([2, 3, 1])
    """

    def __init__(self, height: int, width: int, interpolation: str = "bilinear", crop_to_aspect_ratio: bool = False,
                 pad_to_aspect_ratio: bool = False, fill_mode: str = "constant", fill_value: float = 0.0,
                 antialias: bool = False, data_format: Any = None, **kwargs: Any):
        super().__init__(data_format=data_format, **kwargs)
        self._sized(height, width)
        self._keep({"interpolation": interpolation, "crop_to_aspect_ratio": crop_to_aspect_ratio,
                    "pad_to_aspect_ratio": pad_to_aspect_ratio, "fill_mode": fill_mode, "fill_value": fill_value,
                    "antialias": bool(antialias)})

    def _resized(self, images: Any, interpolation: str) -> Any:
        found = resize(images, (self.height, self.width), interpolation, self.antialias, self.crop_to_aspect_ratio,
                       self.pad_to_aspect_ratio, self.fill_mode, self.fill_value, self.data_format)
        if found.dtype == images.dtype:
            return found
        return tf.saturate_cast(tf.round(found) if images.dtype.is_integer else found, images.dtype)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        return height_and_width(data["images"] if isinstance(data, dict) else data, self.data_format)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        return self._resized(tf.convert_to_tensor(images), self.interpolation)

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any = None, training: bool = True) -> Any:
        return self._resized(tf.convert_to_tensor(segmentation_masks), "nearest")

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        height, width = transformation
        boxes = bounding_boxes["boxes"]
        missing = tf.logical_or(tf.reduce_all(boxes == -1, -1), tf.reduce_all(boxes == 0, -1))
        corners = self._boxes_as_corners(bounding_boxes, height, width)
        moved = self._moved(corners["boxes"], tf.cast(height, "float32"), tf.cast(width, "float32"))
        moved = tf.where(missing[..., None], 0.0, moved)
        return self._boxes_from_corners({**corners, "boxes": moved}, self.height, self.width)

    def _moved(self, boxes: Any, height: Any, width: Any) -> Any:
        """Boxes xyxy of images of a size as they stand in the resized ones."""
        across, down = self.width / width, self.height / height
        left = top = tf.constant(0.0)
        if self.pad_to_aspect_ratio or self.crop_to_aspect_ratio:
            across = down = tf.minimum(across, down) if self.pad_to_aspect_ratio else tf.maximum(across, down)
            left, top = (self.width - width * across) // 2, (self.height - height * down) // 2
            if self.crop_to_aspect_ratio:
                left, top = -((width * across - self.width) // 2), -((height * down - self.height) // 2)
        return boxes * tf.stack([across, down, across, down]) + tf.stack([left, top, left, top])
