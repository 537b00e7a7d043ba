"""Constant folding: operations on constants are carried out now, with numpy.

    graph f(%x: f32[2]) -> (f32[2]) {                     graph f(%x: f32[2]) -> (f32[2]) {
      %0 = constant() {value=f32[] 2.0} : f32[]             %0 = constant() {value=f32[] 4.0} : f32[]
      %1 = multiply(%0, %0) : f32[]                   ->    %1 = multiply(%x, %0) : f32[2]
      %2 = multiply(%x, %1) : f32[2]                        return %1
      return %2                                           }
    }

Only where numpy gives bit for bit what the target gives: ops with the trait "exact", no complex arithmetic, and
nothing subnormal (XLA replaces subnormal numbers by zero). Only small arrays: XLA makes large ones where they are
needed. The shape of a tensor is a constant once its sizes are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ml_dtypes
import numpy as np

from treadle.ir.attributes import frozen
from treadle.ir.builder import append
from treadle.ir.graph import Graph, Operation, Value
from treadle.ir.op import REGISTRY
from treadle.ir.ops.structure import constant_value
from treadle.ir.passes.nested import everywhere
from treadle.ir.rewrite import with_operands

LARGEST = 1024  # elements of an operand or result


@everywhere
def constant_folding(graph: Graph) -> Graph:
    """The graph with operations on constants replaced by constants."""
    result = Graph(graph.name, graph.inputs)
    values: dict[Value, Value] = {}
    changed = False
    for operation in graph.operations:
        operands = operation.operands
        if values and not values.keys().isdisjoint(operands):
            operands = tuple([values.get(o, o) for o in operands])
        array = folded(operation, operands)
        if array is not None:
            new = append(result, REGISTRY["constant"], (), {"value": array}, operation.location).results[0]
            values[operation.results[0]] = new
            changed = True
            continue
        if operands is not operation.operands:
            operation = with_operands(operation, operands, values)
        result.operations.append(operation)
    if not changed:
        return graph
    result.outputs = [values.get(v, v) for v in graph.outputs]
    return result


def folded(operation: Operation, operands: Sequence[Value]) -> np.ndarray | None:
    """The value of the operation's result if it can be computed now, exactly; else None."""
    op = operation.op
    if op.many or not operands or not operation.results:
        return None
    type = operation.results[0].type
    known = operation.results[0].known
    if known is not None and operands[0].known is None and all(isinstance(k, int) for k in known.flat):
        return _as_type(known, type)  # a shape
    count = type.count
    if "exact" not in op.traits or op.lower is None or not isinstance(count, int) or count > LARGEST:
        return None
    arrays = [constant_value(o) for o in operands]
    if not all(a is not None and a.size <= LARGEST and is_exact(a) for a in arrays):
        return None
    try:
        with np.errstate(all="ignore"):
            array = np.asarray(op.lower(NUMPY, *arrays, **operation.attributes))
    except (AttributeError, NotImplementedError):
        return None  # the rule needs more than numpy has
    if array.dtype != type.dtype.numpy or array.shape != type.shape or not is_exact(array):
        return None
    return frozen(array)


def _as_type(known: np.ndarray, type: Any) -> np.ndarray | None:
    limits = np.iinfo(type.dtype.numpy)
    if not all(limits.min <= k <= limits.max for k in known.flat):
        return None
    return frozen(known.astype(type.dtype.numpy))


def is_exact(array: np.ndarray) -> bool:
    """True if arithmetic on these numbers is the same everywhere: not complex, not text, nothing subnormal."""
    if array.dtype.kind in "biu":
        return True
    if array.dtype.kind in "cO":
        return False
    with np.errstate(invalid="ignore"):
        return not bool(np.any((array != 0) & (np.abs(array) < ml_dtypes.finfo(array.dtype).smallest_normal)))


class NumpyNamespace:
    """The namespace `xp` for lowering rules when the target is numpy."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    @staticmethod
    def cast(x: np.ndarray, dtype: Any) -> np.ndarray:
        return np.asarray(x).astype(dtype.numpy)


NUMPY = NumpyNamespace()
