"""`Adafactor`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import treadle as tf
from treadle.keras_like.optimizers.base import Optimizer


class Adafactor(Optimizer):
    """Adam-like steps whose second moment v is kept, for matrices, as a row mean r and a column mean c: v = r c / mean(r).

    b = 1 - t^beta_2_decay;  r <- b * r + (1 - b) * mean(g^2 + epsilon_1) along the last axis, c along the one before;
    u = g / sqrt(v);  w <- w - max(epsilon_2, rms(w)) * min(learning_rate, 1 / sqrt(t)) * u / max(1, rms(u) / clip_threshold).

    `relative_step` changes nothing beside that: the rate is always bounded by 1 / sqrt(t), as in Keras.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> w = tf.Variable([[1.0, 1.0]])
    >>> _ = keras.optimizers.Adafactor(0.1).apply_gradients([(tf.constant([[5.0, -5.0]]), w)])
    >>> w.numpy().round(4).tolist()
    [[0.8999999761581421, 1.100000023841858]]
    """

    def __init__(self, learning_rate: Any = 0.001, beta_2_decay: float = -0.8, epsilon_1: float = 1e-30,
                 epsilon_2: float = 1e-3, clip_threshold: float = 1.0, relative_step: bool = True, *common: Any,
                 **options: Any):
        super().__init__(learning_rate, *common, **options)
        self.beta_2_decay, self.epsilon_1, self.epsilon_2 = beta_2_decay, epsilon_1, epsilon_2
        self.clip_threshold, self.relative_step = clip_threshold, relative_step

    def build(self, variables: Sequence[Any]) -> None:
        if self.built:
            return
        super().build(variables)
        self._r: list[Any] = []
        self._c: list[Any] = []
        self._v = []
        for variable in variables:
            shape, name = tuple(variable.shape), variable.name.replace(":", "_")
            for slots, kept in ((self._r, shape[:-1]), (self._c, (*shape[:-2], *shape[-1:]))):
                if len(shape) >= 2:
                    slots.append(self.add_variable(kept, dtype=variable.dtype, name=name))
                else:  # nothing uses it, but it is in Keras' files, so it is here
                    slots.append(self._variable(0, name=name))
            self._v.append(self.add_variable_from_reference(variable, "velocity"))

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        t = self._local_step(variable)
        b = 1 - tf.pow(t, self.beta_2_decay)
        r, c, v = self._slots(variable, self._r, self._c, self._v)
        squared = tf.square(gradient) + self.epsilon_1
        if len(variable.shape) >= 2:
            self.assign(r, b * r + (1 - b) * tf.reduce_mean(squared, axis=-1))
            self.assign(c, b * c + (1 - b) * tf.reduce_mean(squared, axis=-2))
            rows = r / tf.reduce_mean(r, axis=-1, keepdims=True)
            self.assign(v, tf.expand_dims(rows, -1) * tf.expand_dims(c, -2))
        else:
            self.assign(v, b * v + (1 - b) * squared)
        u = gradient / tf.sqrt(v)
        rate = tf.maximum(_rms(variable), self.epsilon_2) * tf.minimum(learning_rate, 1 / tf.sqrt(t))
        self.assign_sub(variable, rate * (u / tf.maximum(_rms(u) / self.clip_threshold, 1)))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_2_decay": self.beta_2_decay, "epsilon_1": self.epsilon_1,
                "epsilon_2": self.epsilon_2, "clip_threshold": self.clip_threshold, "relative_step": self.relative_step}


def _rms(x: Any) -> Any:
    return tf.sqrt(tf.reduce_mean(tf.square(x)))
