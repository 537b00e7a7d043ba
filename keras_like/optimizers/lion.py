"""`Lion`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import treadle as tf
from treadle.keras_like.optimizers.base import Optimizer


class Lion(Optimizer):
    """w <- w - learning_rate * sign(beta_1 * m + (1 - beta_1) * g);  m <- beta_2 * m + (1 - beta_2) * g.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> w = tf.Variable([1.0, 1.0])
    >>> _ = keras.optimizers.Lion(0.5).apply_gradients([(tf.constant([5.0, -0.1]), w)])
    >>> w.numpy().tolist()
    [0.5, 1.5]
    """

    def __init__(self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.99, *common: Any, **options: Any):
        super().__init__(learning_rate, *common, **options)
        if not 0 < beta_1 <= 1:
            raise tf.errors.InvalidArgumentError(f"`beta_1` must lie in (0, 1]. Received: {beta_1!r}.")
        self.beta_1, self.beta_2 = beta_1, beta_2

    def build(self, variables: Sequence[Any]) -> None:
        if not self.built:
            super().build(variables)
            self._momentums = self.add_optimizer_variables(variables, "momentum")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        m, = self._slots(variable, self._momentums)
        self.assign_sub(variable, learning_rate * tf.sign(m * self.beta_1 + gradient * (1 - self.beta_1)))
        self.assign(m, m * self.beta_2 + gradient * (1 - self.beta_2))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2}
