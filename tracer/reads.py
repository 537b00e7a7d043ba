"""A `Read`: one thing of Python's state that a trace depends on, how to read it again, and what it was.

How to read is a piece of source text; `treadle.tracer.guard_check` makes one function of those of all readings of a trace.
"""

from __future__ import annotations

import enum
import functools
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from treadle.ir.dtypes import DType
from treadle.ir.location import Location
from treadle.runtime.spec import TensorSpec
from treadle.runtime.tensor import Tensor
from treadle.runtime.tensor_shape import TensorShape
from treadle.runtime.variable import Variable

MISSING: Any = type("Missing", (), {"__repr__": lambda self: "nothing"})()

_NUMBERS = (int, float, complex)
_SIMPLE = (bool, int, float, complex, str, bytes, type(None), slice, range, enum.Enum, DType, TensorShape, TensorSpec,
           np.dtype, np.generic, type(MISSING), type(NotImplemented), type(...))


def is_simple(value: Any) -> bool:
    """True for values that cannot change, and that are the same if they are equal."""
    return isinstance(value, _SIMPLE) or isinstance(value, tuple) and all(map(is_simple, value))


def is_number(value: Any) -> bool:
    """True for Python numbers that may be counters."""
    return isinstance(value, _NUMBERS) and not isinstance(value, bool)


def same(before: Any, now: Any) -> bool:
    """True for one object, and for two simple values that nothing can tell apart (1, 1.0 and True; 0.0 and -0.0 differ)."""
    if before is now:
        return True
    kind = type(before)
    if kind is not type(now):
        return False
    if kind is float:
        return before.hex() == now.hex()
    if kind is complex:
        return same(before.real, now.real) and same(before.imag, now.imag)
    if isinstance(before, tuple):
        return len(before) == len(now) and all(map(same, before, now))
    if isinstance(before, np.generic):
        return before.dtype == now.dtype and before.tobytes() == now.tobytes()
    return isinstance(before, _SIMPLE) and bool(before == now)


class Held:
    """An object that a reading needs. After the trace it is held weakly, if it can be: instances die as they would."""

    __slots__ = ("reference", "strong", "key")

    def __init__(self, value: Any):
        self.key = id(value)
        self.strong = value
        try:
            self.reference: Any = None if isinstance(value, (Tensor, Variable)) else weakref.ref(value)
        except TypeError:
            self.reference = None

    def let_go(self) -> None:
        """Keep the object alive no longer."""
        if self.reference is not None:
            self.strong = None

    def get(self) -> Any:
        """The object; None if it is gone."""
        return self.strong if self.reference is None or self.strong is not None else self.reference()


class Expected:
    """What a reading gave: one value."""

    def __init__(self, value: Any):
        self.simple = is_simple(value)
        self.held = Held(value)
        if self.simple:
            self.held.reference = None
        self.by_value = False  # each reading makes a new object

    def let_go(self) -> None:
        """Keep nothing alive that could die."""
        self.held.let_go()

    def holds(self, now: Any) -> bool:
        """True if the reading gives the same as before. Notes an equal object, to be found quickly next time."""
        before = self.held.get()
        if now is before:
            return now is not None or self.simple
        if not self.simple or not same(before, now):
            return False
        self.held.strong = now
        return True

    def fails(self, found: str, constant: Callable[[Any], str]) -> str:
        """Source text: true if `found`, the text of a local variable, is not what was read."""
        if self.by_value:
            return f"not same({constant(self.held.get())}, {found})"
        if self.held.reference is None:
            return f"{found} is not {constant(self.held.get())}"
        return f"{found} is None or {found} is not {constant(self.held.reference)}()"

    def shown(self) -> str:
        """The value as it was, for people."""
        return shown(self.held.get())


class ExpectedItems(Expected):
    """Several values: what a container held."""

    def __init__(self, values: Any):
        self.items = [Expected(v) for v in values]
        self.by_value = False

    def let_go(self) -> None:
        for item in self.items:
            item.let_go()

    def holds(self, now: Any) -> bool:
        found = list(now)
        return len(found) == len(self.items) and all(i.holds(v) for i, v in zip(self.items, found))

    def fails(self, found: str, constant: Callable[[Any], str]) -> str:
        length = f"len({found}) != {len(self.items)}"
        if not self.items:
            return length
        if all(i.held.reference is None for i in self.items):
            values = constant([i.held.get() for i in self.items])
        else:
            getters = [i.held.reference or functools.partial(_itself, i.held.get()) for i in self.items]
            values = f"map(call, {constant(getters)})"
        return f"{length} or not all(map(is_, {found}, {values}))"

    def shown(self) -> str:
        return f"{len(self.items)} items"


def _itself(value: Any) -> Any:
    return value


class ExpectedBytes(Expected):
    """What a NumPy array held."""

    def __init__(self, array: np.ndarray):
        self.bytes = array.tobytes()
        self.by_value = False

    def let_go(self) -> None:
        pass

    def holds(self, now: Any) -> bool:
        return now.tobytes() == self.bytes

    def fails(self, found: str, constant: Callable[[Any], str]) -> str:
        return f"{found}.tobytes() != {constant(self.bytes)}"

    def shown(self) -> str:
        return "other elements"


class Read:
    """One reading: `source` is its text, with {o} for the object `owner` and {k} for `constant`.

    `label` and `where` tell the user what was read, and at which line. `key` tells readings apart.
    """

    __slots__ = ("key", "owner", "source", "constant", "expected", "label", "where", "assigned")

    def __init__(self, key: tuple, owner: Held, source: str, constant: Any, expected: Expected, label: str,
                 where: Location | None, assigned: bool = False):
        self.key, self.owner, self.source, self.constant = key, owner, source, constant
        self.expected, self.label, self.where = expected, label, where
        self.assigned = assigned  # rather than read: as long as the value is there, assigning it again changes nothing

    def again(self) -> Any:
        """What is there now. Raises what Python raises."""
        return _reader(self.source)(self.owner.get(), self.constant)

    def holds(self) -> bool:
        """True if what is there now is what was there. What died with the object that had it concerns nobody."""
        if self.owner.get() is None:
            return True
        try:
            return self.expected.holds(self.again())
        except Exception:
            return False

    def change(self) -> str:
        """What changed, for people."""
        try:
            now = self.again()
        except Exception:
            now = MISSING
        if isinstance(self.expected, (ExpectedItems, ExpectedBytes)):
            return f"{self.label} changed"
        return f"{self.label} changed from {self.expected.shown()} to {shown(now)}"


@functools.lru_cache(maxsize=4096)
def _reader(source: str) -> Callable[[Any, Any], Any]:
    return eval(f"lambda o, k: {source.format(o='o', k='k')}", {"MISSING": MISSING})


def shown(value: Any) -> str:
    """A value in a message: its kind if its text is long."""
    if value is None or is_simple(value):
        text = repr(value)
    elif hasattr(value, "__qualname__"):
        text = value.__qualname__
    else:
        text = f"a {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."
