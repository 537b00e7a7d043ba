"""`Adagrad`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import treadle as tf
from treadle.keras_like.optimizers.base import Optimizer


class Adagrad(Optimizer):
    """a <- a + g^2, from `initial_accumulator_value`;  w <- w - learning_rate * g / sqrt(a + epsilon).

    >>> import treadle as tf
    >>> from treadle import keras
    >>> w = tf.Variable(1.0)
    >>> _ = keras.optimizers.Adagrad(0.1, initial_accumulator_value=0.0).apply_gradients([(tf.constant(5.0), w)])
    >>> round(float(w), 4)
    0.9
    """

    def __init__(self, learning_rate: Any = 0.001, initial_accumulator_value: float = 0.1, epsilon: float = 1e-7,
                 *common: Any, **options: Any):
        super().__init__(learning_rate, *common, **options)
        self.initial_accumulator_value, self.epsilon = initial_accumulator_value, epsilon

    def build(self, variables: Sequence[Any]) -> None:
        if not self.built:
            super().build(variables)
            start = tf.initializers.Constant(self.initial_accumulator_value)
            self._accumulators = self.add_optimizer_variables(variables, "accumulator", start)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        a, = self._slots(variable, self._accumulators)
        self.assign_add(a, tf.square(gradient))
        self.assign_sub(variable, learning_rate * gradient / tf.sqrt(a + self.epsilon))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "initial_accumulator_value": self.initial_accumulator_value,
                "epsilon": self.epsilon}
