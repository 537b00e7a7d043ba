"""Reductions by segment, counting."""

import numpy as np

from op_cases import Case, integers, normal
from treadle.runtime.composites.segments import (
    bincount,
    dynamic_partition,
    dynamic_stitch,
    histogram_fixed_width,
    segment_max,
    segment_mean,
    segment_min,
    segment_prod,
    segment_sum,
    unique,
    unique_with_counts,
    unsorted_segment_max,
    unsorted_segment_mean,
    unsorted_segment_min,
    unsorted_segment_prod,
    unsorted_segment_sqrt_n,
    unsorted_segment_sum,
)

IDS = np.int32([1, 0, 1, 3, -1])
LOWEST, HIGHEST = np.finfo(np.float32).min, np.finfo(np.float32).max


def by_segment(reduce, empty):
    def reference(data, ids=IDS, num_segments=4):
        return np.stack([reduce(data[ids == i]) if (ids == i).any() else np.full(data.shape[1:], empty, data.dtype)
                         for i in range(num_segments)])
    return reference


SORTED = np.int32([0, 0, 2, 3, 3])

CASES = [
    *[Case(op, normal(5, 2), IDS, attributes={"num_segments": 4}, reference=by_segment(reduce, empty))
      for op, reduce, empty in [
          (unsorted_segment_sum, lambda x: x.sum(0), 0), (unsorted_segment_max, lambda x: x.max(0), LOWEST),
          (unsorted_segment_min, lambda x: x.min(0), HIGHEST), (unsorted_segment_mean, lambda x: x.mean(0), 0),
          (unsorted_segment_prod, lambda x: x.prod(0), 1),
          (unsorted_segment_sqrt_n, lambda x: x.sum(0) / np.sqrt(len(x)), 0)]],
    Case(unsorted_segment_sum, normal(2, 2), np.int32([[0, 1], [1, 1]]), attributes={"num_segments": 2},
         reference=lambda x, ids, num_segments: np.float32([x[0, 0], x[0, 1] + x[1].sum()])),
    Case(unsorted_segment_max, integers(2), np.int32([0, 0]), attributes={"num_segments": 2},
         reference=lambda x, ids, num_segments: np.int32([x.max(), -2**31])),
    *[Case(lambda x, f=op: f(x, SORTED), normal(5, 2), name=op.__name__,
           reference=lambda x, r=reduce, e=empty: by_segment(r, e)(x, SORTED))
      for op, reduce, empty in [
          (segment_sum, lambda x: x.sum(0), 0), (segment_mean, lambda x: x.mean(0), 0),
          (segment_prod, lambda x: x.prod(0), 1), (segment_max, lambda x: x.max(0), 0),
          (segment_min, lambda x: x.min(0), 0)]],
    Case(bincount, np.int32([1, 1, 3]), attributes={"minlength": 4, "maxlength": 4},
         reference=lambda x, **_: np.int32([0, 2, 0, 1])),
    Case(lambda w: bincount([1, 1, 3], w, 4, 4), normal(3), name="bincount",
         reference=lambda w: np.float32([0, w[0] + w[1], 0, w[2]])),
    Case(bincount, np.int32([[1, 1], [0, 2]]), attributes={"axis": -1, "minlength": 3, "maxlength": 3}, symbolic=False,
         reference=lambda x, **_: np.int32([[0, 2, 0], [1, 0, 1]])),
    Case(histogram_fixed_width, np.float32([-1, 0, 1.5, 2, 5, 15]), attributes={"value_range": [0.0, 5.0], "nbins": 5},
         reference=lambda x, **_: np.int32([2, 1, 1, 0, 2]), gradient=False),
    Case(lambda x: dynamic_partition(x, [0, 1, 0], 2), normal(3, 2), name="dynamic_partition",
         reference=lambda x: [x[[0, 2]], x[[1]]]),
    Case(lambda a, b: dynamic_stitch([[0, 2], [1]], [a, b]), normal(2, 2), normal(1, 2), name="dynamic_stitch",
         reference=lambda a, b: np.stack([a[0], b[0], a[1]])),
    Case(lambda: unique([3, 1, 3, 2]), reference=lambda: [np.int32([3, 1, 2]), np.int32([0, 1, 0, 2])], name="unique"),
    Case(lambda: unique_with_counts([3, 1, 3]), name="unique_with_counts",
         reference=lambda: [np.int32([3, 1]), np.int32([0, 1, 0]), np.int32([2, 1])]),
]
