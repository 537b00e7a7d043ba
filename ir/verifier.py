"""Checks that a graph is well formed: what every pass may rely on, and must leave behind.

- an operand is an input of the graph or a result of an earlier operation (SSA dominance); so are the outputs;
- an operation has the attributes its op names, and the result types its op infers from the operands;
- graphs in attributes are closed (they see nothing of the graph around them) and well formed themselves.
"""

from __future__ import annotations

from typing import NoReturn

from treadle.ir import errors
from treadle.ir.graph import Graph, Operation, Value
from treadle.ir.printer import operation_text


def verify(graph: Graph, checked: set[Operation] | None = None) -> None:
    """Raise InternalError, naming the operation and its source line, if the graph is not well formed.

    `checked` holds operations whose types were verified before and need not be again; it is extended. (Operations
    are never changed once they are made, so this holds across passes.) Takes time linear in the number of operations.
    """
    checked = set() if checked is None else checked
    for inner in graph.nested():
        _verify_one(inner, checked)


def _verify_one(graph: Graph, checked: set[Operation]) -> None:
    defined: set[Value] = set(graph.inputs)
    if len(defined) != len(graph.inputs):
        raise errors.InternalError(f"Graph @{graph.name} has the same input twice.")
    for value in graph.inputs:
        if value.producer is not None:
            raise errors.InternalError(f"Graph @{graph.name} has an input that an operation produces: {value!r}.")
    for operation in graph.operations:
        for i, operand in enumerate(operation.operands):
            if operand not in defined:
                _fail(graph, operation, f"operand {i} ({operand!r}) is not defined before it")
        if operation not in checked:
            _verify_operation(graph, operation)
            checked.add(operation)
        if not defined.isdisjoint(operation.results):
            _fail(graph, operation, "it stands in the graph twice")
        defined.update(operation.results)
    for i, value in enumerate(graph.outputs):
        if value not in defined:
            raise errors.InternalError(f"Graph @{graph.name}: output {i} ({value!r}) is not defined in it.")


def _verify_operation(graph: Graph, operation: Operation) -> None:
    op, attributes = operation.op, operation.attributes
    if attributes.keys() != op.attributes.keys():
        _fail(graph, operation, f"its attributes are {list(attributes)}; `{op.name}` has {list(op.attributes)}")
    if not op.variadic and len(operation.operands) != op.arity:
        _fail(graph, operation, f"it has {len(operation.operands)} operands; `{op.name}` takes {op.arity}")
    for i, result in enumerate(operation.results):
        if result.producer is not operation or result.index != i:
            _fail(graph, operation, f"result {i} does not know it as its producer")
    try:
        inferred = op.infer_types([o.type for o in operation.operands], attributes)
    except errors.OpError as error:
        _fail(graph, operation, f"its operands do not fit: {error.message}")
    types = tuple([r.type for r in operation.results])
    if inferred != types:
        _fail(graph, operation, f"its results have the types {list(types)}; `{op.name}` infers {list(inferred)}")


def _fail(graph: Graph, operation: Operation, message: str) -> NoReturn:
    raise errors.InternalError(
        f"Graph @{graph.name} is not well formed: {message}.\n    {operation_text(operation)}", operation.location)
