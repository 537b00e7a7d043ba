"""What the values of operands must be: tests, written in ops, for the `valid` rules, and the places that break them.

XLA clamps an index, drops an update or divides by 0 in silence where TensorFlow raises an error; with a `valid` rule an
op raises it here too. A test is None where it certainly holds.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from treadle.ir import dims
from treadle.ir.dims import Size
from treadle.ir.operators import TABLE
from treadle.ir.ops.structure import constant_value


def _constant(value: Any) -> np.ndarray | None:
    return constant_value(value) if hasattr(value, "producer") else None


def _all(test: Any) -> Any:
    return TABLE["reduce_all"](test) if test.type.shape else test


def _both(a: Any, b: Any) -> Any:
    return b if a is None else a if b is None else TABLE["logical_and"](a, b)


def in_range(indices: Any, size: Size) -> Any:
    """0 <= index < size, for each index."""
    known = _constant(indices)
    if dims.is_known(size, *indices.type.shape):
        if 0 in indices.type.shape or known is not None and bool(np.all((known >= 0) & (known < size))):
            return None
    else:
        size = TABLE["from_size"](size=size, dtype=indices.dtype)
    test = None if indices.dtype.is_unsigned else TABLE["greater_equal"](indices, 0)
    if not isinstance(size, int) or size <= indices.dtype.max:  # else the dtype has no number that large
        test = _both(test, TABLE["less"](indices, size))
    return None if test is None else _all(test)


def all_in_range(indices: Any, sizes: Sequence[Size]) -> Any:
    """0 <= index[i] < sizes[i], for each index along the last axis of `indices`."""
    test = None
    known, rank = _constant(indices), len(indices.type.shape)
    if 0 in indices.type.shape or known is not None and dims.is_known(*sizes) and bool(
            np.all((known >= 0) & (known < np.array(sizes, np.int64)))):
        return None
    for i, size in enumerate(sizes):
        lead = (0,) * (rank - 1)
        column = indices if len(sizes) == 1 else TABLE["strided_slice"](
            indices, begin=(*lead, i), end=(*indices.type.shape[:-1], i + 1), strides=(1,) * rank)
        test = _both(test, in_range(column, size))
    return test


def all_hold(x: Any, comparison: str, number: int) -> Any:
    """The comparison with a number, for each element of x."""
    known = _constant(x)
    if known is not None and bool(np.all(getattr(np, comparison)(known, number))) or 0 in x.type.shape:
        return None
    return _all(TABLE[comparison](x, number))


def first(broken: np.ndarray) -> tuple[int, ...]:
    """The first place where `broken` holds."""
    return tuple(int(i) for i in np.argwhere(broken)[0])


def place(name: str, where: Sequence[int]) -> str:
    """`indices[1,0]`, and `indices` for a scalar."""
    return name + (f"[{','.join(map(str, where))}]" if where else "")


def out_of_range(name: str, indices: np.ndarray, size: int) -> str:
    """TensorFlow's sentence about the first index that is not in [0, size)."""
    where = first((indices < 0) | (indices >= size))
    return f"{place(name, where)} = {indices[where]} is not in [0, {size})"


def row_out_of_range(indices: np.ndarray, sizes: Sequence[int], shape: Sequence[int], what: str) -> str:
    """The same about the first row of `indices` that names no place in a tensor of the shape."""
    limits = np.array(sizes, np.int64)
    where = first(np.any((indices < 0) | (indices >= limits), axis=-1))
    row = ", ".join(str(i) for i in indices[where])
    return f"{place('indices', where)} = [{row}] does not index into {what} [{','.join(map(str, shape))}]"
