"""Reductions, cumulative reductions, orderings."""

import numpy as np

from op_cases import Case, bools, complexes, integers, normal, uniform
from treadle.ir.ops.reductions import (
    argmax,
    argmin,
    cumprod,
    cumsum,
    cumulative_logsumexp,
    linear_recurrence,
    reduce_all,
    reduce_any,
    reduce_max,
    reduce_mean,
    reduce_min,
    reduce_prod,
    reduce_sum,
    shift,
    sort_with_indices,
    top_k_values_and_indices,
)

AXES = [{"axis": None, "keepdims": False}, {"axis": 0, "keepdims": False}, {"axis": [0, -1], "keepdims": True},
        {"axis": -2, "keepdims": False}]


def numpy_axis(function):
    """A NumPy reduction that takes a list of axes and keeps the dtype."""
    def reference(x, axis, keepdims):
        axis = tuple(axis) if isinstance(axis, list) else axis
        return np.asarray(function(x, axis=axis, keepdims=keepdims)).astype(x.dtype)
    return reference


def reductions(op, function, draw):
    return [Case(op, draw(2, 3, 2), attributes=a, reference=numpy_axis(function), gradient=i != 1)
            for i, a in enumerate(AXES)]


def cut_off_mean(x, axis, keepdims):
    return np.trunc(np.mean(x, axis=axis, keepdims=keepdims)).astype(x.dtype)


def cumulative(function, first):
    def reference(x, axis, exclusive, reverse):
        x = np.flip(x, axis) if reverse else x
        y = function(x, axis)
        if exclusive:
            y = np.concatenate([np.full_like(np.take(x, [0], axis), first),
                                np.delete(y, -1, axis)], axis) if x.shape[axis] else y
        return np.flip(y, axis) if reverse else y
    return reference


MODES = [{"axis": 0, "exclusive": False, "reverse": False}, {"axis": 1, "exclusive": True, "reverse": False},
         {"axis": 1, "exclusive": False, "reverse": True}, {"axis": 0, "exclusive": True, "reverse": True}]


def recurrence(a, b, axis, reverse):
    a, b = (np.moveaxis(v, axis, 0)[:: -1 if reverse else 1] for v in (a, b))
    rows, s = [], np.zeros_like(b[0])
    for x, y in zip(a, b):
        s = x * s + y
        rows.append(s)
    return np.moveaxis(np.array(rows)[:: -1 if reverse else 1], 0, axis)


def shifted(x, fill, axis, reverse):
    edge = np.full_like(np.take(x, [0], axis), fill)
    return np.concatenate([np.delete(x, 0, axis), edge] if reverse else [edge, np.delete(x, -1, axis)], axis)


def ordered(x, axis, descending):
    places = np.argsort(-x if descending else x, axis, kind="stable")
    return [np.take_along_axis(x, places, axis), places]


def top(x, k, sorted, index_type):
    places = np.argsort(-x, -1, kind="stable")[..., :k]
    return [np.take_along_axis(x, places, -1), places.astype(index_type)]


ZEROS = np.array([[0.0, 2.0, 3.0], [0.0, 0.0, 4.0], [1.5, 2.0, 0.5]])

