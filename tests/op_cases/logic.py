"""Comparison, logic, bits, choice."""

import numpy as np

from op_cases import Case, Special, bools, complexes, integers, normal
from op_cases.elementwise import COMPLEX, FLOATS, INTEGERS, SIGNED, broadcasts
from treadle.ir.ops.logic import (
    bitwise_and,
    bitwise_or,
    bitwise_xor,
    equal,
    greater,
    greater_equal,
    invert,
    left_shift,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    not_equal,
    right_shift,
)
from treadle.ir.ops.select import select

ORDER = [(less, np.less), (less_equal, np.less_equal), (greater, np.greater), (greater_equal, np.greater_equal)]
EQUALITY = [(equal, np.equal), (not_equal, np.not_equal)]
LOGIC = [(logical_and, np.logical_and), (logical_or, np.logical_or), (logical_xor, np.logical_xor)]
BITS = [(bitwise_and, np.bitwise_and), (bitwise_or, np.bitwise_or), (bitwise_xor, np.bitwise_xor)]

CASES = [
    *[case for op, reference in ORDER + EQUALITY for case in broadcasts(
        op, reference, draw=lambda *s: integers(*s, dtype=np.float32))],
    *[case for op, reference in LOGIC for case in broadcasts(op, reference, draw=bools)],
    *[case for op, reference in BITS for case in broadcasts(op, reference, draw=integers)],
    *broadcasts(left_shift, np.left_shift, draw=integers),
    *broadcasts(right_shift, np.right_shift, draw=integers),
    Case(logical_not, bools(3, 2), reference=np.logical_not),
    Case(invert, integers(3, low=-5), reference=np.invert),
    *[Case(op, complexes(3), complexes(3), reference=reference) for op, reference in EQUALITY],
    Case(select, bools(3, 4), normal(3, 4), normal(3, 4), reference=np.where),
    Case(select, bools(3, 1), normal(4), normal(1, 4), reference=np.where),
    Case(select, bools(), normal(2), normal(), reference=np.where),
    Case(select, bools(2), integers(2), integers(2), reference=np.where),
    Case(select, bools(0, 2), normal(2), normal(2), reference=np.where),
    Case(select, bools(3), complexes(3), complexes(3), reference=np.where),
]


def small(x, y):
    """Where y is a number of bits that x has."""
    return (y >= 0) & (y < 8 * x.dtype.itemsize)


SPECIAL = [
    *[Special(op, reference, (*FLOATS, *INTEGERS), arity=2) for op, reference in ORDER],
    *[Special(op, reference, (np.bool_, *FLOATS, *INTEGERS, *COMPLEX), arity=2) for op, reference in EQUALITY],
    *[Special(op, reference, (np.bool_,), arity=2) for op, reference in LOGIC],
    *[Special(op, reference, INTEGERS, arity=2) for op, reference in BITS],
    Special(invert, np.invert, INTEGERS),
    Special(logical_not, np.logical_not, (np.bool_,)),
    Special(left_shift, np.left_shift, SIGNED, arity=2, where=small),
    Special(right_shift, np.right_shift, INTEGERS, arity=2, where=small),
]
