"""`GRU`: gated recurrent unit, one state behind two gates."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core import activations
from treadle.keras_like.layers.cell_layer import CellLayer
from treadle.keras_like.layers.recurrent_cell import RecurrentCell, gate_product


class GRUCell(RecurrentCell):
    """z, r, g are the parts of x @ kernel and of h @ recurrent_kernel; s is the recurrent activation, a the activation:

        z = s(x_z + h_z);  r = s(x_r + h_r);  h = z * h + (1 - z) * a(x_g + r * h_g);  h is state and output.

    Args:
        units: the size of the state and of the output.
        activation: default "tanh"; None means none.
        recurrent_activation: that of the gates; default "sigmoid".
        use_bias: default True.
        kernel_initializer, recurrent_initializer, bias_initializer: default "glorot_uniform", "orthogonal" and "zeros".
        reset_after: r is applied after the product with the recurrent kernel, and both products have a bias. If False, h_g
            is (r * h) @ recurrent_kernel_g. Default True.
        kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint: default: none.
        dropout, recurrent_dropout: which part of the inputs and of the states is dropped in training, the same units at
            each step of a sequence. Default 0.
        seed: of the dropping.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> output, states = keras.layers.GRUCell(4)(tf.ones([2, 3]), [tf.zeros([2, 4])])
    >>> output.shape, len(states)
    (TensorShape([2, 4]), 1)
    """

    gates = 3

    def __init__(self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
                 bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
                 recurrent_regularizer: Any = None, bias_regularizer: Any = None, kernel_constraint: Any = None,
                 recurrent_constraint: Any = None, bias_constraint: Any = None,
                 dropout: float = 0.0,
                 recurrent_dropout: float = 0.0, reset_after: bool = True,
                 seed: int | None = None, **kwargs: Any):
        kwargs.pop("implementation", None)  # ways of computing the same values in older versions
        super().__init__(**kwargs)
        self._keep_cell(units, dict(
            activation=activation, recurrent_activation=activations.get(recurrent_activation), use_bias=use_bias,
            kernel_initializer=kernel_initializer, recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer, recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer, kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint, bias_constraint=bias_constraint,
            reset_after=reset_after), seed, dropout, recurrent_dropout)

    def _bias(self) -> Any:
        return self._weight("bias", (2, self.units * 3) if self.reset_after else (self.units * 3,))

    def project(self, inputs: Any) -> Any:
        """inputs @ kernel + bias, for one step or for many."""
        x = gate_product(inputs, self.kernel, self._now.inputs)
        if self.bias is None:
            return x
        return x + (self.bias[0] if self.reset_after else self.bias)

    def step(self, x: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        h, n, factors = states[0], self.units, self._now.states
        x_z, x_r, x_g = tf.split(x, 3, axis=-1)
        kernel = tf.convert_to_tensor(self.recurrent_kernel)
        if self.reset_after:
            inner = gate_product(h, kernel, factors)
            if self.bias is not None:
                inner = inner + self.bias[1]
            h_z, h_r, h_g = tf.split(inner, 3, axis=-1)
            z, r = self.recurrent_activation(x_z + h_z), self.recurrent_activation(x_r + h_r)
            h_g = r * h_g
        else:
            h_z, h_r = tf.split(gate_product(h, kernel[:, :2 * n], factors[:2]), 2, axis=-1)
            z, r = self.recurrent_activation(x_z + h_z), self.recurrent_activation(x_r + h_r)
            h_g = gate_product(r * h, kernel[:, 2 * n:], factors[2:])
        h = z * h + (1.0 - z) * self.activation(x_g + h_g)
        return h, [h]


class GRU(CellLayer):
    """`GRUCell` for each step of a sequence: [batch, time, n] -> [batch, units].

    z, r, g are the parts of x @ kernel and of h @ recurrent_kernel; s is the recurrent activation, a the activation:

        z = s(x_z + h_z);  r = s(x_r + h_r);  h = z * h + (1 - z) * a(x_g + r * h_g);  h is state and output.

    Args:
        units: the size of the state and of the output.
        activation: default "tanh"; None means none.
        recurrent_activation: that of the gates; default "sigmoid".
        use_bias: default True.
        kernel_initializer, recurrent_initializer, bias_initializer: default "glorot_uniform", "orthogonal" and "zeros".
        reset_after: r is applied after the product with the recurrent kernel, and both products have a bias. If False, h_g
            is (r * h) @ recurrent_kernel_g. Default True.
        kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint: default: none.
        dropout, recurrent_dropout: which part of the inputs and of the states is dropped in training, the same units at
            each step of a sequence. Default 0.
        seed: of the dropping.
        return_sequences, return_state, go_backwards, stateful, unroll: see `RNN`, also for `initial_state` and `mask`.
        use_cudnn: accepted; XLA chooses the kernels.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.GRU(4, return_sequences=True)(tf.ones([2, 5, 3])).shape
    TensorShape([2, 5, 4])
    """

    cell_type = GRUCell
    cell_name = "gru_cell"

    def __init__(self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
                 bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
                 recurrent_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
                 kernel_constraint: Any = None, recurrent_constraint: Any = None, bias_constraint: Any = None,
                 dropout: float = 0.0,
                 recurrent_dropout: float = 0.0, seed: int | None = None, return_sequences: bool = False,
                 return_state: bool = False, go_backwards: bool = False, stateful: bool = False, unroll: bool = False,
                 reset_after: bool = True, use_cudnn: Any = "auto", **kwargs: Any):
        self._with_cell(locals())
        self.use_cudnn = use_cudnn
