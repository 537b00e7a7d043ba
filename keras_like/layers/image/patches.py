"""Rectangles at random places of images, which RandomErasing and CutMix fill."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core import random
from treadle.keras_like.images.layout import area_axes
from treadle.keras_like.layers.image.arguments import for_each_image
from treadle.keras_like.layers.image.base import Sizes


def random_stretch(batch: Any, length: Any, share: Any, dtype: Any, seed: Any) -> tuple[Any, Any]:
    """(begin, end), [batch] each, of a stretch of the given share of `length`, somewhere inside."""
    whole = tf.cast(length, dtype)
    size = share * whole
    begin = random.uniform([batch], dtype=dtype, seed=seed) * (whole - size)
    return begin, begin + size


def inside(sizes: Sizes, rows: tuple[Any, Any], columns: tuple[Any, Any], data_format: str) -> Any:
    """Which pixels of each image are inside its rectangle, for all channels alike."""
    axes = area_axes(data_format)
    found = None
    for axis, size, (begin, end) in zip(axes, (sizes.height, sizes.width), (rows, columns)):
        shape = [1, 1, 1, 1]
        shape[axis] = -1
        place = tf.reshape(tf.cast(tf.range(size), begin.dtype), shape)
        within = tf.logical_and(place >= for_each_image(begin), place < for_each_image(end))
        found = within if found is None else tf.logical_and(found, within)
    return found
