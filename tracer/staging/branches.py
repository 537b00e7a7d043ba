"""`if` on a tensor: both branches are traced, what they leave behind is merged, and a `cond` chooses when the program runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from treadle.ir import errors, location
from treadle.ir.interpreter import interpreting
from treadle.ir.ops.control import cond
from treadle.ir.ops.effects import Failure, check
from treadle.runtime.interpreter import current
from treadle.tracer.func_graph import FuncGraph
from treadle.tracer.staging.block import Block, BlockEnds, Operands, blank, closed
from treadle.tracer.staging.places import UNDEFINED, Cell, Place, restore, snapshot
from treadle.tracer.staging.text import delayed_exception
from treadle.tracer.staging.values import (
    ZEROS,
    Mismatch,
    Slot,
    Unavailable,
    align,
    fill,
    is_tensor,
    shown,
    template_of,
)

_DEEPEST = 60


def raise_later(error: BaseException) -> None:
    """Stage the raising of an exception for when the program gets to the current block."""
    error = as_python_says(error)
    failure, data = _failure(error)
    _do_finals(error)
    _finished(failure)
    check([current().convert(False), *data], failure=failure)


def as_python_says(error: BaseException) -> BaseException:
    """The exception in Python's own words: the blocks' variables are closure cells, but to the user they are local."""
    if type(error) is not NameError or "free variable" not in str(error):
        return error
    name = str(error).split("'")[1]
    made = UnboundLocalError(f"cannot access local variable '{name}' where it is not associated with a value")
    return made.with_traceback(error.__traceback__)


def stage_check(condition: Any, error: BaseException) -> None:
    """Stage a check that raises `error` when the program runs."""
    failure, data = _failure(error)
    if any(trace.finals for trace in _around()):
        def fail() -> None:
            raise_later(error)
            raise BlockEnds
        stage_if(condition, (lambda: None, fail), [])
    else:
        check([condition, *data], failure=failure)


def _failure(error: BaseException) -> tuple[Failure, list[Any]]:
    """(what a check of the exception raises, the tensors it needs). Raises StagingError if it would be caught."""
    trace: Any = current()
    data, build, raised, text = delayed_exception(error)
    while isinstance(trace, FuncGraph):
        for kinds in trace.handlers:
            if any(k is None or issubclass(raised, k) for k in kinds()):
                raise errors.StagingError(
                    "An exception that depends on a tensor cannot be caught inside a compiled function: the program has "
                    f"left Python when it is raised. Received: {raised.__name__} under `try`. Catch it outside of "
                    "the function, or use the condition itself.", see="exception-caught")
        trace = trace.outer
    return Failure(build, f"{raised.__name__}: {text}", required=True), data


def _around() -> list[FuncGraph]:
    """The current trace and those around it, up to the function's."""
    found: list[Any] = [current()]
    while found[-1].is_block:
        found.append(found[-1].outer)
    return found


def _finished(failure: Failure) -> None:
    current().finished.add(failure)  # type: ignore[attr-defined]


def _do_finals(error: BaseException) -> None:
    """What Python does on the way out of a failing block: `finally` and `__exit__`, from the inside to the outside."""
    traces = _around()
    with ExitStack() as undo:
        for trace in traces:
            undo.callback(setattr, trace, "finals", trace.finals)
        for trace in traces:
            while trace.finals:
                *trace.finals, final = trace.finals
                try:
                    final(error, undo)
                except Exception as another:
                    if isinstance(another, errors.OpError):
                        raise
                    raise_later(another)  # in the place of the first one
                    raise BlockEnds from None


def stage_if(predicate: Any, branches: Sequence[Callable[[], Any]], places: list[Place],
             names: Sequence[str] = ("true", "false")) -> list[Any]:
    """Trace each branch, emit a `cond`, and leave every place with its merged value.

    `predicate` is a bool scalar, or an int32 scalar that counts branches. Returns the merged results of the branches.
    """
    trace: FuncGraph = current()  # type: ignore[assignment]
    where = location.user_location()
    if trace.depth > _DEEPEST:
        raise errors.StagingError(
            f"Control flow on tensors is nested more than {_DEEPEST} deep: a recursion whose end a tensor decides never ends "
            "while it is traced, since both branches are. Use a `while` loop, or let a Python number decide.", where,
            see="recursion-without-end")
    before = snapshot(places)
    blocks: list[Block] = []
    results: list[Any] = []
    after: list[dict[tuple, Any]] = []
    ended: list[bool] = []
    known: dict[tuple, tuple[Place, Any]] = {p.key: (p, v) for p, v in zip(places, before)}
    for branch, name in zip(branches, names):
        block = Block(f"{trace.name}_{name}", trace)
        blocks.append(block)
        try:
            with interpreting(block):
                try:
                    results.append(branch())
                    ended.append(False)
                except (BlockEnds, Exception) as error:
                    if isinstance(error, errors.OpError):
                        raise
                    # Python's own exceptions wait, like the user's, for the program to take this branch.
                    if not isinstance(error, BlockEnds):
                        raise_later(error)
                    results.append(None)
                    ended.append(True)
            for key, (place, value) in block.changed.items():
                known.setdefault(key, (place, value))
            after.append({key: place.get() for key, (place, _) in known.items()})
        finally:
            block.undo()
            restore(places, before)
    if all(ended):
        _emit(trace, predicate, blocks, [])
        raise BlockEnds
    living = [i for i, e in enumerate(ended) if not e]
    slots: list[list[Any]] = []
    templates: list[tuple[Place, Any]] = []
    # The checks on what was changed outside the function's own variables come first: they can fail.
    for key, (place, old) in known.items():
        values = [after[i].get(key, old) for i in living]
        templates.append((place, _merged(place.name, values, slots, where, not isinstance(place, Cell), old)))
    returned = _merged("the result", [results[i] for i in living], slots, where, True)
    columns: list[list[Any]] = []
    for slot in slots:
        column: list[Any] = [ZEROS] * len(blocks)
        for i, value in zip(living, slot):
            column[i] = value
        columns.append(column)
    found = _emit(trace, predicate, blocks, columns)
    for place, template in templates:
        place.set(fill(template, found.__getitem__))
    return fill(returned, found.__getitem__)


