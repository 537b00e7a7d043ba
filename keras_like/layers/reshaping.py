"""Layers that rearrange elements: Flatten, Reshape, Permute, RepeatVector."""

from __future__ import annotations

import math
from typing import Any

import treadle as tf
from treadle.keras_like.core.image_format import as_data_format
from treadle.keras_like.core.input_spec import InputSpec
from treadle.keras_like.layers.arguments import positive
from treadle.keras_like.layers.built_in import BuiltIn


class Flatten(BuiltIn):
    """All axes but the batch's in one: [batch, a, b ...] -> [batch, a * b ...]; [batch] -> [batch, 1].

    Args:
        data_format: with "channels_first", the channels are moved to the end before.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.Flatten()(tf.ones([2, 3, 4])).shape
    TensorShape([2, 12])
    """

    input_spec = InputSpec(min_ndim=1)

    def __init__(self, data_format: Any = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = as_data_format(data_format)

    def call(self, inputs: Any) -> Any:
        rank = inputs.shape.rank
        if self.data_format == "channels_first" and rank > 2:
            inputs = tf.transpose(inputs, (0, *range(2, rank), 1))
        _, size = self.compute_output_shape(inputs.shape)
        return tf.reshape(inputs, (tf.shape(inputs)[0], -1 if size is None else size))

    def compute_output_shape(self, input_shape: Any) -> Any:
        if not len(input_shape):
            raise tf.errors.InvalidArgumentError("`Flatten` takes inputs with at least one axis. Received: a scalar.")
        sizes = tuple(input_shape)[1:]
        return input_shape[0], None if None in sizes else math.prod(sizes)


class Reshape(BuiltIn):
    """The elements in another shape: [batch, ...] -> [batch, *target_shape].

    Args:
        target_shape: integers; one may be -1, which is found from the others.

    Raises InvalidArgumentError if the number of elements differs.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.Reshape((3, -1))(tf.ones([2, 12])).shape
    TensorShape([2, 3, 4])
    """

    def __init__(self, target_shape: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.target_shape = (target_shape,) if isinstance(target_shape, int) else tuple(target_shape)
        if self.target_shape.count(-1) > 1 or any(not isinstance(n, int) or n < -1 for n in self.target_shape):
            raise tf.errors.InvalidArgumentError(
                f"`target_shape` holds sizes, at most one of them -1. Received: target_shape={target_shape!r}.")

    def call(self, inputs: Any) -> Any:
        wanted = self.compute_output_shape(inputs.shape)[1:]
        return tf.reshape(inputs, (tf.shape(inputs)[0], *(-1 if n is None else n for n in wanted)))

    def compute_output_shape(self, input_shape: Any) -> Any:
        sizes, wanted = tuple(input_shape)[1:], self.target_shape
        if None in sizes:
            return input_shape[0], *(None if n == -1 else n for n in wanted)
        total, rest = math.prod(sizes), math.prod(n for n in wanted if n != -1)
        if total != rest if -1 not in wanted else (total % rest if rest else total):
            raise tf.errors.InvalidArgumentError(
                f"The number of elements must stay the same. Received: target_shape={wanted} for an input of shape "
                f"{tuple(input_shape)}.")
        return input_shape[0], *(total // max(rest, 1) if n == -1 else n for n in wanted)


class Permute(BuiltIn):
    """The axes in another order: output axis i is input axis dims[i - 1]; the batch stays first.

    Args:
        dims: the axes 1 to n, each once.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.Permute((2, 1))(tf.ones([5, 3, 4])).shape
    TensorShape([5, 4, 3])
    """

    def __init__(self, dims: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise tf.errors.InvalidArgumentError(
                f"`dims` holds the axes from 1 on, each once; the batch's is not among them. Received: dims={dims!r}.")

    def call(self, inputs: Any) -> Any:
        return tf.transpose(inputs, (0, *self.dims))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape[0], *(input_shape[axis] for axis in self.dims)


class RepeatVector(BuiltIn):
    """Each vector n times: [batch, features] -> [batch, n, features].

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.RepeatVector(3)(tf.ones([2, 4])).shape
    TensorShape([2, 3, 4])
    """

    input_spec = InputSpec(ndim=2)

    def __init__(self, n: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.n = positive(n, "n")

    def call(self, inputs: Any) -> Any:
        return tf.repeat(tf.expand_dims(inputs, 1), self.n, axis=1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape[0], self.n, input_shape[1]
