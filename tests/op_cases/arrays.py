"""Shapes, joining and cutting, padding, repeating."""

import numpy as np

from op_cases import Case, complexes, integers, normal
from treadle.ir.ops.arrays import (
    broadcast_to,
    concat,
    expand_dims,
    from_size,
    iota,
    mirror_pad,
    mirror_pad_transpose,
    one_hot_at,
    pad_with,
    rank,
    reshape,
    reverse,
    roll,
    shape,
    size,
    split,
    squeeze,
    stack,
    sum_to_shape,
    tile,
    transpose,
    unstack,
)
from treadle.ir.ops.structure import identity, reread, stop_gradient


def numpy_split(x, sizes, axis):
    return np.split(x, np.cumsum(sizes)[:-1], axis)


def pairs(paddings):
    return list(zip(paddings[::2], paddings[1::2]))


def mirrored(x, paddings, mode):
    return np.pad(x, pairs(paddings), mode)


def mirror_transposed(g, paddings, mode, shape):
    x = np.zeros(shape, g.dtype)
    places = np.pad(np.arange(x.size).reshape(shape), pairs(paddings), mode)
    np.add.at(x.reshape(-1), places, g)
    return x


def one_hot(i, depth, axis, dtype):
    return np.moveaxis((i[..., None] == np.arange(depth)).astype(dtype), -1, axis)


X = normal(2, 3, 2)
CASES = [
    Case(shape, X, reference=lambda x: np.int32(x.shape)),
    Case(shape, normal(), attributes={"out_type": "int64"}, reference=lambda x, out_type: np.zeros(0, np.int64)),
    Case(size, X, reference=lambda x: np.int32(x.size)),
    Case(rank, X, reference=lambda x: np.int32(x.ndim)),
    Case(from_size, attributes={"size": 3, "dtype": "float32"}, reference=lambda size, dtype: np.float32(3)),
    *[Case(iota, attributes={"size": 3, "dtype": d}, reference=lambda size, dtype: np.arange(size).astype(dtype))
      for d in ("int32", "float64")],
    *[Case(reshape, X, attributes={"shape": s}, reference=np.reshape) for s in ([4, 3], [-1], [3, -1, 1])],
    Case(reshape, normal(0, 3), attributes={"shape": [3, -1]}, reference=lambda x, shape: x.reshape(3, 0)),
    Case(reshape, normal(), attributes={"shape": [1, 1]}, reference=np.reshape),
    *[Case(expand_dims, X, attributes={"axis": a}, reference=np.expand_dims) for a in (0, 1, -1)],
    Case(squeeze, normal(1, 3, 1), attributes={"axis": [0]}, reference=lambda x, axis: np.squeeze(x, 0)),
    Case(squeeze, normal(1, 3, 1), reference=np.squeeze, symbolic=False),
    Case(transpose, X, reference=np.transpose),
    *[Case(transpose, X, attributes={"perm": p}, reference=lambda x, perm: np.transpose(x, perm))
      for p in ([0, 2, 1], [-1, 0, 1], [1, 2, 0])],
    Case(transpose, complexes(2, 2), attributes={"conjugate": True}, reference=lambda x, conjugate: x.conj().T),
    *[Case(broadcast_to, normal(*a), attributes={"shape": b}, reference=np.broadcast_to)
      for a, b in [((3, 1), (2, 3, 4)), ((), (2,)), ((1, 2), (0, 2)), ((2, 2), (2, 2))]],
    *[Case(sum_to_shape, normal(2, 3, 2), attributes={"shape": s}, reference=lambda x, shape, a=a: x.sum(
        a, keepdims=True).reshape(shape)) for s, a in [((3, 1), (0, 2)), ((1, 2), (0, 1)), ((), (0, 1, 2)),
                                                       ((2, 3, 2), ())]],
    Case(concat, normal(2, 3), normal(1, 3), attributes={"axis": 0},
         reference=lambda *x, axis: np.concatenate(x, axis)),
    Case(concat, normal(2, 1), normal(2, 0), normal(2, 2), attributes={"axis": -1},
         reference=lambda *x, axis: np.concatenate(x, axis)),
    Case(stack, normal(2, 3), normal(2, 3), attributes={"axis": -1}, reference=lambda *x, axis: np.stack(x, axis)),
    Case(stack, normal(), normal(), normal(), reference=lambda *x: np.stack(x)),
    Case(stack, integers(2), integers(2), attributes={"axis": 1}, reference=lambda *x, axis: np.stack(x, axis)),
    Case(unstack, X, attributes={"axis": 1}, reference=lambda x, axis: list(np.moveaxis(x, axis, 0)), symbolic=False),
    Case(unstack, X, attributes={"num": 3, "axis": -2}, reference=lambda x, num, axis: list(np.moveaxis(x, axis, 0))),
    Case(split, normal(5, 2), attributes={"sizes": [2, 0, 3], "axis": 0}, reference=numpy_split),
    Case(split, normal(2, 4), attributes={"sizes": [1, 3], "axis": -1}, reference=numpy_split),
    Case(pad_with, normal(2, 3), normal(), attributes={"paddings": [1, 0, 0, 2]},
         reference=lambda x, v, paddings: np.pad(x, pairs(paddings), constant_values=v)),
    Case(pad_with, integers(2), np.int32(7), attributes={"paddings": [1, 2]},
         reference=lambda x, v, paddings: np.pad(x, pairs(paddings), constant_values=v)),
    *[Case(mirror_pad, normal(3, 2), attributes={"paddings": [2, 1, 0, 1], "mode": m}, reference=mirrored)
      for m in ("reflect", "symmetric")],
    *[Case(mirror_pad_transpose, normal(6, 3), reference=mirror_transposed,
           attributes={"paddings": [2, 1, 0, 1], "mode": m, "shape": [3, 2]}) for m in ("reflect", "symmetric")],
    *[Case(tile, normal(2, 3), attributes={"multiples": m},
           reference=lambda x, multiples: np.tile(x, multiples)) for m in ([2, 3], [1, 1], [0, 2])],
    *[Case(reverse, X, attributes={"axis": a}, reference=lambda x, axis: np.flip(x, tuple(axis)))
      for a in ([0], [-1, 0])],
    Case(roll, normal(4, 3), np.int32(-1), attributes={"axis": [0]}, reference=lambda x, s, axis: np.roll(x, s, 0)),
    Case(roll, normal(4, 3), np.int32([2, -4]), attributes={"axis": [0, 1]},
         reference=lambda x, s, axis: np.roll(x, s, axis)),
    *[Case(one_hot_at, np.int32([[0, 2], [-1, 3]]), attributes={"depth": 3, "axis": a, "dtype": d}, reference=one_hot)
      for a, d in [(-1, "float32"), (0, "int32"), (1, "bool")]],
    Case(one_hot_at, np.uint8([3, 0]), attributes={"depth": 300, "axis": -1, "dtype": "float32"}, reference=one_hot),
    Case(identity, X, reference=lambda x: x),
    Case(stop_gradient, X, reference=lambda x: x),
    Case(reread, X, X, reference=lambda x, y: x, gradient=False),  # its gradient is no derivative: test_variable_gradients
]
