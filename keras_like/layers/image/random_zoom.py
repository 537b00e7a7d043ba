"""RandomZoom: images enlarged or shrunk at random."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core import random
from treadle.keras_like.layers.image.affine import AffineLayer, as_rows
from treadle.keras_like.layers.image.arguments import factor_range
from treadle.keras_like.layers.image.base import Sizes


class RandomZoom(AffineLayer):
    """While training, each image shows 1 + f of its height and width, with f drawn from ranges: below 0 zooms in.

    Args:
        height_factor: two numbers over -1 and at most 1, or one number f for (-f, f).
        width_factor: likewise. Default: as much as the height, so that the image is not distorted.
        Others as for `RandomRotation`.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.RandomZoom(0.3)(tf.ones([2, 8, 8, 3]), training=True).shape
    TensorShape([2, 8, 8, 3])
    """

    def __init__(self, height_factor: Any, width_factor: Any = None, fill_mode: str = "reflect",
                 interpolation: str = "bilinear", seed: int | None = None, fill_value: float = 0.0, data_format: Any = None,
                 **kwargs: Any):
        super().__init__(data_format=data_format, **kwargs)
        self.height_factor, self.width_factor = height_factor, width_factor
        self._heights = _zooms(height_factor, "height_factor")
        self._widths = None if width_factor is None else _zooms(width_factor, "width_factor")
        self._seeded(seed)
        self._filled(fill_mode, interpolation, fill_value)

    def draw(self, sizes: Sizes, seed: Any) -> Any:
        height = random.uniform([sizes.batch, 1], *self._heights, seed=seed)
        width = height if self._widths is None else random.uniform([sizes.batch, 1], *self._widths, seed=seed)
        return {"height_zoom": height, "width_zoom": width, "image_height": sizes.height, "image_width": sizes.width}

    def matrix(self, transformation: Any, height: Any, width: Any) -> Any:
        across, down = (tf.cast(transformation[k], "float32") for k in ("width_zoom", "height_zoom"))
        return as_rows(across, 0, (width - 1) / 2 * (1 - across), 0, down, (height - 1) / 2 * (1 - down), 0, 0)

    def moved_boxes(self, boxes: Any, transformation: Any, height: Any, width: Any) -> Any:
        # What the image shows is the part from `begin`, of the size `shown`; it is stretched over the whole image.
        whole = tf.stack([width, height])
        shown = tf.concat([transformation["width_zoom"], transformation["height_zoom"]], axis=1)
        begin = (whole - 1) / 2 * (1 - shown)
        begin, shown = (tf.concat([v, v], axis=1)[:, None, :] for v in (begin, shown * whole))
        whole = tf.concat([whole, whole], axis=0)
        return (tf.clip_by_value(boxes, begin, begin + shown) - begin) / shown * whole


def _zooms(factor: Any, name: str) -> tuple[float, float]:
    """1 + the range of a factor."""
    lower, upper = factor_range(factor, -1, 1, name, strict=True)
    if lower <= -1 and not (isinstance(factor, (int, float)) and factor == 1):
        raise tf.errors.InvalidArgumentError(
            f"`{name}` must be over -1, at which nothing of the image would be shown. Received: {name}={factor!r}.")
    return 1.0 + lower, 1.0 + upper
