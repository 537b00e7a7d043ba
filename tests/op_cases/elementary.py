"""Trigonometric, hyperbolic and sigmoid-like functions, rounding, complex parts."""

import numpy as np

from op_cases import Case, Special, complexes, integers, normal, uniform
from op_cases.elementwise import FLOATS, INTEGERS, broadcasts, not_subnormal
from treadle.ir.ops.elementary import (
    acos,
    acosh,
    angle,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    ceil,
    complex,
    cos,
    cosh,
    floor,
    imag,
    is_finite,
    is_inf,
    is_nan,
    nextafter,
    real,
    round_,
    sigmoid,
    sin,
    sinh,
    softplus,
    softsign,
    tan,
    tanh,
)


def logistic(x):
    return 1 / (1 + np.exp(-x))


def log1pexp(x):
    return np.where(x > 30, x, np.log1p(np.exp(np.minimum(x, 30))))


def signed(x):
    return x / (1 + np.abs(x))


REAL = [(sin, np.sin), (cos, np.cos), (tan, np.tan), (asin, np.arcsin), (acos, np.arccos), (atan, np.arctan),
        (sinh, np.sinh), (cosh, np.cosh), (tanh, np.tanh), (asinh, np.arcsinh), (atanh, np.arctanh),
        (sigmoid, logistic)]
# Away from the lines where complex functions jump.
UPPER = uniform(4) + 1j * uniform(4)

CASES = [
    *[Case(op, uniform(2, 3, low=-0.9), reference=reference) for op, reference in REAL],
    *[Case(op, UPPER.astype(np.complex64), reference=reference) for op, reference in [*REAL, (acosh, np.arccosh)]],
    Case(acosh, uniform(2, 3, low=1.2, high=4), reference=np.arccosh),
    Case(softplus, normal(2, 3), reference=log1pexp),
    Case(softsign, normal(2, 3), reference=signed),
    *broadcasts(atan2, np.arctan2),
    *broadcasts(nextafter, np.nextafter),
    *broadcasts(complex, lambda x, y: x + 1j * y),
    Case(complex, normal(3, dtype=np.float64), normal(3, dtype=np.float64), reference=lambda x, y: x + 1j * y),
    *[Case(op, normal(3, 4) * 3, reference=reference) for op, reference in [
        (floor, np.floor), (ceil, np.ceil), (round_, np.round), (is_nan, np.isnan), (is_inf, np.isinf),
        (is_finite, np.isfinite), (real, np.real), (imag, np.imag), (angle, np.angle)]],
    *[Case(op, complexes(3), reference=reference) for op, reference in [
        (real, np.real), (imag, np.imag), (angle, np.angle)]],
    *[Case(op, normal(0, 3), reference=reference) for op, reference in [(tanh, np.tanh), (sigmoid, logistic)]],
    Case(round_, integers(3), reference=np.round),
    *[Case(op, integers(3), reference=reference) for op, reference in [(real, np.real), (imag, np.imag)]],
]


def near_zero(limit):
    """Where |x| is small enough for the argument reduction of the reference in float64."""
    return lambda x: ~(np.abs(x.astype(np.float64)) > limit) | ~np.isfinite(x.astype(np.float64))


SPECIAL = [
    *[Special(op, reference, FLOATS, ulps=ulps, where=near_zero(1e4)) for op, reference, ulps in [
        (sin, np.sin, 4), (cos, np.cos, 4), (tan, np.tan, 16)]],
    *[Special(op, reference, FLOATS, ulps=8) for op, reference in [
        (asin, np.arcsin), (acos, np.arccos), (atan, np.arctan), (tanh, np.tanh),
        (asinh, np.arcsinh), (acosh, np.arccosh), (atanh, np.arctanh), (sigmoid, logistic), (softplus, log1pexp)]],
    Special(softsign, lambda x: np.where(np.isinf(x), np.nan, signed(x)), FLOATS, where=lambda x: np.abs(x) < 1e30),
    *[Special(op, reference, FLOATS) for op, reference in [
        (floor, np.floor), (ceil, np.ceil), (is_nan, np.isnan), (is_inf, np.isinf), (is_finite, np.isfinite)]],
    Special(round_, np.round, (*FLOATS, *INTEGERS)),
    # exp of a large number: an error in the argument grows with it.
    Special(sinh, np.sinh, FLOATS, ulps=40),
    Special(cosh, np.cosh, FLOATS, ulps=40),
    Special(atan2, np.arctan2, FLOATS, arity=2, ulps=8, where=lambda y, x: not_subnormal(y) & not_subnormal(x)),
]
