"""`LayerNormalization`: mean 0 and variance 1 for each example, over its features."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core.input_spec import InputSpec
from treadle.keras_like.layers.normalizing import Normalizing, along, as_axes, check_axes, normalized, widened


class LayerNormalization(Normalizing):
    """gamma * (x - mean) / sqrt(variance + epsilon) + beta, with mean and variance over `axis` for each example.

    Args:
        axis: an axis, or a list of them. Default -1.
        epsilon: default 0.001.
        center, scale: whether there are a beta and a gamma. Default True.
        beta_initializer, gamma_initializer: default "zeros" and "ones".
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: default: none.

    Raises DtypeError for an axis that is no integer, InvalidArgumentError for one that the input does not have.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.LayerNormalization(epsilon=0.0)(tf.constant([[1.0, 3.0]])).numpy().tolist()
    [[-1.0, 1.0]]
    """

    def __init__(self, axis: Any = -1, epsilon: float = 1e-3, center: bool = True, scale: bool = True,
                 beta_initializer: Any = "zeros", gamma_initializer: Any = "ones", beta_regularizer: Any = None,
                 gamma_regularizer: Any = None, beta_constraint: Any = None, gamma_constraint: Any = None, **kwargs: Any):
        self.rms_scaling = bool(kwargs.pop("rms_scaling", False))  # deprecated in Keras: divides by the deviation alone
        super().__init__(**kwargs)
        self.axis, self.epsilon = check_axes(axis), epsilon
        self._keep(dict(
            center=center, scale=scale, beta_initializer=beta_initializer, gamma_initializer=gamma_initializer,
            beta_regularizer=beta_regularizer, gamma_regularizer=gamma_regularizer, beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint))
        self.supports_masking, self.autocast = True, False

    def build(self, input_shape: Any) -> None:
        self.compute_output_shape(input_shape)
        self.axis = sorted(as_axes(self.axis))
        self.input_spec = InputSpec(axes={a: input_shape[a] for a in self.axis})
        self._add_scale_and_shift(tuple(input_shape[a] for a in self.axis))
        if self.rms_scaling and self.beta is not None:
            self._own.remove(self.beta)
            self.beta = None
        self._built = True

    def call(self, inputs: Any) -> Any:
        x = widened(inputs)
        gamma, beta = (v if v is None else along(v, self.axis, x) for v in (self.gamma, self.beta))
        mean, variance = tf.nn.moments(x, self.axis, keepdims=True)
        if self.rms_scaling:
            mean = tf.zeros_like(mean)
        return tf.cast(normalized(x, mean, variance, gamma, beta, self.epsilon), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rms_scaling": self.rms_scaling}
