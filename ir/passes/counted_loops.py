"""Counted loops: a `while` whose number of rounds is known is a `scan`.

    graph f(%x: f32[]) -> (f32[]) {
      %0 = constant() {value=i32[] 0} : i32[]
      %1, %2 = while(%0, %x) {condition=@less_than_10, body=@body, carried=2} : i32[], f32[]
    ->
      %1, %2 = scan(%0, %x) {body=@body, carried=2, scanned=0, length=10, reverse=false} : i32[], f32[]

`treadle.ir.trip_counts` says which loops are counted.
"""

from __future__ import annotations

from treadle.ir.builder import append
from treadle.ir.graph import Graph, Operation, Value
from treadle.ir.ops.control import scan, while_
from treadle.ir.passes.regions import control_flow_pass
from treadle.ir.trip_counts import as_scan_if_counted


def _as_scan(operation: Operation, into: Graph, used: set[Value]) -> list[Value] | None:
    attributes = as_scan_if_counted(operation.operands, **operation.attributes)
    if attributes is None:
        return None
    return list(append(into, scan, operation.operands, attributes, operation.location).results)


counted_loops = control_flow_pass(frozenset({while_}), _as_scan)
