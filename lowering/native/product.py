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

Training steps of bench/workloads.py, as multiples of the time without: MLP 0.80, LSTM 0.83, transformer 0.91. The kernels run
while XLA goes on (`begin` in kernels.h): the MLP takes 1.1 where XLA waits for each.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from treadle.ir.ops import linalg as ops
from treadle.lowering.native.library import Library, own_rule

# What XLA does as well or better: few rows, columns or terms, and few rows times a matrix that no cache holds.
_FEWEST, _THIN, _LARGE = 4, 16, 1 << 18


class _Tensor(NamedTuple):
    """How far apart elements lie along each label; labels of size 1 are left out."""

    strides: dict[str, int]

    @classmethod
    def of(cls, labels: str, shape: Sequence[int]) -> _Tensor:
        steps = [math.prod(shape[i + 1:]) for i in range(len(shape))]
        return cls({label: step for label, size, step in zip(labels, shape, steps) if size > 1})

    def stride(self, group: Sequence[str]) -> int:
        """That of a group's last label: the group's own, if it is one axis."""
        return self.strides[group[-1]] if group else 1


def matmul(xp: Any, a: Any, b: Any, **how: Any) -> Any:
    """As the op's own rule."""
    letters = "abcdefghijklmnopqrstuvw"
    count = max(a.ndim, b.ndim) - 2
    before = letters[:count]
    of_a = before[count - (a.ndim - 2):] + ("zx" if how["transpose_a"] else "xz")
    of_b = before[count - (b.ndim - 2):] + ("yz" if how["transpose_b"] else "zy")
    if count < len(letters):
        product = _product(xp, a, b, of_a, of_b, before + "xy")
        if product is not None:
            return product
    return own_rule(ops.matmul)(xp, a, b, **how)


def einsum(xp: Any, *operands: Any, equation: str) -> Any:
    """As the op's own rule."""
    if len(operands) == 2:
        inputs, output = equation.split("->")
        left, right = inputs.split(",")
        product = _product(xp, operands[0], operands[1], left, right, output)
        if product is not None:
            return product
    return own_rule(ops.einsum)(xp, *operands, equation=equation)


def _product(xp: Any, a: Any, b: Any, of_a: str, of_b: str, of_result: str) -> Any:
    """The sum of products by the kernel; None if it is not a product of matrices, or one that XLA does as well."""
    if not xp.native or a.dtype != np.float32 or b.dtype != np.float32 or 0 in (*a.shape, *b.shape) or not Library.lanes():
        return None
    sizes: dict[str, int] = {}
    for labels, shape in ((of_a, a.shape), (of_b, b.shape)):
        for label, size in zip(labels, shape):
            sizes[label] = max(size, sizes.get(label, 1))
    shape = tuple(sizes[label] for label in of_result)
    how = plan(_Tensor.of(of_a, a.shape), _Tensor.of(of_b, b.shape), _Tensor.of(of_result, shape), sizes)
    if how is None:
        return None
    if how[0]:
        a, b = b, a
    return jax.ffi.ffi_call("treadle_product", jax.ShapeDtypeStruct(shape, np.float32))(a, b, how=np.array(how[1:], np.int64))


def plan(a: _Tensor, b: _Tensor, c: _Tensor, sizes: Mapping[str, int]) -> tuple[int, ...] | None:
    """What the kernel is told, after whether a and b change places; None if it cannot do it.

    Rows, columns, terms of a sum, outer and inner count of matrices; then the strides of a and b along rows or columns, terms,
    outer, inner, and of c along rows, outer, inner. Along columns those of c are 1.
    """
    together = [label for label in c.strides if label in a.strides and label in b.strides]
    rows = [label for label in c.strides if label in a.strides and label not in b.strides]
    columns = [label for label in c.strides if label in b.strides and label not in a.strides]
    summed = [label for label in a.strides if label not in c.strides]
    if set(summed) != {label for label in b.strides if label not in c.strides}:
        return None  # a label of one operand alone, or of size 1 in one of them
    if not all(_is_one_axis(group, tensor, sizes) for group, tensor in (
            (rows, a), (rows, c), (columns, b), (columns, c), (summed, a), (summed, b))):
        return None
    outer, inner = _outer_and_inner(together, (a, b, c), sizes)
    if outer is None or inner is None:
        return None
    swaps = c.stride(columns) != 1 or not columns
    if swaps:
        a, b, rows, columns = b, a, columns, rows
    if c.stride(columns) != 1:
        return None
    counts = (math.prod(sizes[label] for label in group) for group in (rows, columns, summed, outer, inner))
    m, n, k, many, few = counts
    if min(m, n, k) < _FEWEST or m < _THIN and k * n > _LARGE:
        return None
    around = [(t.strides[outer[-1]] if outer else 0, t.strides[inner[-1]] if inner else 0) for t in (a, b, c)]
    of_a = a.stride(rows), a.stride(summed)
    of_b = b.stride(summed), b.stride(columns)
    if 1 not in of_a or 1 not in of_b:
        return None
    return int(swaps), m, n, k, many, few, *of_a, *around[0], *of_b, *around[1], c.stride(rows), *around[2]


def _is_one_axis(group: Sequence[str], tensor: _Tensor, sizes: Mapping[str, int]) -> bool:
    return all(tensor.strides[left] == tensor.strides[right] * sizes[right] for left, right in zip(group, group[1:]))


def _outer_and_inner(labels: list[str], tensors: Sequence[_Tensor], sizes: Mapping[str, int]) -> tuple[Any, Any]:
    """The labels as two groups, each one axis in all tensors; None if they are more."""
    for split in range(len(labels) + 1):
        groups = labels[:split], labels[split:]
        if all(_is_one_axis(group, tensor, sizes) for group in groups for tensor in tensors):
            return groups
    return None, None
