"""UpSampling: larger sequences, images and volumes, by repeating elements or interpolating between them."""

from __future__ import annotations

from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core.image_format import as_data_format
from treadle.keras_like.core.input_spec import InputSpec
from treadle.keras_like.core.variable import account_for
from treadle.keras_like.layers.arguments import arranged, channels_of, per_axis, positive, sizes_of, spatial_axes
from treadle.keras_like.layers.built_in import BuiltIn


class UpSampling(BuiltIn):
    """Each element `size` times, on each of `rank` axes."""

    rank = 2
    size: Any
    data_format = "channels_last"

    def call(self, inputs: Any) -> Any:
        for axis, times in zip(spatial_axes(self.rank, self.data_format), self._sizes()):
            inputs = tf.repeat(inputs, times, axis=axis)
        return inputs

    def _sizes(self) -> tuple[int, ...]:
        return self.size

    def compute_output_shape(self, input_shape: Any) -> Any:
        sizes = [None if n is None else n * times
                 for n, times in zip(sizes_of(input_shape, self.data_format), self._sizes())]
        return arranged(input_shape[0], sizes, channels_of(input_shape, self.data_format), self.data_format)


class UpSampling1D(UpSampling):
    """Each step `size` times: [batch, steps, channels] -> [batch, steps * size, channels].

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.UpSampling1D(2)(tf.constant([[[1.0], [2.0]]])).numpy().ravel().tolist()
    [1.0, 1.0, 2.0, 2.0]
    """

    rank = 1
    input_spec = InputSpec(ndim=3)

    def __init__(self, size: int = 2, **kwargs: Any):
        super().__init__(**kwargs)
        self.size = positive(size, "size")

    def _sizes(self) -> tuple[int, ...]:
        return (self.size,)


class UpSampling2D(UpSampling):
    """Larger images: [batch, height, width, channels] -> [batch, height * size[0], width * size[1], channels].

    Args:
        size: an integer, or (rows, columns). Default 2.
        data_format: "channels_last" (default) or "channels_first".
        interpolation: "nearest" (default: elements are repeated), "bilinear", or "bicubic" (Keys' kernel, a = -0.5).

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.UpSampling2D((1, 2))(tf.constant([[[[1.0], [2.0]]]])).numpy().ravel().tolist()
    [1.0, 1.0, 2.0, 2.0]
    """

    input_spec = InputSpec(ndim=4)

    def __init__(self, size: Any = (2, 2), data_format: Any = None, interpolation: str = "nearest", **kwargs: Any):
        super().__init__(**kwargs)
        self.size, self.data_format = per_axis(size, 2, "size"), as_data_format(data_format)
        self.interpolation = str(interpolation).lower()
        if self.interpolation != "nearest" and self.interpolation not in _KERNELS:
            raise tf.errors.InvalidArgumentError(
                f"`interpolation` is one of 'nearest', {', '.join(map(repr, _KERNELS))}. Received: "
                f"interpolation={interpolation!r}.")

    def call(self, inputs: Any) -> Any:
        if self.interpolation == "nearest":
            return super().call(inputs)
        for axis, times in zip(spatial_axes(2, self.data_format), self.size):
            inputs = _interpolated(inputs, axis, times, _KERNELS[self.interpolation])
        return inputs


class UpSampling3D(UpSampling):
    """Each element of a volume size[0] x size[1] x size[2] times. Arguments as for `UpSampling2D`."""

    rank = 3
    input_spec = InputSpec(ndim=5)

    def __init__(self, size: Any = (2, 2, 2), data_format: Any = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.size, self.data_format = per_axis(size, 3, "size"), as_data_format(data_format)


# --- interpolation --------------------------------------------------------------------------------------------------


def _triangle(x: np.ndarray) -> np.ndarray:
    return np.maximum(1 - np.abs(x), 0)


def _cubic(x: np.ndarray) -> np.ndarray:
    x = np.abs(x)
    near, far = (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


_KERNELS = {"bilinear": _triangle, "bicubic": _cubic}  # the weight of an element at a distance


def _interpolated(x: Any, axis: int, times: int, kernel: Any) -> Any:
    """`times` as many elements along an axis: output o is the input around the position (o + 0.5) / times - 0.5."""
    size = x.shape[axis]
    if size is None:
        raise tf.errors.InvalidArgumentError(
            f"Interpolation needs known sizes. Received: an input of shape {x.shape}. Use interpolation='nearest'.")
    account_for("table of shares", (size, size * times), 32)
    position = (np.arange(size * times) + 0.5) / times - 0.5
    weights = kernel(np.arange(size)[:, None] - position)
    weights /= weights.sum(0)  # at the borders, elements outside do not count
    scaled = tf.tensordot(x, tf.constant(weights, x.dtype), axes=[[axis], [0]])
    order = list(range(x.shape.rank - 1))
    order.insert(axis, x.shape.rank - 1)
    return tf.transpose(scaled, order)
