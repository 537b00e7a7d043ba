"""Convolutions over one, two and three axes."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core.image_format import as_data_format
from treadle.keras_like.core.input_spec import InputSpec
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
from treadle.keras_like.layers.built_in import BuiltIn
from treadle.keras_like.layers.low_rank import Adapted, LowRank


class Windowed(BuiltIn):
    """What all convolutions share: windows of `kernel_size` at `strides`, a bias for each channel, an activation."""

    casts_integers = True
    rank = 2
    padding: str
    data_format: str
    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    dilation_rate: tuple[int, ...]
    activation: Any
    bias: Any

    def _keep_windows(self, kernel_size: Any, strides: Any, padding: Any, data_format: Any, dilation_rate: Any) -> None:
        self.input_spec = InputSpec(ndim=self.rank + 2)
        self.kernel_size = per_axis(kernel_size, self.rank, "kernel_size")
        self.strides = per_axis(strides, self.rank, "strides")
        self.dilation_rate = per_axis(dilation_rate, self.rank, "dilation_rate")
        self.padding = padding
        self.data_format = as_data_format(data_format)

    def _no_strided_dilation(self) -> None:
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise tf.errors.InvalidArgumentError(
                f"Strides and dilations above 1 cannot be combined. Received: strides={self.strides} and "
                f"dilation_rate={self.dilation_rate}.")

    def _channels(self, shape: Any) -> int:
        """The number of channels of inputs of this shape."""
        self._check_shape(shape)
        channels = channels_of(shape, self.data_format)
        if channels is None:
            raise tf.errors.InvalidArgumentError(
                f"The number of channels must be known to build {self.name!r}. Received: an input of shape {tuple(shape)} "
                f"with data_format={self.data_format!r}.")
        axis = -1 if self.data_format == "channels_last" else 1
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={axis: channels})
        return channels

    def _convolved(self, inputs: Any, kernel: Any) -> Any:
        """The convolution itself, with the layer's strides, padding and dilation."""
        padding = self.padding
        if padding == "causal":
            before = self.dilation_rate[0] * (self.kernel_size[0] - 1)
            inputs = tf.pad(inputs, arranged([0, 0], [[before, 0]], [0, 0], self.data_format))
            padding = "valid"
        return tf.nn.convolution(inputs, kernel, strides=self.strides, padding=padding.upper(),
                                 data_format=tf_format(self.rank, self.data_format), dilations=self.dilation_rate)

    def _activated(self, x: Any) -> Any:
        """activation(x + bias)."""
        if self.bias is not None:
            bias = self.bias
            if self.data_format == "channels_first":
                bias = tf.reshape(bias, (-1, *(1,) * self.rank))
            x = x + bias
        return x if self.activation is None else self.activation(x)  # users set None to see logits

    def _output_shape(self, input_shape: Any, filters: int) -> tuple[Any, ...]:
        sizes = window_sizes(sizes_of(input_shape, self.data_format), self.kernel_size, self.strides, self.padding,
                             self.dilation_rate)
        return arranged(input_shape[0], sizes, filters, self.data_format)


class Conv(Windowed, LowRank):
    """activation(convolution(inputs, kernel) + bias), over `rank` axes."""

    kernel = Adapted()

    def __init__(self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid", data_format: Any = None,
                 dilation_rate: Any = 1, groups: int = 1, activation: Any = None, use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
                 kernel_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
                 kernel_constraint: Any = None, bias_constraint: Any = None, lora_rank: int | None = None,
                 lora_alpha: float | None = None, **kwargs: Any):
        super().__init__(activity_regularizer=activity_regularizer, lora_rank=lora_rank, lora_alpha=lora_alpha, **kwargs)
        self._keep_windows(kernel_size, strides, as_padding(padding, causal=self.rank == 1), data_format, dilation_rate)
        self.filters, self.groups = positive(filters, "filters"), positive(groups, "groups")
        self._keep(dict(
            activation=activation, use_bias=use_bias, kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer, kernel_regularizer=kernel_regularizer, bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint, bias_constraint=bias_constraint))
        if self.filters % self.groups:
            raise tf.errors.InvalidArgumentError(
                f"`filters` must be a multiple of `groups`. Received: filters={filters}, groups={groups}.")
        self._no_strided_dilation()

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        if channels % self.groups:
            raise tf.errors.InvalidArgumentError(
                f"The number of channels must be a multiple of `groups`. Received: groups={self.groups} and an input of shape "
                f"{tuple(input_shape)}.")
        self.compute_output_shape(input_shape)
        self.kernel = self._weight("kernel", (*self.kernel_size, channels // self.groups, self.filters))
        self.bias = self._weight("bias", (self.filters,)) if self.use_bias else None  # type: ignore[attr-defined]
        self._adapt_if_asked()

    def call(self, inputs: Any) -> Any:
        return self._activated(self._convolved(inputs, self.kernel))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return self._output_shape(input_shape, self.filters)


class Conv1D(Conv):
    """Convolution over time: [batch, steps, channels] -> [batch, new steps, filters].

    y[n, t, c] = activation(sum over k, i of x[n, t * stride + k * dilation - pad, i] kernel[k, i, c] + bias[c])

    Args:
        filters: how many outputs.
        kernel_size: the window's size.
        strides: the step from window to window. Default 1.
        padding: "valid" (default), "same", or "causal": outputs depend on no later inputs.
        data_format: "channels_last" (default) or "channels_first".
        dilation_rate: the distance between the window's elements. Default 1.
        groups: channels and filters are split into so many parts, each part on its own. Default 1.
        activation: a name or a function. Default: none.
        use_bias: default True.
        kernel_initializer, bias_initializer: default "glorot_uniform" and "zeros".
        kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint: default: none.
        lora_rank, lora_alpha: for `enable_lora`, which `build` then calls. Default: none.

    Raises InvalidArgumentError for arguments out of range, and inputs they do not fit.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.Conv1D(8, 3, padding="causal")(tf.ones([2, 10, 4])).shape
    TensorShape([2, 10, 8])
    """

    rank = 1


class Conv2D(Conv):
    """Convolution of images: [batch, height, width, channels] -> [batch, new height, new width, filters].

    Arguments as for `Conv1D`, without causal padding; sizes are one integer, or one for each axis.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.Conv2D(8, 3, strides=2, activation="relu")(tf.ones([2, 9, 9, 3])).shape
    TensorShape([2, 4, 4, 8])
    """


class Conv3D(Conv):
    """Convolution of volumes: [batch, depth, height, width, channels] -> [..., filters]. Arguments as for `Conv2D`.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.Conv3D(4, 2)(tf.ones([1, 3, 3, 3, 1])).shape
    TensorShape([1, 2, 2, 2, 4])
    """

    rank = 3
