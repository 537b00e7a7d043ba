"""`Lamb`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import treadle as tf
from treadle.keras_like.optimizers.base import Optimizer


class Lamb(Optimizer):
    """`Adam`'s step u, scaled to the size of the variable: w <- w - learning_rate * |w| / |u| * u (ratio 1 where one is 0).

    >>> import treadle as tf
    >>> from treadle import keras
    >>> w = tf.Variable([3.0, 4.0])
    >>> _ = keras.optimizers.Lamb(0.1).apply_gradients([(tf.constant([7.0, 0.0]), w)])
    >>> w.numpy().round(4).tolist()
    [2.5, 4.0]
    """

    def __init__(self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7,
                 *common: Any, **options: Any):
        super().__init__(learning_rate, *common, **options)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def build(self, variables: Sequence[Any]) -> None:
        if not self.built:
            super().build(variables)
            self._momentums, self._velocities = self.add_optimizer_variables(variables, ["momentum", "velocity"])

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        t = self._local_step(variable)
        m, v = self._slots(variable, self._momentums, self._velocities)
        self.assign_add(m, (gradient - m) * (1 - self.beta_1))
        self.assign_add(v, (tf.square(gradient) - v) * (1 - self.beta_2))
        m_hat = m / (1 - tf.pow(tf.cast(self.beta_1, variable.dtype), t))
        v_hat = v / (1 - tf.pow(tf.cast(self.beta_2, variable.dtype), t))
        step = m_hat / (tf.sqrt(v_hat) + self.epsilon)
        w_norm, u_norm = (tf.sqrt(tf.reduce_sum(tf.square(x))) for x in (variable, step))
        ratio = tf.where((w_norm > 0) & (u_norm > 0), w_norm / u_norm, tf.ones_like(w_norm))
        self.assign_sub(variable, ratio * learning_rate * step)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
