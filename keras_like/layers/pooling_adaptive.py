"""Adaptive pooling: so many outputs, whatever the size of the input.

Output i of m is made from the inputs floor(i * n / m) to ceil((i + 1) * n / m) - 1 of n; neighbours may share some.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core.image_format import as_data_format
from treadle.keras_like.core.input_spec import InputSpec
from treadle.keras_like.core.variable import account_for
from treadle.keras_like.layers.arguments import arranged, channels_of, per_axis, spatial_axes
from treadle.keras_like.layers.built_in import BuiltIn


class AdaptivePooling(BuiltIn, ABC):
    """Pooling to `output_size`, one axis after the other."""

    rank = 2

    def __init__(self, output_size: Any, data_format: Any = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.input_spec = InputSpec(ndim=self.rank + 2)
        self.output_size = per_axis(output_size, self.rank, "output_size")
        self.data_format = as_data_format(data_format)

    def call(self, inputs: Any) -> Any:
        for axis, wanted in zip(spatial_axes(self.rank, self.data_format), self.output_size):
            size = inputs.shape[axis]
            if size is None:
                raise tf.errors.InvalidArgumentError(
                    f"Adaptive pooling needs known sizes. Received: an input of shape {inputs.shape}.")
            account_for("pooled axis", (wanted, -(-size // wanted) + 1 if wanted < size else 2), 32)
            index = np.arange(wanted)
            inputs = self._pool_axis(inputs, axis, index * size // wanted, -(-(index + 1) * size // wanted))
        return inputs

    @abstractmethod
    def _pool_axis(self, x: Any, axis: int, starts: np.ndarray, ends: np.ndarray) -> Any:
        """Reduce x[starts[i]:ends[i]] along an axis, for each i."""

    def compute_output_shape(self, input_shape: Any) -> Any:
        return arranged(input_shape[0], self.output_size, channels_of(input_shape, self.data_format), self.data_format)


class AdaptiveMaxPooling(AdaptivePooling):
    """The largest element of each part."""

    def _pool_axis(self, x: Any, axis: int, starts: np.ndarray, ends: np.ndarray) -> Any:
        # Shorter parts repeat their last element, which changes no maximum.
        places = np.minimum(starts[:, None] + np.arange(np.max(ends - starts)), ends[:, None] - 1)
        return tf.reduce_max(tf.gather(x, places.astype(np.int32), axis=axis), axis=axis + 1)


class AdaptiveAveragePooling(AdaptivePooling):
    """The mean of each part."""

    casts_integers = True

    def _pool_axis(self, x: Any, axis: int, starts: np.ndarray, ends: np.ndarray) -> Any:
        account_for("table of shares", (x.shape[axis], len(starts)), 32)
        place = np.arange(x.shape[axis])[:, None]
        weights = ((place >= starts) & (place < ends)) / (ends - starts)
        pooled = tf.tensordot(x, tf.constant(weights, x.dtype), axes=[[axis], [0]])
        order = list(range(x.shape.rank - 1))
        order.insert(axis, x.shape.rank - 1)
        return tf.transpose(pooled, order)


class AdaptiveMaxPooling1D(AdaptiveMaxPooling):
    """The largest element of each of `output_size` parts: [batch, steps, channels] -> [batch, output_size, channels].

    Args:
        output_size: an integer, or one for each axis.
        data_format: "channels_last" (default) or "channels_first".

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.AdaptiveMaxPooling1D(2)(tf.reshape(tf.range(6.0), [1, 6, 1])).numpy().ravel().tolist()
    [2.0, 5.0]
    """

    rank = 1


class AdaptiveMaxPooling2D(AdaptiveMaxPooling):
    """The largest element of each part of images. Arguments as for `AdaptiveMaxPooling1D`."""


class AdaptiveMaxPooling3D(AdaptiveMaxPooling):
    """The largest element of each part of volumes. Arguments as for `AdaptiveMaxPooling1D`."""

    rank = 3


class AdaptiveAveragePooling1D(AdaptiveAveragePooling):
    """The mean of each of `output_size` parts. Arguments as for `AdaptiveMaxPooling1D`.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.AdaptiveAveragePooling1D(2)(tf.reshape(tf.range(6.0), [1, 6, 1])).numpy().ravel().tolist()
    [1.0, 4.0]
    """

    rank = 1


class AdaptiveAveragePooling2D(AdaptiveAveragePooling):
    """The mean of each part of images. Arguments as for `AdaptiveMaxPooling1D`."""


class AdaptiveAveragePooling3D(AdaptiveAveragePooling):
    """The mean of each part of volumes. Arguments as for `AdaptiveMaxPooling1D`."""

    rank = 3
