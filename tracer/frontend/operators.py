"""What converted code calls, under the name `_treadle`: Python's own meaning, unless a symbolic tensor decides.

Nothing here stands on the stack while user code runs, where that can be avoided: `call(f)(x)` returns what to call.
"""

from __future__ import annotations

import functools
import operator
import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from treadle.ir import dtypes, errors
from treadle.ir.interpreter import state
from treadle.ir.operators import TABLE
from treadle.runtime.interpreter import current
from treadle.tracer.frontend import calls, iteration, managers, protocols
from treadle.tracer.func_graph import FuncGraph
from treadle.tracer.reads import MISSING
from treadle.tracer.staging import text as texts
from treadle.tracer.staging.block import Block, BlockEnds
from treadle.tracer.staging.branches import raise_later, stage_check, stage_if
from treadle.tracer.staging.loops import Iteration, Loop
from treadle.tracer.staging.places import Attribute, Cell, Contents, Item, places_of
from treadle.tracer.staging.values import MaybeUndefined, Unavailable

_IN_PLACE = {
    "Add": operator.iadd, "Sub": operator.isub, "Mult": operator.imul, "Div": operator.itruediv,
    "FloorDiv": operator.ifloordiv, "Mod": operator.imod, "Pow": operator.ipow, "MatMult": operator.imatmul,
    "LShift": operator.ilshift, "RShift": operator.irshift, "BitAnd": operator.iand, "BitOr": operator.ior,
    "BitXor": operator.ixor,
}
call = calls.call
binary, compare, unary, not_ = protocols.binary, protocols.compare, protocols.unary, protocols.not_
is_symbolic, _predicate, _truth, _decides = (
    protocols.is_symbolic, protocols.predicate, protocols.truth, protocols.decides)
converted = calls.converted
text = texts.text
slice_ = slice
catching, handled, attempted, finally_, context = (
    managers.catching, managers.handled, managers.attempted, managers.finally_, managers.context)


def _trace() -> FuncGraph | None:
    """The trace that user code runs in, if it does."""
    interpreter = state.interpreter
    return interpreter if isinstance(interpreter, FuncGraph) else None


# --- statements -----------------------------------------------------------------------------------------------------


def if_(test: Any, then: Callable, orelse: Callable, names: tuple[str, ...]) -> None:
    """`if test: then() else: orelse()`, where the blocks bind `names`."""
    test = _truth(test)
    if not is_symbolic(test):
        return then() if _noted(_decides(test)) else orelse()
    stage_if(_predicate(test), (then, orelse), places_of(names, (then, orelse)))
    return None


def _noted(test: Any) -> bool:
    """The truth of a Python value that decides what is traced, noted for `explain`."""
    value = bool(test)
    trace = _trace()
    if trace is not None:
        trace.note("python", str(value))
    return value


def while_(test: Callable, body: Callable, names: tuple[str, ...], live: tuple[str, ...], stepped: tuple[str, ...]) -> None:
    """`while test(): body()`."""
    rounds = 0
    while True:
        condition = _truth(test())
        if is_symbolic(condition):
            loop = Loop(places_of(names, (body, test)), live, stepped)
            return loop.run(Iteration(lambda item: body(), lambda: _truth(test()), first=_predicate(condition)))
        if not _decides(condition):
            trace = _trace()
            if trace is not None:
                trace.note("unrolled", f"{rounds} iterations")
            return None
        body()
        rounds += 1


def for_(iterable: Any, body: Callable[[Any], None], stop: Callable[[], Any] | None, names: tuple[str, ...],
         live: tuple[str, ...], stepped: tuple[str, ...]) -> None:
    """`for item in iterable: body(item)`, left when `stop()`."""
    iteration.for_(protocols.iterated(iterable), body, stop, names, live, stepped)


def returned(flag: Any, result: Callable[[], Any], always: bool) -> Any:
    """The function's result, at its end."""
    if flag is False:
        return None
    value = result()
    if isinstance(value, Unavailable):
        raise value.refuse()
    if not is_symbolic(flag) or always:
        return value.value if isinstance(value, MaybeUndefined) else value
    inner = value.value if isinstance(value, MaybeUndefined) else value
    if inner is None:
        return None
    raise errors.StagingError(
        "A function must return a value on every path, or on none, where a tensor decides which path is taken. "
        "Received: a function that returns a value on some paths and reaches its end on others, which is None. "
        "Add a `return` at its end.", see="return-on-every-path")


def none_of(*flags: Any) -> Any:
    """True if no flag is set."""
    return not_(any_of(*flags))


def any_of(*flags: Any) -> Any:
    """True if a flag is set."""
    found: Any = False
    for flag in flags:
        if is_symbolic(flag):
            found = flag if found is False else TABLE["logical_or"](found, flag)
        elif flag:
            return True
    return found


def assert_(test: Any, message: Callable[[], Any] | None) -> None:
    """`assert test, message()`."""
    test = _truth(test)
    if not is_symbolic(test):
        if not _decides(test):
            raise AssertionError(*([message()] if message is not None else []))
        return
    error = AssertionError(*([message()] if message is not None else []))
    stage_check(_predicate(test), error)


