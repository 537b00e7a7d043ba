"""The one interception point. Every op passes through `bind`; who stands there decides what happens.

Eager execution, tracing and graph building are `Interpreter`s: exactly one is current in a thread. Tapes are
`Recorder`s: any number may be listening, and each sees an operation after the interpreter has carried it out.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from treadle.ir.op import Op


class Interpreter(ABC):
    """Carries out operations: by running them, or by adding them to a graph."""

    is_eager = False

    @abstractmethod
    def convert(self, value: Any, hint: Any = None) -> Any:
        """`value` as this interpreter's kind of tensor. `hint` is the dtype that a Python number takes."""

    @abstractmethod
    def is_operand(self, value: Any) -> bool:
        """True if `value` needs no conversion."""

    @abstractmethod
    def execute(self, op: Op, operands: Sequence[Any], attributes: dict[str, Any]) -> tuple[Any, ...]:
        """Carry out one operation and return its results."""

    def cotangents(self, op: Op, g: Sequence[Any], y: Sequence[Any], operands: Sequence[Any],
                   attributes: dict[str, Any], needed: Sequence[bool]) -> Sequence[Any]:
        """The cotangents of an operation's operands. An interpreter may have a quicker way than op by op."""
        return op.cotangents(g, y, operands, attributes, needed)


class TakeOver(Exception):
    """Raised by `convert` for an operand that belongs to another interpreter: the op is carried out there."""

    def __init__(self, interpreter: Interpreter):
        self.interpreter = interpreter


class Recorder(ABC):
    """Watches operations go by: a gradient tape."""

    @abstractmethod
    def watches(self, operands: Sequence[Any]) -> bool:
        """True if any of `operands` matters to this recorder."""

    @abstractmethod
    def record(self, op: Op, operands: Sequence[Any], attributes: dict[str, Any], results: Sequence[Any]) -> None:
        """Take note of an operation that was carried out."""


class _State(threading.local):
    interpreter: Interpreter = None  # type: ignore[assignment]
    recorders: tuple[Recorder, ...] = ()


state = _State()


def set_default_interpreter(interpreter: Interpreter) -> None:
    """The interpreter of a thread that entered no other. Set once, by the runtime."""
    _State.interpreter = interpreter


@contextmanager
def interpreting(interpreter: Interpreter) -> Iterator[None]:
    """Make `interpreter` current. Recorders outside do not see what happens inside."""
    before = state.interpreter, state.recorders
    state.interpreter, state.recorders = interpreter, ()
    try:
        yield
    finally:
        state.interpreter, state.recorders = before


@contextmanager
def recorders(listening: tuple[Recorder, ...]) -> Iterator[None]:
    """Make exactly `listening` the current recorders."""
    before = state.recorders
    state.recorders = listening
    try:
        yield
    finally:
        state.recorders = before


def bind(op: Op, operands: Sequence[Any], attributes: dict[str, Any]) -> tuple[Any, ...]:
    """Carry out one operation under the current interpreter, and show it to the recorders."""
    current = state
    if not current.recorders:
        return current.interpreter.execute(op, operands, attributes)
    watching = [r for r in current.recorders if r.watches(operands)]
    if not watching:
        return current.interpreter.execute(op, operands, attributes)
    if op.with_residuals is None:
        results = current.interpreter.execute(op, operands, attributes)
        visible = len(results)
    else:
        # An op that holds graphs is carried out in a form that keeps what its gradient will need. It may take further
        # operands: a loop its counter.
        attributes, visible, operands = op.with_residuals(operands, attributes)
        results = current.interpreter.execute(op, operands, attributes)
    for recorder in watching:
        recorder.record(op, operands, attributes, results)
    return results[:visible]
