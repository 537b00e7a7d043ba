"""`ConcreteFunction`: one trace of a function, and the programs compiled from it."""

from __future__ import annotations

from collections.abc import Sequence
from types import CodeType
from typing import Any

from treadle.ir import errors
from treadle.ir.builder import specialise
from treadle.ir.graph import Graph, Value
from treadle.ir.interpreter import bind, state
from treadle.ir.ops.structure import call
from treadle.ir.passes.effects import Settings, thread_effects
from treadle.ir.passes.pipeline import Pipeline, run_pipeline
from treadle.ir.types import TensorType
from treadle.lowering import rolling
from treadle.lowering.loops import is_long_round, is_slow_in_loops
from treadle.runtime import checks
from treadle.runtime.dispatch import Program, store_all, wrap
from treadle.runtime.eager import EAGER
from treadle.runtime.interpreter import current
from treadle.runtime.recorded_call import RecordedCall
from treadle.runtime.spec import TensorSpec
from treadle.runtime.tensor import EagerTensor
from treadle.runtime.variable import Variable
from treadle.tracer import journal, signature
from treadle.tracer.func_graph import FuncGraph
from treadle.tracer.guard_check import Check
from treadle.tracer.guards import Guards

_MOST_PROGRAMS = 256


class Compiled:
    """A program for static argument types, with the stages that led to it."""

    __slots__ = ("program", "pipeline")

    def __init__(self, program: Program, pipeline: Pipeline):
        self.program, self.pipeline = program, pipeline


