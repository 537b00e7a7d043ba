"""Eager ops on string tensors that only move elements or compare them.

Each string is stood for by its place among the sorted ones, an integer: XLA moves and compares those as it would the strings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from treadle.ir import dtypes
from treadle.ir.op import Op
from treadle.runtime.tensor import EagerTensor, from_numpy

MOVING = frozenset((
    "identity", "stop_gradient", "select", "shape", "size", "rank", "reshape", "expand_dims", "squeeze", "transpose",
    "broadcast_to", "concat", "stack", "unstack", "split", "tile", "reverse", "roll", "strided_slice", "dynamic_slice",
    "dynamic_row", "gather_rows", "gather_nd"))
COMPARING = frozenset(("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"))


def takes_strings(op: Op) -> bool:
    """Whether an op means the same for strings' places as for strings."""
    return op.name in MOVING or op.name in COMPARING


def run_on_places(execute: Callable[..., Sequence[EagerTensor]], op: Op, operands: Sequence[EagerTensor],
                  attributes: dict[str, Any]) -> tuple[EagerTensor, ...]:
    """The op's results for operands of which some are strings; `execute` runs it on numbers."""
    flat = [np.asarray(o._array).reshape(-1) for o in operands if o.type.dtype.is_string]
    strings, places = np.unique(np.concatenate(flat), return_inverse=True)
    parts = iter(np.split(places.astype(np.int32), np.cumsum([len(f) for f in flat])[:-1]))
    numbers = [from_numpy(next(parts).reshape(np.shape(o._array)), dtypes.int32) if o.type.dtype.is_string else o
               for o in operands]
    results = tuple(execute(op, numbers, attributes))
    if op.name in COMPARING:
        return results
    types = op.infer_types([o.type for o in operands], attributes)
    return tuple(from_numpy(np.asarray(strings[np.asarray(r)], object), dtypes.string) if type.dtype.is_string else r
                 for r, type in zip(results, types))
