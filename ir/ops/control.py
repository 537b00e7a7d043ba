"""Control flow on tensors: `cond`, `while` and `scan`, ops that hold closed graphs; and the rows of a buffer they fill.

    %0 = cond(%p, %x) {branches=(@true, @false)} : f32[]
    %1, %2 = while(%i, %x, %limit) {condition=@less, body=@body, carried=2} : i32[], f32[]
    %3, %4 = scan(%s, %w, %rows) {body=@step, carried=1, scanned=1, length=10, reverse=false} : f32[], f32[10]

A nested graph sees nothing but its inputs: what it reads of the graph around it is an operand, an "invariant" of the
loop. What goes round a loop (carried) keeps its type. Gradients and forward mode are in `treadle.ir.gradients`.
"""

from typing import Any

from treadle.ir import dims, dtypes, errors
from treadle.ir.attributes import Bool, Int, SubGraph
from treadle.ir.gradients import cond as cond_gradient
from treadle.ir.gradients import scan as scan_gradient
from treadle.ir.gradients import while_ as while_gradient
from treadle.ir.graph import Graph
from treadle.ir.op import Operand, Rest, op
from treadle.ir.ops.elementwise import zeros_like
from treadle.ir.ops.rules import require_rank_at_least, show
from treadle.ir.types import TensorType

SCALAR_BOOL = TensorType.of(dtypes.bool_)
SCALAR_INT = TensorType.of(dtypes.int32)


def _takes(graph: Graph, types: Any, what: str) -> None:
    """Raise unless the graph's inputs are of the given types."""
    if len(graph.inputs) != len(types):
        raise errors.InternalError(f"{what} takes {len(graph.inputs)} values and is given {len(types)}.")
    for i, (given, value) in enumerate(zip(types, graph.inputs)):
        if value.type is not given:
            raise errors.InternalError(f"{what} takes {value.type} as value {i} and is given {given}.")


def _keeps(graph: Graph, types: Any, what: str) -> None:
    """Raise unless the graph's first outputs are of the given types: those of the values carried round the loop."""
    if len(graph.outputs) < len(types):
        raise errors.InternalError(f"{what} returns {len(graph.outputs)} values; the loop carries {len(types)}.")
    for i, (before, value) in enumerate(zip(types, graph.outputs)):
        if value.type is not before:
            kind = errors.InvalidArgumentError if value.dtype is before.dtype else errors.DtypeError
            raise kind(f"What a loop carries keeps its dtype and shape. Received: value {i} is {before} before the "
                       f"loop and {value.type} after its body.")


# --- cond -----------------------------------------------------------------------------------------------------------


def _cond_infer(*types: TensorType, branches: Any) -> Any:
    if not types or types[0] is not SCALAR_BOOL and types[0] is not SCALAR_INT:
        kind = errors.InvalidArgumentError if types and types[0].shape else errors.DtypeError
        raise kind(f"The predicate must be a bool scalar, an index an int32 scalar. "
                   f"Received: {types[0] if types else 'nothing'}.")
    if types[0] is SCALAR_BOOL and len(branches) != 2 or not branches:
        raise errors.InternalError(f"A predicate chooses between two branches. Received: {len(branches)}.")
    first = branches[0].output_types
    for i, branch in enumerate(branches):
        _takes(branch, types[1:], f"Branch {i}")
        if len(branch.outputs) != len(first):
            raise errors.InvalidArgumentError(
                f"All branches must return as many values. Received: {len(first)} from branch 0 and "
                f"{len(branch.outputs)} from branch {i}.")
        for j, (a, value) in enumerate(zip(first, branch.outputs)):
            if value.type is not a:
                kind = errors.InvalidArgumentError if value.dtype is a.dtype else errors.DtypeError
                raise kind(f"All branches must return the same dtypes and shapes. Received: value {j} is {a} from "
                           f"branch 0 and {value.type} from branch {i}.")
    return first


@op(infer=_cond_infer, lower=lambda xp, *x, branches: xp.cond(branches, x[0], x[1:]), vjp=cond_gradient.vjp,
    with_residuals=cond_gradient.residuals, jvp=cond_gradient.jvp, many=True)
def cond(operands: Rest, *, branches: SubGraph):
    """The results of one of `branches`, each a graph of operands[1:].

    operands[0] is a bool scalar (branches: when true, when false) or an int32 index (out of range: the last branch).
    """


# --- while ----------------------------------------------------------------------------------------------------------


