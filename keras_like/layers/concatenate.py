"""`Concatenate`: tensors side by side."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.layers.built_in import BuiltIn
from treadle.keras_like.layers.merging import require_list


class Concatenate(BuiltIn):
    """A list of tensors one after the other along `axis`; their other sizes are equal.

    Args:
        axis: default -1, the last.

    Raises InvalidArgumentError for shapes that differ elsewhere.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.Concatenate()([tf.ones([2, 3]), tf.ones([2, 4])]).shape
    TensorShape([2, 7])
    """

    supports_masking = True

    def __init__(self, axis: int = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis

    def build(self, input_shape: Any) -> None:
        require_list(self, input_shape)
        self.compute_output_shape(input_shape)

    def call(self, inputs: Any) -> Any:
        return tf.concat(list(inputs), axis=self.axis)

    def compute_output_shape(self, input_shape: Any) -> Any:
        first = list(input_shape[0])
        for shape in input_shape[1:]:
            rest = [(a, b) for i, (a, b) in enumerate(zip(first, shape)) if i != self.axis % len(first)]
            if len(shape) != len(first) or any(a != b for a, b in rest if a is not None and b is not None):
                raise tf.errors.InvalidArgumentError(
                    f"`Concatenate` takes tensors whose sizes are equal on all axes but axis={self.axis}. Received: shapes "
                    f"{list(input_shape)}.")
            known = first[self.axis] is not None and shape[self.axis] is not None
            first[self.axis] = first[self.axis] + shape[self.axis] if known else None
        return tuple(first)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Masks side by side; a tensor without one counts as unmasked."""
        if previous_mask is None or all(m is None for m in previous_mask):
            return None
        masks = []
        for x, mask in zip(inputs, previous_mask):
            everywhere = tf.ones_like(x, dtype="bool")
            if mask is not None and mask.shape.rank < x.shape.rank:
                mask = tf.logical_and(tf.expand_dims(mask, -1), everywhere)
            masks.append(everywhere if mask is None else mask)
        return tf.reduce_any(tf.concat(masks, axis=self.axis), axis=-1)


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """`Concatenate` as a function: concatenate([a, b])."""
    return Concatenate(axis=axis, **kwargs)(inputs)
