"""`with` and `try` around staged code: exceptions that wait for the program to get there pass no `__exit__` while tracing."""

from __future__ import annotations

import contextlib
import dis
import types
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from treadle.ir import errors, location
from treadle.ir.interpreter import state
from treadle.tracer.frontend import calls
from treadle.tracer.frontend.convert import is_installed
from treadle.tracer.func_graph import FuncGraph


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


def _holds_since(trace: FuncGraph, start: int, names: set[str]) -> bool:
    """True if an operation of one of the names was staged since `start`, nested graphs included."""
    return any(inner.op.name in names for operation in trace.graph.operations[start:]
               for inner in [operation, *(o for graph in operation.graphs for o in graph.walk())])


class attempted:
    """`with attempted()`: around the body of a `try` with a `finally`. Notes whether a failure was staged in it."""

    def __enter__(self) -> None:
        self.trace = _trace()
        self.start = len(self.trace.graph.operations) if self.trace is not None else 0

    def __exit__(self, *exception: Any) -> None:
        if self.trace is not None:
            self.trace.may_fail.append(_holds_since(self.trace, self.start, {"check"}))


class finally_:
    """`with finally_()`: around the block of a `finally`. A failing program does nothing after its failure: say so."""

    def __enter__(self) -> None:
        self.trace = _trace()
        self.start = len(self.trace.graph.operations) if self.trace is not None else 0

    def __exit__(self, *exception: Any) -> None:
        if self.trace is None or not self.trace.may_fail or not self.trace.may_fail.pop():
            return
        if _holds_since(self.trace, self.start, {"print", "host_function", "check"}):
            where = location.user_location() or location.Location(__file__, 0)
            warnings.warn_explicit(
                "What this `finally` prints, calls or raises is done only if nothing failed before: a compiled program stops "
                "at a failing `raise` or `assert` that depends on a tensor. Put it around the call of the compiled function.",
                UserWarning, where.file, where.line)


class _Managed:
    """A context manager of the user's, whose methods are converted."""

    def __init__(self, manager: Any, enter: Callable, leave: Callable):
        self.manager, self.enter, self.leave = manager, enter, leave
        self.trace: Any = state.interpreter

    def __enter__(self) -> Any:
        self.start = len(self.trace.graph.operations)
        return self.enter()

    def __exit__(self, *exception: Any) -> Any:
        found = self.leave(*exception)
        if _holds_since(self.trace, self.start, {"check"}) and _may_swallow(self.manager):
            raise errors.StagingError(
                "A `with` block whose manager may swallow exceptions holds a `raise` or `assert` that depends on a tensor: "
                "whether it happens is known when the program runs, when no `__exit__` can be asked. Received: "
                f"{self.manager!r}. Use `try`/`except`, `contextlib.suppress`, or `if`, or put the `with` around the call of "
                "the compiled function.", see="value-needed-while-tracing")
        return found


def _may_swallow(manager: Any) -> bool:
    """True if the manager's own code may stop an exception: `__exit__` returns something, or a generator catches it."""
    generator = getattr(manager, "gen", None)
    if isinstance(generator, types.GeneratorType):  # contextlib.contextmanager
        return any(i.opname == "CHECK_EXC_MATCH" for i in dis.get_instructions(generator.gi_code))
    leave = type(manager).__exit__
    if type(leave) is not types.FunctionType or is_installed(leave.__code__.co_filename):
        return False
    instructions = list(dis.get_instructions(leave.__code__))
    returned = [before.argval if before.opname == "LOAD_CONST" else None if i.opname == "RETURN_CONST" else ...
                for before, i in zip(instructions, instructions[1:]) if i.opname in ("RETURN_VALUE", "RETURN_CONST")]
    constants = [i.argval for i in instructions if i.opname == "RETURN_CONST"]
    return any(r is not None and r is not False for r in [*returned, *constants])


class _Suppressing(catching):
    """`contextlib.suppress` catches as a handler does."""

    def __exit__(self, *exception: Any) -> bool:
        super().__exit__(*exception)
        return exception[0] is not None and issubclass(exception[0], tuple(self.kinds()))


def context(manager: Any) -> Any:
    """What `with manager:` enters and leaves."""
    if type(manager) is contextlib.suppress:
        return _Suppressing(lambda: manager._exceptions)  # type: ignore[attr-defined]
    if _trace() is None:
        return manager
    enter, leave = calls.user_method(manager, "__enter__"), calls.user_method(manager, "__exit__")
    if enter is not None and leave is not None:
        return _Managed(manager, enter, leave)
    generator = getattr(manager, "gen", None)
    if isinstance(generator, types.GeneratorType) and not is_installed(generator.gi_code.co_filename):
        return _Managed(manager, manager.__enter__, manager.__exit__)
    return manager