def _while_infer(*types: TensorType, condition: Any, body: Any, carried: int) -> Any:
    _takes(condition, types, "The condition")
    if condition.output_types != [SCALAR_BOOL]:
        kind = errors.DtypeError if [t.shape for t in condition.output_types] == [()] else errors.InvalidArgumentError
        raise kind(f"The condition of a loop must be a bool scalar. "
                   f"Received: {', '.join(map(str, condition.output_types)) or 'nothing'}.")
    _takes(body, types, "The body")
    _keeps(body, types[:carried], "The body")
    if len(body.outputs) != carried:
        raise errors.InternalError(f"The body returns {len(body.outputs)} values; the loop carries {carried}.")
    return types[:carried]


@op(infer=_while_infer, lower=lambda xp, *x, condition, body, carried: xp.while_loop(condition, body, x[:carried], x[carried:]),
    vjp=while_gradient.vjp, with_residuals=while_gradient.residuals, jvp=while_gradient.jvp, many=True)
def while_(operands: Rest, *, condition: SubGraph, body: SubGraph, carried: Int):
    """The first `carried` operands, replaced by the body's results as long as the condition holds.

    Both graphs take all operands; those after the first `carried` are the same in every round.
    """


# --- scan -----------------------------------------------------------------------------------------------------------


def _scan_infer(*types: TensorType, body: Any, carried: int, scanned: int, length: Any, reverse: bool) -> Any:
    fixed = len(types) - scanned
    rows = []
    for i, type in enumerate(types[fixed:], fixed):
        require_rank_at_least(type, 1, f"operands[{i}]")
        if dims.is_known(type.shape[0], length) and type.shape[0] != length:
            raise errors.InvalidArgumentError(
                f"What a scan runs over must have as many rows as it has rounds, {length}. "
                f"Received: operand {i} of shape {show(type.shape)}.")
        rows.append(type.with_shape(type.shape[1:]))
    if dims.is_known(length) and length < 0:
        raise errors.InvalidArgumentError(f"A scan has no negative number of rounds. Received: {length}.")
    _takes(body, (*types[:fixed], *rows), "The body")
    _keeps(body, types[:carried], "The body")
    return [*types[:carried], *(v.type.with_shape((length, *v.type.shape)) for v in body.outputs[carried:])]


def lower_scan(xp: Any, *x: Any, body: Any, carried: int, scanned: int, length: int, reverse: bool) -> Any:
    """The `lower` rule of `scan`."""
    fixed = len(x) - scanned
    if length == 0:  # the body may not fit rows that are not there
        return [*x[:carried], *(xp.zeros((0, *v.type.shape), v.dtype.numpy) for v in body.outputs[carried:])]
    return xp.scan(body, x[:carried], x[carried:fixed], x[fixed:], length, reverse)


@op(infer=_scan_infer, lower=lower_scan, vjp=scan_gradient.vjp, with_residuals=scan_gradient.residuals, jvp=scan_gradient.jvp,
    many=True)
def scan(operands: Rest, *, body: SubGraph, carried: Int, scanned: Int, length: Int, reverse: Bool = False):
    """`length` rounds of `body`; the last `scanned` operands give one row to each round, from the last if `reverse`.

    Operands: carried, invariants, scanned. body(carried, invariants, rows) -> (carried, rows of the further results).
    Results: what is carried in the end, and the further results stacked along a new first axis.
    """


# --- the rows of a buffer -------------------------------------------------------------------------------------------


def _row_infer(buffer: TensorType, index: TensorType) -> TensorType:
    require_rank_at_least(buffer, 1, "buffer")
    return buffer.with_shape(buffer.shape[1:])


def _update_infer(buffer: TensorType, row: TensorType, index: TensorType) -> TensorType:
    require_rank_at_least(buffer, 1, "buffer")
    if row is not buffer.with_shape(buffer.shape[1:]):
        raise errors.InvalidArgumentError(f"A row must have the type of the buffer's rows. Received: {row} for {buffer}.")
    return buffer


@op(infer=_row_infer, lower=lambda xp, buffer, index: xp.lax.dynamic_index_in_dim(buffer, index, 0, False),
    vjp=(lambda g, y, buffer, index: dynamic_update(zeros_like(buffer), g, index), None))
def dynamic_row(buffer: Operand(), index: Operand(dtypes.int32)):  # type: ignore[valid-type]
    """`buffer[index]`; an index out of range means the nearest row, a negative one counts from the end."""


@op(infer=_update_infer, lower=lambda xp, buffer, row, index: xp.lax.dynamic_update_index_in_dim(buffer, row, index, 0),
    vjp=(lambda g, y, buffer, row, index: dynamic_update(g, zeros_like(row), index),
         lambda g, y, buffer, row, index: dynamic_row(g, index), None))
def dynamic_update(buffer: Operand(), row: Operand(), index: Operand(dtypes.int32)):  # type: ignore[valid-type]
    """`buffer` with `row` in the place of `buffer[index]`."""
