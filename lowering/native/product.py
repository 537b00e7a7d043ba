"""Products of matrices, and sums of products of tensors that are products of matrices, by the kernel of product.c.

An einsum is one if its labels fall into four groups, each of which is one axis with one stride in the tensors that have it:
rows (a, result), columns (b, result), what is summed (a, b) and up to two axes of matrices side by side (all three). So
attention needs no copy that brings its heads together.

Measured on 2 CPU cores (AMD EPYC, 512 bits, 230 GFLOP/s), jax 0.10.2: products alone, GFLOP/s of the kernel beside those of XLA
(the better one of YNNPACK and Eigen):

| rows x terms x columns | a b | a' b | a b' |
|---|---|---|---|
| 64 x 256 x 256          | 190 for 74  | 151 for 59 | 138 for 58 |
| 64 x 784 x 256          | 210 for 152 |            |            |
| 784 x 64 x 256          |             | 205 for 99 |            |
| 64 x 256 x 10           | 29 for 14   | 29 for 7   | 31 for 15  |
| 1024 x 256 x 1024       | 206 for 206 | 223 for 137 (256 x 1024 x 256) | 200 for 205 |
| 32 of 128 x 64 x 128    |             | 204 for 63 (128 x 128 x 64)    | 185 for 95  |
| 2048 x 2048 x 2048      | 198 for 208 |            |            |
| 512 x 4096 x 512        | 168 for 203 |            |            |

Training steps of bench/workloads.py, as multiples of the time without: MLP 0.80, transformer 0.91. The kernels run
while XLA goes on (`begin` in kernels.h): the MLP takes 1.1 where XLA waits for each.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from treadle.ir.ops import linalg as ops
from treadle.lowering.native import rows
from treadle.lowering.native.library import Library, own_rule

# What XLA does as well or better: few rows, columns or terms, and few rows times a matrix that no cache holds.
_FEWEST, _THIN, _LARGE = 4, 16, 1 << 18


def matmul(xp: Any, a: Any, b: Any, **how: Any) -> Any:
    """As the op's own rule."""
    found = plan(ops.matmul, a, b, how) if xp.native else None
    return own_rule(ops.matmul)(xp, a, b, **how) if found is None else _call(found, a, b)


def einsum(xp: Any, *operands: Any, equation: str) -> Any:
    """As the op's own rule."""
    found = plan(ops.einsum, *operands, {"equation": equation}) if xp.native and len(operands) == 2 else None
    return own_rule(ops.einsum)(xp, *operands, equation=equation) if found is None else _call(found, *operands)


class Plan(NamedTuple):
    """How the kernel computes a product: the shape of the result, and what the kernel is told."""

    shape: tuple[int, ...]
    swaps: bool  # whether a and b change places
    columns: int  # of c: so many elements of the result lie side by side
    how: list[int]


def plan(op: Any, a: Any, b: Any, how: Mapping[str, Any]) -> Plan | None:
    """For a product of two arrays, or of types that have shapes and dtypes; None if the kernel cannot do it, or not faster."""
    if a.dtype != np.float32 or b.dtype != np.float32 or 0 in (*a.shape, *b.shape) or not Library.lanes():
        return None
    if op is ops.matmul:
        labels = _matmul_labels(len(a.shape), len(b.shape), how)
    else:
        labels = tuple(how["equation"].replace("->", ",").split(","))
    if labels is None:
        return None
    of_a, of_b, of_result = labels
    sizes: dict[str, int] = {}
    for letters, shape in ((of_a, a.shape), (of_b, b.shape)):
        for label, size in zip(letters, shape):
            sizes[label] = max(size, sizes.get(label, 1))
    shape = tuple(sizes[label] for label in of_result)
    found = _plan(_strides(of_a, a.shape), _strides(of_b, b.shape), _strides(of_result, shape), sizes)
    return None if found is None else Plan(shape, found[0], found[1][1], found[1])


def _matmul_labels(rank_a: int, rank_b: int, how: Mapping[str, Any]) -> tuple[str, ...] | None:
    letters = "abcdefghijklmnopqrstuvw"
    count = max(rank_a, rank_b) - 2
    before = letters[:count]
    of_a = before[count - (rank_a - 2):] + ("zx" if how["transpose_a"] else "xz")
    of_b = before[count - (rank_b - 2):] + ("yz" if how["transpose_b"] else "zy")
    return (of_a, of_b, before + "xy") if count < len(letters) else None


def _call(found: Plan, a: Any, b: Any) -> Any:
    how = [*found.how, 0, 0, *rows.encoded_nothing(found.columns)]
    operands = (b, a) if found.swaps else (a, b)
    return jax.ffi.ffi_call("treadle_product", jax.ShapeDtypeStruct(found.shape, np.float32))(
        *operands, how=np.array(how, np.int64))


def _strides(labels: str, shape: Sequence[int]) -> dict[str, int]:
    """How far apart elements lie along each label whose size is not 1."""
    return {label: math.prod(shape[i + 1:]) for i, (label, size) in enumerate(zip(labels, shape)) if size > 1}


def _plan(a: dict[str, int], b: dict[str, int], c: dict[str, int], sizes: Mapping[str, int]) -> tuple[bool, list[int]] | None:
    """Whether a and b change places, and what the kernel is told then; None if it cannot do it, or not faster.

    It is told the numbers of rows, columns, terms, and of matrices outside and inside; then the strides of a along rows, terms,
    outside, inside; of b along terms, columns, outside, inside; and of c along rows, outside, inside: along columns it is 1.
    """
    together = [label for label in c if label in a and label in b]
    rows = [label for label in c if label in a and label not in b]
    columns = [label for label in c if label in b and label not in a]
    terms = [label for label in a if label not in c]
    if not rows or not columns or not terms or set(terms) != {label for label in b if label not in c}:
        return None
    groups = ((rows, a), (rows, c), (columns, b), (columns, c), (terms, a), (terms, b))
    around = _outside_and_inside(together, (a, b, c), sizes)
    if around is None or not all(_is_one_axis(group, strides, sizes) for group, strides in groups):
        return None
    swaps = c[columns[-1]] != 1
    if swaps:
        a, b, rows, columns = b, a, columns, rows
    m, n, k = (_count(group, sizes) for group in (rows, columns, terms))
    if min(m, n, k) < _FEWEST or m < _THIN and k * n > _LARGE:
        return None
    of_a, of_b = [a[rows[-1]], a[terms[-1]]], [b[terms[-1]], b[columns[-1]]]
    if c[columns[-1]] != 1 or 1 not in of_a or 1 not in of_b:
        return None
    steps = [[strides[group[-1]] if group else 0 for group in around] for strides in (a, b, c)]
    counts = [m, n, k, *(_count(group, sizes) for group in around)]
    return swaps, [*counts, *of_a, *steps[0], *of_b, *steps[1], c[rows[-1]], *steps[2]]


def _count(group: Sequence[str], sizes: Mapping[str, int]) -> int:
    return math.prod(sizes[label] for label in group)


def _is_one_axis(group: Sequence[str], strides: Mapping[str, int], sizes: Mapping[str, int]) -> bool:
    return all(strides[left] == strides[right] * sizes[right] for left, right in zip(group, group[1:]))


def _outside_and_inside(labels: list[str], tensors: Sequence[Mapping[str, int]],
                        sizes: Mapping[str, int]) -> tuple[list[str], list[str]] | None:
    """The labels as two groups, each one axis in all tensors; None if they are more."""
    for split in range(len(labels) + 1):
        groups = labels[:split], labels[split:]
        if all(_is_one_axis(group, strides, sizes) for group in groups for strides in tensors):
            return groups
    return None
