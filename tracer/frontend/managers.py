"""`with` and `try` around staged code: exceptions that wait for the program to get there pass no `__exit__` while tracing."""

from __future__ import annotations

import contextlib
import dis
import sys
import types
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

from treadle.ir import errors, location
from treadle.ir.graph import Operation
from treadle.ir.interpreter import state
from treadle.ir.location import is_internal
from treadle.tracer.frontend import calls
from treadle.tracer.frontend.convert import is_installed
from treadle.tracer.func_graph import FuncGraph
from treadle.tracer.staging.block import BlockEnds
from treadle.tracer.staging.places import places_of, restore, snapshot
from treadle.tracer.staging.text import Making


def _trace() -> FuncGraph | None:
    trace = state.interpreter
    return trace if isinstance(trace, FuncGraph) else None


class catching:
    """`with catching(lambda: kinds)`: around the body of a `try`, whose handlers catch these kinds."""

    def __init__(self, kinds: Callable[[], Sequence[Any]]):
        self.kinds, self.trace = kinds, _trace()

    def _flat(self) -> list[Any]:
        return [k for kind in self.kinds() for k in (kind if isinstance(kind, tuple) else (kind,))]

    def __enter__(self) -> None:
        if self.trace is not None:
            self.trace.handlers.append(self._flat)

    def __exit__(self, *exception: Any) -> bool | None:
        if self.trace is not None:
            self.trace.handlers.pop()
        return None


def handled(kinds: Callable[[], Any] | None) -> None:
    """At the beginning of an `except kinds()`: why something cannot be compiled is no exception of the program's."""
    if _trace() is None:
        return
    error = sys.exception()
    if isinstance(error, BaseExceptionGroup):
        found = error.subgroup(errors.StagingError)
        error = None if found is None else found.exceptions[0]
    if isinstance(error, errors.StagingError):
        named = kinds() if kinds is not None else ()
        if not any(issubclass(k, errors.StagingError) for k in (named if isinstance(named, tuple) else (named,))):
            raise error


def _staged_since(trace: FuncGraph, start: int) -> Iterator[Operation]:
    """The operations staged since `start`, nested graphs included."""
    for operation in trace.graph.operations[start:]:
        yield operation
        for graph in operation.graphs:
            yield from graph.walk()


def _may_fail(trace: FuncGraph, start: int) -> bool:
    """True if a failure was staged since `start` that nothing was done for."""
    return any(o.op.name == "check" and o.attributes["failure"] not in trace.finished for o in _staged_since(trace, start))


def _is_seen(trace: FuncGraph, start: int) -> bool:
    """True if something was staged since `start` that is seen outside of the program."""
    return any(o.op.name in ("print", "host_function", "check") for o in _staged_since(trace, start))


def _warn_of_loss(what: str) -> None:
    where = location.user_location() or location.Location(__file__, 0)
    warnings.warn_explicit(
        f"{what} prints, calls or raises is done only if nothing failed before: a compiled program stops at a failing check "
        "(`tf.debugging`, `tf.Assert`). Put it around the call of the compiled function, or use `assert` or `raise`.",
        UserWarning, where.file, where.line)


class attempted:
    """`with attempted(final, names)`: around the body of a `try` with a `finally`, whose block `final` binds `names`."""

    def __init__(self, final: Any = None, names: tuple[str, ...] = ()):
        self.final, self.names = final, names

    def __enter__(self) -> None:
        self.trace = _trace()
        if self.trace is not None:
            self.start = len(self.trace.graph.operations)
            self.trace.finals = [*self.trace.finals, self._finish]

    def _finish(self, error: BaseException, undo: ExitStack) -> None:
        """Do what the `finally` does before a failure, in the block that fails."""
        if self.final is not None:
            places = places_of(self.names, (self.final,))
            undo.callback(restore, places, snapshot(places))
            self.final()

    def __exit__(self, kind: Any, error: Any, where: Any) -> None:
        if self.trace is not None:
            self.trace.finals = self.trace.finals[:-1]
            refused = error if isinstance(error, errors.StagingError) else None
            self.trace.may_fail.append((_may_fail(self.trace, self.start), refused))


class finally_:
    """`with finally_()`: around the block of a `finally`. A program does nothing after a failing operation: say so."""

    def __enter__(self) -> None:
        self.trace = _trace()
        self.start = len(self.trace.graph.operations) if self.trace is not None else 0

    def __exit__(self, *exception: Any) -> None:
        if self.trace is None or not self.trace.may_fail:
            return
        may_fail, refused = self.trace.may_fail.pop()
        if refused is not None and exception[0] is None:
            raise refused  # also if the `finally` returns
        if may_fail and _is_seen(self.trace, self.start):
            _warn_of_loss("What this `finally`")


