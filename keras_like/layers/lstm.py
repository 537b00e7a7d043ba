"""`LSTM`: long short-term memory, a state h and a carry c behind gates."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core import activations
from treadle.keras_like.layers.cell_layer import CellLayer
from treadle.keras_like.layers.recurrent_cell import RecurrentCell, gate_product


class LSTMCell(RecurrentCell):
    """i, f, g, o = x @ kernel + h @ recurrent_kernel + bias, split in four; s is the recurrent activation, a the activation:

        c = s(f) * c + s(i) * a(g);  h = s(o) * a(c);  h is the output, [h, c] are the states.

    Args:
        units: the size of the states and of the output.
        activation: default "tanh"; None means none.
        recurrent_activation: that of the gates; default "sigmoid".
        use_bias: default True.
        kernel_initializer, recurrent_initializer, bias_initializer: default "glorot_uniform", "orthogonal" and "zeros".
        unit_forget_bias: the bias of the gate f starts at 1. Default True.
        kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint: default: none.
        dropout, recurrent_dropout: which part of the inputs and of the states is dropped in training, the same units at
            each step of a sequence. Default 0.
        seed: of the dropping.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> output, states = keras.layers.LSTMCell(4)(tf.ones([2, 3]), [tf.zeros([2, 4]), tf.zeros([2, 4])])
    >>> output.shape, len(states)
    (TensorShape([2, 4]), 2)
    """

    gates = 4

    def __init__(self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
                 bias_initializer: Any = "zeros", unit_forget_bias: bool = True, kernel_regularizer: Any = None,
                 recurrent_regularizer: Any = None, bias_regularizer: Any = None, kernel_constraint: Any = None,
                 recurrent_constraint: Any = None, bias_constraint: Any = None,
                 dropout: float = 0.0,
                 recurrent_dropout: float = 0.0, seed: int | None = None, **kwargs: Any):
        kwargs.pop("implementation", None)  # ways of computing the same values in older versions
        super().__init__(**kwargs)
        self._keep_cell(units, dict(
            activation=activation, recurrent_activation=activations.get(recurrent_activation), use_bias=use_bias,
            kernel_initializer=kernel_initializer, recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer, recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer, kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint, bias_constraint=bias_constraint,
            unit_forget_bias=unit_forget_bias), seed, dropout, recurrent_dropout)

    @property
    def state_size(self) -> Any:
        """The sizes of the states, h and c."""
        return [self.units, self.units]

    def _bias(self) -> Any:
        initializer = forgetting(self.bias_initializer, self.units) if self.unit_forget_bias else self.bias_initializer
        return self.add_weight(name="bias", shape=(self.units * 4,), initializer=initializer,
                               regularizer=self.bias_regularizer, constraint=self.bias_constraint)

    def step(self, x: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        h, c = states
        i, f, g, o = tf.split(x + gate_product(h, self.recurrent_kernel, self._now.states), 4, axis=-1)
        c = self.recurrent_activation(f) * c + self.recurrent_activation(i) * self.activation(g)
        h = self.recurrent_activation(o) * self.activation(c)
        return h, [h, c]

    def whole(self, rows: Any, states: list[Any]) -> tuple[Any, list[Any]] | None:
        usual = self.activation is activations.tanh and self.recurrent_activation is activations.sigmoid
        if not usual or self._now.states or type(self).step is not LSTMCell.step:
            return None
        every, h, c = tf.nn.lstm(rows, tf.convert_to_tensor(self.recurrent_kernel), *states)
        return every, [h, c]


def forgetting(initializer: Any, units: int) -> Any:
    """An initializer of the four gates' biases with ones for the second, the forget gate."""
    def initialize(shape: Any, dtype: Any = None) -> Any:
        return tf.concat([initializer((units,), dtype=dtype), tf.ones((units,), dtype=dtype),
                          initializer((units * 2,), dtype=dtype)], axis=0)
    return initialize


class LSTM(CellLayer):
    """`LSTMCell` for each step of a sequence: [batch, time, n] -> [batch, units].

    i, f, g, o = x @ kernel + h @ recurrent_kernel + bias, split in four; s is the recurrent activation, a the activation:

        c = s(f) * c + s(i) * a(g);  h = s(o) * a(c);  h is the output, [h, c] are the states.

    Args:
        units: the size of the states and of the output.
        activation: default "tanh"; None means none.
        recurrent_activation: that of the gates; default "sigmoid".
        use_bias: default True.
        kernel_initializer, recurrent_initializer, bias_initializer: default "glorot_uniform", "orthogonal" and "zeros".
        unit_forget_bias: the bias of the gate f starts at 1. Default True.
        kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint: default: none.
        dropout, recurrent_dropout: which part of the inputs and of the states is dropped in training, the same units at
            each step of a sequence. Default 0.
        seed: of the dropping.
        return_sequences, return_state, go_backwards, stateful, unroll: see `RNN`, also for `initial_state` and `mask`.
        use_cudnn: accepted; `tf.nn.lstm` says when the whole sequence is one operation.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.LSTM(4, return_sequences=True)(tf.ones([2, 5, 3])).shape
    TensorShape([2, 5, 4])
    """

    cell_type = LSTMCell
    cell_name = "lstm_cell"

    def __init__(self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
                 bias_initializer: Any = "zeros", unit_forget_bias: bool = True, kernel_regularizer: Any = None,
                 recurrent_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
                 kernel_constraint: Any = None, recurrent_constraint: Any = None, bias_constraint: Any = None,
                 dropout: float = 0.0,
                 recurrent_dropout: float = 0.0, seed: int | None = None, return_sequences: bool = False,
                 return_state: bool = False, go_backwards: bool = False, stateful: bool = False, unroll: bool = False,
                 use_cudnn: Any = "auto", **kwargs: Any):
        self._with_cell(locals())
        self.use_cudnn = use_cudnn
