"""`Adadelta`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import treadle as tf
from treadle.keras_like.optimizers.base import Optimizer


class Adadelta(Optimizer):
    """a <- rho * a + (1 - rho) * g^2;  d = -sqrt(b + epsilon) / sqrt(a + epsilon) * g;
    b <- rho * b + (1 - rho) * d^2;  w <- w + learning_rate * d.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> w = tf.Variable(1.0)
    >>> _ = keras.optimizers.Adadelta(1.0, rho=0.75, epsilon=0.01).apply_gradients([(tf.constant(2.0), w)])
    >>> round(float(w), 3)
    0.801
    """

    def __init__(self, learning_rate: Any = 0.001, rho: float = 0.95, epsilon: float = 1e-7, *common: Any, **options: Any):
        super().__init__(learning_rate, *common, **options)
        self.rho, self.epsilon = rho, epsilon

    def build(self, variables: Sequence[Any]) -> None:
        if not self.built:
            super().build(variables)
            self._accumulated_grads, self._accumulated_delta_vars = self.add_optimizer_variables(
                variables, ["accumulated_grad", "accumulated_delta_var"])

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        rho = self.rho
        a, b = self._slots(variable, self._accumulated_grads, self._accumulated_delta_vars)
        self.assign(a, rho * a + (1 - rho) * tf.square(gradient))
        delta = -tf.sqrt(b + self.epsilon) * gradient / tf.sqrt(a + self.epsilon)
        self.assign(b, rho * b + (1 - rho) * tf.square(delta))
        self.assign_add(variable, learning_rate * delta)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rho": self.rho, "epsilon": self.epsilon}
