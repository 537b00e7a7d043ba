"""`Normalization`: the data's own mean and variance, learned beforehand by `adapt`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core.epsilon import epsilon
from treadle.keras_like.core.layer import Layer
from treadle.keras_like.layers.data_layer import DataLayer


class Normalization(DataLayer):
    """(inputs - mean) / sqrt(variance), with a mean and a variance for each index along `axis`.

    Args:
        axis: an axis, several, or None for one mean over everything. Default -1.
        mean, variance: given together, they make `adapt` unnecessary.
        invert: compute inputs * sqrt(variance) + mean. Default False.

    >>> from treadle import keras
    >>> layer = keras.layers.Normalization(axis=None)
    >>> layer.adapt([1.0, 3.0])
    >>> layer([2.0, 5.0]).numpy().tolist()
    [0.0, 3.0]
    """

    supports_masking = True

    def __init__(self, axis: Any = -1, mean: Any = None, variance: Any = None, invert: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        if (mean is None) != (variance is None):
            raise tf.errors.InvalidArgumentError(
                f"`mean` and `variance` are given together. Received: mean={mean}, variance={variance}.")
        self.axis = () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        if np.shape(mean) != np.shape(variance) or mean is not None and np.ndim(mean) > len(self.axis):
            raise tf.errors.InvalidArgumentError(
                f"`mean` and `variance` have one shape, of rank {len(self.axis)} (axis={self.axis}) or less. Received: shapes "
                f"{np.shape(mean)} and {np.shape(variance)}.")
        self.input_mean, self.input_variance, self.invert = mean, variance, invert
        self._adapted_shape: tuple | None = None

    def build(self, input_shape: Any) -> None:
        if input_shape is None:
            return
        rank = len(input_shape)
        if any(not -rank <= a < rank for a in self.axis):
            raise tf.errors.InvalidArgumentError(
                f"`axis` lies outside of inputs with {rank} axes. Received: axis={self.axis}, shape {tuple(input_shape)}.")
        self._kept = tuple(sorted(a % rank for a in self.axis))
        if any(input_shape[a] is None for a in self._kept):
            raise tf.errors.InvalidArgumentError(
                f"The sizes along `axis` must be known. Received: axis={self.axis}, shape {tuple(input_shape)}.")
        self._reduced = tuple(a for a in range(rank) if a not in self._kept)
        self._broadcast = tuple(input_shape[a] if a in self._kept else 1 for a in range(rank))
        self._adapted_shape = tuple(input_shape)
        if self.input_mean is None:
            sizes = tuple(input_shape[a] for a in self._kept)
            self.adapt_mean = self.add_weight(name="mean", shape=sizes, initializer="zeros", trainable=False)
            self.adapt_variance = self.add_weight(name="variance", shape=sizes, initializer="ones", trainable=False)
            self.count = self.add_weight(name="count", shape=(), dtype="int32", initializer="zeros", trainable=False)

    def _given(self, value: Any) -> np.ndarray:
        """A mean or variance of the constructor's in the shape that goes with the inputs."""
        value = np.asarray(value, np.float64)
        shape = [1] * len(self._broadcast)
        for i in range(1, value.ndim + 1):
            shape[self._kept[-i]] = value.shape[-i]
        return np.broadcast_to(value.reshape(shape), self._broadcast)

    @property
    def mean(self) -> Any:
        """The mean, in the shape that goes with the inputs; None before the layer is built."""
        return self._statistic(self.input_mean, "adapt_mean")

    @property
    def variance(self) -> Any:
        """The variance."""
        return self._statistic(self.input_variance, "adapt_variance")

    def _statistic(self, given: Any, name: str) -> Any:
        if self._adapted_shape is None:
            return None
        if given is not None:
            return tf.constant(self._given(given), self.compute_dtype)
        return tf.cast(tf.reshape(tf.convert_to_tensor(getattr(self, name)), self._broadcast), self.compute_dtype)

    def adapt(self, data: Any) -> None:
        """Learn the mean and the variance of `data`.

        Args:
            data: an array or tensor; or batches of such: a data set, a list or a generator. Of batches (x, y), x is taken.
        """
        if self.input_mean is not None:
            raise tf.errors.FailedPreconditionError(
                f"The layer {self.name!r} was given its mean and variance, so there is nothing to adapt. Leave `mean` and "
                "`variance` out.")
        mean: Any = 0.0
        variance: Any = 0.0
        total = 0
        for batch in _batches(data):
            if not self._built:
                self.build(batch.shape)
            wanted = [self._adapted_shape[a] for a in self._kept]  # type: ignore[index]
            if batch.ndim != len(self._broadcast) or [batch.shape[a] for a in self._kept] != wanted:
                raise tf.errors.InvalidArgumentError(
                    f"The layer {self.name!r} was built for inputs of shape {self._adapted_shape}. Received: data of shape "
                    f"{batch.shape}.")
            count = int(np.prod([batch.shape[a] for a in self._reduced], dtype=np.int64))
            if not count:
                continue
            batch_mean, batch_variance = batch.mean(self._reduced, np.float64), batch.var(self._reduced, np.float64)
            share = count / (total + count)
            # The variance of two parts together: theirs, and that between their means.
            between = (batch_mean - mean) ** 2 * (1 - share) * share if total else 0.0
            variance = variance * (1 - share) + batch_variance * share + between
            mean = mean * (1 - share) + batch_mean * share
            total += count
        if not total:
            raise tf.errors.InvalidArgumentError("`adapt` needs some data. Received: no batches.")
        dtype = self.adapt_mean.dtype.as_numpy_dtype
        self.adapt_mean.assign(np.asarray(mean).astype(dtype))
        self.adapt_variance.assign(np.asarray(variance).astype(dtype))

    def finalize_state(self) -> None:
        """There is nothing to do: the mean and the variance are read at each call."""

    def call(self, inputs: Any) -> Any:
        inputs = tf.cast(inputs, self.compute_dtype)
        scale = tf.maximum(tf.sqrt(self.variance), epsilon())
        return self.mean + inputs * scale if self.invert else (inputs - self.mean) / scale

    def compute_output_shape(self, input_shape: Any) -> Any:
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        return Layer.get_config(self) | {"axis": self.axis, "invert": self.invert, "mean": _listed(self.input_mean),
                                         "variance": _listed(self.input_variance)}


def _listed(value: Any) -> Any:
    return None if value is None else np.asarray(value).tolist()


def _batches(data: Any) -> Iterator[np.ndarray]:
    if isinstance(data, (np.ndarray, tf.Tensor, tf.Variable)) or not hasattr(data, "__iter__"):
        yield np.asarray(data)
        return
    if isinstance(data, (list, tuple)) and data and all(np.isscalar(v) for v in data):
        yield np.asarray(tf.convert_to_tensor(list(data)))
        return
    if isinstance(data, tf.data.Dataset) and len(tf.nest.flatten(data.element_spec)[0].shape) <= 1:
        data = data.batch(128)
    for batch in data:
        yield np.asarray(batch[0] if isinstance(batch, tuple) else batch)