class ConcreteFunction:
    """One trace: the Graph for one signature, callable on tensors of it.

    `graph` has the arguments' tensors, the captured tensors and the variables' values as inputs, and the results and
    the assigned variables' new values as outputs.
    """

    def __init__(self, trace: FuncGraph, signature_arguments: tuple[tuple, dict], argument_names: Sequence[str],
                 results: Any, result_values: Sequence[Value], arguments: Sequence[Value]):
        self.name = trace.name
        self._arguments = signature_arguments
        self._argument_names = list(argument_names)
        self._results = results
        states = list(trace.variables.values())
        self._updated = [s.variable for s in states if s.assigned]
        self._read = [s.variable for s in states if not s.assigned]
        self._captures = [tensor for tensor, _ in trace.captures]
        ordered = ([s.input for s in states if s.assigned] + [s.input for s in states if not s.assigned]
                   + [value for _, value in trace.captures] + list(arguments))
        outputs = [s.now.value for s in states if s.assigned] + list(result_values)
        self.graph = Graph(trace.name, ordered, trace.graph.operations, outputs)
        self._argument_types = [v.type for v in arguments]
        self._fixed_types = [v.type for v in ordered[:len(ordered) - len(arguments)]]
        self._compiled: dict[tuple[tuple[TensorType, ...], Settings], Compiled] = {}
        self._calls: dict[tuple, RecordedCall] = {}  # while tapes listen
        checks.listen(self)
        self.report = trace.report
        self.code: CodeType | None = None  # of the Python function
        self.guards = Guards()
        self.check: Check | None = None  # what it depends on of Python's state, and whether that still holds
        self.is_kept = True  # for later calls
        # Results are packed by hand in the one case that small steps need fast.
        self._single = isinstance(results, signature.Argument)

    def settle(self, guards: Guards) -> None:
        """Depend on what the trace read of Python's state."""
        guards.settle()
        self.guards = guards
        self.check = Check(list(guards.reads.values())) if guards.reads else None
        journal.note("traced", self.name, self.code, self.report.trace_seconds, self.graph)

    # --- what it is ---

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The variables the function reads or assigns."""
        return (*self._updated, *self._read)

    @property
    def trainable_variables(self) -> tuple[Variable, ...]:
        """Those of `variables` that are trainable."""
        return tuple(v for v in self.variables if v.trainable)

    @property
    def captured_inputs(self) -> list[Any]:
        """The tensors and variables from outside that the function uses."""
        return [*self._updated, *self._read, *self._captures]

    @property
    def captured_tensors(self) -> list[Any]:
        """Those of `captured_inputs` that are tensors."""
        return list(self._captures)

    @property
    def calls_python(self) -> bool:
        """True if the program calls Python while it runs: `py_function`, `print` ..."""
        return any(o.op.host is not None for o in self.graph.walk())

    @property
    def is_slow_in_loops(self) -> bool:
        """True if many calls in one program take longer than the calls by themselves, on this platform."""
        return is_long_round(self.graph) or any(is_slow_in_loops(o) for o in self.graph.walk())

    @property
    def results_structure(self) -> Any:
        """The results' structure with an `Argument` in the place of each tensor."""
        return self._results

    @property
    def structured_input_signature(self) -> tuple:
        """(args, kwargs) with a `TensorSpec` in the place of each tensor."""
        specs = [TensorSpec(t.shape, t.dtype, n) for t, n in zip(self._argument_types, self._argument_names)]
        return signature.fill(self._arguments, specs)

    @property
    def structured_outputs(self) -> Any:
        """The results' structure with a `TensorSpec` in the place of each tensor."""
        types = self.graph.output_types[len(self._updated):]
        return signature.fill(self._results, [TensorSpec(t.shape, t.dtype) for t in types])

    @property
    def inputs(self) -> list[Value]:
        """The graph's inputs that stand for the arguments' tensors."""
        return self.graph.inputs[len(self._fixed_types):]

    @property
    def outputs(self) -> list[Value]:
        """The graph's outputs that stand for the results."""
        return self.graph.outputs[len(self._updated):]

    def __repr__(self) -> str:
        arguments = ", ".join(f"{n}: {t}" for n, t in zip(self._argument_names, self._argument_types))
        types = ", ".join(str(v.type) for v in self.outputs)
        return f"<ConcreteFunction {self.name}({arguments}) -> ({types})>"

    # --- compiling ---

    def compiled(self, types: Sequence[TensorType] | None = None) -> Compiled:
        """The program for static argument types (those of the trace, if it has no open sizes)."""
        key = tuple(self._argument_types if types is None else types)
        now = checks.settings()
        found = self._compiled.get((key, now))
        if found is None:
            if not all(t.is_static for t in key):
                raise errors.InvalidArgumentError(
                    f"`{self.name}` has open sizes. Pass example arguments, so that it is known what to compile for. "
                    f"Its arguments are {', '.join(map(str, key))}.", see="open-sizes")
            static = specialise(self.graph, [*self._fixed_types, *key])
            pipeline = run_pipeline(static, rolling.passes(len(self._updated)))
            arguments = pipeline.graph.inputs[len(self._fixed_types):]
            threaded = thread_effects(pipeline.graph, len(self._updated), now, arguments)
            program = Program(threaded, static, self._updated, self._read, self._captures)
            found = Compiled(program, pipeline)
            journal.note("compiled", self.name, self.code, sum(pipeline.seconds) + program.executable.seconds, pipeline.graph)
            if len(self._compiled) >= _MOST_PROGRAMS:
                del self._compiled[next(iter(self._compiled))]
            self._compiled[key, now] = found
        return found

    def latest(self) -> Compiled | None:
        """The program compiled last; made now, if the trace has no open sizes; else None."""
        if not self._compiled and all(t.is_static for t in self._argument_types):
            return self.compiled()
        return next(reversed(self._compiled.values()), None)

    def settings_changed(self) -> None:
        """See to it that callers who hold a program run the one for the checks that are wanted now."""
        now = checks.settings()
        for (types, then), compiled in list(self._compiled.items()):
            program = compiled.program
            if then == now:
                program.redirect(None)
            else:
                program.redirect(lambda arrays, types=types: self.compiled(types).program.run(arrays))  # type: ignore[misc]

    def _for(self, arguments: Sequence[Any]) -> Compiled:
        if not arguments:
            return self.compiled()
        leaves: list[Any] = []
        signature.flatten(tuple(arguments), [], leaves)
        return self.compiled([t.type for t in leaves])

    @errors.filter_traceback
    def pipeline(self, *arguments: Any) -> Pipeline:
        """The passes' stages, each a printable graph, for the arguments' shapes."""
        return self._for(arguments).pipeline

    @errors.filter_traceback
    def stablehlo(self, *arguments: Any) -> str:
        """The compiled program as StableHLO text."""
        return self._for(arguments).program.executable.stablehlo()

    @errors.filter_traceback
    def cost(self, *arguments: Any) -> dict[str, float]:
        """XLA's estimate of the program's cost: `flops`, `bytes accessed` ..."""
        return self._for(arguments).program.executable.cost()

    @errors.filter_traceback
    def memory(self, *arguments: Any) -> dict[str, int]:
        """Bytes of arguments, outputs and temporaries, as XLA planned them."""
        return self._for(arguments).program.executable.memory()

    # --- running ---

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        key: list[Any] = []
        tensors: list[Any] = []
        names = list(self.structured_input_signature[1])
        try:
            if len(args) != len(self._arguments[0]) or sorted(kwargs) != sorted(names):
                args = self._without_constants(args)
            signature.flatten((args, kwargs), key, tensors)
            if [t.type.dtype for t in tensors] != [t.dtype for t in self._argument_types]:
                raise errors.DtypeError(
                    f"`{self.name}` was traced for {', '.join(map(str, self._argument_types)) or 'no tensors'}. "
                    f"Received: {', '.join(str(t.type) for t in tensors) or 'no tensors'}.", see="input-signature")
            return self.run(tensors)
        except Exception as error:
            errors.hide_frames(error)
            raise

    def _without_constants(self, args: tuple) -> tuple:
        """Callers may leave out the Python values that the trace has fixed."""
        return tuple(a for a in args if not isinstance(a, (bool, int, float, str, type(None))))

    def run(self, tensors: Sequence[Any]) -> Any:
        """The results for the arguments' tensors: at once if nobody records, else as a `call` operation."""
        if state.interpreter is not EAGER:
            return self._bind(tensors)
        return self._recorded(tensors) if state.recorders else self._run_unseen(tensors)

    def _run_unseen(self, tensors: Sequence[Any]) -> Any:
        compiled = self.compiled([t.type for t in tensors])
        return self.pack(compiled.program.run([t._array for t in tensors]), compiled.program.types)

    def pack(self, arrays: Sequence[Any], types: Sequence[TensorType]) -> Any:
        """Result arrays in the structure that the Python function returned."""
        if self._single:
            return EagerTensor(arrays[0], types[0])
        return signature.fill(self._results, wrap(arrays, types))

    def _recorded(self, tensors: Sequence[Any]) -> Any:
        """The call while tapes listen, eagerly: one program, which is kept."""
        operands = [*(v._stored() for v in (*self._updated, *self._read)), *self._captures, *tensors]
        if not any([r.watches(operands) for r in state.recorders]):
            del operands  # the program may reuse the variables' memory
            return self._run_unseen(tensors)
        key = (checks.settings(), *[t.type for t in tensors])
        found = self._calls.get(key)
        if found is None:
            graph = specialise(self.graph, [*self._fixed_types, *key[1:]])
            if any(v.type.dtype.is_string for v in (*graph.inputs, *graph.outputs)):
                return self._bind(tensors)
            if len(self._calls) >= _MOST_PROGRAMS:
                self._calls.clear()
            found = self._calls[key] = RecordedCall(graph, len(self._fixed_types))
        results = found.run(operands)
        count = len(self._updated)
        if count:
            store_all(self._updated, [r._array for r in results[:count]])
        return results[count] if self._single else signature.fill(self._results, results[count:])

    def _bind(self, tensors: Sequence[Any]) -> Any:
        """The call as one operation, which a tape records and a trace adds to its graph."""
        # Open sizes are named anew in each trace: here they become those of the caller.
        graph = specialise(self.graph, [*self._fixed_types, *(t.type for t in tensors)])
        convert = state.interpreter.convert
        operands = [convert(o) for o in [*(v._stored() for v in (*self._updated, *self._read)),
                                         *self._captures, *tensors]]
        results = bind(call, operands, {"graph": graph})
        count = len(self._updated)
        interpreter = current()
        if interpreter is EAGER:  # with strings
            store_all(self._updated, [r._array for r in results[:count]])
        else:
            for variable, value in zip(self._updated, results):
                interpreter.assign_variable(variable, value)
        return signature.fill(self._results, results[count:])

