"""Elementwise arithmetic, comparison, logic, rounding and the elementary functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from treadle.ir import dims, dtypes, errors
from treadle.ir.attributes import Dtype
from treadle.ir.op import Operand, on_sizes, op
from treadle.ir.ops.rules import (
    ALL, BOOL, COMPLEX, FLOATS, INTEGERS, NUMBERS, REALS, SIGNED, binary, broadcast_shapes, conj, require, same_dtype,
    unary, unbroadcast,
)
from treadle.ir.types import TensorType

# --- arithmetic -----------------------------------------------------------------------------------------------------


@op(infer=binary(*NUMBERS), lower=lambda xp, x, y: xp.add(x, y),
    vjp=(lambda g, z, x, y: unbroadcast(g, x), lambda g, z, x, y: unbroadcast(g, y)),
    sizes=on_sizes(np.add), traits="elementwise commutative exact")
def add(x, y):
    """x + y, element by element, with broadcasting. Integers wrap around.

    >>> import treadle as tf
    >>> tf.add([1, 2], 3).numpy().tolist()
    [4, 5]
    """


@op(infer=binary(*NUMBERS), lower=lambda xp, x, y: xp.subtract(x, y),
    vjp=(lambda g, z, x, y: unbroadcast(g, x), lambda g, z, x, y: unbroadcast(negative(g), y)),
    sizes=on_sizes(np.subtract), traits="elementwise exact")
def subtract(x, y):
    """x - y, element by element, with broadcasting. Integers wrap around."""


@op(infer=binary(*NUMBERS), lower=lambda xp, x, y: xp.multiply(x, y),
    vjp=(lambda g, z, x, y: unbroadcast(g * conj(y), x), lambda g, z, x, y: unbroadcast(g * conj(x), y)),
    sizes=on_sizes(np.multiply), traits="elementwise commutative exact")
def multiply(x, y):
    """x * y, element by element, with broadcasting. Integers wrap around."""


@op(infer=binary(*FLOATS, *COMPLEX), lower=lambda xp, x, y: xp.divide(x, y),
    vjp=(lambda g, z, x, y: unbroadcast(g / conj(y), x),
         lambda g, z, x, y: unbroadcast(negative(g * conj(z / y)), y)),
    traits="elementwise")
def divide_float(x, y):
    """x / y for floating and complex tensors of one dtype."""


@op(infer=unary(*NUMBERS), lower=lambda xp, x: xp.negative(x), vjp=(lambda g, y, x: negative(g),),
    sizes=on_sizes(np.negative), traits="elementwise exact")
def negative(x):
    """-x, element by element."""


@op(infer=unary(*FLOATS, *COMPLEX), lower=lambda xp, x: xp.sqrt(x), vjp=(lambda g, y, x: g * 0.5 / conj(y),),
    traits="elementwise")
def sqrt(x):
    """Square root, element by element: NaN for negative numbers, -0.0 for -0.0."""


@op(infer=unary(*NUMBERS), lower=lambda xp, x: xp.multiply(x, x), vjp=(lambda g, y, x: g * (conj(x) * 2),),
    sizes=on_sizes(np.square), traits="elementwise exact")
def square(x):
    """x * x, element by element."""


@op(infer=unary(*FLOATS, *COMPLEX), lower=lambda xp, x: xp.exp(x), vjp=(lambda g, y, x: g * conj(y),),
    traits="elementwise")
def exp(x):
    """e to the power x, element by element."""


@op(infer=unary(*FLOATS, *COMPLEX), lower=lambda xp, x: xp.log(x), vjp=(lambda g, y, x: g / conj(x),),
    traits="elementwise")
def log(x):
    """Natural logarithm, element by element: -inf for 0, NaN for negative numbers."""


@op(infer=lambda x, *, dtype: x.with_dtype(dtype), lower=lambda xp, x, *, dtype: xp.cast(x, dtype),
    vjp=(lambda g, y, x, *, dtype: cast(g, dtype=x.dtype) if dtype.is_differentiable else None,),
    sizes=lambda x, *, dtype: x.known if dtype.is_integer else None, traits="elementwise")
def cast(x: Operand(), *, dtype: Dtype):  # type: ignore[valid-type]
    """`x` converted to `dtype`."""


@op(infer=lambda input: input, lower=lambda xp, x: xp.zeros(x.shape, x.dtype), traits="exact")
def zeros_like(input: Operand()):  # type: ignore[valid-type]
    """Zeros of the tensor's shape and dtype."""


@op(infer=lambda input: input, lower=lambda xp, x: xp.ones(x.shape, x.dtype), traits="exact")
def ones_like(input: Operand()):  # type: ignore[valid-type]
    """Ones of the tensor's shape and dtype."""
