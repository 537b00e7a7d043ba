"""`vectorized_map`: a function of one row, traced once and run for all rows at a time."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from treadle.ir import dims, errors, location
from treadle.ir.graph import Graph
from treadle.ir.interpreter import interpreting
from treadle.ir.ops.effects import host_function, print_
from treadle.ir.ops.rules import show
from treadle.ir.ops.structure import vectorized_call
from treadle.runtime import nest
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.interpreter import current
from treadle.tracer.func_graph import FuncGraph
from treadle.tracer.functional.common import is_tracing, user_function
from treadle.tracer.functional.rows import map_fn
from treadle.tracer.staging.places import Place


class _RowTrace(FuncGraph):
    """Traces the function of one row, and notes whether it does something that must happen row by row."""

    def __init__(self) -> None:
        super().__init__("vectorized", converts=None if is_tracing() else True)
        self.changes: str | None = None

    def will_change(self, place: Place) -> None:
        owner = getattr(place, "owner", getattr(place, "container", None))
        if id(owner) not in self.made:
            self.changes = f"changes {place.name}"

    def reason(self) -> str | None:
        """Why the rows cannot be done at the same time, if they can't."""
        for known in self.variables.values():
            if known.assigned:
                return f"assigns the variable {known.variable.name}"
        for operation in self.graph.operations:
            if operation.op is print_ or operation.op is host_function:
                return f"calls `{operation.op.name}`"
        return self.changes


def vectorized_map(fn: Callable, elems: Any, fallback_to_while_loop: bool = True, warn: bool = True) -> Any:
    """`fn` of each row of `elems`, all rows at the same time: y[i] = fn(elems[i]), results stacked.

    Args:
        fn: takes a structure of rows nested as `elems`; may return any structure, and is traced once.
        elems: a tensor, or a structure of tensors of equal length (or of length 1: used for every row).
        fallback_to_while_loop: if `fn` assigns variables, draws random numbers, prints or calls Python, whose order matters,
            go row by row as `tf.map_fn` does; else that is an error.
        warn: say so.

    Raises:
        InvalidArgumentError (a ValueError): a scalar in `elems`, or lengths that differ.

    >>> import treadle as tf
    >>> m = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    >>> tf.vectorized_map(lambda row: row * tf.reduce_sum(row), m).numpy()
    array([[ 3.,  6.],
           [21., 28.]], dtype=float32)
    """
    user_function(fn, "fn")
    leaves = _rows(elems)
    count = next((t.type.shape[0] for t in leaves if t.type.shape[0] != 1), 1)
    mapped = [t.type.shape[0] != 1 or count == 1 for t in leaves]
    trace = _RowTrace()
    with interpreting(trace):
        symbols = [trace.add_argument(t.type.with_shape(t.type.shape[1:]), f"row{i}") for i, t in enumerate(leaves)]
        result = trace.converted(fn)(nest.pack_sequence_as(elems, symbols))
        outputs = [None if leaf is None else trace.convert(leaf) for leaf in nest.flatten(result)]
    reason = trace.reason()
    if reason is not None:
        return _row_by_row(fn, elems, result, outputs, reason, fallback_to_while_loop, warn)
    graph = Graph(trace.name, trace.graph.inputs, trace.graph.operations, [o.value for o in outputs if o is not None])
    sources: dict[Any, Any] = {v: t for t, v in trace.captures}
    sources.update({s.input: s.variable for s in trace.variables.values()})
    sources.update({s.value: t if m else t[0] for s, t, m in zip(symbols, leaves, mapped)})
    flags = {s.value: m for s, m in zip(symbols, mapped)}
    found = iter(vectorized_call([current().convert(sources[v]) for v in graph.inputs], graph=graph,
                                 mapped=tuple(flags.get(v, False) for v in graph.inputs)))
    return nest.pack_sequence_as(result, [None if o is None else next(found) for o in outputs])


def _rows(elems: Any) -> list[Any]:
    leaves = [convert_to_tensor(leaf) for leaf in nest.flatten(elems)]
    sizes = [t.type.shape[0] if t.type.shape else None for t in leaves]
    if not leaves or None in sizes:
        raise errors.InvalidArgumentError(
            f"`tf.vectorized_map` goes over the rows of its `elems`: they must be tensors of at least one axis. Received: "
            f"{elems!r}. Convert a list of numbers with `tf.constant`.")
    several = [s for s in sizes if s != 1]
    if any(dims.is_known(a, b) and a != b for a, b in zip(several, several[1:])):
        raise errors.InvalidArgumentError(f"All tensors in `elems` must have as many rows as one another, or one. Received: "
                                          f"{', '.join(show(t.type.shape) for t in leaves)}.")
    return leaves


def _row_by_row(fn: Callable, elems: Any, result: Any, outputs: list[Any], reason: str, allowed: bool, warn: bool) -> Any:
    advice = f"`tf.vectorized_map` cannot do all rows at the same time, because the function {reason}."
    if not allowed:
        raise errors.StagingError(f"{advice} Use `tf.map_fn`, or `fallback_to_while_loop=True`.")
    if warn:
        where = location.user_location() or location.Location(__file__, 0)
        warnings.warn_explicit(f"{advice} It goes row by row.", UserWarning, where.file, where.line)
    if any(o is None for o in outputs):
        raise errors.InvalidArgumentError("What `fn` returns for each row must be tensors. Received: None.")
    return map_fn(fn, elems, fn_output_signature=nest.pack_sequence_as(result, [o.dtype for o in outputs]))
