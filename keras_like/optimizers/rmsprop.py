"""`RMSprop`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import treadle as tf
from treadle.keras_like.optimizers.base import Optimizer


class RMSprop(Optimizer):
    """v <- rho * v + (1 - rho) * g^2;  w <- w - learning_rate * g / sqrt(v + epsilon).

    With `centered`, the square of the mean gradient is taken off v; with `momentum`, the steps add up as in `SGD`.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> w = tf.Variable(1.0)
    >>> _ = keras.optimizers.RMSprop(0.1, rho=0.75).apply_gradients([(tf.constant(2.0), w)])
    >>> round(float(w), 4)
    0.8
    """

    def __init__(self, learning_rate: Any = 0.001, rho: float = 0.9, momentum: float = 0.0, epsilon: float = 1e-7,
                 centered: bool = False, *common: Any, **options: Any):
        super().__init__(learning_rate, *common, **options)
        self.rho, self.momentum, self.epsilon, self.centered = rho, momentum, epsilon, centered

    def build(self, variables: Sequence[Any]) -> None:
        if not self.built:
            super().build(variables)
            self._velocities = self.add_optimizer_variables(variables, "velocity")
            self._momentums = self.add_optimizer_variables(variables, "momentum") if self.momentum > 0 else []
            self._average_gradients = self.add_optimizer_variables(variables, "average_gradient") if self.centered else []

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        rho = self.rho
        v, = self._slots(variable, self._velocities)
        self.assign(v, rho * v + (1 - rho) * tf.square(gradient))
        variance = v
        if self.centered:
            mean, = self._slots(variable, self._average_gradients)
            self.assign(mean, rho * mean + (1 - rho) * gradient)
            variance = v - tf.square(mean)
        step = learning_rate * gradient / tf.sqrt(variance + self.epsilon)
        if self.momentum > 0:
            m, = self._slots(variable, self._momentums)
            self.assign(m, self.momentum * m + step)
            step = m
        self.assign_sub(variable, step)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rho": self.rho, "momentum": self.momentum, "epsilon": self.epsilon,
                "centered": self.centered}
