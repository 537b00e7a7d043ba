"""Resampling."""

import numpy as np

from op_cases import Case, integers, normal
from treadle.ir.ops.resampling import METHODS, nearest, resize_axis, resize_axis_transpose, weights


def _resized(x, axis, size, method="bilinear", antialias=False):
    return np.moveaxis(np.tensordot(x, weights(x.shape[axis], size, method, antialias), [[axis], [0]]), -1, axis)


def _transposed(g, axis, size, method="bilinear", antialias=False):
    return np.moveaxis(np.tensordot(g, weights(size, g.shape[axis], method, antialias).T, [[axis], [0]]), -1, axis)


CASES = [
    *[Case(resize_axis, normal(2, 5, 3), attributes={"axis": 1, "size": 8, "method": m}, reference=_resized)
      for m in METHODS],
    Case(resize_axis, normal(2, 9), attributes={"axis": 1, "size": 4, "method": "bilinear", "antialias": True},
         reference=_resized),
    Case(resize_axis, integers(2, 5), attributes={"axis": 1, "size": 3, "method": "nearest"},
         reference=lambda x, axis, size, method: np.take(x, nearest(x.shape[axis], size), axis)),
    Case(resize_axis_transpose, normal(2, 8, 3), attributes={"axis": 1, "size": 5, "method": "bicubic"},
         reference=_transposed),
]
