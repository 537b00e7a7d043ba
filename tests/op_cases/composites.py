"""Functions over ops in TensorFlow's signatures: mathematics and arrays."""

import numpy as np
from scipy import special as scipy

from op_cases import Case, bools, complexes, integers, normal, uniform
from treadle.runtime.composites.arrays import (
    fill,
    linspace,
    meshgrid,
    one_hot,
    ones_like,
    pad,
    range_,
    repeat,
    reverse_sequence,
    sequence_mask,
    split,
    unravel_index,
    unstack,
    zeros,
    zeros_like,
)
from treadle.runtime.composites.indexing import gather, scatter_nd, setitem, slice_, where
from treadle.runtime.composites.math import (
    add_n,
    argsort,
    clip_by_global_norm,
    clip_by_norm,
    clip_by_value,
    confusion_matrix,
    count_nonzero,
    divide_no_nan,
    erfcinv,
    in_top_k,
    invert_permutation,
    is_non_decreasing,
    is_strictly_increasing,
    l2_normalize,
    lbeta,
    log_sigmoid,
    polyval,
    reciprocal_no_nan,
    reduce_euclidean_norm,
    reduce_logsumexp,
    reduce_std,
    reduce_variance,
    saturate_cast,
    scalar_mul,
    searchsorted,
    sort,
    top_k,
    zero_fraction,
)


def variance(x, axis=None, keepdims=False):
    return np.var(x, axis, keepdims=keepdims).astype(x.real.dtype)


def norm(x):
    return np.sqrt(np.sum(np.square(x)))


AXIS = {"axis": 1, "keepdims": True}
X = normal(3, 4)

