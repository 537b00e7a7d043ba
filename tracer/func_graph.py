"""`FuncGraph`: the interpreter under which a Python function runs once, on symbolic tensors, to become a Graph.

Variables are threaded through in SSA form: the first reading adds an input, an assignment replaces the value that
later readings see, and at the end the final values become outputs. Tensors from outside become inputs too.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from treadle.ir import errors, location
from treadle.ir.autodiff import split
from treadle.ir.builder import append, append_constant
from treadle.ir.graph import Graph, Operation, Value
from treadle.ir.interpreter import interpreting, state
from treadle.ir.op import Op
from treadle.ir.operators import TABLE
from treadle.ir.ops.structure import call_with_gradient, reread
from treadle.ir.types import TensorType
from treadle.runtime import convert, nest
from treadle.runtime.eager import EAGER
from treadle.runtime.interpreter import TensorInterpreter
from treadle.runtime.tensor import EagerTensor, SymbolicTensor, from_numpy
from treadle.runtime.variable import Variable
from treadle.tracer.frontend.convert import why_plain
from treadle.tracer.guards import Guards
from treadle.tracer.report import Report
from treadle.tracer.staging.places import Place

_LARGEST_CONSTANT = 1024  # bytes: larger arrays are passed in rather than written into the program


class VariableState:
    """A variable inside a trace: the input that carries its value in, and its value at this point.

    `reread`: that value as readings after an assignment have it.
    """

    __slots__ = ("variable", "input", "now", "assigned", "reread")

    def __init__(self, variable: Variable, input: Value, now: SymbolicTensor):
        self.variable, self.input, self.now, self.assigned = variable, input, now, False
        self.reread: Value | None = None


class FuncGraph(TensorInterpreter):
    """Traces into `graph`. `may_create` says whether variables may be created (on a function's first call).

    `converts`: whether the front end converts the functions that are called. `guards` notes the Python state that the
    trace depends on, `report` what became of the user's lines; a trace inside another shares them with it.
    """

    is_block = False
    front_end: Callable  # (function) -> the converted function; set by the front end, which imports this module

    def __init__(self, name: str, may_create: bool = False, converts: bool | None = None):
        self.name = name
        self.graph = Graph(name)
        self.outer, self.recorders_around = state.interpreter, state.recorders
        self.depth: int = getattr(self.outer, "depth", 0) + 1
        around = self.outer if isinstance(self.outer, FuncGraph) else None
        self.converts: bool = converts if converts is not None else around is not None and around.converts
        self.guards: Guards = around.guards if around is not None and converts is None else Guards()
        self.report: Report = around.report if around is not None and converts is None else Report()
        self.made: dict[int, Any] = {}  # objects made while tracing
        self.handlers: list[Callable] = []  # of the `try` statements that user code is in
        self.finals: list[Callable] = []  # what `finally` and `__exit__` do before a failure leaves them
        self.finished: set[Any] = around.finished if around is not None and self.is_block else set()  # failures that did it
        self.may_fail: list[tuple] = []  # for each `try` whose `finally` is to come: (whether it may fail, why it is refused)
        self.may_create = may_create
        self.created: list[Variable] = []
        self.captures: list[tuple[Any, Value]] = []
        self.variables: dict[int, VariableState] = {}
        self._captured: dict[int, SymbolicTensor] = {}

    def note(self, kind: str, detail: str = "") -> None:
        """Note for `explain` what became of the user's line that is running."""
        self.report.note(location.user_location(), kind, detail)

    def why_plain(self) -> str:
        """Why the user's function that is running has not been converted, as a sentence."""
        frame: Any = sys._getframe(2)
        while frame is not None and location.is_internal(frame.f_code.co_filename):
            frame = frame.f_back
        if not self.converts:
            return "Python control flow is not staged with `autograph=False`. "
        reason = why_plain(frame.f_code) if frame is not None else ""
        return f"Its control flow is not staged because {reason}. " if reason else ""

    def will_change(self, place: Place) -> None:
        """Word that user code is about to change a place."""
        if not getattr(place, "is_local", False):
            self.guards.changed(place, self.made)

    def add_argument(self, type: TensorType, name: str) -> SymbolicTensor:
        """A symbolic tensor for an argument of the function."""
        if type.dtype.is_string:
            raise errors.UnimplementedError(
                f"A compiled function takes no string tensors; XLA has no strings. Received: the argument `{name}`. "
                "Pass a Python string, which is a constant of the trace, or numbers.", see="strings")
        return SymbolicTensor(self.graph.add_input(type, name), self)

    # --- Interpreter ---

    def is_operand(self, value: Any) -> bool:
        return type(value) is SymbolicTensor and value.trace is self

    def execute(self, op: Op, operands: Sequence[Any], attributes: dict[str, Any]) -> tuple[Any, ...]:
        operation = append(self.graph, op, [o.value for o in operands], attributes, location.here())
        return tuple([SymbolicTensor(r, self) for r in operation.results])

    def convert(self, value: Any, hint: Any = None) -> SymbolicTensor:
        if isinstance(value, SymbolicTensor):
            return value if value.trace is self else self._capture_symbolic(value)
        if type(value) is EagerTensor:
            return self._capture(value)
        if isinstance(value, Variable):
            return self.convert(value._as_tensor())
        if isinstance(value, (list, tuple)) and convert.holds_tensor(value):
            return convert.stacked(value, None, hint)  # type: ignore[return-value]
        if hasattr(value, "devices"):  # a jax.Array
            return self._capture(convert.to_eager(value))
        array, dtype = convert.as_numpy(value, None, hint)
        if dtype.is_string:
            raise errors.UnimplementedError(
                f"A compiled function cannot hold strings; XLA has none. Received: {value!r}. Keep strings in Python, "
                "outside of the function.", see="strings")
        if array.nbytes > _LARGEST_CONSTANT:
            return self._capture(from_numpy(array, dtype))
        return SymbolicTensor(append_constant(self.graph, array, location.user_location()), self)

    def _capture(self, tensor: Any) -> SymbolicTensor:
        found = self._captured.get(id(tensor))
        if found is None:
            value = self.graph.add_input(tensor.type, f"captured{len(self.captures)}")
            value.known = tensor.known if isinstance(tensor, SymbolicTensor) else None
            self.captures.append((tensor, value))
            found = self._captured[id(tensor)] = SymbolicTensor(value, self)
        return found

    def _capture_symbolic(self, tensor: SymbolicTensor) -> SymbolicTensor:
        enclosing: Any = self.outer
        while isinstance(enclosing, FuncGraph):
            if enclosing is tensor.trace:
                return self._capture(tensor)
            enclosing = enclosing.outer
        made = tensor.value.producer.location if tensor.value.producer is not None else None
        raise errors.StagingError(
            f"A tensor was used outside the trace it belongs to. Received: {tensor!r}, made while tracing "
            f"`{tensor.trace.name}`" + (f" at {made}" if made else "")
            + ". Pass it as an argument or return it from that function.", see="tensor-outside-its-trace")

    # --- TensorInterpreter ---

    def converted(self, function: Any) -> Any:
        return FuncGraph.front_end(function) if self.converts else function

    def variable_state(self, variable: Variable) -> VariableState:
        """The variable's state in this trace; the first request adds the input that carries its value in."""
        found = self.variables.get(id(variable))
        if found is None:
            value = self.graph.add_input(variable.type, variable._name)
            found = self.variables[id(variable)] = VariableState(variable, value, SymbolicTensor(value, self))
        return found

    def read_variable(self, variable: Variable) -> SymbolicTensor:
        # A new tensor for each reading: a tape tells readings of a variable apart from other tensors by identity.
        found = self.variable_state(variable)
        if found.assigned and variable.dtype.is_differentiable:
            return SymbolicTensor(self._reread(found), self)
        return SymbolicTensor(found.now.value, self)

    def _reread(self, found: VariableState) -> Value:
        """The value that was assigned, cut off from what it was computed from: it is the variable's own."""
        if found.reread is None:
            found.reread = append(self.graph, reread, [found.now.value, found.input], {}, location.user_location()).results[0]
        return found.reread

    def assign_variable(self, variable: Variable, value: Any) -> None:
        known = self.variable_state(variable)
        known.now, known.assigned, known.reread = self.convert(value), True, None

    def variable_created(self, variable: Variable) -> None:
        if not self.may_create:
            raise errors.FailedPreconditionError(
                f"`{self.name}` created a variable on a call that was not its first. Create variables once: outside "
                "the function, or guarded by `if self.v is None`.", see="variable-created-later")
        self.created.append(variable)

    def lift(self, initial_value: Any) -> Any:
        if isinstance(initial_value, SymbolicTensor) and initial_value.trace is self:
            return self._evaluate(initial_value.value)
        return initial_value

    def _evaluate(self, wanted: Value) -> EagerTensor:
        """A variable's initial value, computed now. It may depend on variables (random state) but not on arguments."""
        values: dict[Value, EagerTensor] = {v: t for t, v in self.captures if isinstance(t, EagerTensor)}
        values.update({s.input: EagerTensor(s.variable.array, s.variable.type) for s in self.variables.values()})
        needed: set[Value] = {wanted}
        cone: list[Operation] = []
        for operation in reversed(self.graph.operations):
            if any(r in needed for r in operation.results):
                cone.append(operation)
                needed.update(operation.operands)
        for value in needed:
            if value.producer is None and value not in values:
                raise errors.StagingError(
                    f"A variable's initial value must not depend on the arguments of `{self.name}`. "
                    f"Received: a value that depends on `{value.name}`. Use a value that is known now, such as "
                    "`tf.zeros(x.shape)`, and assign to the variable.", see="initial-value-from-arguments")
        done: set[Value] = set()
        for operation in reversed(cone):
            results = EAGER.execute(operation.op, [values[o] for o in operation.operands], operation.attributes)
            values.update(zip(operation.results, results))
            done.update(operation.results)
        for known in self.variables.values():
            # Random numbers drawn for the initial value are used up.
            if known.assigned and known.now.value in done:
                known.variable.store(values[known.now.value]._array)
        return values[wanted]


    def custom_gradient(self, f: Callable, name: str, args: Any, flat: Sequence[Any], kwargs: dict[str, Any],
                        pullback_of: Callable) -> Any:
        """Trace `f` and its gradient function into one `call_with_gradient` operation."""
        inner = FuncGraph(name)
        inner.outer = self
        with interpreting(inner):
            symbols = [inner.add_argument(t.type, f"x{i}") for i, t in enumerate(flat)]
            returned = f(*nest.pack_sequence_as(args, symbols), **kwargs)
            if not isinstance(returned, tuple) or len(returned) != 2 or not callable(returned[1]):
                raise errors.DtypeError(f"`{name}`, decorated with custom_gradient, must return (result, gradient function).")
            result, grad_fn = returned
            outputs = [inner.convert(r) for r in nest.flatten(result)]
            variables = [s.variable for s in inner.variables.values() if s.variable.trainable]
            count = len(inner.graph.operations)
            wanted = tuple(i for i, o in enumerate(outputs) if o.dtype.is_differentiable)
            given = {i: inner.add_argument(outputs[i].type, f"g{i}") for i in wanted}
            cotangents = [given[i] if i in given else TABLE["zeros_like"](o) for i, o in enumerate(outputs)]
            found = pullback_of(grad_fn, variables, len(flat), name)(cotangents)
            converted = [None if c is None else inner.convert(c).value for c in found]
        inputs = {s.variable._number: s.input for s in inner.variables.values()}
        places = [s.value for s in symbols] + [inputs[v._number] for v in variables]
        arguments = [v for v in inner.graph.inputs if v not in {g.value for g in given.values()}]
        joint = Graph(name, [*arguments, *(given[i].value for i in wanted)], inner.graph.operations)
        index = {v: i for i, v in enumerate(arguments)}
        linearized = split(joint, count, len(arguments), [o.value for o in outputs], wanted,
                           [(index[p], c) for p, c in zip(places, converted) if c is not None])
        plain = Graph(name, linearized.forward.inputs, linearized.forward.operations,
                      linearized.forward.outputs[:linearized.visible])
        outside: dict[Value, Any] = {s.value: t for s, t in zip(symbols, flat)}
        outside.update({v: t for t, v in inner.captures})
        operands = [self.convert(outside[v]) if v in outside else None for v in arguments]
        reads = {s.input: s.variable for s in inner.variables.values()}
        operands = [self.convert(reads[v]) if o is None else o for o, v in zip(operands, arguments)]
        results = call_with_gradient(operands, graph=plain, linearized=linearized)
        for known in inner.variables.values():
            if known.assigned:
                raise errors.UnimplementedError(
                    f"`{name}`, decorated with custom_gradient, assigns the variable {known.variable.name}. Assign it "
                    "outside of the decorated function.")
        return nest.pack_sequence_as(result, list(results))

