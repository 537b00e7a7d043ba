"""`Lamb`."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.optimizers.moments import Moments


class Lamb(Moments):
    """`Adam`'s step u, scaled to the size of the variable: w <- w - learning_rate * |w| / |u| * u (ratio 1 where one is 0).

    >>> import treadle as tf
    >>> from treadle import keras
    >>> w = tf.Variable([3.0, 4.0])
    >>> _ = keras.optimizers.Lamb(0.1).apply_gradients([(tf.constant([7.0, 0.0]), w)])
    >>> w.numpy().round(4).tolist()
    [2.5, 4.0]
    """

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        t = self._local_step(variable)
        m, v = self._slots(variable, self._first, self._second)
        self.assign_add(m, (gradient - m) * (1 - self.beta_1))
        self.assign_add(v, (tf.square(gradient) - v) * (1 - self.beta_2))
        m_hat = m / (1 - tf.pow(tf.cast(self.beta_1, variable.dtype), t))
        v_hat = v / (1 - tf.pow(tf.cast(self.beta_2, variable.dtype), t))
        step = m_hat / (tf.sqrt(v_hat) + self.epsilon)
        w_norm, u_norm = (tf.sqrt(tf.reduce_sum(tf.square(x))) for x in (variable, step))
        ratio = tf.where((w_norm > 0) & (u_norm > 0), w_norm / u_norm, tf.ones_like(w_norm))
        self.assign_sub(variable, ratio * learning_rate * step)