CASES = [
    *reductions(reduce_sum, np.sum, normal),
    *reductions(reduce_mean, np.mean, normal),
    *reductions(reduce_prod, np.prod, normal),
    *reductions(reduce_max, np.max, normal),
    *reductions(reduce_min, np.min, normal),
    *[Case(reduce_sum, integers(3, 4, dtype=d, high=100), attributes={"axis": 0, "keepdims": False},
           reference=numpy_axis(lambda x, axis, keepdims: x.sum(axis, dtype=x.dtype, keepdims=keepdims)))
      for d in (np.int8, np.uint8, np.int32, np.int64, np.uint64)],
    Case(reduce_mean, integers(3, 4, low=-9), attributes={"axis": 0, "keepdims": False}, reference=cut_off_mean),
    *[Case(op, complexes(2, 2), attributes={"axis": 1, "keepdims": False}, reference=numpy_axis(function))
      for op, function in [(reduce_sum, np.sum), (reduce_mean, np.mean), (reduce_prod, np.prod)]],
    *[Case(op, normal(0, 2), attributes={"axis": 0, "keepdims": False}, reference=lambda x, v=v, **_: np.full(2, v))
      for op, v in [(reduce_sum, 0), (reduce_prod, 1), (reduce_max, -np.inf), (reduce_min, np.inf),
                    (reduce_mean, np.nan)]],
    *[Case(op, integers(0, 2), attributes={"axis": 0, "keepdims": False}, reference=lambda x, v=v, **_: np.full(2, v))
      for op, v in [(reduce_max, -2**31), (reduce_min, 2**31 - 1)]],
    *[Case(op, normal(), reference=lambda x: x) for op in (reduce_sum, reduce_mean, reduce_max)],
    Case(reduce_max, np.float32([[1, np.nan], [3, 2]]), attributes={"axis": 1}, gradient=False,
         reference=lambda x, axis: [np.float32([np.nan, 3])]),
    Case(reduce_prod, ZEROS, attributes={"axis": 1, "keepdims": False}, reference=numpy_axis(np.prod)),
    *[Case(op, bools(3, 4), attributes=a, reference=numpy_axis(function))
      for op, function in [(reduce_any, np.any), (reduce_all, np.all)] for a in AXES[:2]],
    *[Case(op, draw(3, 4), attributes={"axis": axis, "output_type": kind},
           reference=lambda x, axis, output_type, f=function: f(x, axis or 0).astype(output_type))
      for op, function in [(argmax, np.argmax), (argmin, np.argmin)]
      for draw, axis, kind in [(normal, None, "int64"), (integers, -1, "int32")]],
    Case(argmax, np.float32([1, np.nan, 3]), reference=lambda x: np.int64(1)),
    Case(argmax, bools(4), reference=lambda x: np.argmax(x)),
    *[Case(cumsum, normal(3, 3), attributes=a, reference=cumulative(np.cumsum, 0)) for a in MODES],
    *[Case(cumprod, normal(3, 3), attributes=a, reference=cumulative(np.cumprod, 1)) for a in MODES],
    *[Case(cumprod, ZEROS, attributes=a, reference=cumulative(np.cumprod, 1)) for a in MODES],
    *[Case(cumulative_logsumexp, normal(3, 3), attributes=a, reference=cumulative(np.logaddexp.accumulate, -np.inf),
           gradient=not a["exclusive"]) for a in MODES],
    # An exclusive one begins with -inf, whose finite difference is NaN.
    *[Case(lambda x, a=a: cumulative_logsumexp(x, **a)[1:][::-1][1:, 1:-1], normal(4, 4), name="cumulative_logsumexp")
      for a in MODES if a["exclusive"]],
    Case(cumsum, complexes(3), attributes=dict(MODES[0]), reference=cumulative(np.cumsum, 0)),
    Case(cumprod, complexes(3), attributes=dict(MODES[0]), reference=cumulative(np.cumprod, 1)),
    Case(cumsum, normal(0, 3), attributes=MODES[3], reference=lambda x, **_: x),
    Case(cumsum, integers(5, dtype=np.int8, high=100), attributes={"axis": 0},
         reference=lambda x, axis: np.cumsum(x, axis, dtype=x.dtype)),
    *[Case(linear_recurrence, normal(3, 2), normal(3, 2), attributes={"axis": axis, "reverse": back},
           reference=recurrence) for axis, back in [(0, False), (1, True)]],
    *[Case(shift, normal(3, 2), np.float32(7), attributes={"axis": axis, "reverse": back}, reference=shifted,
           gradient=False) for axis, back in [(0, False), (1, True)]],
    Case(lambda x, **a: shift(x, 0.0, **a), normal(3, 2), attributes={"axis": 0, "reverse": True}, name="shift"),
    *[Case(sort_with_indices, draw(3, 4), attributes={"axis": axis, "descending": down}, reference=ordered)
      for draw, axis, down in [(normal, -1, False), (normal, 0, True), (integers, 1, True), (integers, 0, False)]],
    Case(sort_with_indices, np.uint8([3, 0, 255, 3]), attributes={"axis": 0, "descending": True},
         reference=lambda x, **_: [np.uint8([255, 3, 3, 0]), np.int32([2, 0, 3, 1])]),
    *[Case(top_k_values_and_indices, draw(2, 5), attributes={"k": 3, "sorted": True, "index_type": "int32"},
           reference=top) for draw in (normal, integers)],
    Case(top_k_values_and_indices, uniform(4), attributes={"k": 1, "sorted": True, "index_type": "int64"},
         reference=top),
]
