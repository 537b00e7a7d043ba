"""`UnitNormalization` and `RMSNormalization`: each example by its own length."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core.input_spec import InputSpec
from treadle.keras_like.layers.normalizing import Normalizing, along, as_axes, check_axes, widened


class UnitNormalization(Normalizing):
    """x / |x|, the norm over `axis`.

    Args:
        axis: an axis, or a list of them. Default -1.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.UnitNormalization()(tf.constant([[0.0, 4.0]])).numpy().tolist()
    [[0.0, 1.0]]
    """

    def __init__(self, axis: Any = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = check_axes(axis)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        inverse = tf.math.rsqrt(tf.reduce_sum(tf.square(inputs), axis=as_axes(self.axis), keepdims=True))
        return inputs * tf.minimum(inverse, 1e12)  # 0 stays 0


class RMSNormalization(Normalizing):
    """scale * x / sqrt(mean(x^2) + epsilon), the mean over `axis`.

    Args:
        axis: an axis, or a list of them. Default -1.
        epsilon: default 1e-6.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.RMSNormalization(epsilon=0.0)(tf.constant([[2.0, -2.0]])).numpy().tolist()
    [[1.0, -1.0]]
    """

    def __init__(self, axis: Any = -1, epsilon: float = 1e-6, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis, self.epsilon = check_axes(axis), epsilon

    def build(self, input_shape: Any) -> None:
        self.compute_output_shape(input_shape)
        self.axis = sorted(as_axes(self.axis))
        self.input_spec = InputSpec(axes={a: input_shape[a] for a in self.axis})
        self.scale = self.add_weight(name="scale", shape=tuple(input_shape[a] for a in self.axis), initializer="ones")
        self._built = True

    def call(self, x: Any) -> Any:
        wide = widened(x)
        inverse = tf.math.rsqrt(tf.reduce_mean(tf.square(wide), axis=self.axis, keepdims=True) + self.epsilon)
        return tf.cast(wide * inverse * along(self.scale, self.axis, wide), x.dtype)
