"""Transposed convolutions: from a convolution's output to an input that fits it."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.layers.arguments import arranged, as_padding, per_axis, positive, sizes_of, tf_format
from treadle.keras_like.layers.convolution import Windowed


class ConvTranspose(Windowed):
    """activation(transposed convolution(inputs, kernel) + bias), over `rank` axes."""

    def __init__(self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid", output_padding: Any = None,
                 data_format: Any = None, dilation_rate: Any = 1, activation: Any = None, use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
                 kernel_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
                 kernel_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._keep_windows(kernel_size, strides, as_padding(padding), data_format, dilation_rate)
        self.filters = positive(filters, "filters")
        self.output_padding = (
            None if output_padding is None else per_axis(output_padding, self.rank, "output_padding", allow_zero=True))
        self._keep(dict(
            activation=activation, use_bias=use_bias, kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer, kernel_regularizer=kernel_regularizer, bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint, bias_constraint=bias_constraint))
        if self.output_padding is not None and any(p >= s for p, s in zip(self.output_padding, self.strides)):
            raise tf.errors.InvalidArgumentError(
                f"`output_padding` must be less than `strides` on each axis. Received: output_padding={self.output_padding}, "
                f"strides={self.strides}.")
        self._no_strided_dilation()

    def build(self, input_shape: Any) -> None:
        self.kernel = self._weight("kernel", (*self.kernel_size, self.filters, self._channels(input_shape)))
        self.bias = self._weight("bias", (self.filters,)) if self.use_bias else None  # type: ignore[attr-defined]

    def call(self, inputs: Any) -> Any:
        shape = tf.shape(inputs)
        known = [shape[i] if n is None else n for i, n in enumerate(inputs.shape)]
        sizes = self._sizes(sizes_of(known, self.data_format))
        pads = [self._pads(axis) for axis in range(self.rank)]
        outputs = tf.nn.conv_transpose(
            inputs, self.kernel, arranged(known[0], sizes, self.filters, self.data_format), strides=self.strides,
            padding=arranged([0, 0], pads, [0, 0], self.data_format), dilations=self.dilation_rate,
            data_format=tf_format(self.rank, self.data_format))
        return self._activated(outputs)

    def _window(self, axis: int) -> int:
        """The window's extent, gaps included."""
        return (self.kernel_size[axis] - 1) * self.dilation_rate[axis] + 1

    def _extra(self, axis: int) -> int:
        """How much longer the output is than (n - 1) * stride, for n inputs."""
        window, stride = self._window(axis), self.strides[axis]
        if self.output_padding is None:
            return max(window, stride) if self.padding == "valid" else stride
        return (window if self.padding == "valid" else window % 2) + self.output_padding[axis]

    def _sizes(self, sizes: Any) -> list[Any]:
        return [None if n is None else (n - 1) * self.strides[i] + self._extra(i) for i, n in enumerate(sizes)]

    def _pads(self, axis: int) -> list[int]:
        """The padding of the convolution that leads from the output back to the input."""
        window = self._window(axis)
        if self.padding == "valid":
            return [0, 0]
        total = window - self._extra(axis)  # negative: the last outputs have no input
        before = max(total // 2, 0)
        return [before, max(total - before, 0)]

    def compute_output_shape(self, input_shape: Any) -> Any:
        sizes = self._sizes(sizes_of(input_shape, self.data_format))
        return arranged(input_shape[0], sizes, self.filters, self.data_format)


class Conv1DTranspose(ConvTranspose):
    """Transposed convolution over time: [batch, steps, channels] -> [batch, new steps, filters].

    New steps: (steps - 1) * strides + max(kernel, strides) for "valid" padding, steps * strides for "same".

    Args:
        filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, ...: as for `Conv1D`;
            no causal padding. The kernel has the shape [kernel, filters, channels].
        output_padding: how many steps are added to the shortest output that fits; less than `strides`. Default: as above.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.Conv1DTranspose(8, 3, strides=2, padding="same")(tf.ones([1, 5, 4])).shape
    TensorShape([1, 10, 8])
    """

    rank = 1


class Conv2DTranspose(ConvTranspose):
    """Transposed convolution of images. Arguments as for `Conv1DTranspose`.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.Conv2DTranspose(8, 3, strides=2)(tf.ones([1, 5, 5, 4])).shape
    TensorShape([1, 11, 11, 8])
    """


class Conv3DTranspose(ConvTranspose):
    """Transposed convolution of volumes. Arguments as for `Conv1DTranspose`.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.Conv3DTranspose(2, 2)(tf.ones([1, 2, 2, 2, 1])).shape
    TensorShape([1, 3, 3, 3, 2])
    """

    rank = 3

    def __init__(self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid", data_format: Any = None,
                 output_padding: Any = None, dilation_rate: Any = 1, activation: Any = None, use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
                 kernel_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
                 kernel_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any):
        super().__init__(
            filters, kernel_size, strides, padding, output_padding, data_format, dilation_rate, activation, use_bias,
            kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
            kernel_constraint, bias_constraint, **kwargs)
