"""Layers that make one tensor from several: Add, Subtract, Multiply, Average, Maximum, Minimum; and their functions."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import treadle as tf
from treadle.keras_like.core import tracking
from treadle.keras_like.layers.built_in import BuiltIn


class Merge(BuiltIn, ABC):
    """`_merge` of a list of tensors whose shapes broadcast; those of lower rank get axes of size 1 after the batch's.

    The output is masked where all of the tensors are; it has no mask if one of them has none.
    """

    supports_masking = True

    def build(self, input_shape: Any) -> None:
        require_list(self, input_shape)
        self.compute_output_shape(input_shape)

    def call(self, inputs: Any) -> Any:
        masks = [tracking.mask_of(x) for x in inputs]
        rank = max(x.shape.rank for x in inputs)
        inputs = [_expanded(x, rank) for x in inputs]
        return self._merge(inputs) if all(m is None for m in masks) else self._merge_masked(inputs, masks)

    @abstractmethod
    def _merge(self, inputs: list[Any]) -> Any:
        """One tensor from several of the same rank."""

    def _merge_masked(self, inputs: list[Any], masks: list[Any]) -> Any:
        return self._merge(inputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        rank = max(map(len, input_shape))
        expanded = [(*s[:1], *(1,) * (rank - len(s)), *s[1:]) for s in map(tuple, input_shape)]
        return tuple(_together(sizes, axis, input_shape) for axis, sizes in enumerate(zip(*expanded)))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        if previous_mask is None or any(m is None for m in previous_mask):
            return None
        return functools.reduce(tf.logical_or, previous_mask)


def require_list(layer: Any, input_shape: Any, count: int | None = None) -> None:
    """Raise InvalidArgumentError unless a layer was called on a list (of `count` tensors)."""
    is_list = isinstance(input_shape, list) or isinstance(input_shape, tuple) and isinstance(input_shape[0], tuple)
    if not is_list or not len(input_shape) or count is not None and len(input_shape) != count:
        raise tf.errors.InvalidArgumentError(
            f"`{type(layer).__name__}` takes a list of {'at least one tensor' if count is None else f'{count} tensors'}. "
            f"Received: shapes {input_shape}.")


def _together(sizes: Any, axis: int, shapes: Any) -> int | None:
    """The size that several broadcast to on an axis."""
    known = {n for n in sizes if n not in (1, None)}
    if len(known) > 1 or axis == 0 and len({n for n in sizes if n is not None}) > 1:
        raise tf.errors.InvalidArgumentError(
            f"These tensors do not fit together: they differ on axis {axis}. Received: shapes {list(shapes)}.")
    return known.pop() if known and (axis == 0 or None not in sizes) else None if None in sizes else 1


def _expanded(x: Any, rank: int) -> Any:
    for _ in range(rank - x.shape.rank):
        x = tf.expand_dims(x, 1)
    return x


class Pairwise(Merge):
    """`pair` of the first two tensors, then of that and the third, and so on."""

    pair: Callable[[Any, Any], Any]

    def _merge(self, inputs: list[Any]) -> Any:
        return functools.reduce(self.pair, inputs)


class Extreme(Pairwise):
    """A merge that takes one of the elements: a masked one is never taken, unless all are masked."""

    def _merge_masked(self, inputs: list[Any], masks: list[Any]) -> Any:
        output, known = inputs[0], _over(masks[0], inputs[0])
        for x, mask in zip(inputs[1:], masks[1:]):
            mask = _over(mask, x)
            if mask is not None:
                x = tf.where(mask, x, output)
            if known is not None:
                output = tf.where(known, output, x)
            known = tf.logical_or(known, mask) if known is not None and mask is not None else None
            output = self.pair(output, x)
        return output


def _over(mask: Any, x: Any) -> Any:
    """A mask of the shape of a tensor."""
    return None if mask is None else tf.broadcast_to(tf.expand_dims(mask, -1), tf.shape(x))


class Add(Pairwise):
    """The sum of a list of tensors.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.Add()([tf.constant([[1.0]]), tf.constant([[2.0]])]).numpy().tolist()
    [[3.0]]
    """

    pair = staticmethod(tf.add)


class Multiply(Pairwise):
    """The product of a list of tensors, element by element. Masked factors count as 1; 0 where all are masked.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.Multiply()([tf.constant([[2.0]]), tf.constant([[3.0]])]).numpy().tolist()
    [[6.0]]
    """

    pair = staticmethod(tf.multiply)

    def _merge_masked(self, inputs: list[Any], masks: list[Any]) -> Any:
        wide = [_over(mask, x) for mask, x in zip(masks, inputs)]
        product = self._merge([x if m is None else tf.where(m, x, tf.ones_like(x)) for m, x in zip(wide, inputs)])
        if any(m is None for m in wide):
            return product
        return tf.where(functools.reduce(tf.logical_or, wide), product, tf.zeros_like(product))


class Maximum(Extreme):
    """The largest of a list of tensors, element by element."""

    pair = staticmethod(tf.maximum)


class Minimum(Extreme):
    """The smallest of a list of tensors, element by element."""

    pair = staticmethod(tf.minimum)


class Subtract(Merge):
    """The first of two tensors minus the second.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.Subtract()([tf.constant([[1.0]]), tf.constant([[3.0]])]).numpy().tolist()
    [[-2.0]]
    """

    def build(self, input_shape: Any) -> None:
        require_list(self, input_shape, 2)
        super().build(input_shape)

    def _merge(self, inputs: list[Any]) -> Any:
        return inputs[0] - inputs[1]


class Average(Merge):
    """The mean of a list of tensors, element by element."""

    def _merge(self, inputs: list[Any]) -> Any:
        return functools.reduce(tf.add, inputs) / len(inputs)


def add(inputs: Any, **kwargs: Any) -> Any:
    """`Add` as a function: add([a, b])."""
    return Add(**kwargs)(inputs)


def subtract(inputs: Any, **kwargs: Any) -> Any:
    """`Subtract` as a function."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Any, **kwargs: Any) -> Any:
    """`Multiply` as a function."""
    return Multiply(**kwargs)(inputs)


def average(inputs: Any, **kwargs: Any) -> Any:
    """`Average` as a function."""
    return Average(**kwargs)(inputs)


def maximum(inputs: Any, **kwargs: Any) -> Any:
    """`Maximum` as a function."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Any, **kwargs: Any) -> Any:
    """`Minimum` as a function."""
    return Minimum(**kwargs)(inputs)
