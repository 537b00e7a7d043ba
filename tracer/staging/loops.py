"""Loops over tensors: the body is traced and becomes the graph of a `while` or a `scan`.

What goes round the loop is found by trial: the body is traced with the variables as they are; those that it changes are
carried, and it is traced again with symbolic tensors in them, until nothing new turns up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from treadle.ir import dtypes, errors, location
from treadle.ir.dims import Dim
from treadle.ir.graph import Value
from treadle.ir.interpreter import interpreting
from treadle.ir.operators import TABLE
from treadle.ir.ops import control
from treadle.ir.passes.nested import holds
from treadle.ir.types import TensorType
from treadle.runtime.interpreter import current
from treadle.runtime.tensor import SymbolicTensor
from treadle.tracer.func_graph import FuncGraph
from treadle.tracer.staging.block import Block, BlockEnds, Operands, as_predicate, blank, closed
from treadle.tracer.staging.branches import agree, raise_later
from treadle.tracer.staging.places import UNDEFINED, Cell, Place, restore, snapshot
from treadle.tracer.staging.values import (
    MaybeUndefined,
    Mismatch,
    Slot,
    Unavailable,
    align,
    fill,
    is_number,
    is_tensor,
    pair,
    shown,
    template_of,
)

_MOST_TRIALS = 16
_KEPT = object()
_INT = TensorType.of(dtypes.int32)
_BOOL = TensorType.of(dtypes.bool_)


def cannot_carry(message: str, where: Any = None, see: str | None = None) -> errors.StagingError:
    """A loop's state is not of a kind that goes round a compiled loop. A loop of known length is then unrolled."""
    error = errors.StagingError(message, where, see=see)
    error.unroll = True  # type: ignore[attr-defined]
    return error


def may_unroll(error: errors.StagingError) -> bool:
    """True if the error is one that unrolling the loop avoids."""
    return getattr(error, "unroll", False)


@dataclass
class Iteration:
    """What a loop does. `body(item)` runs one iteration; `test()` says whether there is another (None: `count` does).

    `rows`: a tensor whose rows are the items, or a list of tensors (then each item is a list of rows), taken from the last
    one if `reverse`; else `item(k)` makes the k-th one (k is an int32 tensor). A body may return a list of tensors if
    `count` decides: `Loop.stacked` holds them in the end, each stacked along a new first axis.
    """

    body: Callable[[Any], Any]
    test: Callable[[], Any] | None = None
    count: Any = None
    rows: Any = None
    item: Callable[[Any], Any] | None = None
    first: Any = None  # the value of `test()` before the loop
    reverse: bool = False
    limited: bool = False

    def limit(self, most: Any) -> None:
        """End the loop after `most` iterations at the latest."""
        self.limited = True
        if isinstance(self.rows, list):
            return
        if isinstance(self.count, int) and isinstance(most, int):
            self.count = min(self.count, most)
            if self.rows is not None:
                self.rows = self.rows[:self.count]
            return
        if self.rows is not None:
            tensor, self.rows = self.rows, None
            self.item = lambda k: control.dynamic_row(tensor, k)
        count = TABLE["from_size"](size=self.count, dtype=dtypes.int32) if isinstance(self.count, Dim) else self.count
        self.count = most if count is None else TABLE["minimum"](count, most)

    @property
    def is_scan(self) -> bool:
        """True if the number of iterations is known when the program is compiled."""
        return self.test is None and isinstance(self.count, (int, Dim))


@dataclass
class _Place:
    """A place that the loop may change: its value before, and how it goes round."""

    place: Place
    before: Any
    live: bool             # an iteration may read it before it binds it
    numbers: bool          # its Python numbers are carried as tensors
    entering: Any = None   # in place of `before`: for what is not bound on every path
    dtypes: dict[int, Any] = field(default_factory=dict)  # of numbers, where the body asks for another than theirs
    # Of one trial:
    template: Any = None   # None: it enters the body as it is
    start: int = 0         # its first slot
    written: list[Any] = field(default_factory=list)  # the slots' initial values as they were written
    after: Any = None      # what it holds in the end: a template over the results, or _KEPT
    first_bound: bool = False
    lost: str | None = None


