"""`BatchNormalization`: mean 0 and variance 1 for each channel, over the batch."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core.epsilon import epsilon as tiny
from treadle.keras_like.core.input_spec import InputSpec
from treadle.keras_like.layers import batch_renormalization as renorm_batches
from treadle.keras_like.layers.normalizing import Normalizing, along, as_axes, normalized, widened


class BatchNormalization(Normalizing):
    """gamma * (x - mean) / sqrt(variance + epsilon) + beta, for each index along `axis`.

    In training, mean and variance are those of the batch (over its unmasked steps), and the moving statistics follow them:
    moving = momentum * moving + (1 - momentum) * batch's. Otherwise, and if `trainable` is False, they are the moving ones.

    Args:
        axis: the channels' axis. Default -1.
        momentum: default 0.99.
        epsilon: default 0.001.
        center, scale: whether there are a beta and a gamma. Default True.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer: default "zeros", "ones",
            "zeros", "ones".
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: default: none.
        renorm: batch renormalization: training normalizes nearly by the moving statistics. Default False.
        renorm_clipping: bounds of its corrections: {"rmin", "rmax", "dmax"}. Default: none.
        renorm_momentum: as `momentum`, for the statistics that training itself sees. Default 0.99.
        synchronized: accepted; a program has the whole batch.

    Raises InvalidArgumentError for a mask of another rank than [batch, ...], and for bounds that contradict one another.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> layer = keras.layers.BatchNormalization(epsilon=0.0)
    >>> layer(tf.constant([[1.0], [3.0]]), training=True).numpy().tolist()
    [[-1.0], [1.0]]
    """

    moving_mean_initializer: Any
    moving_variance_initializer: Any

    def __init__(self, axis: Any = -1, momentum: float = 0.99, epsilon: float = 1e-3, center: bool = True, scale: bool = True,
                 beta_initializer: Any = "zeros", gamma_initializer: Any = "ones", moving_mean_initializer: Any = "zeros",
                 moving_variance_initializer: Any = "ones", beta_regularizer: Any = None, gamma_regularizer: Any = None,
                 beta_constraint: Any = None, gamma_constraint: Any = None, renorm: bool = False, renorm_clipping: Any = None,
                 renorm_momentum: float = 0.99, synchronized: bool = False, **kwargs: Any):
        kwargs.pop("fused", None)  # a way of computing the same values in older versions
        super().__init__(**kwargs)
        self.axis = int(*as_axes(axis))
        self.momentum, self.epsilon = float(momentum), float(epsilon)
        self.renorm, self.renorm_momentum = bool(renorm), renorm_momentum
        self.renorm_clipping = renorm_batches.check_clipping(renorm_clipping) if renorm else renorm_clipping
        self._keep(dict(
            center=center, scale=scale, beta_initializer=beta_initializer, gamma_initializer=gamma_initializer,
            moving_mean_initializer=moving_mean_initializer, moving_variance_initializer=moving_variance_initializer,
            beta_regularizer=beta_regularizer, gamma_regularizer=gamma_regularizer, beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint, synchronized=synchronized))
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        self.compute_output_shape(input_shape)
        shape = (input_shape[self.axis],)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: shape[0]})
        self._add_scale_and_shift(shape)
        self.moving_mean = self.add_weight(name="moving_mean", shape=shape, initializer=self.moving_mean_initializer,
                                           trainable=False, autocast=False, aggregation="mean")
        self.moving_variance = self.add_weight(name="moving_variance", shape=shape, trainable=False, autocast=False,
                                               initializer=self.moving_variance_initializer, aggregation="mean")
        if self.renorm:
            renorm_batches.add_statistics(self, shape)
        self._built = True

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        if mask is not None and mask.shape.rank != inputs.shape.rank - 1:
            raise tf.errors.InvalidArgumentError(
                f"The mask has one axis less than the inputs. Received: a mask of shape {mask.shape} for inputs of shape "
                f"{inputs.shape}.")
        x = widened(inputs)
        mean, variance = tf.cast(self.moving_mean, x.dtype), tf.cast(self.moving_variance, x.dtype)
        gamma, beta = (v if v is None else tf.cast(v, x.dtype) for v in (self.gamma, self.beta))
        if training and self.trainable and self.renorm:
            mean, variance = self._moments(x, mask)
            gamma, beta = renorm_batches.corrected(self, mean, variance, gamma, beta)
            renorm_batches.follow(self, mean, variance)
        elif training and self.trainable:
            old = mean, variance
            mean, variance = self._moments(x, mask)
            for moving, before, now in zip((self.moving_mean, self.moving_variance), old, (mean, variance)):
                moving.assign(tf.cast(before * self.momentum + now * (1.0 - self.momentum), moving.dtype))
        mean, variance, gamma, beta = [
            v if v is None else along(v, [self.axis], x) for v in (mean, variance, gamma, beta)]
        return tf.cast(normalized(x, mean, variance, gamma, beta, self.epsilon), self.compute_dtype)

    def _moments(self, x: Any, mask: Any) -> tuple[Any, Any]:
        axes = [i for i in range(x.shape.rank) if i != self.axis % x.shape.rank]
        if mask is None:
            return tf.nn.moments(x, axes)
        keep = tf.broadcast_to(tf.expand_dims(tf.cast(mask, "bool"), -1), tf.shape(x))
        count = tf.reduce_sum(tf.cast(keep, x.dtype), axis=axes) + tiny()
        mean = tf.reduce_sum(tf.where(keep, x, tf.zeros_like(x)), axis=axes) / count
        off = tf.where(keep, x - along(mean, [self.axis], x), tf.zeros_like(x))
        return mean, tf.reduce_sum(tf.square(off), axis=axes) / count
