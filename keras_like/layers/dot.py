"""`Dot`: sums of products along an axis of each of two tensors, for each element of the batch."""

from __future__ import annotations

import string
from typing import Any

import treadle as tf
from treadle.keras_like.layers.built_in import BuiltIn
from treadle.keras_like.layers.merging import require_list


class Dot(BuiltIn):
    """sum over k of x[n, ..., k, ...] y[n, ..., k, ...]: the other axes of x, then those of y, remain.

    Args:
        axes: the axis that is summed over, or one for each tensor; not the batch's.
        normalize: make both tensors' vectors along it unit vectors before: the result is their cosine. Default False.

    Raises InvalidArgumentError for axes that do not exist or whose sizes differ.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.Dot(axes=1)([tf.constant([[1.0, 2.0]]), tf.constant([[3.0, 4.0]])]).numpy().tolist()
    [[11.0]]
    """

    supports_masking = True

    def __init__(self, axes: Any, normalize: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(axes, int) and not (
                isinstance(axes, (list, tuple)) and len(axes) == 2 and all(isinstance(a, int) for a in axes)):
            raise tf.errors.InvalidArgumentError(f"`axes` is an integer or two of them. Received: axes={axes!r}.")
        self.axes, self.normalize = axes if isinstance(axes, int) else tuple(axes), normalize

    def build(self, input_shape: Any) -> None:
        require_list(self, input_shape, 2)
        self.compute_output_shape(input_shape)

    def call(self, inputs: Any) -> Any:
        x, y = inputs
        i, j = self._places(x.shape.rank, y.shape.rank)
        if self.normalize:
            x, y = tf.nn.l2_normalize(x, axis=i), tf.nn.l2_normalize(y, axis=j)
        letters = string.ascii_letters[2:]
        of_x = [letters[k] for k in range(x.shape.rank - 1)]
        of_y = [letters[x.shape.rank + k] for k in range(y.shape.rank - 1)]
        of_x[i - 1] = of_y[j - 1] = "b"
        rest = [c for c in of_x + of_y if c != "b"]
        result = tf.einsum(f"a{''.join(of_x)},a{''.join(of_y)}->a{''.join(rest)}", x, y)
        return result if rest else tf.expand_dims(result, -1)

    def _places(self, *ranks: int) -> list[int]:
        axes = [self.axes, self.axes] if isinstance(self.axes, int) else list(self.axes)
        if any(not -rank < axis < rank or axis % rank == 0 for axis, rank in zip(axes, ranks)):
            raise tf.errors.InvalidArgumentError(
                f"`axes` must be axes of the inputs, and not the batch's. Received: axes={self.axes} for inputs with {ranks} "
                "axes.")
        return [axis % rank for axis, rank in zip(axes, ranks)]

    def compute_output_shape(self, input_shape: Any) -> Any:
        first, second = map(list, input_shape)
        i, j = self._places(len(first), len(second))
        if first[i] != second[j] and first[i] is not None and second[j] is not None:
            raise tf.errors.InvalidArgumentError(
                f"The axes that are summed over must have equal sizes. Received: shapes {tuple(first)} and {tuple(second)} "
                f"with axes={self.axes}.")
        rest = first[1:i] + first[i + 1:] + second[1:j] + second[j + 1:]
        return first[0], *(rest or [1])

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return None


def dot(inputs: Any, axes: Any = -1, **kwargs: Any) -> Any:
    """`Dot` as a function: dot([a, b], axes=1)."""
    return Dot(axes=axes, **kwargs)(inputs)
