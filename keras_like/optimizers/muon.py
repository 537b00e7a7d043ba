"""`Muon`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import treadle as tf
from treadle.keras_like.optimizers.base import Optimizer


class Muon(Optimizer):
    """Steps on matrices made orthogonal; `Adam`'s steps on all else.

    m <- momentum * m + g;  u = g + momentum * m with `nesterov`, else m;  u is brought near U V^T of its singular value
    decomposition by `ns_steps` of x <- muon_a * x + (muon_b * A + muon_c * A^2) x, A = x x^T, from x = u / |u|;
    w <- w - learning_rate * rms_rate * sqrt(max(rows, columns)) * x.

    Args:
        adam_lr_ratio: the rate of Adam's steps is this times `learning_rate`.
        exclude_layers: patterns; a matrix whose path holds a match takes Adam's steps.
        exclude_embeddings: so does one whose path holds "embedding".
        rms_rate: None leaves the size of the step alone.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> w = tf.Variable([[1.0, 0.0], [0.0, 1.0]])
    >>> optimizer = keras.optimizers.Muon(0.1, weight_decay=None, rms_rate=None)
    >>> _ = optimizer.apply_gradients([(tf.constant([[0.0, 3.0], [3.0, 0.0]]), w)])
    >>> w.numpy().round(1).tolist()
    [[1.0, -0.10000000149011612], [-0.10000000149011612, 1.0]]
    """

    def __init__(self, learning_rate: Any = 0.001, adam_beta_1: float = 0.9, adam_beta_2: float = 0.999,
                 adam_weight_decay: float | None = 0.004, epsilon: float = 1e-7, weight_decay: float | None = 0.004,
                 clipnorm: float | None = None, clipvalue: float | None = None, global_clipnorm: float | None = None,
                 use_ema: bool = False, ema_momentum: float = 0.99, ema_overwrite_frequency: int | None = None,
                 loss_scale_factor: float | None = None, gradient_accumulation_steps: int | None = None,
                 name: str | None = None, exclude_layers: Sequence[str] | None = None, exclude_embeddings: bool = True,
                 muon_a: float = 3.4445, muon_b: float = -4.7750, muon_c: float = 2.0315, adam_lr_ratio: float = 1,
                 momentum: float = 0.95, ns_steps: int = 5, nesterov: bool = True, rms_rate: float | None = 0.2,
                 **options: Any):
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **options)
        self.adam_beta_1, self.adam_beta_2, self.epsilon = adam_beta_1, adam_beta_2, epsilon
        self.adam_weight_decay, self.adam_lr_ratio = adam_weight_decay, adam_lr_ratio
        self.exclude_layers, self.exclude_embeddings = list(exclude_layers or []), exclude_embeddings
        self.muon_a, self.muon_b, self.muon_c = muon_a, muon_b, muon_c
        self.momentum, self.ns_steps, self.nesterov, self.rms_rate = momentum, ns_steps, nesterov, rms_rate

    def _should_use_adamw(self, variable: Any) -> bool:
        path = getattr(variable, "path", variable.name)
        return (len(variable.shape) != 2 or self.exclude_embeddings and "embedding" in path.lower()
                or any(re.search(pattern, path) for pattern in self.exclude_layers))

    def build(self, variables: Sequence[Any]) -> None:
        if not self.built:
            super().build(variables)
            self.momentums, self.adam_velocities = [], []
            for variable in variables:
                self.momentums.append(self.add_variable_from_reference(variable, "momentum"))
                self.adam_velocities.append(
                    self.add_variable_from_reference(variable, "velocity") if self._should_use_adamw(variable) else None)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        m, v = self._slots(variable, self.momentums, self.adam_velocities)
        if v is None:
            self._muon_step(gradient, variable, learning_rate, m)
        else:
            self._adam_step(gradient, variable, learning_rate * self.adam_lr_ratio, m, v)

    def _muon_step(self, gradient: Any, variable: Any, learning_rate: Any, m: Any) -> None:
        self.assign_add(m, gradient + m * (self.momentum - 1))
        x = self._orthogonal(gradient + self.momentum * m if self.nesterov else tf.convert_to_tensor(m))
        size = 1.0 if self.rms_rate is None else self.rms_rate * max(variable.shape) ** 0.5
        self.assign_sub(variable, learning_rate * x * size)

    def _orthogonal(self, x: Any) -> Any:
        """A matrix with x's singular vectors and singular values near 1."""
        is_tall = x.shape[0] > x.shape[1]
        x = tf.transpose(x) if is_tall else x
        x = x / (tf.norm(x) + 1e-7)
        for _ in range(self.ns_steps):
            a = tf.matmul(x, x, transpose_b=True)
            x = self.muon_a * x + (self.muon_b * a + self.muon_c * a @ a) @ x
        return tf.transpose(x) if is_tall else x

    def _adam_step(self, gradient: Any, variable: Any, learning_rate: Any, m: Any, v: Any) -> None:
        t = self._local_step(variable)
        correction_1 = 1 - tf.pow(tf.cast(self.adam_beta_1, variable.dtype), t)
        correction_2 = 1 - tf.pow(tf.cast(self.adam_beta_2, variable.dtype), t)
        self.assign_add(m, (gradient - m) * (1 - self.adam_beta_1))
        self.assign_add(v, (tf.square(gradient) - v) * (1 - self.adam_beta_2))
        self.assign_sub(variable, m * (learning_rate * tf.sqrt(correction_2) / correction_1) / (tf.sqrt(v) + self.epsilon))

    def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
        for variable in variables:
            weight_decay = self.adam_weight_decay if self._should_use_adamw(variable) else self.weight_decay
            if weight_decay is not None and self._use_weight_decay(variable):
                self._decay(variable, weight_decay)

    def get_config(self) -> dict[str, Any]:
        names = ("adam_beta_1", "adam_beta_2", "epsilon", "exclude_layers", "muon_a", "muon_b", "muon_c", "adam_lr_ratio",
                 "momentum", "ns_steps", "nesterov", "exclude_embeddings", "adam_weight_decay", "rms_rate")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
