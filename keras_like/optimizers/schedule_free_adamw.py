"""`ScheduleFreeAdamW`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import treadle as tf
from treadle.keras_like.optimizers.base import Optimizer


class ScheduleFreeAdamW(Optimizer):
    """Adam without a learning rate schedule: it steps on z, averages z into x, and trains at w between the two.

    v as in `Adam`;  x = (w - (1 - beta_1) * z) / beta_1;  z <- z - learning_rate * g / (sqrt(v / (1 - beta_2^t)) + epsilon);
    x <- x + (z - x) / t;  w <- beta_1 * x + (1 - beta_1) * z. The rate grows in a line over the first `warmup_steps`.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> w = tf.Variable(1.0)
    >>> _ = keras.optimizers.ScheduleFreeAdamW(0.1).apply_gradients([(tf.constant(5.0), w)])
    >>> round(float(w), 4)
    0.9
    """

    def __init__(self, learning_rate: Any = 0.0025, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8,
                 warmup_steps: int = 0, *common: Any, **options: Any):
        super().__init__(learning_rate, *common, **options)
        self.beta_1, self.beta_2, self.epsilon, self.warmup_steps = beta_1, beta_2, epsilon, warmup_steps

    def build(self, variables: Sequence[Any]) -> None:
        if not self.built:
            super().build(variables)
            self._momentums, self._velocities = self.add_optimizer_variables(variables, ["momentum", "velocity"])
            for z, variable in zip(self._momentums, variables):
                z.assign(variable)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        t = self._local_step(variable)
        if self.warmup_steps > 0:
            learning_rate = learning_rate * tf.minimum(t / self.warmup_steps, 1)
        z, v = self._slots(variable, self._momentums, self._velocities)
        x = (variable - (1 - self.beta_1) * z) / self.beta_1
        self.assign_add(v, (tf.square(gradient) - v) * (1 - self.beta_2))
        v_hat = v / (1 - tf.pow(tf.cast(self.beta_2, variable.dtype), t))
        self.assign_sub(z, learning_rate * gradient / (tf.sqrt(v_hat) + self.epsilon))
        x = (1 - 1 / t) * x + (1 / t) * z
        self.assign(variable, (1 - self.beta_1) * z + self.beta_1 * x)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon,
                "warmup_steps": self.warmup_steps}
