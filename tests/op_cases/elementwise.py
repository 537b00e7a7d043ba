"""Arithmetic, powers, exponentials, casts."""

import ml_dtypes
import numpy as np

from op_cases import Case, Special, complexes, integers, normal, uniform
from treadle.ir.dtypes import bfloat16 as bf16
from treadle.ir.ops.elementwise import (
    abs_,
    add,
    bitcast,
    cast,
    conj_,
    divide_float,
    divide_no_nan,
    exp,
    expm1,
    floordiv,
    floormod,
    log,
    log1p,
    maximum,
    minimum,
    multiply,
    multiply_no_nan,
    negative,
    ones_like,
    pow_,
    reciprocal,
    rsqrt,
    sign,
    sqrt,
    square,
    squared_difference,
    subtract,
    truediv,
    truncatediv,
    truncatemod,
    xdivy,
    xlog1py,
    xlogy,
    zeros_like,
)

BF16 = bf16.numpy
HALVES = (np.float16, BF16)
FLOATS = (*HALVES, np.float32, np.float64)
SIGNED = (np.int8, np.int16, np.int32, np.int64)
INTEGERS = (*SIGNED, np.uint8, np.uint16, np.uint32, np.uint64)
COMPLEX = (np.complex64, np.complex128)


def broadcasts(op, reference, *, draw=normal, **options):
    """The shapes that a binary op must broadcast."""
    shapes = [((3, 4), (3, 4)), ((3, 4), (4,)), ((3, 1), (1, 4)), ((), (2, 3)), ((2, 1, 3), (2, 1)), ((0, 3), (3,)),
              ((), ())]
    return [Case(op, draw(*a), draw(*b), reference=reference, gradient=i in (2, 3), **options)
            for i, (a, b) in enumerate(shapes)]


def no_nan(function, zero):
    """`function` with 0 where the operand number `zero` is 0."""
    def reference(x, y):
        with np.errstate(all="ignore"):
            return np.where((x, y)[zero] == 0, 0, function(x, y)).astype(x.dtype)
    return reference


def squared_distance(x, y):
    return np.conj(x - y) * (x - y)


CASES = [
    *broadcasts(add, np.add),
    *broadcasts(subtract, np.subtract),
    *broadcasts(multiply, np.multiply),
    *broadcasts(divide_float, np.divide),
    *broadcasts(maximum, np.maximum),
    *broadcasts(minimum, np.minimum),
    *broadcasts(squared_difference, squared_distance),
    *broadcasts(floormod, np.remainder),
    *broadcasts(floordiv, lambda x, y: np.floor(x / y)),
    *broadcasts(divide_no_nan, no_nan(np.divide, 1)),
    *broadcasts(multiply_no_nan, no_nan(np.multiply, 1)),
    *broadcasts(xdivy, no_nan(np.divide, 0)),
    *broadcasts(xlogy, no_nan(lambda x, y: x * np.log(y), 0), draw=uniform),
    *broadcasts(xlog1py, no_nan(lambda x, y: x * np.log1p(y), 0), draw=uniform),
    *broadcasts(pow_, np.power, draw=uniform),
    *broadcasts(truncatediv, lambda x, y: np.trunc(x / y)),
    *broadcasts(truncatemod, np.fmod),
    *[Case(op, complexes(2, 3), complexes(3), reference=reference) for op, reference in [
        (add, np.add), (subtract, np.subtract), (multiply, np.multiply), (divide_float, np.divide),
        (squared_difference, squared_distance), (divide_no_nan, np.divide), (multiply_no_nan, np.multiply),
        (xdivy, np.divide), (xlogy, lambda x, y: x * np.log(y)), (xlog1py, lambda x, y: x * np.log1p(y)),
        (pow_, np.power)]],
    *[Case(op, integers(3, 4, low=-9, high=9), integers(4, low=1, high=5), reference=reference)
      for op, reference in [(add, np.add), (subtract, np.subtract), (multiply, np.multiply), (maximum, np.maximum),
                            (minimum, np.minimum), (floordiv, np.floor_divide), (floormod, np.remainder),
                            (truncatediv, lambda x, y: np.trunc(x / y).astype(x.dtype)), (truncatemod, np.fmod),
                            (pow_, np.power), (squared_difference, squared_distance)]],
    *[Case(op, normal(3, 4), reference=reference) for op, reference in [
        (negative, np.negative), (abs_, np.abs), (sign, np.sign), (square, np.square), (exp, np.exp), (expm1, np.expm1),
        (conj_, np.conj), (zeros_like, np.zeros_like), (ones_like, np.ones_like), (reciprocal, np.reciprocal)]],
    *[Case(op, uniform(3, 4, low=0.2, high=3), reference=reference) for op, reference in [
        (sqrt, np.sqrt), (rsqrt, lambda x: 1 / np.sqrt(x)), (log, np.log), (log1p, np.log1p)]],
    *[Case(op, complexes(5), reference=reference, tolerance=2e-5) for op, reference in [
        (negative, np.negative), (abs_, np.abs), (sign, np.sign), (square, np.square), (exp, np.exp), (expm1, np.expm1),
        (conj_, np.conj), (sqrt, np.sqrt), (rsqrt, lambda x: 1 / np.sqrt(x)), (log, np.log), (log1p, np.log1p),
        (reciprocal, np.reciprocal)]],
    Case(abs_, integers(4, low=-5), reference=np.abs),
    Case(truediv, normal(3), normal(3), reference=np.divide),
    Case(truediv, integers(3), integers(3, low=1), reference=np.divide),
    Case(truediv, integers(3, dtype=np.int8), integers(3, low=1, dtype=np.int8),
         reference=lambda x, y: np.divide(x, y, dtype=np.float32)),
    Case(cast, normal(2, 3), attributes={"dtype": "float64"}, reference=lambda x, dtype: x.astype(dtype)),
    Case(cast, normal(2, 3), attributes={"dtype": "int32"}, gradient=False, reference=lambda x, dtype: x.astype(dtype)),
    Case(cast, normal(2, 3), attributes={"dtype": "complex128"}, reference=lambda x, dtype: x.astype(dtype)),
    Case(cast, complexes(2, 3), attributes={"dtype": "float64"}, reference=lambda x, dtype: x.real.astype(dtype)),
    Case(cast, integers(2, 3, low=-2, high=3), attributes={"dtype": "bool"},
         reference=lambda x, dtype: x.astype(dtype)),
    Case(cast, integers(2, 3, low=-200, high=300), attributes={"dtype": "int8"},
         reference=lambda x, dtype: x.astype(dtype)),
    Case(cast, np.float32([np.nan, np.inf, -np.inf, 1e20, -1.7, 1.7, 300]), gradient=False,
         attributes={"dtype": "int8"}, reference=lambda x, dtype: np.int8([0, 127, -128, 127, -1, 1, 127])),
    Case(cast, np.float32([np.nan, np.inf, -np.inf, -1.7, 300]), gradient=False,
         attributes={"dtype": "uint8"}, reference=lambda x, dtype: np.uint8([0, 255, 0, 0, 255])),
    Case(bitcast, normal(2, 3), attributes={"type": "int32"}, reference=lambda x, type: x.view(type)),
    Case(bitcast, normal(2, 3), attributes={"type": "uint8"}, reference=lambda x, type: x.view(type).reshape(2, 3, 4)),
    Case(bitcast, integers(3, 4, dtype=np.uint8), attributes={"type": "float32"}, symbolic=False,
         reference=lambda x, type: x.view(type).reshape(3)),
]