class Loop:
    """Stages one loop over the variables `places`."""

    def __init__(self, places: Sequence[Place], live: Sequence[str], stepped: Sequence[str], name: str = "body"):
        self.trace: FuncGraph = current()  # type: ignore[assignment]
        self.where = location.user_location()
        self.name = name
        self.states = [_Place(p, v, p.name in live, p.name in stepped) for p, v in zip(places, snapshot(list(places)))]
        self.keys = {p.key for p in places}
        self.rotated = False
        self.stacked: list[Any] = []

    def run(self, iteration: Iteration) -> None:
        """Trace, emit the op, and leave the places with their values after the loop."""
        try:
            noted = self.trace.report.mark()
            for _ in range(_MOST_TRIALS):
                self.trace.report.back_to(noted)
                if self._trial(iteration):
                    break
            else:
                self._refuse(self.states[0].place.name, "it changes its kind from one iteration to the next")
        except BaseException:
            self._restore()
            raise
        self._restore()
        self._emit(iteration)

    def _restore(self) -> None:
        restore([s.place for s in self.states], [s.before for s in self.states])

    def _refuse(self, name: str, why: str) -> Any:
        subject = name if name.startswith("a ") else f"`{shown(name)}`"
        raise cannot_carry(
            f"A loop on a tensor keeps the kind, dtype and shape of what it changes. Received: {subject}: {why}. Convert "
            "or pad it before the loop, collect results in a `tf.TensorArray`, or loop over a Python `range`, which is "
            "unrolled.", self.where, see="loop-state-that-changes")

    # --- one trial ---

    def _trial(self, iteration: Iteration) -> bool:
        """Trace the body once. False if what it carries was not guessed right; the guess is better then."""
        self.initial: list[Any] = []
        for state in self.states:
            self._enter(state)
        self.body = body = Block(f"{self.trace.name}_{self.name}", self.trace)
        self.slots = [SymbolicTensor(Value(t.type, None, 0, f"s{i}"), body) for i, t in enumerate(self.initial)]
        self.counter = SymbolicTensor(Value(_INT, None, 0, "k"), body)
        body.counter, body.runs_all = self.counter.value, iteration.is_scan
        body.count = iteration.count if isinstance(iteration.count, (int, Dim)) else None
        self.go = Value(_BOOL, None, 0, "go")
        self.rows = [] if iteration.rows is None else iteration.rows if isinstance(iteration.rows, list) else [iteration.rows]
        self.row = [SymbolicTensor(Value(r.type.with_shape(r.type.shape[1:]), None, 0, "row"), body) for r in self.rows]
        self.yielded: list[Any] = []
        self.next_go: Any = None
        try:
            self._fill(self.slots)
            with interpreting(body):
                self.ended = self._run_body(iteration)
                complete = self._compare(self.ended)
            if body.limit is not None and not iteration.limited:
                iteration.limit(body.limit)
                return False
            if complete and not self.rotated and iteration.test is not None:
                complete = self._trace_test(iteration)
            return complete
        finally:
            body.undo()
            self._restore()

    def _enter(self, state: _Place) -> None:
        """Decide how a place enters the body, and give its tensors slots."""
        value = state.before if state.entering is None else state.entering
        state.template, state.lost, state.start, state.first_bound = None, None, len(self.initial), False
        if value is UNDEFINED or isinstance(value, Unavailable):
            return
        found: list[Any] = []
        template = template_of(value, found, numbers=state.numbers or isinstance(value, MaybeUndefined))
        if not found:
            return
        state.template = fill(template, lambda i: Slot(i + state.start))
        for i, leaf in enumerate(found):
            self.initial.append(self.trace.convert(leaf, state.dtypes.get(i)))
        state.written = found

    def _fill(self, symbols: Sequence[Any]) -> None:
        for state in self.states:
            entering = state.before if state.entering is None else state.entering
            state.place.set(entering if state.template is None else fill(state.template, symbols.__getitem__))

    def _run_body(self, iteration: Iteration) -> bool:
        """Run an iteration; True if it ends by raising."""
        item: Any = self.row if isinstance(iteration.rows, list) else self.row[0] if self.row else None
        if iteration.item is not None:
            item = iteration.item(self.counter)
        try:
            self.yielded = [self.body.convert(y) for y in iteration.body(item) or ()]
            if self.rotated:
                self.next_go = as_predicate(self.body.convert(iteration.test())).value  # type: ignore[misc]
        except BlockEnds:
            return True
        except NameError as error:
            # In a loop that may run no iteration it waits for the program to get there.
            if iteration.is_scan:
                raise
            raise_later(error)
            return True
        return False

    def _compare(self, ended: bool) -> bool:
        """Compare what the places hold after the body with what went in."""
        fresh = [(p, v) for k, (p, v) in self.body.changed.items() if k not in self.keys]
        for place, value in fresh:
            self.states.append(_Place(place, value, True, True))
            self.keys.add(place.key)
        if fresh:
            return False
        self.results: list[Any] = list(self.slots)  # the slots' values after an iteration
        self.only_after: list[Any] = []             # values that nobody carries in
        if ended:
            for state in self.states:
                state.after = _KEPT if state.template is None else state.template
            return True
        good = True
        for state in self.states:
            now = state.place.get()
            good = (self._compare_python(state, now) if state.template is None else self._compare_carried(state, now)) and good
        return good

    def _compare_python(self, state: _Place, now: Any) -> bool:
        """A place that went in as a Python value, or unbound."""
        place, old = state.place, state.before
        state.after = _KEPT
        if now is old:
            return True
        may_be_new = not state.live and isinstance(place, Cell)
        if old is UNDEFINED or isinstance(old, Unavailable):
            if isinstance(now, MaybeUndefined) and old is UNDEFINED:
                return self._carry_undefined(state, now)
            return self._first_bound(state, now)
        slots: list[list[Any]] = []
        try:
            template = align([old, now], slots, place.name)
        except Mismatch as mismatch:
            if may_be_new:
                state.lost = f"it is {mismatch}"
                return True
            return self._refuse(place.name, f"it is {mismatch}, before and after an iteration")
        if isinstance(template, Unavailable):
            state.lost = template.reason
            return True
        if not slots:
            return True
        if state.numbers:
            return self._refuse(place.name, "its kind changes from one iteration to the next")
        state.numbers = True
        return False

    def _first_bound(self, state: _Place, now: Any) -> bool:
        """A variable bound in the body only: what it holds in the end is the last iteration's."""
        found: list[Any] = []
        template = template_of(now, found, numbers=False)
        if not found and not isinstance(now, (bool, int, float, complex, str, bytes, type(None))):
            state.lost = "it is a Python object made in a loop that may run no iteration"
            return True
        start = len(self.slots) + len(self.only_after)
        self.only_after.extend(self.body.convert(leaf) for leaf in found)
        state.after, state.first_bound = fill(template, lambda i: Slot(i + start)), True
        return True

    def _carry_undefined(self, state: _Place, now: MaybeUndefined) -> bool:
        """A variable that some iterations bind: carried from zeros, with a flag that says whether it is bound yet."""
        found: list[Any] = []
        template = template_of(now.value, found, numbers=True)
        types = [(t if is_tensor(t) else self.body.convert(t)).type for t in found]
        with interpreting(self.trace):
            blanks = [blank(t) for t in types]
        state.entering = MaybeUndefined(now.name, fill(template, blanks.__getitem__), False)
        return False

    def _compare_carried(self, state: _Place, now: Any) -> bool:
        place = state.place
        state.after = state.template
        try:
            if now is UNDEFINED:
                raise Mismatch("deleted by an iteration")
            pairs = pair(state.template, now)
        except Mismatch as mismatch:
            if not state.live and isinstance(place, Cell):
                state.lost = f"it is {mismatch}"
                return True
            if not state.numbers:
                state.numbers = True
                return False
            return self._refuse(place.name, f"it is {mismatch}, before and after an iteration")
        good = True
        for index, result in pairs:
            symbol = self.slots[index]
            try:
                if not is_tensor(result):
                    if not is_number(result):
                        raise Mismatch(f"a tensor of type {symbol.type} or {result!r}")
                    agree([symbol, result])
                    result = self.body.convert(result, symbol.dtype)
                result = self.body.convert(result)
                if result.type is not symbol.type:
                    written = state.written[index - state.start]
                    place_dtype = state.dtypes.get(index - state.start)
                    if is_number(written) and result.type.shape == symbol.type.shape and place_dtype is None:
                        agree([result, written])
                        state.dtypes[index - state.start] = result.dtype
                        good = False
                        continue
                    raise Mismatch(f"a tensor of type {symbol.type} or of type {result.type}")
            except Mismatch as mismatch:
                if not state.live and isinstance(place, Cell):
                    state.lost = f"it is {mismatch}"
                    return good
                return self._refuse(place.name, f"it is {mismatch}, before and after an iteration")
            self.results[index] = result
        return good

    # --- the test ---

    def _trace_test(self, iteration: Iteration) -> bool:
        """The condition's own graph. A test that changes something moves to the end of the body instead."""
        test = Block(f"{self.trace.name}_test", self.trace)
        self.test = test
        self.test_slots = [SymbolicTensor(Value(t.type, None, 0, f"s{i}"), test) for i, t in enumerate(self.initial)]
        self.test_counter = SymbolicTensor(Value(_INT, None, 0, "k"), test)
        places = [s.place for s in self.states]
        try:
            self._fill(self.test_slots)
            before = snapshot(places)
            with interpreting(test):
                value = as_predicate(test.convert(iteration.test()))  # type: ignore[misc]
                if iteration.count is not None:
                    value = TABLE["logical_and"](TABLE["less"](self.test_counter, iteration.count), value)
            changed = any(a is not b for a, b in zip(before, snapshot(places))) or test.changed
        finally:
            test.undo()
            self._restore()
        known: dict = {}
        impure = changed or any(s.assigned for s in test.variables.values()) or any(
            holds(o, frozenset({"effect"}), known) for o in test.graph.operations)
        self.condition = value.value
        if impure:
            self.rotated = True
        return not impure

    # --- the op ---

    def _emit(self, iteration: Iteration) -> None:
        trace, body, count = self.trace, self.body, iteration.count
        scan = iteration.is_scan
        blocks = [body]
        if not scan and not self.rotated:
            if iteration.test is None:  # only the count decides
                self._count_test(count)
            blocks.append(self.test)
        elif not scan:
            self._go_test(count)
            blocks.append(self.test)
        for known in body.variables.values():
            if known.assigned and known.variable.dtype.is_differentiable:
                body.reread_input(known, known.variable._as_tensor())
        operands = Operands(trace, blocks)
        # (initial value, input of the body, output of the body, input of the test), in the order of the operands
        carried: list[tuple[Any, Value, Value, Value]] = []
        unused = [Value(s.type, None, 0, "unused") for s in self.slots]
        test_slots = unused if scan else [s.value for s in self.test_slots]
        for i, symbol in enumerate(self.slots):
            carried.append((self.initial[i], symbol.value, self.results[i].value, test_slots[i]))
        for result in self.only_after:
            unset = [Value(result.type, None, 0, "unset") for _ in range(2)]
            carried.append((blank(result.type), unset[0], result.value, unset[1]))
        ran = len(carried)
        surely = scan and isinstance(count, int) and count > 0
        if not surely and any(s.first_bound for s in self.states):
            first = trace.convert(False)
            carried.append((first, Value(_BOOL, None, 0, "ran"), body.as_value(True), Value(_BOOL, None, 0, "ran")))
        if count is not None and iteration.rows is None:
            with interpreting(body):
                next_k = TABLE["add"](self.counter, 1).value
            k = Value(_INT, None, 0, "k") if scan else self.test_counter.value
            carried.append((trace.convert(0), self.counter.value, next_k, k))
        if self.rotated:
            stop = self.next_go if self.next_go is not None else body.as_value(False)
            carried.append((trace.convert(iteration.first), self.go, stop, self.test_go))
        for key, variable in operands.assigned.items():
            at_start = Operands.variable_input(body, key, variable)
            in_test = Value(variable.type, None, 0, "unused") if scan else Operands.variable_input(self.test, key, variable)
            carried.append((trace.read_variable(variable), at_start, Operands.variable_output(body, key, at_start), in_test))
        invariants = operands.tensors(operands.assigned)
        inputs = [c[1] for c in carried] + operands.inputs(body, operands.assigned)
        initial = [c[0] for c in carried]
        outputs = [c[2] for c in carried]
        if scan:
            rows = [trace.convert(r) for r in self.rows]
            graph = closed(body, inputs + [r.value for r in self.row], outputs + [y.value for y in self.yielded])
            results = control.scan([*initial, *invariants, *rows], body=graph, carried=len(carried), scanned=len(rows),
                                   length=count, reverse=iteration.reverse)
            self.stacked = list(results[len(carried):])
        else:
            test = closed(self.test, [c[3] for c in carried] + operands.inputs(self.test, operands.assigned), [self.condition])
            results = control.while_([*initial, *invariants], condition=test, body=closed(body, inputs, outputs),
                                     carried=len(carried))
        for variable, value in zip(operands.assigned.values(), results[len(carried) - len(operands.assigned):]):
            trace.assign_variable(variable, value)
        self._leave(results, True if surely else results[ran] if len(carried) > ran else False)

    def _count_test(self, count: Any) -> None:
        self.test = test = Block(f"{self.trace.name}_test", self.trace)
        self.test_slots = [SymbolicTensor(Value(s.type, None, 0, "unused"), test) for s in self.slots]
        self.test_counter = SymbolicTensor(Value(_INT, None, 0, "k"), test)
        with interpreting(test):
            self.condition = TABLE["less"](self.test_counter, count).value

    def _go_test(self, count: Any) -> None:
        """The test of a rotated loop: the flag that the body computed, and the count if there is one."""
        self.test = test = Block(f"{self.trace.name}_test", self.trace)
        self.test_slots = [SymbolicTensor(Value(s.type, None, 0, "unused"), test) for s in self.slots]
        self.test_counter = SymbolicTensor(Value(_INT, None, 0, "k"), test)
        self.test_go = Value(_BOOL, None, 0, "go")
        self.condition = self.test_go
        if count is not None:
            with interpreting(test):
                less = TABLE["less"](self.test_counter, count)
                self.condition = TABLE["logical_and"](less, SymbolicTensor(self.test_go, test)).value

    def _leave(self, results: Sequence[Any], ran: Any) -> None:
        """Give the places their values after the loop; `ran` says whether there was an iteration."""
        for state in self.states:
            place = state.place
            if state.lost is not None:
                place.set(Unavailable(place.name, state.lost, self.where))
            elif state.after is not _KEPT:
                value = fill(state.after, results.__getitem__)
                place.set(MaybeUndefined(place.name, value, ran) if state.first_bound and ran is not True else value)
