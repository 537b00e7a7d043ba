"""Checks of nothing but small arguments are done before the program starts, with numpy.

    graph f(%v: f32[9], %i: i32[]) -> (f32[9]) {
      %0 = less(%i, 9)                              before the program, with numpy
      check(%0) {failure=...}
      %1 = add(%v, 1.0)                             the program
      return %1
    }

Such a program computes no code, its new state need not be chosen between old and new, and nobody has to wait for its end
to learn that all was well. On 2 CPU cores the check of 64 labels takes 3 us in a loop by itself, and about 40 us between two
training steps of an MLP (784-256-256-10, batch 64, Adam; 1.1 ms each), where Python's code is out of the caches.

Only where numpy gives what the target gives: comparisons of small integers, and what joins them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from treadle.ir.graph import Value
from treadle.ir.ops.structure import constant_value
from treadle.ir.passes.constant_folding import NUMPY

LARGEST = 4096  # elements of a value
_NOT_BOOLEAN = ("cast", "reshape")  # ops for numpy, from integers to integers, besides those that return booleans


class EarlyChecks:
    """The checks of a program that numpy does, added in the order of the program.

    Args:
        arguments: those inputs of the program that come with each call.
    """

    def __init__(self, arguments: Sequence[Value] = ()):
        self._arguments = {v: place for place, v in enumerate(arguments)}
        self._slots: dict[Value, int | None] = {}  # where a value lies while the checks are done; None: numpy cannot tell
        self._start: list[Any] = []  # the slots before the steps: the constants are there
        self._given: list[tuple[int, int]] = []  # (slot, place of the argument)
        self._steps: list[tuple[int, Callable, list[int], dict[str, Any]]] = []
        self._checks: list[tuple[int, Callable[[Any], Any], int]] = []  # (slot, what must hold of it, number of the check)

    def __bool__(self) -> bool:
        return bool(self._checks)

    def add(self, valid: Value, number: int) -> bool:
        """Take over the check that `valid` is true. False if it is not one for numpy."""
        value, holds = _range(valid) or (valid, bool)
        slot = self._slot(value) if self._arguments else None
        if slot is not None:
            self._checks.append((slot, holds, number))
        return slot is not None

    def failed(self, arrays: Sequence[Any]) -> int:
        """The number of the first check that fails for the arguments' arrays; 0 if none does."""
        values = self._start.copy()
        for slot, place in self._given:
            values[slot] = np.asarray(arrays[place])
        for slot, lower, operands, attributes in self._steps:
            values[slot] = lower(NUMPY, *[values[o] for o in operands], **attributes)
        for slot, holds, number in self._checks:
            if not holds(values[slot]):
                return number
        return 0

    def _slot(self, value: Value) -> int | None:
        if value not in self._slots:
            self._slots[value] = self._new_slot(value)
        return self._slots[value]

    def _new_slot(self, value: Value) -> int | None:
        count, operation = value.type.count, value.producer
        if value.dtype.numpy.kind not in "biu" or not isinstance(count, int) or count > LARGEST:
            return None
        slots: list[int] = []
        lower = None
        if operation is None:
            if value not in self._arguments:
                return None
        elif constant_value(value) is None:
            op = operation.op
            if op.many or op.lower is None or not (
                    value.dtype.is_bool and "exact" in op.traits or op.name in _NOT_BOOLEAN):
                return None
            lower = op.lower
            for operand in operation.operands:
                slot = self._slot(operand)
                if slot is None:
                    return None
                slots.append(slot)
        new = len(self._start)
        self._start.append(constant_value(value))
        if operation is None:
            self._given.append((new, self._arguments[value]))
        elif lower is not None:
            self._steps.append((new, lower, slots, dict(operation.attributes)))
        return new


def _range(valid: Value) -> tuple[Value, Callable[[Any], Any]] | None:
    """What `valid` says if it is "all elements of a value lie in a range": the value, and the test. It is what classes and
    indices are checked for, and worth a test of its own: between two programs Python's code and data are out of the caches, and
    each call costs several times what it does in a loop.
    """
    if not _is(valid, "reduce_all") or not _is(valid.producer.operands[0], "logical_and"):  # type: ignore[union-attr]
        return None
    above, below = valid.producer.operands[0].producer.operands  # type: ignore[union-attr]
    if not _is(above, "greater_equal") or not _is(below, "less"):
        return None
    (value, least), (same, end) = above.producer.operands, below.producer.operands  # type: ignore[union-attr]
    low, high = constant_value(least), constant_value(end)
    if value is not same or low is None or high is None or low.ndim or high.ndim:
        return None
    return value, partial(_lie_in, range(int(low), int(high)))


def _is(value: Value, name: str) -> bool:
    return value.producer is not None and value.producer.op.name == name


def _lie_in(places: range, x: np.ndarray) -> bool:
    return not x.size or bool(places.start <= np.minimum.reduce(x, None) and np.maximum.reduce(x, None) < places.stop)
