"""Effects become values, so that XLA can compile them: the last stage before lowering.

    graph f(%x: f32[2]) -> (f32[2]) {          graph f(%x: f32[2]) -> (f32[2], i32[]) {
      check(%ok, %x) {failure=...}               %0 = select(%ok, 0, 1) : i32[]
      print(%x) {writer=...}             ->      %1 = host_call(%0, %x) {function=print} : i32[]
      return %x                                  return %x, %1
    }                                          }

One int32, the code, goes through the program in its order: 0 says that all is well, k that the k-th check failed, a
negative number that a Python function raised an exception. The first failure stays; after it checks, prints and host
calls do nothing, and loops end. The code is one more value that loops carry, that branches and calls take and return.
Also checked are the preconditions of ordinary operations (their `valid` rule).

Whoever runs the program reads the code, its last output. With `updated`, the graph's first outputs are the new values of
its first inputs: after a failure they are the old ones. The first checks of a program need no code if numpy can do them
beforehand (`early_checks.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from treadle.ir import errors
from treadle.ir.attributes import attribute_key
from treadle.ir.builder import GraphBuilder, append
from treadle.ir.graph import Graph, Operation, Value
from treadle.ir.interpreter import interpreting
from treadle.ir.location import Location
from treadle.ir.op import Op
from treadle.ir.ops.arrays import reshape
from treadle.ir.ops.control import cond, scan, while_
from treadle.ir.ops.effects import CODE, HostCall, check, host_call
from treadle.ir.ops.elementary import is_finite
from treadle.ir.ops.elementwise import cast
from treadle.ir.ops.indexing import gather_rows
from treadle.ir.ops.logic import equal, logical_and, logical_or, not_equal
from treadle.ir.ops.reductions import argmax, reduce_all
from treadle.ir.ops.rules import show
from treadle.ir.ops.select import select
from treadle.ir.ops.structure import call, call_with_gradient, constant_value, vectorized_call
from treadle.ir.passes.dead_code import dead_code
from treadle.ir.passes.early_checks import EarlyChecks
from treadle.ir.rewrite import with_operands


class Settings(NamedTuple):
    """Which checks a program has besides those that belong to its meaning.

    `checks`: the debugging checks and the preconditions of operations; `numerics`: that no operation gives Inf or NaN.
    """

    checks: bool = True
    numerics: bool = False


VALUES, NUMBERS = "values", "numbers"  # what a check may be about besides a `check` operation's condition


class Site(NamedTuple):
    """One check of a program: where it stands, and what to say if it fails."""

    location: Location | None
    text: str
    about: str = ""


class Threaded(NamedTuple):
    """A graph without effects. If `has_code`, its last output is the code; a code k > 0 means `sites[k - 1]`.

    `early` are the checks to be done before: what fails there has such a number, too.
    """

    graph: Graph
    has_code: bool = False
    sites: Sequence[Site] = ()
    calls_host: bool = False
    early: EarlyChecks = EarlyChecks()


def thread_effects(graph: Graph, updated: int = 0, settings: Settings = Settings(),
                   arguments: Sequence[Value] = ()) -> Threaded:
    """The graph with its effects as values; the same graph if it has none.

    Args:
        updated: how many of the first outputs are new values of the first inputs.
        settings: which checks there are.
        arguments: the inputs that numpy may look at before the program starts.
    """
    threader = _Threader(settings, EarlyChecks(arguments))
    if not threader.concerns(graph):
        return Threaded(graph)
    new = Graph(graph.name, graph.inputs)
    builder = _Sharing(new)
    with interpreting(builder):
        start = threader.start = builder.convert(0, CODE.dtype)
        outputs, code = threader.thread(graph, new, {}, start)
    if code is start:  # no check can fail, or none is wanted, or all are done before
        if not threader.early and not any("effect" in o.op.traits for o in graph.operations):
            return Threaded(graph)
        new.outputs = outputs
        return Threaded(dead_code(new), False, tuple(threader.sites), early=threader.early)
    new.outputs = [*outputs, code]
    if updated:
        _keep_old_values(new, updated)
    return Threaded(new, True, tuple(threader.sites), threader.calls_host, threader.early)


def _keep_old_values(graph: Graph, updated: int) -> None:
    """Make the first outputs those inputs that stand in their places, if the code is not 0.

    What the code needs moves to the front, so that the other operations can go on with what was selected. If they went on
    with the new value of Adam's moment, XLA would compute it twice, from the old value, which it would copy first: an MLP's
    step (784-256-256-10, batch 64, 2 CPU cores) took 1.35 times as long as without checks, so 1.0 times.
    """
    code = graph.outputs[-1]
    needed: set[Operation] = set()
    stack = [code]
    while stack:
        producer = stack.pop().producer
        if producer is not None and producer not in needed:
            needed.add(producer)
            stack.extend(producer.operands)
    others = [o for o in graph.operations if o not in needed]
    graph.operations = [o for o in graph.operations if o in needed]
    outputs = list(graph.outputs)
    places: dict[Value, list[int]] = {}  # of the new values among the outputs
    for place, (new, old) in enumerate(zip(outputs[:updated], graph.inputs)):
        if new is not old:
            places.setdefault(new, []).append(place)
    values: dict[Value, Value] = {}  # what stands for a value from here on
    with interpreting(GraphBuilder(graph)):
        well = equal(code, 0)
        for new, found in places.items():
            if new.producer is None or new.producer in needed:
                for place in found:
                    outputs[place] = select(well, new, graph.inputs[place])
        for operation in others:
            results = operation.results
            operands = tuple([values.get(o, o) for o in operation.operands])
            if operands != operation.operands:
                operation = with_operands(operation, operands, values)
            graph.operations.append(operation)
            for old, new in zip(results, operation.results):
                for place in places.get(old, ()):
                    outputs[place] = values[old] = select(well, new, graph.inputs[place])
    selected = {place for found in places.values() for place in found}
    graph.outputs = [v if i in selected else values.get(v, v) for i, v in enumerate(outputs)]


class _Sharing(GraphBuilder):
    """A builder that makes each operation once. Tests of the same indices are then the same value."""

    def __init__(self, graph: Graph):
        super().__init__(graph)
        self._made: dict[Any, tuple[Value, ...]] = {}

    def execute(self, op: Op, operands: Sequence[Any], attributes: dict[str, Any]) -> tuple[Value, ...]:
        key = (op, *operands, *map(attribute_key, attributes.values()))
        if key not in self._made:
            self._made[key] = super().execute(op, operands, attributes)
        return self._made[key]

    def convert(self, value: Any, hint: Any = None) -> Value:
        key = (type(value), value, hint)
        if isinstance(value, (bool, int, float)):
            if key not in self._made:
                self._made[key] = (super().convert(value, hint),)
            return self._made[key][0]
        return super().convert(value, hint)


class _Threader:
    """The state of one run of the pass: the checks met so far."""

    def __init__(self, settings: Settings, early: EarlyChecks):
        self.settings, self.early = settings, early
        self.start: Value | None = None  # the code before the first check of the program
        self.sites: list[Site] = []
        self.calls_host = False
        self._concerns: dict[Graph, bool] = {}
        self._nested: dict[Any, Graph] = {}

    def concerns(self, graph: Graph) -> bool:
        """True if the graph, or one nested in it, may have something to thread."""
        if graph not in self._concerns:
            self._concerns[graph] = any(
                "effect" in o.op.traits or any(self.concerns(g) for g in o.graphs)
                or (self.settings.checks and o.op.valid is not None) or self._checks_numbers(o)
                for o in graph.operations)
        return self._concerns[graph]

    def thread(self, graph: Graph, into: Graph, values: dict[Value, Value], code: Value) -> tuple[list[Value], Value]:
        """Copy the graph's operations into another one; returns the outputs and the code after them.

        The current interpreter builds `into`.
        """
        checked: set[Value] = set()
        for operation in graph.operations:
            operands = tuple([values.get(o, o) for o in operation.operands])
            op = operation.op
            if op is check:
                failure = operation.attributes["failure"]
                if failure.required or self.settings.checks:
                    code = self._check(operands[0], code, Site(operation.location, failure.text), checked)
            elif op.host is not None:
                code = self._call_host(operation, operands, values, into, code)
            elif any(self.concerns(g) for g in operation.graphs):
                results, code = self._call_graphs(operation, operands, code)
                values.update(zip(operation.results, results))
            else:
                if op.valid is not None and self.settings.checks:
                    valid = op.valid(*operands, **operation.attributes)
                    if valid is not None:
                        text = f"`{op.name}` received a value that is not allowed."
                        code = self._check(valid, code, Site(operation.location, text, VALUES), checked)
                if operands != operation.operands:
                    operation = with_operands(operation, operands, values)
                into.operations.append(operation)
                if self._checks_numbers(operation):
                    for result in operation.results:
                        if result.dtype.is_floating:
                            site = Site(operation.location, f"`{op.name}` gave Inf or NaN.", NUMBERS)
                            code = self._check(_all_finite(result), code, site, checked)
        return [values.get(v, v) for v in graph.outputs], code

    def _checks_numbers(self, operation: Operation) -> bool:
        return self.settings.numerics and checks_numbers(operation.op)

    def _check(self, valid: Value, code: Value, site: Site, checked: set[Value]) -> Value:
        known = constant_value(valid)
        if valid in checked or known is not None and bool(known):
            return code
        checked.add(valid)
        self.sites.append(site)
        if code is self.start and self.early.add(valid, len(self.sites)):
            return code
        return select(logical_or(valid, not_equal(code, 0)), code, len(self.sites))

    def _call_host(self, operation: Operation, operands: Sequence[Value], values: dict[Value, Value], into: Graph,
                   code: Value) -> Value:
        self.calls_host = True
        function = HostCall(operation.op, operation.attributes, [r.type for r in operation.results], operation.location)
        done = append(into, host_call, [code, *operands], {"function": function}, operation.location)
        values.update(zip(operation.results, done.results[1:]))
        return done.results[0]

    def _graph(self, graph: Graph, place_in: int, place_out: int) -> Graph:
        """The graph with the code as one more input and output, at the given places."""
        key = (graph, place_in, place_out)
        if key not in self._nested:
            inputs = [Value(v.type, None, 0, v.name) for v in graph.inputs]
            code = Value(CODE, None, 0, "code")
            values = dict(zip(graph.inputs, inputs))
            inputs.insert(place_in, code)
            for i, value in enumerate(inputs):
                value.index = i
            new = Graph(graph.name, inputs)
            with interpreting(_Sharing(new)):
                new.outputs, code = self.thread(graph, new, values, code)
            new.outputs.insert(place_out, code)
            self._nested[key] = new
        return self._nested[key]

    # --- operations that hold graphs: the results, and the code after them ---

    def _call_graphs(self, operation: Operation, operands: Sequence[Value], code: Value) -> tuple[list[Value], Value]:
        """The operation with the code going through its graphs."""
        rule: Any = {call: self._call, call_with_gradient: self._call, cond: self._cond, while_: self._while,
                scan: self._scan, vectorized_call: self._vectorized}[operation.op]
        return rule(list(operands), code, **operation.attributes)

    def _call(self, operands: list[Value], code: Value, *, graph: Graph, linearized: Any = None) -> Any:
        results = call([*operands, code], graph=self._graph(graph, len(graph.inputs), len(graph.outputs)))
        return list(results[:-1]), results[-1]

    def _cond(self, operands: list[Value], code: Value, *, branches: tuple[Graph, ...]) -> Any:
        threaded = tuple([self._graph(b, len(b.inputs), len(b.outputs)) for b in branches])
        results = cond([*operands, code], branches=threaded)
        return list(results[:-1]), results[-1]

    def _while(self, operands: list[Value], code: Value, *, condition: Graph, body: Graph, carried: int) -> Any:
        new = self._graph(body, carried, carried)
        operands.insert(carried, code)
        if not self.concerns(condition):
            results = while_(operands, condition=_and_well(condition, carried), body=new, carried=carried + 1)
            return list(results[:carried]), results[carried]
        # A condition returns no code. It is asked before the loop and at the end of the body; the loop carries the answer.
        asked = self._graph(condition, carried, 1)
        more, code = call(operands, graph=asked)
        operands[carried:carried + 1] = [code, more]
        results = while_(operands, condition=_answer(operands, carried), body=_and_ask(new, asked, carried),
                         carried=carried + 2)
        return list(results[:carried]), results[carried]

    def _scan(self, operands: list[Value], code: Value, *, body: Graph, carried: int, **attributes: Any) -> Any:
        operands.insert(carried, code)
        results = list(scan(operands, body=self._graph(body, carried, carried), carried=carried + 1, **attributes))
        return results[:carried] + results[carried + 1:], results[carried]

    def _vectorized(self, operands: list[Value], code: Value, *, graph: Graph, mapped: tuple[bool, ...]) -> Any:
        """One row after the other if Python is called, as eagerly; else all rows together, of whose codes the first counts."""
        length = next(o.type.shape[0] for o, m in zip(operands, mapped) if m)
        new = self._graph(graph, len(graph.inputs), len(graph.outputs))
        if any("effect" in o.op.traits for o in new.walk()):
            ordered = sorted(range(len(operands)), key=lambda i: mapped[i])  # what is mapped last
            body = Graph(graph.name, [new.inputs[-1], *(new.inputs[i] for i in ordered)], new.operations,
                         [new.outputs[-1], *new.outputs[:-1]])
            results = list(scan([code, *(operands[i] for i in ordered)], body=_copied(body), carried=1,
                                scanned=sum(mapped), length=length))
            return results[1:], results[0]
        *results, codes = vectorized_call([*operands, code], graph=new, mapped=(*mapped, False))
        if length == 0:
            return results, code
        found = argmax(cast(not_equal(codes, 0), dtype=CODE.dtype), axis=0)
        return results, reshape(gather_rows(codes, found, axis=0), shape=())


def _copied(graph: Graph) -> Graph:
    copied = Graph(graph.name)
    values = {v: copied.add_input(v.type, v.name) for v in graph.inputs}
    for operation in graph.operations:
        copied.operations.append(with_operands(operation, [values[o] for o in operation.operands], values))
    copied.outputs = [values[v] for v in graph.outputs]
    return copied


def _and_well(condition: Graph, place: int) -> Graph:
    """The condition of a loop that also carries the code, at `place`: it must be 0."""
    new = _copied(condition)
    code = Value(CODE, None, place, "code")
    new.inputs.insert(place, code)
    for i, value in enumerate(new.inputs):
        value.index = i
    with interpreting(GraphBuilder(new)):
        new.outputs = [logical_and(new.outputs[0], equal(code, 0))]
    return new


def _answer(operands: Sequence[Value], carried: int) -> Graph:
    """The condition of a loop that carries the code and the answer after `carried` other values."""
    graph = Graph("condition")
    inputs = [graph.add_input(o.type) for o in operands]
    with interpreting(GraphBuilder(graph)):
        graph.outputs = [logical_and(inputs[carried + 1], equal(inputs[carried], 0))]
    return graph


def _and_ask(body: Graph, asked: Graph, carried: int) -> Graph:
    """The body, and after it the condition. Inputs: carried, code, answer, invariants."""
    graph = Graph(body.name)
    inputs = [graph.add_input(v.type, v.name) for v in body.inputs]
    graph.inputs.insert(carried + 1, Value(asked.outputs[0].type, None, 0, "more"))
    for i, value in enumerate(graph.inputs):
        value.index = i
    with interpreting(GraphBuilder(graph)):
        results = call(inputs, graph=body)
        more, code = call([*results, *inputs[carried + 1:]], graph=asked)
    graph.outputs = [*results[:carried], code, more]
    return graph


# --- numbers --------------------------------------------------------------------------------------------------------


def checks_numbers(op: Op) -> bool:
    """True if `enable_check_numerics` looks at what the op returns: if it computes."""
    return op.lower is not None and not op.traits & {"constant", "barrier"} and op.name not in ("identity", "stop_gradient")


def _all_finite(x: Value) -> Any:
    return reduce_all(is_finite(x)) if x.type.shape else is_finite(x)


def numbers_error(op: Op, results: Sequence[Any]) -> errors.InvalidArgumentError:
    """What to raise if one of an operation's floating results, as arrays, holds Inf or NaN."""
    for result in map(np.asarray, results):
        counts = counted(result)
        if any(counts.values()):
            what = " and ".join(k for k, n in counts.items() if n)
            how_many = ", ".join(f"{n} {k}" for k, n in counts.items())
            return errors.InvalidArgumentError(
                f"`{op.name}` gave {what}. Its result is a {result.dtype} tensor of shape {show(result.shape)} with "
                f"{how_many}.")
    return errors.InvalidArgumentError(f"`{op.name}` gave Inf or NaN.")


def counted(array: np.ndarray) -> dict[str, int]:
    """How many of the numbers are -Inf, +Inf and NaN."""
    wide = array.astype(np.float64)
    return {"-Inf": int(np.sum(wide == -np.inf)), "+Inf": int(np.sum(wide == np.inf)), "NaN": int(np.sum(np.isnan(wide)))}
