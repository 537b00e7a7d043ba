"""`Adamax`."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.optimizers.moments import Moments


class Adamax(Moments):
    """m <- m + (1 - beta_1) * (g - m);  u <- max(beta_2 * u, |g|);
    w <- w - learning_rate * m / ((1 - beta_1^t) * (u + epsilon)).

    >>> import treadle as tf
    >>> from treadle import keras
    >>> w = tf.Variable(1.0)
    >>> _ = keras.optimizers.Adamax(0.1).apply_gradients([(tf.constant(5.0), w)])
    >>> round(float(w), 4)
    0.9
    """

    slot_names = ("momentum", "norm")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        correction = 1 - tf.pow(tf.cast(self.beta_1, variable.dtype), self._local_step(variable))
        m, u = self._slots(variable, self._first, self._second)
        self.assign_add(m, (gradient - m) * (1 - self.beta_1))
        self.assign(u, tf.maximum(self.beta_2 * u, tf.abs(gradient)))
        self.assign_sub(variable, learning_rate * m / (correction * (u + self.epsilon)))