def _merged(name: str, values: list[Any], slots: list[list[Any]], where: Any, strict: bool, old: Any = UNDEFINED) -> Any:
    """The template of a place's values at the end of the branches."""
    mark = len(slots)
    if all(v is old for v in values):
        return old
    if len(values) == 1:
        single: list[Any] = []
        template = fill(template_of(values[0], single, numbers=False), lambda i: Slot(mark + i))
        slots.extend([v] for v in single)
        return template
    try:
        template = align(values, slots, name)
        for slot in slots[mark:]:
            agree(slot)
        return template
    except Mismatch as mismatch:
        del slots[mark:]
        if strict:
            raise errors.StagingError(
                f"The branches of an `if` on a tensor must leave the same kind of value in {_subject(name)}. "
                f"Received: {mismatch}. Give both the same structure, dtype and shape, or decide by a Python value.",
                where, see="branches-that-differ") from None
        return Unavailable(name, f"it is {mismatch}, by the branch taken", where)


def _subject(name: str) -> str:
    return name if name.startswith(("the ", "a ")) else f"`{shown(name)}`"


def agree(values: list[Any]) -> None:
    """Make numbers that stand beside tensors agree with their dtype; raises Mismatch if shapes or dtypes differ."""
    tensors = [v for v in values if is_tensor(v)]
    types = list(dict.fromkeys(t.type for t in tensors))
    numbers = [v for v in values if not is_tensor(v) and v is not ZEROS]
    if len(types) > 1:
        raise Mismatch(" or ".join(f"a tensor of type {t}" for t in types))
    if types and any(getattr(n, "shape", ()) != types[0].shape for n in numbers):
        raise Mismatch(f"a tensor of type {types[0]} or {numbers[0]!r}")
    if types and not all(_fits(n, types[0].dtype) for n in numbers):
        raise Mismatch(f"a tensor of type {types[0]} or {next(n for n in numbers if not _fits(n, types[0].dtype))!r}")
    if not types and len({type(n) for n in numbers}) > 1:
        raise Mismatch(" or ".join(repr(n) for n in numbers))


def _fits(number: Any, dtype: Any) -> bool:
    if hasattr(number, "dtype"):
        return dtype.numpy == number.dtype
    if isinstance(number, bool):
        return dtype.is_bool
    if isinstance(number, int):
        return not dtype.is_bool
    return (dtype.is_floating or dtype.is_complex) if isinstance(number, float) else dtype.is_complex


def _emit(trace: FuncGraph, predicate: Any, blocks: list[Block], columns: list[list[Any]]) -> list[Any]:
    """The `cond`; returns a tensor for each column, and assigns the variables that a branch assigns."""
    for column in columns:
        kinds = [v for v in column if is_tensor(v)]
        hint = kinds[0].dtype if kinds else None
        for i, value in enumerate(column):
            if value is not ZEROS:
                column[i] = blocks[i].as_value(value, hint)
        like = next(v for v in column if v is not ZEROS)
        for i, value in enumerate(column):
            if value is ZEROS:
                with interpreting(blocks[i]):
                    column[i] = blank(like.type).value
    operands = Operands(trace, blocks)
    graphs = []
    for i, block in enumerate(blocks):
        inputs = operands.inputs(block, {})
        outputs = [c[i] for c in columns]
        by_variable = dict(zip(operands.variables, inputs[len(operands.captured):]))
        outputs += [Operands.variable_output(block, key, by_variable[key]) for key in operands.assigned]
        graphs.append(closed(block, inputs, outputs))
    results = cond([predicate, *operands.tensors({})], branches=tuple(graphs))
    for variable, value in zip(operands.assigned.values(), results[len(columns):]):
        trace.assign_variable(variable, value)
    return list(results[:len(columns)])
