"""`Dense`: a matrix product, a bias, an activation."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core.input_spec import InputSpec
from treadle.keras_like.layers.low_rank import Adapted, LowRank


class Dense(LowRank):
    """activation(inputs @ kernel + bias), over the last axis: [..., n] -> [..., units].

    Args:
        units: how many outputs.
        activation: a name or a function. Default: none.
        use_bias: default True.
        kernel_initializer, bias_initializer: default "glorot_uniform" and "zeros".
        kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint: default: none.
        lora_rank, lora_alpha: for `enable_lora`, which `build` then calls. Default: none.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.Dense(2, kernel_initializer="ones")(tf.ones([1, 3])).numpy().tolist()
    [[3.0, 3.0]]
    """

    casts_integers = True
    kernel = Adapted()

    def __init__(self, units: int, activation: Any = None, use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
                 bias_initializer: Any = "zeros", kernel_regularizer: Any = None, bias_regularizer: Any = None,
                 activity_regularizer: Any = None, kernel_constraint: Any = None, bias_constraint: Any = None,
                 lora_rank: int | None = None, lora_alpha: float | None = None, **kwargs: Any):
        super().__init__(activity_regularizer=activity_regularizer, lora_rank=lora_rank, lora_alpha=lora_alpha, **kwargs)
        if not isinstance(units, int) or units <= 0:
            raise tf.errors.InvalidArgumentError(f"`units` is a positive integer. Received: units={units!r}.")
        self._keep({"units": units, "activation": activation, "use_bias": use_bias, "kernel_initializer": kernel_initializer,
                    "bias_initializer": bias_initializer, "kernel_regularizer": kernel_regularizer,
                    "bias_regularizer": bias_regularizer, "kernel_constraint": kernel_constraint,
                    "bias_constraint": bias_constraint})
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        if input_shape[-1] is None:
            raise tf.errors.InvalidArgumentError(
                f"The size of the last axis must be known to build {self.name!r}. Received: an input of shape "
                f"{tuple(input_shape)}.")
        self.input_spec = InputSpec(min_ndim=2, axes={-1: input_shape[-1]})
        self.kernel = self._weight("kernel", (input_shape[-1], self.units))
        self.bias = self._weight("bias", (self.units,)) if self.use_bias else None
        self._adapt_if_asked()

    def call(self, inputs: Any) -> Any:
        if inputs.shape.rank == 2:
            x = tf.matmul(inputs, self.kernel)
        else:
            x = tf.tensordot(inputs, self.kernel, axes=1)
        if self.bias is not None:
            x = x + self.bias
        return x if self.activation is None else self.activation(x)  # users set None to see logits

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.units)
