"""The engine of image layers.

A layer's random part and its computation are apart: `draw` gives the random numbers for a batch, by name, and `change`
applies them to images. Everything that belongs to the images (labels, boxes, masks) then changes by the same numbers.

A layer takes images, one or a batch, or a dict: {"images", "labels", "bounding_boxes", "segmentation_masks"}, of which
all but the images may be missing. Inside, there is always a batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import treadle as tf
from treadle.keras_like.core.image_format import as_data_format
from treadle.keras_like.core.random import SeedGenerator
from treadle.keras_like.images.layout import channels_axis, height_and_width, require_images, size_of
from treadle.keras_like.layers.built_in import BuiltIn
from treadle.keras_like.layers.staged import Staged
from treadle.keras_like.utils.bounding_boxes import clip_to_image_size, convert_format, densified, require_format


@dataclass(frozen=True)
class Sizes:
    """What random numbers for a batch of images depend on. Sizes that are open while tracing are scalar tensors."""

    batch: Any
    height: Any
    width: Any
    channels: Any


class ImageLayer(BuiltIn):
    """A layer of images. Subclasses define `change`, and `draw` if they are random."""

    # Whether `change` is one compiled program when called eagerly too, as in `dataset.map`, where it saves most of the time.
    staged = True

    def __init__(self, *, data_format: Any = None, bounding_box_format: Any = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = as_data_format(data_format)
        self._program = Staged()
        self.bounding_box_format = None if bounding_box_format is None else require_format(bounding_box_format)

    def _seeded(self, seed: int | None) -> None:
        self.seed = seed
        self.generator = SeedGenerator(seed)

    # --- what subclasses define ---

    def draw(self, sizes: Sizes, seed: Any) -> Any:
        """The random numbers for a batch of images, by name."""
        return {}

    def change(self, images: Any, transformation: Any) -> Any:
        """The images [batch, ...] in the compute dtype, changed by what was drawn."""
        raise tf.errors.UnimplementedError(f"`{type(self).__name__}` does not define `change`.")

    # --- the parts of Keras' image layers ---

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """The random numbers for images (or for a dict with "images"): the `transformation` of the methods below."""
        if not training:
            return None
        images = require_images(data["images"] if isinstance(data, dict) else data)
        height, width = height_and_width(images, self.data_format)
        rank = images.shape.rank
        sizes = Sizes(size_of(images, 0) if rank == 4 else 1, height, width,
                      size_of(images, rank + channels_axis(self.data_format)))
        return self.draw(sizes, getattr(self, "generator", None) if seed is None else seed)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """A batch of images, changed while training."""
        x = tf.cast(images, self.compute_dtype)
        if not training or transformation is None:
            return x
        return self._program(self, self.change, x, transformation) if self.staged else self.change(x, transformation)

    def transform_labels(self, labels: Any, transformation: Any = None, training: bool = True) -> Any:
        """The labels of a batch of images. Default: as they are."""
        return labels

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        """{"boxes": [batch, n, 4], "labels": [batch, n]} of a batch of images. Default: as they are."""
        return bounding_boxes

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any = None, training: bool = True) -> Any:
        """Masks, laid out as the images. Default: as they are."""
        return segmentation_masks

    def transform_single_image(self, image: Any, transformation: Any = None, training: bool = True) -> Any:
        """One image."""
        return self.transform_images(tf.convert_to_tensor(image)[None], transformation, training)[0]

    def transform_single_label(self, label: Any, transformation: Any = None, training: bool = True) -> Any:
        """The label of one image."""
        return self.transform_labels(tf.convert_to_tensor(label)[None], transformation, training)[0]

    def transform_single_bounding_box(self, bounding_box: Any, transformation: Any = None, training: bool = True) -> Any:
        """The boxes of one image."""
        found = self.transform_bounding_boxes(_each(bounding_box, lambda v: tf.convert_to_tensor(v)[None]), transformation,
                                              training)
        return _each(found, lambda v: v[0])

    def transform_single_segmentation_mask(self, segmentation_mask: Any, transformation: Any = None,
                                           training: bool = True) -> Any:
        """The mask of one image."""
        return self.transform_segmentation_masks(tf.convert_to_tensor(segmentation_mask)[None], transformation, training)[0]

    # --- the call ---

    def call(self, data: Any, training: Any = True) -> Any:
        parts = dict(data) if isinstance(data, dict) else {"images": data}
        if "images" not in parts:
            raise tf.errors.InvalidArgumentError(
                f"The layer {self.name!r} takes images, or a dict with \"images\". Received: a dict with {list(parts)}.")
        images = require_images(parts["images"])
        single = images.shape.rank == 3
        if "bounding_boxes" in parts:
            if self.bounding_box_format is None:
                raise tf.errors.InvalidArgumentError(
                    f"The layer {self.name!r} got bounding boxes but does not know their format. Make it with "
                    "`bounding_box_format`, for example `bounding_box_format='xyxy'`.")
            parts["bounding_boxes"] = densified(parts["bounding_boxes"])
        transform = {"images": self.transform_images, "labels": self.transform_labels,
                     "bounding_boxes": self.transform_bounding_boxes,
                     "segmentation_masks": self.transform_segmentation_masks}
        used = {k: _each(v, tf.convert_to_tensor) for k, v in parts.items() if k in transform}
        if single:
            used = {k: _each(v, lambda leaf: leaf[None]) for k, v in used.items()}
        transformation = self.get_random_transformation(used, training=training)
        found = {k: transform[k](v, transformation, training=training) for k, v in used.items()}
        if single:
            found = {k: _each(v, lambda leaf: leaf[0]) for k, v in found.items()}
        return {**parts, **found} if isinstance(data, dict) else found["images"]

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "data_format": self.data_format}
        if self.bounding_box_format is not None:
            config["bounding_box_format"] = self.bounding_box_format
        return config

    # --- for subclasses ---

    def _area(self, images: Any) -> tuple[Any, Any]:
        """Height and width of a batch."""
        return height_and_width(images, self.data_format)

    def _boxes_as_corners(self, bounding_boxes: Any, height: Any, width: Any) -> dict[str, Any]:
        """Boxes in the format xyxy."""
        return convert_format(bounding_boxes, self.bounding_box_format or "xyxy", "xyxy", height, width)

    def _boxes_from_corners(self, bounding_boxes: Any, height: Any, width: Any) -> dict[str, Any]:
        """Boxes xyxy in an image of a size, cut off at its edges, in the layer's format."""
        clipped = clip_to_image_size(bounding_boxes, height, width, "xyxy")
        return convert_format(clipped, "xyxy", self.bounding_box_format or "xyxy", height, width)


def _each(value: Any, function: Any) -> Any:
    """A function of a tensor, or of each in a dict."""
    return {k: function(v) for k, v in value.items()} if isinstance(value, dict) else function(value)
