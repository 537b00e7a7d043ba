"""Images blurred, and bent by a random field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import treadle as tf
from treadle.keras_like.core import random
from treadle.keras_like.images.layout import channels_last, size_of
from treadle.keras_like.images.sampling import looked_up

_FEW = 25


def smoothed(x: Any, kernel: Any) -> Any:
    """Each channel of [batch, height, width, channels] weighed with `kernel` [rows, columns]; zeros beyond the edges."""
    weights = tf.cast(kernel, x.dtype)
    rows, columns = weights.shape[0], weights.shape[1]
    if rows is None or columns is None or rows * columns > _FEW:
        return tf.nn.depthwise_conv2d(x, tf.tile(weights[:, :, None, None], [1, 1, x.shape[-1], 1]), [1, 1, 1, 1], "SAME")
    # A sum of a few shifted images is one pass over memory; a convolution of single channels takes several times as long.
    height, width = size_of(x, 1), size_of(x, 2)
    framed = tf.pad(x, [[0, 0], [(rows - 1) // 2, rows // 2], [(columns - 1) // 2, columns // 2], [0, 0]])
    parts = [framed[:, i:i + height, j:j + width] * weights[i, j] for i in range(rows) for j in range(columns)]
    # Of open sizes it is not known that the parts have the image's.
    total = sum(parts[1:], start=parts[0])
    return total if None not in x.shape else tf.reshape(total, tf.shape(x))


def bell(size: Any, sigma: Any, dtype: Any) -> Any:
    """`size` weights of a normal density of width `sigma`, which add up to 1."""
    x = tf.cast(tf.range(size), dtype) - (tf.cast(size, dtype) - 1) / 2
    weights = tf.exp(-0.5 * (x / tf.cast(sigma, dtype)) ** 2)
    return weights / tf.reduce_sum(weights)


def gaussian_blur(images: Any, kernel_size: Sequence[int] = (3, 3), sigma: Any = (1.0, 1.0),
                  data_format: str | None = None) -> Any:
    """Images weighed with a normal density, `kernel_size` = (columns, rows) wide, of the widths `sigma` likewise.

    >>> import treadle as tf
    >>> from treadle.keras_like.images.filters import gaussian_blur
    >>> gaussian_blur(tf.ones([1, 8, 8, 3])).shape
    TensorShape([1, 8, 8, 3])
    """
    def blurred(x: Any) -> Any:
        across, down = (bell(n, sigma[i], x.dtype) for i, n in enumerate(kernel_size))
        return smoothed(x, down[:, None] * across[None, :])
    return channels_last(blurred, images, data_format)


def displacements(noise: Any, alpha: Any, sigma: Any, kernel_size: int) -> Any:
    """How far each pixel moves, (down, to the right): normal numbers [batch, height, width, 2] of width `sigma`, blurred by
    as much, times `alpha`."""
    weights = bell(kernel_size, sigma, noise.dtype)
    field = smoothed(noise * tf.cast(sigma, noise.dtype), weights[:, None] * weights[None, :])
    return tf.cast(alpha, noise.dtype) * field


def displaced(x: Any, field: Any, interpolation: str, fill_mode: str, fill_value: Any) -> Any:
    """The batch [batch, height, width, channels] whose pixel p is the input's at p + field[p]."""
    row = tf.cast(tf.range(size_of(x, 1)), field.dtype)[None, :, None]
    column = tf.cast(tf.range(size_of(x, 2)), field.dtype)[None, None, :]
    return looked_up(x, [row + field[..., 0], column + field[..., 1]], 1, interpolation, fill_mode, fill_value)


def elastic_transform(images: Any, alpha: Any = 20.0, sigma: float = 5.0, interpolation: str = "bilinear",
                      fill_mode: str = "reflect", fill_value: Any = 0.0, seed: Any = None,
                      data_format: str | None = None) -> Any:
    """Images bent by a random field: pixel p is the input's at p + alpha * field[p].

    Args:
        sigma: how wide the field's normal numbers are, and how far they are blurred.
        seed: an integer, a `keras.random.SeedGenerator`, or None.
        Others as for `affine_transform`.
    """
    def bent(x: Any) -> Any:
        kind = x.dtype if x.dtype.is_floating else tf.float32
        noise = random.normal([*(size_of(x, i) for i in range(3)), 2], dtype=kind, seed=seed)
        field = displacements(noise, alpha, sigma, int(6 * sigma) | 1)
        return displaced(x, field, interpolation, fill_mode, fill_value)
    return channels_last(bent, images, data_format)
