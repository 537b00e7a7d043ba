"""`Adam`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import treadle as tf
from treadle.keras_like.optimizers.base import Optimizer


class Adam(Optimizer):
    """m <- m + (1 - beta_1) * (g - m);  v <- v + (1 - beta_2) * (g^2 - v);
    w <- w - learning_rate * sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon).

    With `amsgrad`, the largest v so far takes the place of v.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> w = tf.Variable([1.0, 1.0])
    >>> _ = keras.optimizers.Adam(0.1).apply_gradients([(tf.constant([5.0, -0.5]), w)])
    >>> w.numpy().round(4).tolist()
    [0.8999999761581421, 1.100000023841858]
    """

    def __init__(self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7,
                 amsgrad: bool = False, *common: Any, **options: Any):
        super().__init__(learning_rate, *common, **options)
        self.beta_1, self.beta_2, self.epsilon, self.amsgrad = beta_1, beta_2, epsilon, amsgrad

    def build(self, variables: Sequence[Any]) -> None:
        if not self.built:
            super().build(variables)
            self._momentums, self._velocities = self.add_optimizer_variables(variables, ["momentum", "velocity"])
            self._velocity_hats = self.add_optimizer_variables(variables, "velocity_hat") if self.amsgrad else []

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        t = self._local_step(variable)
        correction_1 = 1 - tf.pow(tf.cast(self.beta_1, variable.dtype), t)
        correction_2 = 1 - tf.pow(tf.cast(self.beta_2, variable.dtype), t)
        m, v = self._slots(variable, self._momentums, self._velocities)
        self.assign_add(m, (gradient - m) * (1 - self.beta_1))
        self.assign_add(v, (tf.square(gradient) - v) * (1 - self.beta_2))
        if self.amsgrad:
            largest, = self._slots(variable, self._velocity_hats)
            self.assign(largest, tf.maximum(largest, v))
            v = largest
        self.assign_sub(variable, m * (learning_rate * tf.sqrt(correction_2) / correction_1) / (tf.sqrt(v) + self.epsilon))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon,
                "amsgrad": self.amsgrad}