def not_subnormal(x):
    """Where x is a number whose logarithm XLA knows: it takes subnormal numbers for 0 in some instructions only."""
    with np.errstate(all="ignore"):
        return ~((x != 0) & (np.abs(x) < ml_dtypes.finfo(x.dtype).smallest_normal))


SPECIAL = [
    Special(add, np.add, (*FLOATS, *INTEGERS, *COMPLEX), arity=2),
    Special(subtract, np.subtract, (*FLOATS, *INTEGERS, *COMPLEX), arity=2),
    Special(multiply, np.multiply, (*FLOATS, *INTEGERS, *COMPLEX), arity=2),
    Special(divide_float, np.divide, FLOATS, arity=2),
    Special(maximum, np.maximum, (*FLOATS, *INTEGERS), arity=2),
    Special(minimum, np.minimum, (*FLOATS, *INTEGERS), arity=2),
    Special(floordiv, np.floor_divide, INTEGERS, arity=2, where=lambda x, y: y != 0),
    Special(floormod, np.remainder, INTEGERS, arity=2, where=lambda x, y: y != 0),
    Special(truncatemod, np.fmod, INTEGERS, arity=2, where=lambda x, y: y != 0),
    Special(squared_difference, lambda x, y: (x - y) * (x - y), (*FLOATS, *INTEGERS), arity=2),
    Special(multiply_no_nan, no_nan(np.multiply, 1), FLOATS, arity=2),
    Special(divide_no_nan, no_nan(np.divide, 1), FLOATS, arity=2),
    Special(xdivy, no_nan(np.divide, 0), FLOATS, arity=2),
    Special(xlogy, no_nan(lambda x, y: x * np.log(y), 0), FLOATS, arity=2),
    Special(xlog1py, no_nan(lambda x, y: x * np.log1p(y), 0), FLOATS, arity=2),
    Special(pow_, np.power, FLOATS, arity=2, ulps=200, where=lambda x, y: not_subnormal(x)),
    Special(negative, np.negative, (*FLOATS, *SIGNED, *COMPLEX)),
    Special(abs_, np.abs, (*FLOATS, *SIGNED, *COMPLEX)),
    Special(sign, np.sign, (*FLOATS, *SIGNED)),
    Special(square, np.square, (*FLOATS, *INTEGERS, *COMPLEX)),
    Special(sqrt, np.sqrt, FLOATS),
    Special(rsqrt, lambda x: 1 / np.sqrt(x), FLOATS),
    Special(reciprocal, lambda x: 1 / x, FLOATS),
    Special(exp, np.exp, FLOATS),
    Special(expm1, np.expm1, FLOATS),
    Special(log, np.log, FLOATS),
    Special(log1p, np.log1p, FLOATS),
]
