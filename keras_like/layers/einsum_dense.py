"""`EinsumDense`: a dense layer over any axes, written as an equation."""

from __future__ import annotations

import math
import re
from typing import Any

import treadle as tf
from treadle.keras_like.core.input_spec import InputSpec
from treadle.keras_like.layers.low_rank import Adapted, LowRank


class EinsumDense(LowRank):
    """activation(einsum(equation, inputs, kernel) + bias).

    Args:
        equation: "ab,bc->ac", "...ab,bc->...ac" or "ab...,bc->ac...": inputs, kernel and outputs by a letter for each axis.
        output_shape: the sizes of the outputs' axes after the batch's; None for those the inputs decide.
        activation: a name or a function. Default: none.
        bias_axes: the letters of the axes that have a bias. Default: no bias.
        kernel_initializer, bias_initializer: default "glorot_uniform" and "zeros".
        kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint: default: none.
        lora_rank, lora_alpha: for `enable_lora`, which `build` then calls. Default: none.

    Raises InvalidArgumentError for an equation of another form, or shapes that do not fit it.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.EinsumDense("abc,cd->abd", output_shape=(None, 4), bias_axes="d")(tf.ones([2, 5, 3])).shape
    TensorShape([2, 5, 4])
    """

    casts_integers = True
    kernel = Adapted()

    def __init__(self, equation: str, output_shape: Any, activation: Any = None, bias_axes: str | None = None,
                 kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
                 bias_regularizer: Any = None, kernel_constraint: Any = None, bias_constraint: Any = None,
                 activity_regularizer: Any = None, lora_rank: int | None = None, lora_alpha: float | None = None,
                 **kwargs: Any):
        super().__init__(activity_regularizer=activity_regularizer, lora_rank=lora_rank, lora_alpha=lora_alpha, **kwargs)
        self.equation, self.bias_axes = equation, bias_axes
        self.output_shape = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        self._keep(dict(
            activation=activation, kernel_initializer=kernel_initializer, bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer, bias_regularizer=bias_regularizer, kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint))

    def build(self, input_shape: Any) -> None:
        letters = _letters(self.equation, len(input_shape))
        given, weighted, made = letters
        sizes = self._sizes(letters, input_shape)
        shape = tuple(sizes[c] for c in weighted)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={i: sizes[c] for i, c in enumerate(given) if c in weighted})
        initializer = self.kernel_initializer  # type: ignore[has-type]
        if isinstance(initializer, tf.initializers.VarianceScaling):
            # The variance follows from how many inputs and outputs a unit has: the axes that are summed over, and the rest.
            summed = math.prod(sizes[c] for c in weighted if c not in made)
            self.kernel_initializer = _as_matrix(initializer, summed)
        self.kernel = self._weight("kernel", shape)
        self.kernel_initializer = initializer
        self.bias = None
        if self.bias_axes:
            if not set(self.bias_axes) <= set(made):
                raise tf.errors.InvalidArgumentError(
                    f"`bias_axes` must be letters of the outputs. Received: bias_axes={self.bias_axes!r} for the equation "
                    f"{self.equation!r}.")
            first = min(made.index(c) for c in self.bias_axes)
            self.bias = self._weight("bias", tuple(sizes[c] if c in self.bias_axes else 1 for c in made[first:]))
        self._adapt_if_asked()

    def _sizes(self, letters: tuple[str, str, str], input_shape: Any) -> dict[str, Any]:
        """The size of each letter, from the inputs and from `output_shape`."""
        given, weighted, made = letters
        sizes = dict(zip(given, input_shape))
        elided = "".join(c for c in made if not c.isalpha() and c != made[0])
        asked = [c for c in made[1:] if c not in elided]
        if len(asked) != len(self.output_shape):
            raise tf.errors.InvalidArgumentError(
                f"`output_shape` must have a size for each of the axes {','.join(asked)}. Received: "
                f"output_shape={self.output_shape} for the equation {self.equation!r}.")
        for letter, size in zip(asked, self.output_shape):
            if size is not None and sizes.get(letter) not in (None, size):
                raise tf.errors.InvalidArgumentError(
                    f"The axis {letter!r} has the size {sizes[letter]} in the inputs. Received: "
                    f"output_shape={self.output_shape} for the equation {self.equation!r}.")
            if sizes.get(letter) is None:
                sizes[letter] = size
        for letter in weighted:
            if sizes.get(letter) is None:
                raise tf.errors.InvalidArgumentError(
                    f"The size of the kernel's axis {letter!r} must be known. Received: an input of shape "
                    f"{tuple(input_shape)}, output_shape={self.output_shape}, equation {self.equation!r}.")
        return sizes

    def call(self, inputs: Any) -> Any:
        x = tf.einsum(self.equation, inputs, self.kernel)
        x = x if self.bias is None else x + self.bias
        return x if self.activation is None else self.activation(x)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """As Keras: axes for which `output_shape` is None are open."""
        letters = _letters(self.equation, len(input_shape))
        sizes, asked = self._sizes(letters, input_shape), iter(self.output_shape)
        return tuple(next(asked) if i and c.isalpha() else sizes[c] for i, c in enumerate(letters[2]))


def _letters(equation: str, rank: int) -> tuple[str, str, str]:
    """A letter for each axis of inputs, kernel and outputs; other characters stand for the axes of an ellipsis."""
    found = re.fullmatch(r"(\.\.\.)?([a-zA-Z]+)(\.\.\.)?,([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]+)(\.\.\.)?", equation.replace(" ", ""))
    if found is None or found[1] != found[5] or found[3] != found[7] or found[1] and found[3]:
        raise tf.errors.InvalidArgumentError(
            f"An equation has the form 'ab,bc->ac', '...ab,bc->...ac' or 'ab...,bc->ac...'. Received: {equation!r}.")
    elided = "".join(chr(0xE000 + i) for i in range(rank - len(found[2]))) if found[1] or found[3] else ""
    given, made = (elided + found[2], elided + found[6]) if found[1] else (found[2] + elided, found[6] + elided)
    if len(given) != rank or not set(found[4]) <= set(given + made) or not set(made) <= set(given + found[4]):
        raise tf.errors.InvalidArgumentError(
            f"The equation {equation!r} does not fit an input with {rank} axes, or names an axis that is nowhere else.")
    return given, found[4], made


def _as_matrix(initializer: Any, inputs: int) -> Any:
    """An initializer that sees any shape as a matrix with so many inputs."""
    def initialize(shape: Any, dtype: Any = None) -> Any:
        return tf.reshape(initializer((inputs, math.prod(shape) // inputs), dtype=dtype), shape)

    return initialize