def raised(error: Any) -> Any:
    """What to raise in `raise error`. In a staged block the exception waits for the program to get there."""
    trace = _trace()
    if not isinstance(trace, Block):
        return error
    instance = error() if isinstance(error, type) and issubclass(error, BaseException) else error
    if not isinstance(instance, BaseException):
        return error
    raise_later(instance)
    return BlockEnds()


def raised_call(kind: Any, /, *args: Any, **kwargs: Any) -> Any:
    """What to raise in `raise kind(*args, **kwargs)`."""
    trace = _trace()
    if not isinstance(trace, Block) or not (isinstance(kind, type) and issubclass(kind, BaseException)):
        return raised(call(kind)(*args, **kwargs))
    raise_later(texts.Making(kind, args, kwargs))
    return BlockEnds()


# --- truth ----------------------------------------------------------------------------------------------------------


def if_expression(test: Any, then: Callable, orelse: Callable) -> Any:
    """`then() if test else orelse()`."""
    test = _truth(test)
    if not is_symbolic(test):
        return then() if _noted(_decides(test)) else orelse()
    return stage_if(_predicate(test), (then, orelse), [])


def and_(value: Any, rest: Callable) -> Any:
    """`value and rest()`."""
    if not is_symbolic(value):
        return _decides(value) and rest()
    return stage_if(_predicate(value), (rest, lambda: value), [])


def or_(value: Any, rest: Callable) -> Any:
    """`value or rest()`."""
    if not is_symbolic(value):
        return _decides(value) or rest()
    return stage_if(_predicate(value), (lambda: value, rest), [])


def chain(left: Any, *rest: tuple[Callable, Callable]) -> Any:
    """`left < b < c`, each operand computed once and only if it is needed."""
    (compare, operand), *others = rest
    right = operand()
    result = compare(left, right)
    return result if not others else and_(result, lambda: chain(right, *others))


def in_(value: Any, container: Any) -> Any:
    """`value in container`."""
    if is_symbolic(container):
        return TABLE["reduce_any"](TABLE["equal"](container, value))
    if is_symbolic(value) and isinstance(container, (list, tuple, set, frozenset, range)):
        found: Any = False
        for element in container:
            found = TABLE["logical_or"](found, TABLE["reduce_all"](TABLE["equal"](value, element)))
        return found
    defined = calls.user_method(container, "__contains__")
    if defined is not None:
        return defined(value)
    found = value in container
    trace = _trace()
    if trace is not None:
        trace.guards.read_membership(container, value, found)
    return found


def not_in(value: Any, container: Any) -> Any:
    """`value not in container`."""
    return not_(in_(value, container))


def plain(test: Any, what: str) -> Any:
    """A test that Python must decide."""
    if is_symbolic(test):
        raise errors.StagingError(
            f"{what[0].upper()}{what[1:]} must not depend on a tensor inside `@function`: Python needs its value. "
            f"Received: {test!r}. Use `if` statements, `tf.where` or `tf.boolean_mask`.")
    return test


# --- readings -------------------------------------------------------------------------------------------------------


def read(value: Any) -> Any:
    """A variable that staged control flow may have left without a value."""
    if isinstance(value, MaybeUndefined):
        if value.defined is not True:
            error = UnboundLocalError(
                f"cannot access local variable '{value.name}' where it is not associated with a value")
            if value.defined is False:
                raise error
            stage_check(current().convert(value.defined), error)
        return value.value
    if isinstance(value, Unavailable):
        raise value.refuse()
    return value


def free(value: Any, name: str, reader: Callable) -> Any:
    """A variable of a function around."""
    trace = _trace()
    if trace is not None:
        cells = dict(zip(reader.__code__.co_freevars, reader.__closure__ or ()))
        if name in cells:
            trace.guards.read(Cell(name, cells[name]), value)
    return read(value)


def global_(value: Any, name: str) -> Any:
    """A global variable."""
    trace = _trace()
    if trace is not None:
        trace.guards.read_global(name, value)
    return value


def attribute(owner: Any, name: str) -> Any:
    """`owner.name`."""
    if isinstance(owner, (MaybeUndefined, Unavailable)):
        owner = read(owner)
    if isinstance(state.interpreter, FuncGraph):
        return calls.attribute(owner, name)
    return getattr(owner, name)


def method(owner: Any, name: str) -> Any:
    """What to call for `owner.name(...)`."""
    return call(attribute(owner, name))


def item(container: Any, index: Any) -> Any:
    """`container[index]`."""
    trace = _trace()
    if trace is None:
        return container[index]
    if isinstance(container, (list, dict)):
        if is_symbolic(index):
            return _symbolic_item(container, index)
    if isinstance(container, (list, dict)) or container is os.environ:
        if hasattr(type(container), "__missing__") and index not in container:
            trace.will_change(Contents(container))
        try:
            value = container[index]
        except LookupError:
            trace.guards.read_item(container, index, MISSING)
            raise
        trace.guards.read_item(container, index, value)
        return value
    if isinstance(container, (tuple, range)) and is_symbolic(index):
        return _symbolic_item(container, index)
    defined = calls.user_method(container, "__getitem__")
    return container[index] if defined is None else defined(index)


