"""Layers that change sizes: zeros around (ZeroPadding), borders cut off (Cropping)."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core.image_format import as_data_format
from treadle.keras_like.core.input_spec import InputSpec
from treadle.keras_like.layers.arguments import arranged, channels_of, pairs, per_axis, sizes_of
from treadle.keras_like.layers.built_in import BuiltIn


def _resized(shape: Any, data_format: str, size: Any) -> tuple[Any, ...]:
    """A shape whose size n on the i-th spatial axis becomes size(i, n); None stays None."""
    sizes = [None if n is None else size(i, n) for i, n in enumerate(sizes_of(shape, data_format))]
    return arranged(shape[0], sizes, channels_of(shape, data_format), data_format)


class ZeroPadding(BuiltIn):
    """Zeros before and after each of `rank` axes."""

    rank = 2

    def __init__(self, padding: Any = 1, data_format: Any = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.input_spec = InputSpec(ndim=self.rank + 2)
        self.padding: Any = pairs(padding, self.rank, "padding")
        self.data_format = as_data_format(data_format)

    def call(self, inputs: Any) -> Any:
        return tf.pad(inputs, arranged((0, 0), self._pairs(), (0, 0), self.data_format))

    def _pairs(self) -> Any:
        return self.padding

    def compute_output_shape(self, input_shape: Any) -> Any:
        return _resized(input_shape, self.data_format, lambda i, n: n + sum(self._pairs()[i]))


class ZeroPadding1D(ZeroPadding):
    """Zeros before and after a sequence: [batch, steps, channels] -> [batch, before + steps + after, channels].

    Args:
        padding: an integer, or (before, after). Default 1.
        data_format: "channels_last" (default) or "channels_first".

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.ZeroPadding1D((1, 0))(tf.ones([1, 2, 1])).numpy().ravel().tolist()
    [0.0, 1.0, 1.0]
    """

    rank = 1

    def __init__(self, padding: Any = 1, data_format: Any = None, **kwargs: Any):
        super().__init__([per_axis(padding, 2, "padding", allow_zero=True)], data_format, **kwargs)
        self.padding = self.padding[0]

    def _pairs(self) -> Any:
        return (self.padding,)


class ZeroPadding2D(ZeroPadding):
    """Zeros around images.

    Args:
        padding: an integer, (rows, columns), or ((top, bottom), (left, right)). Default 1.
        data_format: "channels_last" (default) or "channels_first".

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.ZeroPadding2D(((1, 0), (2, 2)))(tf.ones([1, 3, 3, 1])).shape
    TensorShape([1, 4, 7, 1])
    """


class ZeroPadding3D(ZeroPadding):
    """Zeros around volumes. Arguments as for `ZeroPadding2D`, for three axes."""

    rank = 3


class Cropping(BuiltIn):
    """The elements but the first and last ones, on each of `rank` axes."""

    rank = 2

    def __init__(self, cropping: Any, data_format: Any = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.input_spec = InputSpec(ndim=self.rank + 2)
        self.cropping: Any = pairs(cropping, self.rank, "cropping")
        self.data_format = as_data_format(data_format)

    def _pairs(self) -> Any:
        return self.cropping

    def call(self, inputs: Any) -> Any:
        self.compute_output_shape(inputs.shape)
        kept = [slice(before, -after or None) for before, after in self._pairs()]
        return inputs[arranged(slice(None), kept, slice(None), self.data_format)]

    def compute_output_shape(self, input_shape: Any) -> Any:
        def rest(axis: int, size: int) -> int:
            left = size - sum(self._pairs()[axis])
            if left <= 0:
                raise tf.errors.InvalidArgumentError(
                    f"`cropping` must leave at least one element on each axis. Received: cropping={self.cropping} for an "
                    f"input of shape {tuple(input_shape)}.")
            return left

        return _resized(input_shape, self.data_format, rest)


class Cropping1D(Cropping):
    """A sequence without its first and last steps.

    Args:
        cropping: an integer, or (how many first ones, how many last ones). Default (1, 1).

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.Cropping1D((1, 2))(tf.ones([1, 5, 4])).shape
    TensorShape([1, 2, 4])
    """

    rank = 1

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any):
        super().__init__([per_axis(cropping, 2, "cropping", allow_zero=True)], "channels_last", **kwargs)
        self.cropping = self.cropping[0]

    def _pairs(self) -> Any:
        return (self.cropping,)


class Cropping2D(Cropping):
    """Images without their borders.

    Args:
        cropping: an integer, (rows, columns), or ((top, bottom), (left, right)). Default: nothing is cut off.
        data_format: "channels_last" (default) or "channels_first".

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.Cropping2D(((1, 0), (1, 1)))(tf.ones([1, 5, 5, 2])).shape
    TensorShape([1, 4, 3, 2])
    """

    def __init__(self, cropping: Any = ((0, 0), (0, 0)), data_format: Any = None, **kwargs: Any):
        super().__init__(cropping, data_format, **kwargs)


class Cropping3D(Cropping):
    """Volumes without their borders. Arguments as for `Cropping2D`, for three axes; default (1, 1) on each."""

    rank = 3

    def __init__(self, cropping: Any = ((1, 1), (1, 1), (1, 1)), data_format: Any = None, **kwargs: Any):
        super().__init__(cropping, data_format, **kwargs)