class _Managed:
    """A context manager inside a trace. `again`: whether leaving it can be staged more than once."""

    def __init__(self, manager: Any, enter: Callable, leave: Callable, again: bool):
        self.manager, self.enter, self.leave, self.again = manager, enter, leave, again
        self.trace: Any = state.interpreter
        self.fails = False

    def __enter__(self) -> Any:
        self.start = len(self.trace.graph.operations)
        entered = self.enter()
        self.trace.finals = [*self.trace.finals, self._finish]
        return entered

    def _finish(self, error: BaseException, undo: ExitStack) -> None:
        """Leave before a failure, in the block that fails."""
        if not self.again:
            self.fails = True
            if _may_swallow(self.manager):
                raise self._refused()
            return
        if isinstance(error, Making):
            error = error.made()
        swallowed = self.leave(type(error), error, None)
        if swallowed is not None and swallowed is not False:
            raise self._refused()

    def __exit__(self, *exception: Any) -> Any:
        trace = self.trace
        trace.finals = trace.finals[:-1]
        may_fail, swallows = self.fails or _may_fail(trace, self.start), _may_swallow(self.manager)
        if exception[0] is BlockEnds and self.again:
            return False  # `_finish` has left it
        after = len(trace.graph.operations)
        found = self.leave(*exception) and not isinstance(exception[1], (errors.StagingError, BlockEnds))
        if swallows and may_fail:
            raise self._refused()
        if may_fail and _is_seen(trace, after):
            _warn_of_loss("What this context manager, on leaving,")
        return found

    def _refused(self) -> errors.StagingError:
        return errors.StagingError(
            "A `with` block whose manager may swallow exceptions holds a `raise` or `assert` that depends on a tensor: "
            "whether it happens is known when the program runs, when no `__exit__` can be asked. Received: "
            f"{self.manager!r}. Use `try`/`except`, `contextlib.suppress`, or `if`, or put the `with` around the call of "
            "the compiled function.", see="value-needed-while-tracing")


def _may_swallow(manager: Any) -> bool:
    """True if the manager's own code may stop an exception: `__exit__` returns something, or a generator catches it."""
    if isinstance(manager, contextlib.ExitStack):
        inner = [getattr(c, "__self__", None) for _, c in manager._exit_callbacks]  # type: ignore[attr-defined]
        return any(isinstance(i, contextlib.suppress) or i is not None and _may_swallow(i) for i in inner)
    generator = getattr(manager, "gen", None)
    if isinstance(generator, types.GeneratorType):  # contextlib.contextmanager
        return not is_installed(generator.gi_code.co_filename) and any(
            i.opname == "CHECK_EXC_MATCH" for i in dis.get_instructions(generator.gi_code))
    leave = getattr(type(manager), "__exit__", None)
    if type(leave) is not types.FunctionType:
        return False
    instructions = list(dis.get_instructions(leave.__code__))
    returned = [before.argval if before.opname == "LOAD_CONST" else None if i.opname == "RETURN_CONST" else ...
                for before, i in zip(instructions, instructions[1:]) if i.opname in ("RETURN_VALUE", "RETURN_CONST")]
    returned += [i.argval for i in instructions if i.opname == "RETURN_CONST"]
    if is_installed(leave.__code__.co_filename):  # most that return what others returned swallow nothing
        return True in returned
    return any(r is not None and r is not False for r in returned)


class _Suppressing(catching):
    """`contextlib.suppress` catches as a handler does."""

    def __exit__(self, *exception: Any) -> bool:
        super().__exit__(*exception)
        kind = exception[0]
        return kind is not None and issubclass(kind, tuple(self.kinds())) and not issubclass(kind, errors.StagingError)


def context(manager: Any) -> Any:
    """What `with manager:` enters and leaves."""
    if type(manager) is contextlib.suppress:
        return _Suppressing(lambda: manager._exceptions)  # type: ignore[attr-defined]
    leave = getattr(type(manager), "__exit__", None)
    if _trace() is None or isinstance(leave, types.FunctionType) and is_internal(leave.__code__.co_filename):
        return manager
    enter, leave = calls.user_method(manager, "__enter__"), calls.user_method(manager, "__exit__")
    if enter is not None or leave is not None or isinstance(getattr(type(manager), "__exit__", None), types.FunctionType):
        return _Managed(manager, enter or manager.__enter__, leave or manager.__exit__, leave is not None)
    return manager
