"""`SGD`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import treadle as tf
from treadle.keras_like.optimizers.base import Optimizer


class SGD(Optimizer):
    """w <- w - learning_rate * g; with momentum, v <- momentum * v - learning_rate * g and w <- w + v;
    with `nesterov`, w <- w + momentum * v - learning_rate * g.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> w = tf.Variable([1.0, 2.0])
    >>> _ = keras.optimizers.SGD(0.5).apply_gradients([(tf.constant([1.0, 2.0]), w)])
    >>> w.numpy().tolist()
    [0.5, 1.0]
    """

    def __init__(self, learning_rate: Any = 0.01, momentum: float = 0.0, nesterov: bool = False, *common: Any,
                 **options: Any):
        super().__init__(learning_rate, *common, **options)
        if not isinstance(momentum, (int, float)) or not 0 <= momentum <= 1:
            raise tf.errors.InvalidArgumentError(f"`momentum` must be a number in [0, 1]. Received: {momentum!r}.")
        self.momentum, self.nesterov = momentum, nesterov

    def build(self, variables: Sequence[Any]) -> None:
        if not self.built:
            super().build(variables)
            self.momentums = self.add_optimizer_variables(variables, "momentum") if self.momentum else []

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        step = -learning_rate * gradient
        if self.momentum:
            v, = self._slots(variable, self.momentums)
            self.assign(v, self.momentum * v + step)
            step = self.momentum * v + step if self.nesterov else v
        self.assign_add(variable, step)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "momentum": self.momentum, "nesterov": self.nesterov}
