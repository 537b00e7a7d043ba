"""Slices, gather, scatter."""

import numpy as np

from op_cases import Case, bools, complexes, integers, normal
from treadle.ir.ops.indexing import (
    dynamic_slice,
    dynamic_update_slice,
    gather_nd,
    gather_rows,
    scatter_nd_add_batched,
    scatter_rows_add,
    strided_slice,
    strided_slice_transpose,
    strided_slice_update,
    tensor_scatter_nd_add,
    tensor_scatter_nd_max,
    tensor_scatter_nd_min,
    tensor_scatter_nd_sub,
    tensor_scatter_nd_update,
)


def key(begin, end, strides):
    return tuple(map(slice, begin, end, strides))


def cut(x, **places):
    return x[key(**places)]


def put(x, u, **places):
    y = x.copy()
    y[key(**places)] = u
    return y


def uncut(g, shape, **places):
    return put(np.zeros(shape, g.dtype), g, **places)


PLACES = [{"begin": [1, 0], "end": [4, 5], "strides": [1, 2]},
          {"begin": [-1, -2], "end": [-5, -6], "strides": [-1, -3]},
          {"begin": [2, 1], "end": [2, 9], "strides": [1, 1]}]


def take(x, i, axis, batch_dims):
    if batch_dims:
        return np.stack([take(a, b, axis - 1, batch_dims - 1) for a, b in zip(x, i)])
    return np.take(x, i, axis)


def add_rows(u, i, shape, axis, batch_dims):
    x = np.zeros(shape, u.dtype)
    if batch_dims:
        return np.stack([add_rows(a, b, shape[1:], axis - 1, batch_dims - 1) for a, b in zip(u, i)])
    u = np.moveaxis(u, range(axis, axis + i.ndim), range(i.ndim)) if i.ndim else u[None]
    target = np.moveaxis(x, axis, 0)
    for place, row in zip(i.reshape(-1), u.reshape(-1, *target.shape[1:])):
        target[place] += row
    return x


def elements(x, i, batch_dims):
    if batch_dims:
        return np.stack([elements(a, b, batch_dims - 1) for a, b in zip(x, i)])
    return x[tuple(np.moveaxis(i, -1, 0))]


def scatter(function):
    def reference(x, i, u, batch_dims=0):
        if batch_dims:
            return np.stack([reference(*row, batch_dims - 1) for row in zip(x, i, u)])
        y = x.copy()
        function(y, tuple(np.moveaxis(i, -1, 0)), u)
        return y
    return reference


SCATTERS = [(tensor_scatter_nd_update, lambda y, i, u: y.__setitem__(i, u)), (tensor_scatter_nd_add, np.add.at),
            (tensor_scatter_nd_sub, np.subtract.at), (tensor_scatter_nd_max, np.maximum.at),
            (tensor_scatter_nd_min, np.minimum.at)]
ROWS = [((4, 3), (2,), 0, 0), ((3, 4), (2, 2), 1, 0), ((2, 3, 2), (2, 4), 1, 1), ((2, 3), (2,), 1, 1),
        ((3, 2), (), 0, 0), ((3, 2), (0,), 0, 0), ((2, 2, 3), (2, 2, 2), 2, 2)]


def rows_shape(x, i, axis, batch):
    return (*x[:axis], *i[batch:], *x[axis + 1:])


CASES = [
    *[Case(strided_slice, normal(4, 5), attributes=p, reference=cut) for p in PLACES],
    *[Case(strided_slice_transpose, normal(*np.zeros((4, 5))[key(**p)].shape), attributes={"shape": [4, 5], **p},
           reference=uncut) for p in PLACES],
    *[Case(strided_slice_update, normal(4, 5), normal(*np.zeros((4, 5))[key(**p)].shape), attributes=p, reference=put)
      for p in PLACES],
    Case(strided_slice, normal(), attributes={"begin": [], "end": [], "strides": []}, reference=cut),
    Case(strided_slice, complexes(4), attributes={"begin": [3], "end": [0], "strides": [-2]}, reference=cut),
    Case(strided_slice, bools(4), attributes={"begin": [1], "end": [3], "strides": [1]}, reference=cut),
    Case(dynamic_slice, normal(3, 4), np.int32([1, 0]), attributes={"size": [2, 3]},
         reference=lambda x, b, size: x[1:3, 0:3]),
    Case(dynamic_update_slice, normal(3, 4), normal(2, 3), np.int32([1, 0]),
         reference=lambda x, u, b: put(x, u, begin=[1, 0], end=[3, 3], strides=[1, 1])),
    *[Case(gather_rows, normal(*x), integers(*i, high=x[a]), attributes={"axis": a, "batch_dims": b}, reference=take)
      for x, i, a, b in ROWS],
    Case(gather_rows, integers(3, 2), np.int64([2, 0, 1]), attributes={"axis": 0, "batch_dims": 0}, reference=take),
    Case(gather_rows, normal(0, 2), np.zeros(0, np.int32), attributes={"axis": 0, "batch_dims": 0}, symbolic=False,
         reference=lambda x, i, **_: np.zeros((0, 2), np.float32)),
    *[Case(scatter_rows_add, normal(*rows_shape(x, i, a, b)), integers(*i, high=x[a]),
           attributes={"shape": x, "axis": a, "batch_dims": b}, reference=add_rows) for x, i, a, b in ROWS],
    Case(scatter_rows_add, normal(3, 2), np.int32([2, 0, 1]), attributes={"shape": (3, 2), "axis": 0, "batch_dims": 0},
         reference=add_rows),
    *[Case(gather_nd, normal(*x), integers(*i, high=2), attributes={"batch_dims": b}, reference=elements,
           static=(1,))
      for x, i, b in [((3, 4), (2, 2), 0), ((3, 4), (2, 1), 0), ((2, 3, 4), (2, 3, 1), 1), ((3, 4), (0,), 0),
                      ((3, 4), (2,), 0)]],
    *[Case(op, normal(4, 2), np.int32([[1], [3]]), normal(2, 2), reference=scatter(f), static=(1,))
      for op, f in SCATTERS],
    *[Case(op, normal(3, 2), np.int32([[1, 0], [2, 1]]), normal(2), reference=scatter(f), static=(1,))
      for op, f in SCATTERS],
    *[Case(op, integers(4), np.int32([[1], [1]]), integers(2), reference=scatter(f)) for op, f in SCATTERS[1:]],
    Case(tensor_scatter_nd_add, normal(3), np.int32([[1], [1]]), normal(2),
         reference=lambda x, i, u: np.float32([x[0], x[1] + u[0] + u[1], x[2]])),
    Case(scatter_nd_add_batched, normal(2, 3), np.int32([[[0], [2]], [[1], [1]]]), normal(2, 2),
         attributes={"batch_dims": 1}, reference=scatter(np.add.at)),
]
