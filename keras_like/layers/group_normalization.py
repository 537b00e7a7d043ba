"""`GroupNormalization`: mean 0 and variance 1 for each example and group of channels."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core.input_spec import InputSpec
from treadle.keras_like.layers.normalizing import Normalizing, normalized, widened


class GroupNormalization(Normalizing):
    """gamma * (x - mean) / sqrt(variance + epsilon) + beta, with mean and variance for each example and group of channels.

    Args:
        groups: how many groups; -1: each channel on its own (instance normalization). Default 32.
        axis: the channels' axis. Default -1.
        epsilon: default 0.001.
        center, scale: whether there are a beta and a gamma, one number for each channel. Default True.
        beta_initializer, gamma_initializer: default "zeros" and "ones".
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: default: none.

    Raises InvalidArgumentError unless `groups` divides the number of channels. Source: arXiv:1803.08494.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.GroupNormalization(2, epsilon=0.0)(tf.constant([[1.0, 3.0, 5.0, 9.0]])).numpy().tolist()
    [[-1.0, 1.0, -1.0, 1.0]]
    """

    def __init__(self, groups: int = 32, axis: int = -1, epsilon: float = 1e-3, center: bool = True, scale: bool = True,
                 beta_initializer: Any = "zeros", gamma_initializer: Any = "ones", beta_regularizer: Any = None,
                 gamma_regularizer: Any = None, beta_constraint: Any = None, gamma_constraint: Any = None, **kwargs: Any):
        if not isinstance(groups, int) or groups <= 0 and groups != -1:
            raise tf.errors.InvalidArgumentError(f"`groups` is a positive integer, or -1. Received: groups={groups!r}.")
        super().__init__(**kwargs)
        self.groups, self.axis, self.epsilon = groups, axis, epsilon
        self._keep(dict(
            center=center, scale=scale, beta_initializer=beta_initializer, gamma_initializer=gamma_initializer,
            beta_regularizer=beta_regularizer, gamma_regularizer=gamma_regularizer, beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint))
        self.supports_masking, self.autocast = True, False

    def build(self, input_shape: Any) -> None:
        self.compute_output_shape(input_shape)
        channels = input_shape[self.axis]
        if channels is None:
            raise tf.errors.InvalidArgumentError(
                f"The number of channels must be known. Received: axis={self.axis} of the shape {tuple(input_shape)}.")
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: channels})
        if self.groups == -1:
            self.groups = channels
        if channels % self.groups:
            raise tf.errors.InvalidArgumentError(
                f"`groups` must divide the number of channels, {channels}. Received: groups={self.groups}.")
        self._add_scale_and_shift((channels,))
        self._built = True

    def call(self, inputs: Any) -> Any:
        x = widened(inputs)
        rank, axis, sizes = x.shape.rank, self.axis % x.shape.rank, tf.shape(x)
        split = [x.shape[axis] // self.groups]
        known = [sizes[i] if x.shape[i] is None else x.shape[i] for i in range(rank)]
        grouped = tf.reshape(x, [*known[:axis], self.groups, *split, *known[axis + 1:]])
        mean, variance = tf.nn.moments(grouped, [i for i in range(1, rank + 1) if i != axis], keepdims=True)
        broadcast = [1] * axis + [self.groups, *split] + [1] * (rank - axis - 1)
        gamma, beta = (v if v is None else tf.reshape(tf.cast(v, x.dtype), broadcast) for v in (self.gamma, self.beta))
        return tf.cast(tf.reshape(normalized(grouped, mean, variance, gamma, beta, self.epsilon), sizes), self.compute_dtype)
