"""Fingerprints: equal for graphs that compute the same in the same way, from one process to the next."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from treadle.ir.attributes import attribute_key
from treadle.ir.dtypes import DType
from treadle.ir.graph import Graph
from treadle.ir.op import Op
from treadle.ir.types import TensorType


class _NoFingerprint(Exception):
    """An attribute means something in this process only: a Python function."""


def graph_fingerprint(graph: Graph) -> bytes | None:
    """A digest of the graph but for names and source lines; None if the graph holds Python functions."""
    try:
        return _graph(graph, {})
    except _NoFingerprint:
        return None


def op_fingerprint(op: Op, types: Sequence[TensorType], attributes: Mapping[str, Any]) -> bytes | None:
    """The same for one operation."""
    try:
        return _digest([op.name, *map(str, types), *(f"{k}={_attribute(v, {})}" for k, v in sorted(attributes.items()))])
    except _NoFingerprint:
        return None


def _digest(lines: Sequence[str]) -> bytes:
    return hashlib.sha256("\n".join(lines).encode()).digest()


def _graph(graph: Graph, known: dict[int, bytes]) -> bytes:
    if id(graph) not in known:
        numbers = {value: i for i, value in enumerate(graph.inputs)}
        lines = [str(v.type) for v in graph.inputs]
        for operation in graph.operations:
            for result in operation.results:
                numbers[result] = len(numbers)
            attributes = ",".join(f"{k}={_attribute(v, known)}" for k, v in sorted(operation.attributes.items()))
            lines.append(f"{operation.op.name} {[numbers[o] for o in operation.operands]} {attributes} "
                         f"{[str(r.type) for r in operation.results]}")
        lines.append(str([numbers[v] for v in graph.outputs]))
        known[id(graph)] = _digest(lines)
    return known[id(graph)]


def _attribute(value: Any, known: dict[int, bytes]) -> str:
    if isinstance(value, Graph):
        return _graph(value, known).hex()
    if isinstance(value, tuple):
        return f"({','.join(_attribute(v, known) for v in value)})"
    if isinstance(value, np.ndarray) and value.dtype.kind != "O":
        return f"{value.dtype}{value.shape}{value.tobytes().hex()}"
    if isinstance(value, (DType, TensorType)):
        return str(value)
    if isinstance(value, (bool, int, float, complex, str, bytes, type(None))):
        return repr(attribute_key(value))
    raise _NoFingerprint
