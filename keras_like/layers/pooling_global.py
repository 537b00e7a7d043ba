"""Global pooling: one number from all positions of a channel."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core.image_format import as_data_format
from treadle.keras_like.core.input_spec import InputSpec
from treadle.keras_like.layers.arguments import arranged, channels_of, spatial_axes
from treadle.keras_like.layers.built_in import BuiltIn


class GlobalPooling(BuiltIn):
    """`reduce` over all axes but batch and channels."""

    rank = 2
    reduce: Any  # tf.reduce_max or tf.reduce_mean

    def __init__(self, data_format: Any = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.input_spec = InputSpec(ndim=self.rank + 2)
        self.data_format, self.keepdims = as_data_format(data_format), keepdims

    def call(self, inputs: Any) -> Any:
        return self.reduce(inputs, axis=spatial_axes(self.rank, self.data_format), keepdims=self.keepdims)

    def compute_output_shape(self, input_shape: Any) -> Any:
        channels = channels_of(input_shape, self.data_format)
        return arranged(input_shape[0], (1,) * (self.rank if self.keepdims else 0), channels, self.data_format)


class GlobalMaxPooling(GlobalPooling):
    """The largest element of each channel."""

    reduce = staticmethod(tf.reduce_max)


class GlobalAveragePooling(GlobalPooling):
    """The mean of each channel."""

    casts_integers = True

    reduce = staticmethod(tf.reduce_mean)


class GlobalMaxPooling1D(GlobalMaxPooling):
    """The largest element of each channel: [batch, steps, channels] -> [batch, channels].

    Args:
        data_format: "channels_last" (default) or "channels_first".
        keepdims: keep the axis, with size 1. Default False.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.GlobalMaxPooling1D()(tf.constant([[[1.0], [3.0], [2.0]]])).numpy().tolist()
    [[3.0]]
    """

    rank = 1


class GlobalMaxPooling2D(GlobalMaxPooling):
    """The largest element of each channel of images: [batch, height, width, channels] -> [batch, channels]."""


class GlobalMaxPooling3D(GlobalMaxPooling):
    """The largest element of each channel of volumes."""

    rank = 3


class GlobalAveragePooling1D(GlobalAveragePooling):
    """The mean of each channel: [batch, steps, channels] -> [batch, channels]. Masked steps do not count.

    Arguments as for `GlobalMaxPooling1D`. The call takes `mask`, [batch, steps].

    >>> import treadle as tf
    >>> from treadle import keras
    >>> x = tf.constant([[[1.0], [3.0], [8.0]]])
    >>> keras.layers.GlobalAveragePooling1D()(x, mask=tf.constant([[True, True, False]])).numpy().tolist()
    [[2.0]]
    """

    rank = 1
    supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None:
            return super().call(inputs)
        last = self.data_format == "channels_last"
        axis, kept = (1, 2) if last else (2, 1)
        counted = tf.expand_dims(tf.cast(mask, "bool"), kept)
        total = tf.reduce_sum(tf.where(counted, inputs, tf.zeros_like(inputs)), axis=axis, keepdims=self.keepdims)
        return total / tf.reduce_sum(tf.cast(counted, inputs.dtype), axis=axis, keepdims=self.keepdims)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return None


class GlobalAveragePooling2D(GlobalAveragePooling):
    """The mean of each channel of images: [batch, height, width, channels] -> [batch, channels].

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.GlobalAveragePooling2D()(tf.ones([2, 5, 5, 3])).shape
    TensorShape([2, 3])
    """


class GlobalAveragePooling3D(GlobalAveragePooling):
    """The mean of each channel of volumes."""

    rank = 3
