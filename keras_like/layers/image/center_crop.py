"""CenterCrop: the middle of images."""

from __future__ import annotations

from typing import Any

from treadle.keras_like.images.layout import area_axes
from treadle.keras_like.images.resizing import cut, middle_of_ratio, smart_resize
from treadle.keras_like.layers.image.sized import SizedLayer


class CenterCrop(SizedLayer):
    """The middle of images, height x width. A smaller image is cut to the ratio of height to width, then enlarged.

    Args:
        height, width: the new size.
        data_format: "channels_last" (default) or "channels_first".

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.CenterCrop(1, 1)(tf.constant([[[1.0], [2.0], [3.0]]])).numpy().ravel().tolist()
    [2.0]
    """

    def __init__(self, height: int, width: int, data_format: Any = None, **kwargs: Any):
        super().__init__(data_format=data_format, **kwargs)
        self._sized(height, width)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        return {"input_shape": tuple((data["images"] if isinstance(data, dict) else data).shape)}

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        return super().transform_images(images, {}, True)

    def change(self, images: Any, transformation: Any) -> Any:
        height, width = self._area(images)
        if self._fits(height, width):
            return cut(images, (height - self.height) // 2, (width - self.width) // 2, self.height, self.width,
                       self.data_format)
        return smart_resize(images, (self.height, self.width), data_format=self.data_format)

    def _fits(self, height: Any, width: Any) -> bool:
        """Whether images are large enough; open sizes are taken to be."""
        return not (isinstance(height, int) and height < self.height or isinstance(width, int) and width < self.width)

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any = None, training: bool = True) -> Any:
        return self.transform_images(segmentation_masks, transformation, training)

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        rows, columns = area_axes(self.data_format)
        height, width = transformation["input_shape"][rows], transformation["input_shape"][columns]
        corners = self._boxes_as_corners(bounding_boxes, height, width)
        if self._fits(height, width):
            part = ((height - self.height) // 2, (width - self.width) // 2, self.height, self.width)
        else:
            part = middle_of_ratio(height, width, self.height, self.width)
        return self._boxes_in_part(corners, part)
