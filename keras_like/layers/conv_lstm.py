"""`ConvLSTM1D`, `ConvLSTM2D`, `ConvLSTM3D`: LSTMs whose products with kernels are convolutions."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core import activations
from treadle.keras_like.core.image_format import as_data_format
from treadle.keras_like.layers.arguments import (
    arranged,
    as_padding,
    channels_of,
    per_axis,
    positive,
    sizes_of,
    tf_format,
    window_sizes,
)
from treadle.keras_like.layers.cell_layer import CellLayer
from treadle.keras_like.layers.lstm import forgetting
from treadle.keras_like.layers.recurrent_cell import RecurrentCell


class ConvLSTMCell(RecurrentCell):
    """One step of a ConvLSTM: h, c = LSTM step, with x * kernel and h * recurrent_kernel convolutions over `rank` axes.

    The arguments are those of `ConvLSTM2D`, after `rank`.
    """

    gates = 4

    def __init__(self, rank: int, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid",
                 data_format: Any = None, dilation_rate: Any = 1, activation: Any = "tanh",
                 recurrent_activation: Any = "sigmoid", use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
                 recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros", unit_forget_bias: bool = True,
                 kernel_regularizer: Any = None, recurrent_regularizer: Any = None, bias_regularizer: Any = None,
                 kernel_constraint: Any = None, recurrent_constraint: Any = None, bias_constraint: Any = None,
                 dropout: float = 0.0, recurrent_dropout: float = 0.0, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.rank, self.filters = rank, positive(filters, "filters")
        self.kernel_size = per_axis(kernel_size, rank, "kernel_size")
        self.strides = per_axis(strides, rank, "strides")
        self.dilation_rate = per_axis(dilation_rate, rank, "dilation_rate")
        self.padding, self.data_format = as_padding(padding), as_data_format(data_format)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise tf.errors.InvalidArgumentError(
                f"Strides and dilations above 1 cannot be combined. Received: strides={self.strides} and "
                f"dilation_rate={self.dilation_rate}.")
        self._keep_cell(filters, dict(
            activation=activation, recurrent_activation=activations.get(recurrent_activation), use_bias=use_bias,
            kernel_initializer=kernel_initializer, recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer, unit_forget_bias=unit_forget_bias, kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer, bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint, recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint), seed, dropout, recurrent_dropout)
        self._sizes: tuple[int, ...] = ()

    @property
    def state_size(self) -> Any:
        """The numbers of channels of the states, h and c."""
        return [self.filters, self.filters]

    @property
    def output_size(self) -> Any:
        """None: the output is like the state."""
        return None

    def build(self, inputs_shape: Any, states_shape: Any = None) -> None:
        channels, sizes = channels_of(inputs_shape, self.data_format), sizes_of(inputs_shape, self.data_format)
        if len(inputs_shape) != self.rank + 2 or channels is None or None in sizes:
            raise tf.errors.InvalidArgumentError(
                f"A step of the sequence has {self.rank + 2} axes, the batch's included, and known sizes. Received: a step of "
                f"shape {tuple(inputs_shape)}.")
        self._sizes = window_sizes(sizes, self.kernel_size, self.strides, self.padding, self.dilation_rate)
        self.kernel = self._weight("kernel", (*self.kernel_size, channels, self.filters * 4))
        self.recurrent_kernel = self._weight("recurrent_kernel", (*self.kernel_size, self.filters, self.filters * 4),
                                             "recurrent")
        self.bias = None
        if self.use_bias:
            initializer = self.bias_initializer  # type: ignore[attr-defined]
            self.bias = self.add_weight(
                name="bias", shape=(self.filters * 4,), regularizer=self.bias_regularizer,  # type: ignore[attr-defined]
                constraint=self.bias_constraint,  # type: ignore[attr-defined]
                initializer=forgetting(initializer, self.filters) if self.unit_forget_bias  # type: ignore[attr-defined]
                else initializer)
        self._built = True

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """Zeros, two tensors of the output's shape."""
        shape = arranged(batch_size, self._sizes, self.filters, self.data_format)
        return [tf.zeros(shape, dtype=self.compute_dtype) for _ in range(2)]

    def project(self, inputs: Any) -> Any:
        """The convolution of one step's inputs, or of those of many steps (one more axis in front), with the bias."""
        many = inputs.shape.rank == self.rank + 3
        factors = self._now.inputs
        x = tf.reshape(inputs, tf.concat([[-1], tf.shape(inputs)[2:]], axis=0)) if many else inputs
        if many and factors:
            steps = tf.shape(inputs)[0]
            factors = [tf.repeat(f[None], steps, axis=0) for f in factors]
            factors = [tf.reshape(f, tf.shape(x)) for f in factors]
        x = self._gates(x, self.kernel, factors, self.strides, self.padding, self.dilation_rate)
        if self.bias is not None:
            x = x + self._of_channels(self.bias)
        return tf.reshape(x, tf.concat([tf.shape(inputs)[:2], tf.shape(x)[1:]], axis=0)) if many else x

    def step(self, x: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        h, c = states
        ones = (1,) * self.rank
        x = x + self._gates(h, self.recurrent_kernel, self._now.states, ones, "same", ones)
        i, f, g, o = tf.split(x, 4, axis=-1 if self.data_format == "channels_last" else 1)
        c = self.recurrent_activation(f) * c + self.recurrent_activation(i) * self.activation(g)  # type: ignore[attr-defined]
        h = self.recurrent_activation(o) * self.activation(c)  # type: ignore[attr-defined]
        return h, [h, c]

    def _gates(self, x: Any, kernel: Any, factors: list[Any], strides: Any, padding: str, dilations: Any) -> Any:
        """The convolution; with a factor for each gate, x is multiplied with it before that gate's part of the kernel."""
        def convolved(x: Any, kernel: Any) -> Any:
            return tf.nn.convolution(x, kernel, strides=strides, padding=padding.upper(), dilations=dilations,
                                     data_format=tf_format(self.rank, self.data_format))

        kernel = tf.convert_to_tensor(kernel)
        if len(factors) <= 1:
            return convolved(x * factors[0] if factors else x, kernel)
        parts = [convolved(x * f, part) for f, part in zip(factors, tf.split(kernel, len(factors), axis=-1))]
        return tf.concat(parts, axis=-1 if self.data_format == "channels_last" else 1)

    def _of_channels(self, bias: Any) -> Any:
        return bias if self.data_format == "channels_last" else tf.reshape(bias, (-1, *(1,) * self.rank))

    def compute_output_shape(self, inputs_shape: Any, states_shape: Any = None) -> Any:
        sizes = window_sizes(sizes_of(inputs_shape, self.data_format), self.kernel_size, self.strides, self.padding,
                             self.dilation_rate)
        shape = arranged(inputs_shape[0], sizes, self.filters, self.data_format)
        return shape, [shape, shape]


class ConvLSTM(CellLayer):
    """`ConvLSTMCell` for each step of a sequence."""

    cell_type = ConvLSTMCell
    cell_name = "conv_lstm_cell"
    rank = 2

    def __init__(self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid", data_format: Any = None,
                 dilation_rate: Any = 1, activation: Any = "tanh", recurrent_activation: Any = "sigmoid",
                 use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
                 recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros", unit_forget_bias: bool = True,
                 kernel_regularizer: Any = None, recurrent_regularizer: Any = None, bias_regularizer: Any = None,
                 activity_regularizer: Any = None, kernel_constraint: Any = None, recurrent_constraint: Any = None,
                 bias_constraint: Any = None, dropout: float = 0.0, recurrent_dropout: float = 0.0, seed: int | None = None,
                 return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False,
                 stateful: bool = False, **kwargs: Any):
        self._with_cell({**locals(), "rank": type(self).rank})

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        self._check_shape(sequences_shape)
        super().build(sequences_shape, initial_state_shape)

    def compute_output_shape(self, sequences_shape: Any, initial_state_shape: Any = None) -> Any:
        batch, steps = sequences_shape[:2]
        state = self.cell.compute_output_shape((batch, *sequences_shape[2:]))[0]
        output = (batch, steps, *state[1:]) if self.return_sequences else state
        return (output, state, state) if self.return_state else output


class ConvLSTM1D(ConvLSTM):
    """ConvLSTM over sequences of rows: [batch, time, steps, channels] -> [batch, new steps, filters].

    The arguments are those of `ConvLSTM2D`.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.ConvLSTM1D(4, 3)(tf.ones([2, 5, 8, 1])).shape
    TensorShape([2, 6, 4])
    """

    rank = 1


class ConvLSTM2D(ConvLSTM):
    """ConvLSTM over sequences of images: [batch, time, rows, columns, channels] -> [batch, new rows, new columns, filters].

    i, f, g, o = conv(x, kernel) + conv(h, recurrent_kernel) + bias; c = s(f) * c + s(i) * a(g); h = s(o) * a(c).

    Args:
        filters: how many outputs.
        kernel_size, strides, padding, data_format, dilation_rate: those of the convolution of the inputs, see `Conv2D`. That
            of the states goes with strides 1 and padding "same".
        activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
        unit_forget_bias, kernel_regularizer, recurrent_regularizer, bias_regularizer, activity_regularizer,
        kernel_constraint, recurrent_constraint, bias_constraint, dropout, recurrent_dropout, seed: see `LSTM`.
        return_sequences, return_state, go_backwards, stateful: see `RNN`, also for `initial_state` and `mask`.

    Raises InvalidArgumentError for sizes that are open, or arguments out of range. Source: arXiv:1506.04214.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.ConvLSTM2D(4, 3, return_sequences=True)(tf.ones([2, 5, 8, 8, 1])).shape
    TensorShape([2, 5, 6, 6, 4])
    """

    rank = 2


class ConvLSTM3D(ConvLSTM):
    """ConvLSTM over sequences of volumes: [batch, time, x, y, z, channels] -> [batch, new x, new y, new z, filters].

    The arguments are those of `ConvLSTM2D`.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.ConvLSTM3D(2, 2)(tf.ones([1, 2, 3, 3, 3, 1])).shape
    TensorShape([1, 2, 2, 2, 2])
    """

    rank = 3
