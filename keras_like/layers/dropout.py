"""Noise while training: Dropout, SpatialDropout, AlphaDropout, GaussianDropout, GaussianNoise.

Without `training` (False by default, passed down from the outermost call) all of them return the input itself.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import treadle as tf
from treadle.keras_like.core import random
from treadle.keras_like.core.image_format import as_data_format
from treadle.keras_like.core.input_spec import InputSpec
from treadle.keras_like.layers.activation import Elementwise

_SELU_LOWEST = -1.6732632423543772 * 1.0507009873554805  # what selu(x) tends to for x -> -infinity


class Noise(Elementwise, ABC):
    """Noise of strength `rate` (0 to 1) while training, from a seed generator of the layer's own."""

    strength = "rate"

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        if not 0 <= rate <= 1:
            raise tf.errors.InvalidArgumentError(
                f"`{self.strength}` is a number from 0 to 1. Received: {self.strength}={rate!r}.")
        self._level = rate
        setattr(self, self.strength, rate)
        self.seed = seed
        if rate > 0:
            self.seed_generator = random.SeedGenerator(seed)

    def call(self, inputs: Any, training: Any = False) -> Any:
        if self._level == 0:
            return inputs
        if isinstance(training, (tf.Tensor, tf.Variable)):
            return tf.cond(tf.cast(training, "bool"), lambda: self._noisy(inputs), lambda: inputs)
        return self._noisy(inputs) if training else inputs

    @abstractmethod
    def _noisy(self, inputs: Any) -> Any:
        """The inputs with noise."""


class Dropout(Noise):
    """Each element 0 with probability `rate`, else x / (1 - rate), while training.

    Args:
        rate: from 0 to 1.
        noise_shape: where it is 1, all elements along that axis are dropped or kept together; None: the input's size.
        seed: an integer. Default: one that `tf.random.set_seed` decides.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> layer = keras.layers.Dropout(0.5, seed=1)
    >>> bool(tf.reduce_all(layer(tf.ones([3])) == 1.0)), sorted(set(layer(tf.ones([99]), training=True).numpy().tolist()))
    (True, [0.0, 2.0])
    """

    def __init__(self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any):
        super().__init__(rate, seed, **kwargs)
        self.noise_shape = _checked(noise_shape)

    def _noisy(self, inputs: Any) -> Any:
        return random.dropout(inputs, self._level, self._noise_shape(), self.seed_generator)

    def _noise_shape(self) -> Any:
        return self.noise_shape


def _checked(noise_shape: Any) -> Any:
    """A tuple of positive sizes and None, or None."""
    if noise_shape is None:
        return None
    sizes = tuple(noise_shape) if isinstance(noise_shape, (list, tuple)) else (0,)
    if any(n is not None and (not isinstance(n, int) or n <= 0) for n in sizes):
        raise tf.errors.InvalidArgumentError(
            f"`noise_shape` holds positive sizes, or None for the input's. Received: noise_shape={noise_shape!r}.")
    return sizes


class SpatialDropout(Noise):
    """Whole channels are dropped or kept, over `spatial` axes."""

    spatial = 1
    data_format = "channels_last"

    def __init__(self, rate: float, seed: int | None = None, name: str | None = None, dtype: Any = None, **kwargs: Any):
        super().__init__(rate, seed, name=name, dtype=dtype, **kwargs)
        self.input_spec = InputSpec(ndim=self.spatial + 2)

    def _noisy(self, inputs: Any) -> Any:
        ones = (1,) * self.spatial
        shape = (None, *ones, None) if self.data_format == "channels_last" else (None, None, *ones)
        return random.dropout(inputs, self._level, shape, self.seed_generator)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["trainable"]  # not an argument of the constructor in Keras, which must read this
        return config


class SpatialDropout1D(SpatialDropout):
    """Dropout of whole features of [batch, steps, features].

    >>> import treadle as tf
    >>> from treadle import keras
    >>> y = keras.layers.SpatialDropout1D(0.5, seed=3)(tf.ones([2, 4, 8]), training=True)
    >>> bool(tf.reduce_all(y[:, :1] == y))
    True
    """

    def __init__(self, rate: float, seed: int | None = None, name: str | None = None, dtype: Any = None, **kwargs: Any):
        super().__init__(rate, seed, name, dtype, **kwargs)


class SpatialDropout2D(SpatialDropout):
    """Dropout of whole channels of images, [batch, height, width, channels].

    Args:
        rate, seed: as for `Dropout`.
        data_format: "channels_last" (default) or "channels_first".
    """

    spatial = 2

    def __init__(self, rate: float, data_format: Any = None, seed: int | None = None, name: str | None = None,
                 dtype: Any = None, **kwargs: Any):
        super().__init__(rate, seed, name, dtype, **kwargs)
        self.data_format = as_data_format(data_format)


class SpatialDropout3D(SpatialDropout2D):
    """Dropout of whole channels of volumes, [batch, depth, height, width, channels]. Arguments: `SpatialDropout2D`'s."""

    spatial = 3


class AlphaDropout(Noise):
    """Dropout that keeps mean and variance of what `selu` gives: dropped elements are -1.7581, then a * x + b.

    Arguments as for `Dropout`. Source: arXiv:1706.02515.
    """

    def __init__(self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any):
        super().__init__(rate, seed, **kwargs)
        self.noise_shape = _checked(noise_shape)

    def _noisy(self, inputs: Any) -> Any:
        rate, lowest = self._level, _SELU_LOWEST
        shape = random.noise_sizes(inputs, self.noise_shape)
        kept = random.uniform(shape, dtype="float32", seed=self.seed_generator) >= rate
        if rate == 1:
            return tf.zeros_like(inputs)
        a = ((1 - rate) * (1 + rate * lowest**2)) ** -0.5
        return a * tf.where(kept, inputs, tf.cast(lowest, inputs.dtype)) - a * lowest * rate


class GaussianDropout(Noise):
    """x times normal numbers of mean 1 and standard deviation sqrt(rate / (1 - rate)), while training."""

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any):
        super().__init__(rate, seed, **kwargs)
        if rate == 1:
            raise tf.errors.InvalidArgumentError("`rate` must be below 1: the noise would be infinite. Received: rate=1.")

    def _noisy(self, inputs: Any) -> Any:
        stddev = math.sqrt(self._level / (1 - self._level))
        return inputs * random.normal(tf.shape(inputs), 1.0, stddev, inputs.dtype, self.seed_generator)


class GaussianNoise(Noise):
    """x plus normal numbers of mean 0 and standard deviation `stddev` (0 to 1), while training."""

    strength = "stddev"

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any):
        super().__init__(stddev, seed, **kwargs)

    def _noisy(self, inputs: Any) -> Any:
        return inputs + random.normal(tf.shape(inputs), 0.0, self._level, inputs.dtype, self.seed_generator)
