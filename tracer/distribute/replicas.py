"""A function that several replicas run, each on its own part of the data, as one operation.

The function is traced once, for one replica. The trace becomes a `vectorized_call` over the replicas; its rows are split over
the devices, so each device computes its own. `all_reduce` is the only thing that looks across the rows. Variables are the same
for all replicas; what the trace assigns to one is brought together as its `aggregation` says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from treadle.ir import errors
from treadle.ir.dtypes import int32
from treadle.ir.graph import Graph, Operation, Value
from treadle.ir.interpreter import interpreting, state
from treadle.ir.op import REGISTRY
from treadle.ir.ops.distribution import all_reduce, shard
from treadle.ir.ops.structure import vectorized_call
from treadle.ir.types import TensorType
from treadle.runtime import nest
from treadle.runtime.aggregation import STREAMS
from treadle.runtime.interpreter import current
from treadle.runtime.tensor import Tensor
from treadle.runtime.variable import Variable
from treadle.tracer.distribute.values import PerReplica, map_values
from treadle.tracer.func_graph import FuncGraph, VariableState

_FAR = 0x9E3779B9  # between the seeds of two replicas


class ReplicaTrace(FuncGraph):
    """Traces the function of one replica. `number` stands for the replica's."""

    def __init__(self) -> None:
        super().__init__("replica")
        self.number: Any = None

    @property
    def may_create(self) -> bool:
        return getattr(self.outer, "may_create", True)

    @may_create.setter
    def may_create(self, value: bool) -> None:
        pass

    def variable_created(self, variable: Variable) -> None:
        self.outer.variable_created(variable)  # type: ignore[attr-defined]

    def variable_state(self, variable: Variable) -> VariableState:
        """The state of a random stream is another one in each replica: replica 0 goes on with the variable's own."""
        is_new = id(variable) not in self.variables
        found = super().variable_state(variable)
        if is_new and variable.aggregation in STREAMS:
            far: Any = np.zeros(2, variable.dtype.as_numpy_dtype)
            far[STREAMS.index(variable.aggregation)] = _FAR
            with interpreting(self):
                number = REGISTRY["cast"](self.number, variable.dtype)
                found.now = REGISTRY["add"](found.now, REGISTRY["multiply"](self.convert(far), number))
        return found


def replicate(function: Callable, args: tuple, kwargs: dict[str, Any], count: int, mesh: tuple | None) -> Any:
    """The results of `function(number, *args, **kwargs)` in each of `count` replicas.

    Each tensor that the function computes becomes a `PerReplica`. `number` is the replica's; in place of a `PerReplica` among
    the arguments each replica gets its own value.
    """
    given: list[Any] = []
    map_values(given.append, (args, kwargs))
    trace = ReplicaTrace()
    with interpreting(trace):
        number = trace.add_argument(TensorType.of(int32), "replica")
        trace.number = number
        rows = [(trace.add_argument(v.stacked.type.with_shape(v.stacked.type.shape[1:]), f"part{i}"), v.stacked)
                for i, v in enumerate(given) if isinstance(v, PerReplica)]
        symbols = iter([s for s, _ in rows])
        own_args, own_kwargs = map_values(lambda v: next(symbols) if isinstance(v, PerReplica) else v, (args, kwargs))
        result = function(number, *own_args, **own_kwargs)
        leaves = nest.flatten(result)
        # What came from outside goes back as it is.
        values = [trace.convert(v).value if isinstance(v, Variable) or isinstance(v, Tensor) and trace.is_operand(v) else None
                  for v in leaves]
    assigned = [s for s in trace.variables.values() if s.assigned]
    outputs = [*(v for v in values if v is not None), *(s.now.value for s in assigned)]
    graph = Graph(trace.name, trace.graph.inputs, trace.graph.operations, outputs)

    around = current()
    numbers = around.convert(np.arange(count, dtype=np.int32))
    sources: dict[Value, Any] = {v: t for t, v in trace.captures}
    sources.update({s.input: s.variable._stored() for s in trace.variables.values()})
    split = {number.value: numbers, **{s.value: t for s, t in rows}}
    if mesh is not None:
        split = {v: shard(t, mesh=mesh, spec=(mesh[0][0][0],)) for v, t in split.items()}
    sources.update(split)
    operands = [around.convert(sources[v]) for v in graph.inputs]
    found = list(vectorized_call(operands, graph=graph, mapped=tuple(v in split for v in graph.inputs)))
    differs = varying(graph, [v in split for v in graph.inputs])
    for s, stacked, differ in zip(assigned, found[len(found) - len(assigned):], differs[len(found) - len(assigned):]):
        before = sources[s.input]
        around.assign_variable(s.variable, around.convert(_aggregated(s, before, stacked, differ, graph)))
    made = iter(found)
    results = [v if value is None else PerReplica(next(made)) for v, value in zip(leaves, values)]
    return nest.pack_sequence_as(result, results)


def _aggregated(known: VariableState, before: Any, stacked: Any, differs: bool, graph: Graph) -> Any:
    """One value for a variable from those that the replicas assigned to it."""
    variable = known.variable
    how = variable.aggregation
    if how == "sum":
        if not depends(graph, known.now.value, known.input):
            return REGISTRY["reduce_sum"](stacked, axis=0)
        return REGISTRY["add"](before, REGISTRY["reduce_sum"](REGISTRY["subtract"](stacked, before), axis=0))
    if how == "mean" and differs:
        return REGISTRY["reduce_mean"](stacked, axis=0)
    if differs and how not in (*STREAMS, "only_first_replica"):
        raise errors.InvalidArgumentError(
            f"The replicas assign different values to the variable {variable.name!r}, and it does not say how to bring them "
            "together. Received: aggregation=None. Make the variable with `aggregation=tf.VariableAggregation.MEAN` (or SUM, "
            "ONLY_FIRST_REPLICA), or assign what `tf.distribute.get_replica_context().all_reduce` returns.")
    return stacked[0]


# --- what differs between replicas ---

def varying(graph: Graph, inputs: Sequence[bool]) -> list[bool]:
    """For each output whether replicas may have different values of it, given the same for the inputs."""
    known = dict(zip(graph.inputs, inputs))
    for operation in graph.operations:
        known.update(zip(operation.results, _results_vary(operation, [known[o] for o in operation.operands])))
    return [known[v] for v in graph.outputs]


def _results_vary(operation: Operation, operands: list[bool]) -> list[bool]:
    op, attributes = operation.op, operation.attributes
    if op is all_reduce:
        return [False]
    if op.name in ("call", "call_with_gradient"):
        return varying(attributes["graph"], operands)
    if op.name == "cond" and not operands[0]:
        return [any(v) for v in zip(*(varying(b, operands[1:]) for b in attributes["branches"]))]
    return [any(operands)] * len(operation.results)


def depends(graph: Graph, value: Value, on: Value) -> bool:
    """Whether a value is computed from another."""
    reached = {on}
    for operation in graph.operations:
        if not reached.isdisjoint(operation.operands):
            reached.update(operation.results)
    return value in reached


def is_replica() -> bool:
    """True inside the trace of a replica."""
    trace = state.interpreter
    while isinstance(trace, FuncGraph):
        if isinstance(trace, ReplicaTrace):
            return True
        trace = trace.outer  # type: ignore[assignment]
    return False