CASES = [
    Case(divide_no_nan, integers(3), np.int32([1, 0, 2]),
         reference=lambda x, y: np.where(y == 0, 0.0, x / np.where(y == 0, 1, y))),
    Case(reciprocal_no_nan, np.float32([2, 0, -4]), reference=lambda x: np.float32([0.5, 0, -0.25]), gradient=False),
    Case(scalar_mul, normal(), X, reference=np.multiply),
    Case(lambda *x: add_n(x), X, X, X, reference=lambda *x: sum(x), name="add_n"),
    Case(lambda x: polyval([1.0, x, 3.0], x), normal(2), reference=lambda x: 2 * x * x + 3, name="polyval"),
    Case(log_sigmoid, normal(5) * 10, reference=lambda x: -np.logaddexp(0, -x)),
    Case(clip_by_value, X, attributes={"clip_value_min": -0.5, "clip_value_max": 0.7},
         reference=lambda x, clip_value_min, clip_value_max: np.clip(x, clip_value_min, clip_value_max)),
    Case(clip_by_norm, X, attributes={"clip_norm": 1.0}, reference=lambda x, clip_norm: x / norm(x)),
    Case(clip_by_norm, X, attributes={"clip_norm": 100.0}, reference=lambda x, clip_norm: x),
    Case(clip_by_norm, np.zeros(3), attributes={"clip_norm": 1.0}, reference=lambda x, clip_norm: x, second=False),
    Case(lambda a, b: clip_by_global_norm([a, None, b], 1.0), X, normal(2), name="clip_by_global_norm",
         reference=lambda a, b: [a / norm([norm(a), norm(b)]), b / norm([norm(a), norm(b)]), norm([norm(a), norm(b)])]),
    Case(saturate_cast, np.float32([300, -5, np.nan, 7]), attributes={"dtype": "uint8"}, gradient=False,
         reference=lambda x, dtype: np.uint8([255, 0, 0, 7])),
    Case(saturate_cast, np.int32([300, -300, 7]), attributes={"dtype": "int8"},
         reference=lambda x, dtype: np.int8([127, -128, 7])),
    Case(l2_normalize, X, attributes={"axis": 1}, reference=lambda x, axis: x / np.linalg.norm(x, axis=1, keepdims=True)),
    Case(l2_normalize, complexes(3), reference=lambda x: x / np.linalg.norm(x)),
    Case(reduce_logsumexp, X, attributes=AXIS, reference=scipy.logsumexp),
    Case(reduce_logsumexp, np.float32([[-np.inf, -np.inf], [np.inf, 0]]), attributes={"axis": 1}, gradient=False,
         reference=lambda x, axis: np.float32([-np.inf, np.inf])),
    Case(reduce_logsumexp, normal(0), reference=lambda x: -np.inf),
    Case(reduce_variance, X, attributes=AXIS, reference=variance),
    Case(reduce_variance, complexes(3), reference=variance),
    Case(reduce_std, X, reference=lambda x: np.std(x)),
    Case(reduce_euclidean_norm, X, reference=norm),
    Case(reduce_euclidean_norm, np.int32([3, 4, 5]), reference=lambda x: np.int32(7)),
    Case(count_nonzero, integers(3, 4, high=2), attributes={"axis": 1}, reference=np.count_nonzero),
    Case(zero_fraction, np.float32([0, 1, 0, 2]), reference=lambda x: np.float32(0.5), gradient=False),
    Case(is_non_decreasing, np.int32([1, 2, 2]), reference=lambda x: True),
    Case(is_strictly_increasing, np.int32([1, 2, 2]), reference=lambda x: False),
    Case(top_k, X, attributes={"k": 2}, reference=lambda x, k: [np.sort(x)[:, ::-1][:, :k], np.argsort(-x)[:, :k]]),
    Case(in_top_k, np.int32([1, 0, 7]), np.float32([[0.1, 0.9], [0.2, 0.8], [0, 1]]), attributes={"k": 1},
         reference=lambda t, p, k: np.array([True, False, False]), gradient=False),
    *[Case(sort, X, attributes={"axis": 0, "direction": d}, reference=lambda x, axis, direction: np.sort(x, axis)[
        :: -1 if direction == "DESCENDING" else 1]) for d in ("ASCENDING", "DESCENDING")],
    Case(sort, np.float32([3, np.nan, 1]), reference=lambda x: np.float32([1, 3, np.nan]), gradient=False),
    Case(argsort, np.int32([1, 1, 0]), attributes={"direction": "DESCENDING"},
         reference=lambda x, direction: np.int32([0, 1, 2])),
    *[Case(searchsorted, np.float32([[1, 2, 3], [4, 5, 6]]), np.float32([[2, 0], [9, 5.5]]), attributes={"side": s},
           reference=lambda x, v, side: np.stack([np.searchsorted(a, b, side) for a, b in zip(x, v)]))
      for s in ("left", "right")],
    Case(invert_permutation, np.int32([2, 0, 1]), reference=np.argsort),
    Case(erfcinv, uniform(3), reference=scipy.erfcinv),
    Case(lbeta, uniform(2, 3), reference=lambda x: scipy.gammaln(x).sum(-1) - scipy.gammaln(x.sum(-1))),
    Case(confusion_matrix, np.int32([1, 2, 4]), np.int32([2, 2, 4]), attributes={"num_classes": 5},
         reference=lambda a, b, num_classes: scatter_counts(a, b, num_classes)),
    Case(where, bools(3, 1), X, normal(4), reference=np.where),
    Case(gather, X, np.int32([2, 0]), attributes={"axis": 1}, reference=lambda x, i, axis: np.take(x, i, axis)),
    Case(gather, X, np.int32([[2, 0], [1, 1], [3, 3]]), attributes={"batch_dims": -1},
         reference=lambda x, i, batch_dims: np.take_along_axis(x, i, 1)),
    Case(scatter_nd, np.int32([[1], [1]]), normal(2), attributes={"shape": [3]}, static=(0,),
         reference=lambda i, u, shape: np.float32([0, u.sum(), 0])),
    Case(lambda x, v: setitem(x, (1, slice(None, None, 2)), v), X, normal(2), name="setitem"),
    Case(lambda x, v: setitem(x, (slice(0, 2), 1), v), X, normal(), name="setitem"),
    Case(slice_, X, attributes={"begin": [1, 0], "size": [-1, 2]}, reference=lambda x, begin, size: x[1:, :2]),
    Case(lambda x: [x[0], x[-1, 1:], x[..., None, ::-1], x[:, -2], x[1:-1]], X, name="getitem",
         reference=lambda x: [x[0], x[-1, 1:], x[..., None, ::-1], x[:, -2], x[1:-1]]),
    Case(lambda x, i: x[i, 1:], X, np.int32(-1), name="getitem", reference=lambda x, i: x[i, 1:]),
    Case(one_hot, integers(2, 3), attributes={"depth": 4, "on_value": 5.0, "off_value": -1.0},
         reference=lambda i, depth, on_value, off_value: np.where(i[..., None] == np.arange(4), 5.0, -1.0)),
    Case(pad, X, attributes={"paddings": [[1, 0], [0, 2]], "constant_values": 3},
         reference=lambda x, paddings, constant_values: np.pad(x, paddings, constant_values=3)),
    Case(pad, X, attributes={"paddings": [[1, 0], [0, 2]], "mode": "reflect"},
         reference=lambda x, paddings, mode: np.pad(x, paddings, mode)),
    *[Case(repeat, X, attributes={"repeats": r, "axis": a}, reference=np.repeat, symbolic=np.ndim(r) == 0)
      for r, a in [(2, 0), (2, None), ([1, 0, 2], 0)]],
    Case(lambda *x: meshgrid(*x), normal(2), normal(3), reference=lambda *x: np.meshgrid(*x), name="meshgrid"),
    Case(lambda *x: meshgrid(*x, indexing="ij"), normal(2), normal(3), normal(2), name="meshgrid",
         reference=lambda *x: np.meshgrid(*x, indexing="ij")),
    Case(lambda x: split(x, 2, axis=1), X, reference=lambda x: np.split(x, 2, 1), name="split"),
    Case(lambda x: split(x, [1, -1]), X, reference=lambda x: np.split(x, [1]), name="split"),
    Case(unstack, X, attributes={"num": 3}, reference=lambda x, num: list(x)),
    Case(lambda: zeros([2, 3], "int32"), reference=lambda: np.zeros((2, 3), np.int32), name="zeros"),
    Case(fill, attributes={"dims": [2], "value": 3.0}, reference=lambda dims, value: np.float32([3, 3])),
    Case(zeros_like, X, attributes={"dtype": "int64"}, reference=lambda x, dtype: np.zeros_like(x, dtype)),
    Case(ones_like, X, reference=np.ones_like),
    *[Case(lambda a=a: range_(*a), reference=lambda a=a: np.arange(*a), name="range")
      for a in [(3,), (1, 10, 3), (5, 0, -2), (0.0, 1.0, 0.25), (2, 2)]],
    Case(linspace, normal(2), normal(2), attributes={"num": 4}, reference=lambda a, b, num: np.linspace(a, b, num)),
    Case(linspace, np.int32(0), np.int32(10), attributes={"num": 5}, reference=lambda a, b, num: np.linspace(a, b, num)),
    Case(reverse_sequence, X, np.int32([2, 0, 3]), attributes={"seq_axis": 1},
         reference=lambda x, lengths, seq_axis: np.stack(
             [np.concatenate([row[:n][::-1], row[n:]]) for row, n in zip(x, lengths)])),
    Case(lambda i: unravel_index(i, [2, 4]), np.int32([0, 5, 7]), name="unravel_index",
         reference=lambda i: np.stack(np.unravel_index(i, (2, 4))).astype(np.int32)),
    Case(sequence_mask, np.int32([1, 3, 2]), attributes={"maxlen": 4},
         reference=lambda n, maxlen: np.arange(maxlen) < n[:, None]),
]


def scatter_counts(a, b, n):
    counts = np.zeros((n, n), np.int32)
    np.add.at(counts, (a, b), 1)
    return counts
