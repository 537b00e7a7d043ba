"""Convolutions that take each channel on its own: depthwise, and separable, which mixes the channels afterwards."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.layers.arguments import as_padding, channels_of, positive, tf_format
from treadle.keras_like.layers.convolution import Windowed


class DepthwiseConv(Windowed):
    """Each channel convolved with `depth_multiplier` filters of its own, over `rank` axes."""

    def __init__(self, kernel_size: Any, strides: Any = 1, padding: str = "valid", depth_multiplier: int = 1,
                 data_format: Any = None, dilation_rate: Any = 1, activation: Any = None, use_bias: bool = True,
                 depthwise_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
                 depthwise_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
                 depthwise_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._keep_windows(kernel_size, strides, as_padding(padding), data_format, dilation_rate)
        self.depth_multiplier = positive(depth_multiplier, "depth_multiplier")
        self._keep(dict(
            activation=activation, use_bias=use_bias, depthwise_initializer=depthwise_initializer,
            bias_initializer=bias_initializer, depthwise_regularizer=depthwise_regularizer,
            bias_regularizer=bias_regularizer, depthwise_constraint=depthwise_constraint, bias_constraint=bias_constraint))

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        self.compute_output_shape(input_shape)
        self.kernel = self._weight("kernel", (*self.kernel_size, channels, self.depth_multiplier), prefix="depthwise")
        outputs = (channels * self.depth_multiplier,)
        self.bias = self._weight("bias", outputs) if self.use_bias else None  # type: ignore[attr-defined]

    def call(self, inputs: Any) -> Any:
        return self._activated(self._convolved(inputs, by_channel(self.kernel)))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return self._output_shape(input_shape, self.depth_multiplier * channels_of(input_shape, self.data_format))


def by_channel(kernel: Any) -> Any:
    """[*window, channels, m] as the filters [*window, 1, channels * m] of a convolution with a group for each channel."""
    *window, channels, multiplier = kernel.shape
    return tf.reshape(kernel, (*window, 1, channels * multiplier))


class DepthwiseConv1D(DepthwiseConv):
    """Each channel convolved over time: [batch, steps, channels] -> [batch, new steps, channels * depth_multiplier].

    Args:
        kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias: as for `Conv1D`.
        depth_multiplier: how many outputs each channel has. Default 1.
        depthwise_initializer, depthwise_regularizer, depthwise_constraint: those of the kernel.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.DepthwiseConv1D(3, depth_multiplier=2)(tf.ones([1, 5, 4])).shape
    TensorShape([1, 3, 8])
    """

    rank = 1


class DepthwiseConv2D(DepthwiseConv):
    """Each channel of images convolved: [batch, height, width, channels] -> [..., channels * depth_multiplier].

    Arguments as for `DepthwiseConv1D`.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.DepthwiseConv2D(3, padding="same")(tf.ones([1, 5, 5, 4])).shape
    TensorShape([1, 5, 5, 4])
    """


class SeparableConv(Windowed):
    """A depthwise convolution, then a mix of the channels, over `rank` axes."""

    def __init__(self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid", data_format: Any = None,
                 dilation_rate: Any = 1, depth_multiplier: int = 1, activation: Any = None, use_bias: bool = True,
                 depthwise_initializer: Any = "glorot_uniform", pointwise_initializer: Any = "glorot_uniform",
                 bias_initializer: Any = "zeros", depthwise_regularizer: Any = None, pointwise_regularizer: Any = None,
                 bias_regularizer: Any = None, activity_regularizer: Any = None, depthwise_constraint: Any = None,
                 pointwise_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._keep_windows(kernel_size, strides, as_padding(padding, causal=self.rank == 1), data_format, dilation_rate)
        self.filters, self.depth_multiplier = positive(filters, "filters"), positive(depth_multiplier, "depth_multiplier")
        self._keep(dict(
            activation=activation, use_bias=use_bias, depthwise_initializer=depthwise_initializer,
            pointwise_initializer=pointwise_initializer, bias_initializer=bias_initializer,
            depthwise_regularizer=depthwise_regularizer, pointwise_regularizer=pointwise_regularizer,
            bias_regularizer=bias_regularizer, depthwise_constraint=depthwise_constraint,
            pointwise_constraint=pointwise_constraint, bias_constraint=bias_constraint))

    def build(self, input_shape: Any) -> None:
        channels, multiplier = self._channels(input_shape), self.depth_multiplier
        self.compute_output_shape(input_shape)
        self.depthwise_kernel = self._weight(
            "depthwise_kernel", (*self.kernel_size, channels, multiplier), prefix="depthwise")
        self.pointwise_kernel = self._weight(
            "pointwise_kernel", (*(1,) * self.rank, channels * multiplier, self.filters), prefix="pointwise")
        self.bias = self._weight("bias", (self.filters,)) if self.use_bias else None  # type: ignore[attr-defined]

    def call(self, inputs: Any) -> Any:
        deep = self._convolved(inputs, by_channel(self.depthwise_kernel))
        mixed = tf.nn.convolution(deep, self.pointwise_kernel, data_format=tf_format(self.rank, self.data_format))
        return self._activated(mixed)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return self._output_shape(input_shape, self.filters)


class SeparableConv1D(SeparableConv):
    """A depthwise convolution over time, then a mix of the channels: [batch, steps, channels] -> [..., filters].

    Args:
        filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias: as for `Conv1D`.
        depth_multiplier: how many outputs the first convolution has for each channel. Default 1.
        depthwise_initializer, ...: for the first kernel; pointwise_initializer, ...: for the second.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.SeparableConv1D(8, 3)(tf.ones([1, 5, 4])).shape
    TensorShape([1, 3, 8])
    """

    rank = 1


class SeparableConv2D(SeparableConv):
    """A depthwise convolution of images, then a mix of the channels. Arguments as for `SeparableConv1D`.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.SeparableConv2D(8, 3, padding="same")(tf.ones([1, 5, 5, 4])).shape
    TensorShape([1, 5, 5, 8])
    """
