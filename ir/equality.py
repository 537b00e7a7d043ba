"""Structural equality of graphs."""

from __future__ import annotations

from typing import Any

import numpy as np

from treadle.ir.dims import Dim
from treadle.ir.graph import Graph
from treadle.ir.location import Location


def equal(a: Graph, b: Graph) -> bool:
    """True if the graphs are the same but for names: operations in order, attributes, types and source lines."""
    proven: set[tuple[int, int]] = set()
    todo = [(a, b)]
    while todo:
        pair = todo.pop()
        key = (id(pair[0]), id(pair[1]))
        if key not in proven:
            proven.add(key)
            if not _same_graph(*pair, todo):
                return False
    return True


def _same_graph(a: Graph, b: Graph, todo: list[tuple[Graph, Graph]]) -> bool:
    """Compare two graphs; pairs of graphs nested in them are added to `todo`."""
    if a.input_types != b.input_types or len(a.operations) != len(b.operations):
        return False
    values = dict(zip(a.inputs, b.inputs))
    for x, y in zip(a.operations, b.operations):
        if (x.op is not y.op or _printed(x.location) != _printed(y.location) or list(x.attributes) != list(y.attributes)
                or [r.type for r in x.results] != [r.type for r in y.results]
                or [values.get(o) for o in x.operands] != list(y.operands)
                or not all(same_attribute(v, y.attributes[k], todo) for k, v in x.attributes.items())):
            return False
        values.update(zip(x.results, y.results))
    return [values.get(v) for v in a.outputs] == b.outputs


def _printed(where: Location | None) -> tuple:
    """A location without the notes that the text form leaves out."""
    return () if where is None else where[:3]


def same_attribute(a: Any, b: Any, todo: list[tuple[Graph, Graph]]) -> bool:
    """True if the attributes are equal, kind for kind and bit for bit; any NaN is like any other.

    Two graphs are taken to be equal if the pair, added to `todo`, turns out so.
    """
    if type(a) is not type(b):
        return False
    if isinstance(a, Graph):
        todo.append((a, b))
        return True
    if isinstance(a, tuple):
        return len(a) == len(b) and all(same_attribute(x, y, todo) for x, y in zip(a, b))
    if isinstance(a, (float, complex)):
        return same_array(np.asarray(a), np.asarray(b))
    if isinstance(a, np.ndarray):
        return same_array(a, b)
    if isinstance(a, (bool, int, str, bytes, type(None), Dim)):
        return a == b
    return a is b


def same_array(a: np.ndarray, b: np.ndarray) -> bool:
    """True if the arrays have the same dtype, shape and bits; any NaN is like any other."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.dtype.kind == "O":
        return a.tolist() == b.tolist()
    if a.dtype.kind == "c":
        return same_array(a.real, b.real) and same_array(a.imag, b.imag)
    if a.dtype.kind in "biu":
        return bool(np.array_equal(a, b))
    with np.errstate(all="ignore"):
        same = (a == b) & (np.signbit(a) == np.signbit(b)) | (np.isnan(a) & np.isnan(b))
    return bool(np.all(same))