def _symbolic_item(container: Any, index: Any) -> Any:
    """`container[index]` where the index is only known when the program runs: a choice among all items."""
    if isinstance(container, dict):
        raise errors.StagingError(
            f"A tensor cannot be a key of a dict inside `@function`: its value is not known. Received: {index!r}. "
            "Use a tensor or a list of values and an index.")
    items = list(container)
    calls.was_read(container)
    if not items:
        raise IndexError("list index out of range")
    place = _checked_index(index, len(items))
    return stage_if(place, [functools.partial(lambda v: v, v) for v in items], [], [f"item{i}" for i in range(len(items))])


def _checked_index(index: Any, size: int) -> Any:
    """An index into a Python sequence, counted from its start, with the check that Python would do."""
    index = TABLE["cast"](current().convert(index), dtypes.int32)
    inside = TABLE["logical_and"](TABLE["greater_equal"](index, -size), TABLE["less"](index, size))
    stage_check(inside, IndexError("list index out of range"))
    return TABLE["floormod"](index, size)


def locals_(*readers: tuple[str, Callable]) -> dict[str, Any]:
    """`locals()`: the function's variables that have a value."""
    found: dict[str, Any] = {}
    for name, reader in readers:
        try:
            found[name] = read(reader())
        except NameError:
            continue
    return found


def iterate(iterable: Any) -> Any:
    """What a comprehension goes over."""
    calls.was_read(iterable)
    return protocols.iterated(calls.unrolled(iterable))


def new(value: Any) -> Any:
    """An object made here: changes of it concern this block only."""
    interpreter = state.interpreter
    if isinstance(interpreter, FuncGraph):
        interpreter.made[id(value)] = value
    return value


# --- changes --------------------------------------------------------------------------------------------------------


def in_place(operation: str, target: Any, value: Any) -> Any:
    """`target += value` and its like; returns the new target."""
    if isinstance(target, (list, dict, set)):
        _will_change(Contents(target))
    name = f"__i{protocols.BINARY[operation][1].strip('_')}__"
    defined = calls.user_method(target, name)
    if defined is not None:
        result = defined(value)
        if result is not NotImplemented:
            return result
    elif isinstance(target, np.ndarray):
        _wrote(target)
    return _IN_PLACE[operation](target, value) if hasattr(type(target), name) else binary(operation, target, value)


def _will_change(place: Any) -> None:
    trace = _trace()
    if trace is not None:
        trace.will_change(place)


def _wrote(container: Any) -> None:
    trace = _trace()
    if trace is not None:
        calls.will_write(trace, container)


def set_attribute(value: Any, owner: Any, name: str) -> None:
    """`owner.name = value`."""
    _will_change(Attribute(name, owner))
    (calls.changer(owner, name, "__set__", "fset", "__setattr__") or functools.partial(setattr, owner, name))(value)


def delete_attribute(owner: Any, name: str) -> None:
    """`del owner.name`."""
    _will_change(Attribute(name, owner))
    (calls.changer(owner, name, "__delete__", "fdel", "__delattr__") or functools.partial(delattr, owner, name))()


def set_item(value: Any, container: Any, index: Any) -> None:
    """`container[index] = value`."""
    defined = calls.user_method(container, "__setitem__")
    if defined is not None:
        return defined(index, value)
    if isinstance(container, (list, dict)):
        _will_change(Contents(container))
        if is_symbolic(index):
            return _set_symbolic_item(container, index, value)
    else:
        _wrote(container)
    container[index] = value
    return None


def _set_symbolic_item(container: Any, index: Any, value: Any) -> None:
    """`container[index] = value` for a list and a tensor as index."""
    if isinstance(container, dict):
        _symbolic_item(container, index)
    place = _checked_index(index, len(container))
    for i in range(len(container)):
        container[i] = stage_if(TABLE["equal"](place, i), (lambda: value, functools.partial(lambda v: v, container[i])), [])


def delete_item(container: Any, index: Any) -> None:
    """`del container[index]`."""
    defined = calls.user_method(container, "__delitem__")
    if defined is not None:
        return defined(index)
    if isinstance(container, (list, dict)):
        _will_change(Contents(container))
    del container[index]
    return None


def will_change_cell(name: str, reader: Callable, is_local: bool) -> None:
    """Word that a `nonlocal` variable is about to be assigned: one of a function that is converted too if `is_local`."""
    cells = dict(zip(reader.__code__.co_freevars, reader.__closure__ or ()))
    if name in cells:
        _will_change(Cell(name, cells[name], is_local))


def will_change_global(name: str, reader: Callable) -> None:
    """Word that a `global` variable is about to be assigned."""
    _will_change(Item(name, reader.__globals__))


calls.operators = sys.modules[__name__]
