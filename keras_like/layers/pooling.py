"""Pooling over windows: the largest element, or the mean, of each."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core.image_format import as_data_format
from treadle.keras_like.core.input_spec import InputSpec
from treadle.keras_like.layers.arguments import arranged, as_padding, per_axis, sizes_of, tf_format, window_sizes
from treadle.keras_like.layers.built_in import BuiltIn


class Pooling(BuiltIn):
    """One number from each window of each channel, over `rank` axes."""

    rank = 2
    reduce: Any  # tf.nn.max_pool or tf.nn.avg_pool

    def __init__(self, pool_size: Any = 2, strides: Any = None, padding: str = "valid", data_format: Any = None,
                 name: str | None = None, **kwargs: Any):
        super().__init__(name=name, **kwargs)
        self.input_spec = InputSpec(ndim=self.rank + 2)
        self.pool_size = per_axis(pool_size, self.rank, "pool_size")
        self.strides = self.pool_size if strides is None else per_axis(strides, self.rank, "strides")
        self.padding, self.data_format = as_padding(padding), as_data_format(data_format)

    def call(self, inputs: Any) -> Any:
        return self.reduce(inputs, self.pool_size, self.strides, self.padding.upper(),
                           data_format=tf_format(self.rank, self.data_format))

    def compute_output_shape(self, input_shape: Any) -> Any:
        self._check_shape(input_shape)
        sizes = window_sizes(sizes_of(input_shape, self.data_format), self.pool_size, self.strides, self.padding,
                             (1,) * self.rank)
        channels = input_shape[-1 if self.data_format == "channels_last" else 1]
        return arranged(input_shape[0], sizes, channels, self.data_format)


class MaxPooling(Pooling):
    """The largest element of each window."""

    reduce = staticmethod(tf.nn.max_pool)


class AveragePooling(Pooling):
    """The mean of each window; padding does not count."""

    casts_integers = True

    reduce = staticmethod(tf.nn.avg_pool)


class MaxPooling1D(MaxPooling):
    """The largest element of each window in time: [batch, steps, channels] -> [batch, new steps, channels].

    Args:
        pool_size: the window's size. Default 2.
        strides: the step from window to window. Default: `pool_size`, so that windows do not overlap.
        padding: "valid" (default; new steps: floor((steps - pool_size) / strides) + 1) or "same" (ceil(steps / strides)).
        data_format: "channels_last" (default) or "channels_first".

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.MaxPooling1D()(tf.reshape(tf.range(4.0), [1, 4, 1])).numpy().ravel().tolist()
    [1.0, 3.0]
    """

    rank = 1


class MaxPooling2D(MaxPooling):
    """The largest element of each window of images. Arguments as for `MaxPooling1D`; sizes are integers or pairs.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.MaxPooling2D()(tf.ones([1, 5, 4, 3])).shape
    TensorShape([1, 2, 2, 3])
    """


class MaxPooling3D(MaxPooling):
    """The largest element of each window of volumes. Arguments as for `MaxPooling1D`."""

    rank = 3


class AveragePooling1D(AveragePooling):
    """The mean of each window in time; padding does not count. Arguments as for `MaxPooling1D`.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.AveragePooling1D(2)(tf.reshape(tf.range(4.0), [1, 4, 1])).numpy().ravel().tolist()
    [0.5, 2.5]
    """

    rank = 1


class AveragePooling2D(AveragePooling):
    """The mean of each window of images. Arguments as for `MaxPooling1D`; sizes are integers or pairs.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.AveragePooling2D(padding="same")(tf.ones([1, 5, 4, 3])).shape
    TensorShape([1, 3, 2, 3])
    """


class AveragePooling3D(AveragePooling):
    """The mean of each window of volumes. Arguments as for `MaxPooling1D`."""

    rank = 3
