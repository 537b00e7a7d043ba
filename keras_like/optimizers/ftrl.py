"""`Ftrl`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import treadle as tf
from treadle.keras_like.optimizers.base import Optimizer


class Ftrl(Optimizer):
    """Follow the regularized leader: sparse weights for wide, shallow models.

    n' = n + g^2;  z <- z + g + 2 * l2_shrinkage * w - (n'^-p - n^-p) / learning_rate * w;
    w <- (clip(z, -l1, l1) - z) / (n'^-p / learning_rate + 2 * l2 + beta / learning_rate);  n <- n',  p the power.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> w = tf.Variable(0.0)
    >>> _ = keras.optimizers.Ftrl(0.5, initial_accumulator_value=0.0).apply_gradients([(tf.constant(4.0), w)])
    >>> w.numpy()
    np.float32(-0.5)
    """

    def __init__(self, learning_rate: Any = 0.001, learning_rate_power: float = -0.5,
                 initial_accumulator_value: float = 0.1, l1_regularization_strength: float = 0.0,
                 l2_regularization_strength: float = 0.0, l2_shrinkage_regularization_strength: float = 0.0,
                 beta: float = 0.0, *common: Any, **options: Any):
        super().__init__(learning_rate, *common, **options)
        self.learning_rate_power, self.initial_accumulator_value = learning_rate_power, initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength, self.beta = l2_shrinkage_regularization_strength, beta
        for name in ("initial_accumulator_value", "l1_regularization_strength", "l2_regularization_strength",
                     "l2_shrinkage_regularization_strength"):
            if getattr(self, name) < 0:
                raise tf.errors.InvalidArgumentError(f"`{name}` must not be negative. Received: {getattr(self, name)!r}.")
        if learning_rate_power > 0:
            raise tf.errors.InvalidArgumentError(
                f"`learning_rate_power` must not be positive. Received: {learning_rate_power!r}.")

    def build(self, variables: Sequence[Any]) -> None:
        if not self.built:
            super().build(variables)
            start = tf.initializers.Constant(self.initial_accumulator_value)
            self._accumulators, self._linears = self.add_optimizer_variables(
                variables, ["accumulator", "linear"], [start, "zeros"])

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        n, z = self._slots(variable, self._accumulators, self._linears)
        new = n + tf.square(gradient)
        new_power = tf.pow(new, -self.learning_rate_power)
        shrunk = gradient + 2 * self.l2_shrinkage_regularization_strength * variable
        self.assign_add(z, shrunk - (new_power - tf.pow(n, -self.learning_rate_power)) / learning_rate * variable)
        l1, l2 = self.l1_regularization_strength, self.l2_regularization_strength + self.beta / (2 * learning_rate)
        self.assign(variable, (tf.clip_by_value(z, -l1, l1) - z) / (new_power / learning_rate + 2 * l2))
        self.assign(n, new)

    def get_config(self) -> dict[str, Any]:
        names = ("learning_rate_power", "initial_accumulator_value", "l1_regularization_strength",
                 "l2_regularization_strength", "l2_shrinkage_regularization_strength", "beta")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
