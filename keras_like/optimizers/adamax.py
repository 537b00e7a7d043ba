"""`Adamax`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import treadle as tf
from treadle.keras_like.optimizers.base import Optimizer


class Adamax(Optimizer):
    """m <- m + (1 - beta_1) * (g - m);  u <- max(beta_2 * u, |g|);
    w <- w - learning_rate * m / ((1 - beta_1^t) * (u + epsilon)).

    >>> import treadle as tf
    >>> from treadle import keras
    >>> w = tf.Variable(1.0)
    >>> _ = keras.optimizers.Adamax(0.1).apply_gradients([(tf.constant(5.0), w)])
    >>> round(float(w), 4)
    0.9
    """

    def __init__(self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7,
                 *common: Any, **options: Any):
        super().__init__(learning_rate, *common, **options)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def build(self, variables: Sequence[Any]) -> None:
        if not self.built:
            super().build(variables)
            self._m, self._u = self.add_optimizer_variables(variables, ["momentum", "norm"])

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        correction = 1 - tf.pow(tf.cast(self.beta_1, variable.dtype), self._local_step(variable))
        m, u = self._slots(variable, self._m, self._u)
        self.assign_add(m, (gradient - m) * (1 - self.beta_1))
        self.assign(u, tf.maximum(self.beta_2 * u, tf.abs(gradient)))
        self.assign_sub(variable, learning_rate * m / (correction * (u + self.epsilon)))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
