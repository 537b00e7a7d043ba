"""ContrastLimitedAdaptiveHistogramEqualization (CLAHE): values made evenly frequent tile by tile, but not too much."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.images.layout import channels_last, size_of
from treadle.keras_like.layers.arguments import per_axis
from treadle.keras_like.layers.image.arguments import rescaled
from treadle.keras_like.layers.image.base import ImageLayer

_BINS = 256


class ContrastLimitedAdaptiveHistogramEqualization(ImageLayer):
    """Each pixel becomes its rank among those of its tile, interpolated between the four tiles whose middles are around it.

    Args:
        value_range: (low, high), of the pixel values. Default (0, 255).
        clip_limit: how many times as frequent as on average a value may be counted; the rest is spread over all values.
            0: no limit. Default 4.
        tile_grid_size: how many tiles there are, (rows, columns). Default (8, 8).
        data_format: "channels_last" (default) or "channels_first".

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.ContrastLimitedAdaptiveHistogramEqualization()(tf.ones([2, 16, 16, 3])).shape
    TensorShape([2, 16, 16, 3])
    """

    def __init__(self, value_range: Any = (0, 255), clip_limit: float = 4.0, tile_grid_size: Any = (8, 8),
                 data_format: Any = None, **kwargs: Any):
        super().__init__(data_format=data_format, **kwargs)
        self.value_range, self.clip_limit = value_range, clip_limit
        self.tile_grid_size = per_axis(tile_grid_size, 2, "tile_grid_size")

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        return super().transform_images(images, {}, True)

    def change(self, images: Any, transformation: Any) -> Any:
        x = rescaled(tf.cast(images, "float32"), self.value_range, (0, 255))
        return tf.cast(rescaled(channels_last(self._equalized, x, self.data_format), (0, 255), self.value_range), images.dtype)

    def _equalized(self, x: Any) -> Any:
        batch, height, width, channels = (size_of(x, i) for i in range(4))
        rows, columns = self.tile_grid_size
        tile_height, tile_width = (height + rows - 1) // rows, (width + columns - 1) // columns
        whole = tf.pad(x, [[0, 0], [0, tile_height * rows - height], [0, tile_width * columns - width], [0, 0]], "SYMMETRIC")
        values = tf.cast(tf.clip_by_value(whole, 0, _BINS - 1), "int32")
        ranks = self._ranks(values, tile_height, tile_width)  # [batch, rows, columns, channels, bins]
        table = tf.reshape(ranks, [-1])
        # The tiles before and after each pixel, and how near it is to the second one's middle.
        (up, down, lower), (left, right, later) = (
            _neighbors(count, size) for count, size in ((rows, tile_height), (columns, tile_width)))
        image = tf.range(batch)[:, None, None, None]
        channel = tf.range(channels)[None, None, None, :]

        def rank(row: Any, column: Any) -> Any:
            tile = (image * rows + row[None, :, None, None]) * columns + column[None, None, :, None]
            return tf.gather(table, (tile * channels + channel) * _BINS + values)

        lower, later = lower[None, :, None, None], later[None, None, :, None]
        above = rank(up, left) * (1 - later) + rank(up, right) * later
        below = rank(down, left) * (1 - later) + rank(down, right) * later
        return (above * (1 - lower) + below * lower)[:, :height, :width]

    def _ranks(self, values: Any, tile_height: Any, tile_width: Any) -> Any:
        """For each tile and channel, what each value becomes."""
        rows, columns = self.tile_grid_size
        batch, channels = size_of(values, 0), size_of(values, 3)
        tiles = tf.reshape(values, [batch, rows, tile_height, columns, tile_width, channels])
        tiles = tf.transpose(tiles, [0, 1, 3, 5, 2, 4])
        tiles = tf.reshape(tiles, [batch * rows * columns * channels, tile_height * tile_width])
        places = tf.reshape(tf.range(tf.shape(tiles)[0])[:, None] * _BINS + tiles, [-1])
        counts = tf.math.unsorted_segment_sum(tf.ones_like(places, "float32"), places, tf.shape(tiles)[0] * _BINS)
        counts = tf.reshape(counts, [batch, rows, columns, channels, _BINS])
        area = tf.cast(tile_height * tile_width, "float32")
        if self.clip_limit > 0:
            clipped = tf.minimum(counts, self.clip_limit * area / _BINS)
            counts = clipped + tf.reduce_sum(counts - clipped, axis=-1, keepdims=True) / _BINS
        up_to = tf.cumsum(counts, axis=-1)
        least = tf.reduce_min(up_to, axis=-1, keepdims=True)
        rest = area - least
        return tf.clip_by_value((up_to - least) * 255.0 / tf.where(rest == 0, tf.ones_like(rest), rest), 0, 255)


def _neighbors(count: int, size: Any) -> tuple[Any, Any, Any]:
    """For each pixel along an axis of `count` tiles: the tile whose middle is before it, the one after, and its share."""
    pixels, size = tf.cast(tf.range(size * count), "float32"), tf.cast(size, "float32")
    place = (pixels - size / 2) / size
    before = tf.floor(place)
    first, second = (tf.cast(tf.clip_by_value(p, 0, count - 1), "int32") for p in (before, before + 1))
    return first, second, place - before
