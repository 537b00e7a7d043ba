"""`SimpleRNN`: a dense layer that also sees its last output."""

from __future__ import annotations

from typing import Any

from treadle.keras_like.layers.cell_layer import CellLayer
from treadle.keras_like.layers.recurrent_cell import RecurrentCell, gate_product


class SimpleRNNCell(RecurrentCell):
    """h = activation(x @ kernel + h @ recurrent_kernel + bias), where h is the state and the output.

    Args:
        units: the size of the state and of the output.
        activation: default "tanh"; None means none.
        use_bias: default True.
        kernel_initializer, recurrent_initializer, bias_initializer: default "glorot_uniform", "orthogonal" and "zeros".
        kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint: default: none.
        dropout, recurrent_dropout: which part of the inputs and of the states is dropped in training, the same units at
            each step of a sequence. Default 0.
        seed: of the dropping.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> output, states = keras.layers.SimpleRNNCell(4)(tf.ones([2, 3]), [tf.zeros([2, 4])])
    >>> output.shape, len(states)
    (TensorShape([2, 4]), 1)
    """

    gates = 1

    def __init__(self, units: int, activation: Any = "tanh", use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
                 bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
                 recurrent_regularizer: Any = None, bias_regularizer: Any = None, kernel_constraint: Any = None,
                 recurrent_constraint: Any = None, bias_constraint: Any = None,
                 dropout: float = 0.0,
                 recurrent_dropout: float = 0.0, seed: int | None = None, **kwargs: Any):
        kwargs.pop("implementation", None)  # ways of computing the same values in older versions
        super().__init__(**kwargs)
        self._keep_cell(units, dict(
            activation=activation, use_bias=use_bias,
            kernel_initializer=kernel_initializer, recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer, recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer, kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint, bias_constraint=bias_constraint), seed, dropout, recurrent_dropout)

    def step(self, x: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        h = self.activation(x + gate_product(states[0], self.recurrent_kernel, self._now.states))
        return h, [h]


class SimpleRNN(CellLayer):
    """`SimpleRNNCell` for each step of a sequence: [batch, time, n] -> [batch, units].

    h = activation(x @ kernel + h @ recurrent_kernel + bias), where h is the state and the output.

    Args:
        units: the size of the state and of the output.
        activation: default "tanh"; None means none.
        use_bias: default True.
        kernel_initializer, recurrent_initializer, bias_initializer: default "glorot_uniform", "orthogonal" and "zeros".
        kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint: default: none.
        dropout, recurrent_dropout: which part of the inputs and of the states is dropped in training, the same units at
            each step of a sequence. Default 0.
        seed: of the dropping.
        return_sequences, return_state, go_backwards, stateful, unroll: see `RNN`, also for `initial_state` and `mask`.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.SimpleRNN(4, return_sequences=True)(tf.ones([2, 5, 3])).shape
    TensorShape([2, 5, 4])
    """

    cell_type = SimpleRNNCell
    cell_name = "simple_rnn_cell"

    def __init__(self, units: int, activation: Any = "tanh", use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
                 bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
                 recurrent_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
                 kernel_constraint: Any = None, recurrent_constraint: Any = None, bias_constraint: Any = None,
                 dropout: float = 0.0, recurrent_dropout: float = 0.0, return_sequences: bool = False,
                 return_state: bool = False, go_backwards: bool = False, stateful: bool = False, unroll: bool = False,
                 seed: int | None = None, **kwargs: Any):
        self._with_cell(locals())
