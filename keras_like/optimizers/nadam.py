"""`Nadam`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import treadle as tf
from treadle.keras_like.core import policy
from treadle.keras_like.optimizers.moments import Moments


class Nadam(Moments):
    """`Adam` with Nesterov momentum: u_t = beta_1 * (1 - 0.96^t / 2), U_t = u_1 * ... * u_t, m and v as in Adam, and
    w <- w - learning_rate * (u_{t+1} m / (1 - U_{t+1}) + (1 - u_t) g / (1 - U_t)) / (sqrt(v / (1 - beta_2^t)) + epsilon).

    >>> import treadle as tf
    >>> from treadle import keras
    >>> w = tf.Variable(1.0)
    >>> _ = keras.optimizers.Nadam(0.1).apply_gradients([(tf.constant(5.0), w)])
    >>> round(float(w), 4)
    0.8937
    """

    def build(self, variables: Sequence[Any]) -> None:
        if not self.built:
            super().build(variables)
            self._u_product = self._variable(1.0, dtype=variables[0].dtype if variables else policy.floatx())

    def _u(self, step: Any) -> Any:
        return self.beta_1 * (1 - 0.5 * tf.pow(tf.cast(0.96, step.dtype), step))

    def _update_steps(self, grads: list[Any], variables: list[Any], learning_rate: Any) -> None:
        self._u_product.assign(self._u_product * self._u(self._local_step(self._u_product)))
        super()._update_steps(grads, variables, learning_rate)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        t = self._local_step(variable)
        u, u_next = self._u(t), self._u(t + 1)
        product = tf.cast(self._u_product, variable.dtype)
        m, v = self._slots(variable, self._first, self._second)
        self.assign_add(m, (gradient - m) * (1 - self.beta_1))
        self.assign_add(v, (tf.square(gradient) - v) * (1 - self.beta_2))
        m_hat = u_next * m / (1 - product * u_next) + (1 - u) * gradient / (1 - product)
        v_hat = v / (1 - tf.pow(tf.cast(self.beta_2, variable.dtype), t))
        self.assign_sub(variable, m_hat * learning_rate / (tf.sqrt(v_hat) + self.epsilon))
