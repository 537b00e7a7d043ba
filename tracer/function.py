"""`function`: turns a Python function into one that is traced once for each signature, compiled, and run as a program."""

from __future__ import annotations

import copy
import functools
import inspect
import threading
import time
import types as types_
import warnings
import weakref
from collections.abc import Callable
from typing import Any

from treadle.ir import errors, location
from treadle.ir.interpreter import interpreting, state
from treadle.ir.types import TensorType
from treadle.runtime import fusing, nest
from treadle.runtime.dispatch import Program
from treadle.runtime.eager import EAGER
from treadle.runtime.profiling.measure import Measured, require_measurable
from treadle.runtime.profiling.measure import measure as measure_calls
from treadle.runtime.spec import TensorSpec
from treadle.runtime.tensor import EagerTensor, Tensor
from treadle.tracer import signature
from treadle.tracer.concrete import ConcreteFunction
from treadle.tracer.distribute import context
from treadle.tracer.explain.explanation import Explanation
from treadle.tracer.frontend.operators import converted
from treadle.tracer.func_graph import FuncGraph
from treadle.tracer.guard_check import Check
from treadle.tracer.signature import Argument, Signature
from treadle.tracer.staging.block import BlockEnds
from treadle.tracer.staging.branches import as_python_says
from treadle.tracer.to_jax import PureFunction

_MOST_TRACES = 512
_MOST_STATES = 16  # traces for one key that differ in what they read of Python's state
_MOST_RETRACES = 64  # whose reasons are kept
_TRACES_BEFORE_WARNING = 5
# One lock for all tracing: functions call one another, and a lock for each could deadlock.
_TRACING = threading.RLock()


class _Settings:
    run_eagerly = False


def run_functions_eagerly(run_eagerly: bool) -> None:
    """Make every `@function` run its Python code op by op (True) or compiled (False), from now on, for debugging."""
    _Settings.run_eagerly = bool(run_eagerly)
    fusing.functions_run_eagerly(_Settings.run_eagerly)


def functions_run_eagerly() -> bool:
    """True if `run_functions_eagerly(True)` is in force."""
    return _Settings.run_eagerly


class Function:
    """A Python function that is compiled when called. Made by `treadle.function`."""

    def __init__(self, python_function: Callable, input_signature: Any = None, reduce_retracing: bool = False,
                 name: str | None = None, autograph: bool = True):
        if not callable(python_function):
            raise errors.DtypeError(f"`function` takes a Python function. Received: {python_function!r}.")
        self.python_function = python_function
        self._input_signature = input_signature
        self._reduce_retracing = reduce_retracing
        self._autograph = autograph
        self._name = str(name or getattr(python_function, "__name__", type(python_function).__name__))
        self._signature = Signature(python_function, input_signature)
        self._concrete: dict[Any, list[ConcreteFunction]] = {}  # several for a key, if Python's state changes to and fro
        self._seen: dict[Any, list[TensorSpec]] = {}  # with reduce_retracing: the sizes that calls had in common
        self._fast: dict[Any, tuple[ConcreteFunction, Any, Callable[[], bool] | None]] = {}
        self._fast_recorded: dict[Any, ConcreteFunction] = {}  # the same, for calls while tapes listen
        self._retraces: list[tuple[str, location.Location | None]] = []  # why it was traced again, and where that was read
        self._used_once: set[Any] = set()  # where traces changed the state that they had read
        self._warned: set[Any] = set()
        self._called = False
        self._bound: dict[int, tuple[Any, Function]] = {}
        self._trace_count = 0
        self._last_key: Any = None
        functools.update_wrapper(self, python_function, updated=())

    # --- calling ---

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            current = state
            if current.interpreter is not EAGER or current.recorders or _Settings.run_eagerly:
                return self._call_recorded(args, kwargs)
            given: Any = args
            if kwargs or len(args) != self._signature.simple:
                given = self._signature.positional(args, kwargs)
                if given is None:
                    return self._call(args, kwargs)
            key: list[Any] = []
            arrays: list[Any] = []
            for value in given:
                if type(value) is EagerTensor:
                    key.append(value.type)
                    arrays.append(value._array)
                else:
                    tensors: list[Any] = []
                    signature.flatten(value, key, tensors)
                    arrays += [t._array for t in tensors]
            found = self._fast.get(tuple(key))
            if found is None:
                return self._call(args, kwargs, tuple(key))
            concrete, program, holds = found
            if holds is not None and not holds():
                return self._call(args, kwargs, tuple(key))
            results = program.run(arrays)
            if concrete._single:
                return EagerTensor(results[0], program.types[0])
            return concrete.pack(results, program.types)
        except Exception as error:
            errors.hide_frames(error)
            raise

    def _call_recorded(self, args: Any, kwargs: Any) -> Any:
        """A call while tapes listen, or inside a trace."""
        if (state.interpreter is not EAGER or _Settings.run_eagerly or kwargs or len(args) != self._signature.simple
                or context.state.replica is not None):
            return self._call(args, kwargs)
        key: list[Any] = []
        tensors: list[Any] = []
        for value in args:
            signature.flatten(value, key, tensors)
        found = self._fast_recorded.get(tuple(key))
        if found is not None and (found.check is None or found.check.quick()):
            return found.run(tensors)
        concrete, tensors = self._find(args, kwargs)
        if concrete.is_kept and [t.type for t in tensors] == [k for k in key if isinstance(k, TensorType)]:
            if len(self._fast_recorded) >= _MOST_TRACES:
                self._fast_recorded.clear()
            self._fast_recorded[tuple(key)] = concrete
        return concrete.run(tensors)

    def _call(self, args: Any, kwargs: Any, fast_key: tuple | None = None) -> Any:
        if _Settings.run_eagerly:
            return self.python_function(*args, **kwargs)
        concrete, tensors = self._find(args, kwargs)
        types = [t.type for t in tensors]
        if fast_key is not None and concrete.is_kept and types == [k for k in fast_key if isinstance(k, TensorType)]:
            # `__call__` finds the program at once next time. It holds the concrete function, and with it every object
            # whose id is in the key.
            if len(self._fast) >= _MOST_TRACES:
                self._fast.clear()
            holds = None if concrete.check is None else concrete.check.quick
            self._fast[fast_key] = (concrete, concrete.compiled(types).program, holds)
        return concrete.run(tensors)

    def _find(self, args: Any, kwargs: Any) -> tuple[ConcreteFunction, list[Any]]:
        """The concrete function for a call, traced now if there is none."""
        bound_args, bound_kwargs = self._signature.bind(args, kwargs)
        key_list: list[Any] = []
        tensors: list[Any] = []
        structure = (signature.flatten(bound_args, key_list, tensors),
                     signature.flatten(bound_kwargs, key_list, tensors) if bound_kwargs else {})
        key = tuple(key_list)
        if context.state.replica is not None:
            key = (*key, context.key())
        with _TRACING:
            types = [t.type for t in tensors]
            lookup: Any = key
            if self._signature.specs is not None:
                types = signature.open_types(types, nest.flatten(self._signature.specs))
                lookup = tuple(types)
            elif self._reduce_retracing:
                lookup, types = self._relaxed(key, types)
            concrete = self._found(lookup)
            if concrete is None:
                concrete = self._trace(structure, types, lookup)
        around = state.interpreter
        if isinstance(around, FuncGraph):
            around.guards.include(concrete.guards)
        return concrete, tensors

    def _found(self, key: Any) -> ConcreteFunction | None:
        """A trace for a key, whose readings of Python's state hold."""
        traces = self._concrete.get(key)
        if not traces:
            return None
        with interpreting(EAGER):
            for place in range(len(traces) - 1, -1, -1):  # the one used last is the likeliest
                concrete = traces[place]
                failing = None if concrete.check is None else concrete.check.failing()
                if failing is None:
                    if place != len(traces) - 1:
                        traces.append(traces.pop(place))
                    return concrete
                if place == len(traces) - 1:
                    reason = failing.change(), failing.where
                    if failing.assigned:
                        self._used_once.add(failing.where)
        self._retraces.append(reason)
        return None

    def _relaxed(self, key: tuple, types: list[TensorType]) -> tuple[Any, list[TensorType]]:
        """With `reduce_retracing`: the sizes that have changed between calls are left open."""
        if key in self._concrete or not types:
            return key, types
        shape_free = tuple((k.dtype, k.rank) if isinstance(k, TensorType) else k for k in key)
        before = self._seen.get(shape_free)
        if before is None:
            if len(self._seen) >= _MOST_TRACES:
                del self._seen[next(iter(self._seen))]
            self._seen[shape_free] = [TensorSpec(t.shape, t.dtype) for t in types]
            return key, types
        specs = [b.most_specific_compatible_type(TensorSpec(t.shape, t.dtype)) for b, t in zip(before, types)]
        self._seen[shape_free] = specs
        opened = signature.open_types(types, specs)
        return ("open", shape_free, tuple(opened)), opened

    def _trace(self, structure: Any, types: list[TensorType], key: Any) -> ConcreteFunction:
        first = not self._called
        concrete, created = self._trace_once(structure, types, may_create=first)
        if created:
            # Like any later call, the program must find the variables already there: trace again.
            concrete, _ = self._trace_once(structure, types, may_create=False)
        self._called = True
        self._warn_of_retracing(key)
        self._judge(concrete)
        # A trace that uses tensors of an enclosing trace belongs to that one.
        if concrete.is_kept and all(isinstance(t, EagerTensor) for t in concrete._captures):
            if len(self._concrete) >= _MOST_TRACES:
                del self._concrete[next(iter(self._concrete))]
            traces = self._concrete.setdefault(key, [])
            if len(traces) >= _MOST_STATES:
                del traces[0]
            traces.append(concrete)
        return concrete

    def _judge(self, concrete: ConcreteFunction) -> None:
        """Warn, once for each line, of what the trace changed and later calls will not.

        A trace that changed what it had read is used once: that may be the first call's doing. If the next one does so
        too, it is kept after all, with a warning.
        """
        guards = concrete.guards
        for where, message in guards.leaks:
            self._warn(where, message)
        new = [where for where, _, _ in guards.once if where not in self._used_once]
        if new:
            self._used_once.update(new)
            concrete.is_kept = False
            return
        for where, message in (*guards.losses, *((where, message) for where, message, _ in guards.once)):
            self._warn(where, message)
        guards.once.clear()
        again = [r for r in guards.reads.values() if r.assigned and r.where in self._used_once]
        for read in again:
            del guards.reads[read.key]
            self._warn(read.where, f"{read.label} is assigned while tracing only, and traces assign different values; later "
                       "calls do not change it. Return the value, or keep it in a `tf.Variable`.")
        if again:
            concrete.check = Check(list(guards.reads.values())) if guards.reads else None

    def _warn(self, where: location.Location | None, message: str) -> None:
        if (where, message) not in self._warned:
            self._warned.add((where, message))
            place = where or location.Location(__file__, 0)
            text = f"`{self._name}`: {message} See docs/errors.md#lost-changes."
            warnings.warn_explicit(text, UserWarning, place.file, place.line)

    def _trace_once(self, structure: Any, types: list[TensorType], may_create: bool) -> tuple[ConcreteFunction, bool]:
        """A new trace, and whether it made variables."""
        trace, concrete = self._run_python(structure, types, may_create)
        # The last references to what the trace made: what is alive now is alive outside.
        trace.made.clear()
        concrete.code = getattr(inspect.unwrap(self.python_function), "__code__", None)
        concrete.settle(trace.guards)
        return concrete, bool(trace.created)

    def _run_python(self, structure: Any, types: list[TensorType], may_create: bool) -> tuple[FuncGraph, ConcreteFunction]:
        """Carry out the Python function on symbolic tensors."""
        start = time.perf_counter()
        trace = FuncGraph(self._name, may_create, self._autograph)
        names = self._tensor_names(structure)
        with interpreting(trace), location.CalledFromHere():
            symbols = [trace.add_argument(t, n) for t, n in zip(types, names)]
            args, kwargs = signature.fill(structure, symbols)
            self._require_a_result()
            run = _own(self.python_function, trace, self._autograph)
            try:
                returned = run(*args, **kwargs)
            except BlockEnds:  # whatever the tensors, the program raises
                returned = None
            except NameError as error:
                own = getattr(getattr(self.python_function, "__code__", None), "co_freevars", ())
                raise (error if any(f"'{n}'" in str(error) for n in own) else as_python_says(error)) from None
            values: list[Any] = []

            def as_result(leaf: Any) -> Any:
                if leaf is None:
                    return None
                try:
                    values.append(trace.convert(leaf).value)
                except errors.DtypeError as error:
                    raise errors.DtypeError(
                        f"`{self._name}` must return tensors, numbers, None, or structures of them. {error.message}",
                        see="results-must-be-tensors") from None
                return Argument(len(values) - 1)

            results = nest.pack_sequence_as(returned, [as_result(leaf) for leaf in nest.flatten(returned)])
        trace.report.trace_seconds = time.perf_counter() - start
        return trace, ConcreteFunction(trace, structure, names, results, values, [s.value for s in symbols])

    def _require_a_result(self) -> None:
        """Generators and coroutines give their results later, when the trace is over."""
        f = inspect.unwrap(self.python_function)
        kind = "a generator" if inspect.isgeneratorfunction(f) or inspect.isasyncgenfunction(f) else (
            "a coroutine (`async def`)" if inspect.iscoroutinefunction(f) else None)
        if kind is not None:
            raise errors.StagingError(
                f"`{self._name}` is {kind}, whose statements run after the call returns; a compiled function must return "
                f"tensors. Received: {f!r}. Return a list or a `tf.TensorArray`, or call a compiled function from it.",
                location.Location(f.__code__.co_filename, f.__code__.co_firstlineno, self._name), see="generators")

    def _tensor_names(self, structure: Any) -> list[str]:
        """A name for each tensor among the arguments: the parameter's, numbered inside structures."""
        names: list[str] = []
        args, kwargs = structure
        parameters = self._signature.names
        labelled = [(parameters[i] if i < len(parameters) else f"arg{i}", a) for i, a in enumerate(args)]
        for name, value in [*labelled, *sorted(kwargs.items())]:
            count = sum(isinstance(leaf, Argument) for leaf in nest.flatten(value))
            names.extend([name] if count == 1 and isinstance(value, Argument) else [f"{name}_{i}" for i in range(count)])
        return names

    def _warn_of_retracing(self, key: Any) -> None:
        self._trace_count += 1
        before, self._last_key = self._last_key, key
        if isinstance(before, tuple) and isinstance(key, tuple) and before != key:
            self._retraces.append((signature.describe_change(before[1:], key[1:], self._signature.names),
                                   location.user_location()))
        del self._retraces[:-_MOST_RETRACES]
        if self._trace_count >= _TRACES_BEFORE_WARNING and self._trace_count & (self._trace_count - 1) == 0 or (
                self._trace_count == _TRACES_BEFORE_WARNING):
            change = f"  {self._retraces[-1][0]}" if before == key and self._retraces else (
                signature.describe_change(before[1:], key[1:], self._signature.names)
                if isinstance(before, tuple) and isinstance(key, tuple) else None)
            if change is not None:
                where = location.user_location() or location.Location(__file__, 0)
                warnings.warn_explicit(
                    f"`{self._name}` has been traced {self._trace_count} times; each trace is compiled anew, which is "
                    f"slow (see docs/errors.md#retracing). What changed since the last trace:\n{change}",
                    UserWarning, where.file, where.line)

    # --- looking inside ---

    def get_concrete_function(self, *args: Any, **kwargs: Any) -> ConcreteFunction:
        """The concrete function for example arguments; a `TensorSpec` stands for a tensor, None in it for an open size.

        >>> import treadle as tf
        >>> double = tf.function(lambda x: x + x)
        >>> double.get_concrete_function(tf.TensorSpec([None], tf.float32))
        <ConcreteFunction <lambda>(x: f32[n0]) -> (f32[n0])>
        """
        try:
            if self._signature.specs is not None and not args and not kwargs:
                args = self._signature.specs
            leaves = nest.flatten((args, kwargs))
            if not any(isinstance(leaf, TensorSpec) for leaf in leaves):
                return self._find(args, kwargs)[0]
            return self._find_for_specs(args, kwargs)
        except Exception as error:
            errors.hide_frames(error)
            raise

    def _find_for_specs(self, args: Any, kwargs: Any) -> ConcreteFunction:
        specs: list[Any] = []

        def place(leaf: Any) -> Any:
            if isinstance(leaf, TensorSpec):
                if leaf.shape.rank is None:
                    raise errors.InvalidArgumentError(
                        f"The rank of an argument must be known; XLA needs it. Received: {leaf!r}.")
                specs.append(leaf)
                return Argument(len(specs) - 1)
            if isinstance(leaf, Tensor):
                specs.append(TensorSpec(leaf.shape, leaf.dtype))
                return Argument(len(specs) - 1)
            return leaf

        structure = nest.map_structure(place, (tuple(args), dict(kwargs)))
        if all(s.shape.is_fully_defined() for s in specs):  # the trace that calls with such tensors use
            stand_ins = [EagerTensor(None, TensorType.of(s.dtype, s.shape)) for s in specs]
            return self._find(*signature.fill(structure, stand_ins))[0]
        static = [TensorType.of(s.dtype, [1 if d is None else d for d in s.shape]) for s in specs]
        opened = signature.open_types(static, specs)
        key: tuple = tuple(opened)  # that of a call, where there is an input signature
        if self._signature.specs is None:
            key = ("specs", key, tuple(signature.leaf_key(leaf) for leaf in nest.flatten(structure)
                                       if not isinstance(leaf, Argument)))
        with _TRACING:
            return self._found(key) or self._trace(structure, opened, key)

    def explain(self, *args: Any, measure: bool = False, **kwargs: Any) -> Explanation:
        """What the compiler makes of the function, line by line: `print` it, or leave it at the end of a notebook's cell.

        Takes example arguments, or `TensorSpec`s, as `get_concrete_function` does; without arguments it explains the
        latest trace. The function is traced and compiled if it has not been yet; the program is not run.

        With measure=True it is run, many times, for the given arguments and on copies of the variables, which stay as they
        are: the explanation then says what of a call is dispatch, transfer and compute, how near it comes to the machine's
        roofline, and which operations have the most to gain. Raises InvalidArgumentError without arguments, and for a
        function that calls Python.

        >>> import treadle as tf
        >>> @tf.function
        ... def f(x):
        ...     return x * 2.0
        >>> print(f.explain(tf.constant(1.0)).summary)
        f(x: f32[]) -> (f32[])
        """
        try:
            latest = None if args or kwargs or not self._concrete else next(reversed(self._concrete.values()))[-1]
            concrete = latest or self.get_concrete_function(*args, **kwargs)
            given = bool(args or kwargs) and not any(isinstance(leaf, TensorSpec) for leaf in nest.flatten((args, kwargs)))
            compiled = concrete.compiled([t.type for t in self._find(args, kwargs)[1]]) if given else concrete.latest()
            code = getattr(inspect.unwrap(self.python_function), "__code__", None)
            measured = None
            if measure:
                if not given or compiled is None:
                    raise errors.InvalidArgumentError(
                        f"To measure `{self._name}`, pass the arguments to call it with. "
                        f"Received: {'`TensorSpec`s' if args or kwargs else 'no arguments'}.")
                require_measurable(compiled.program, self._name)
                measured = self._measured(compiled.program, args, kwargs)
            return Explanation(self._name, code, concrete, compiled, self._trace_count, self._retraces, measured)
        except Exception as error:
            errors.hide_frames(error)
            raise

    def _measured(self, program: Program, args: Any, kwargs: Any) -> Measured:
        """The time of calls with the arguments: calls like any others, but for the program, whose variables are copies."""
        def caller(program: Program) -> Callable[[], Any]:
            shadow = object.__new__(type(self))
            vars(shadow).update(vars(self), _fast={}, _fast_recorded={})

            def call(args: Any, kwargs: Any, fast_key: tuple | None = None) -> Any:
                concrete, tensors = self._find(args, kwargs)
                if fast_key is not None:
                    shadow._fast[fast_key] = (concrete, program, None if concrete.check is None else concrete.check.quick)
                return concrete.pack(program.run([t._array for t in tensors]), program.types)

            shadow._call = call  # type: ignore[method-assign]
            return lambda: shadow(*args, **kwargs)

        with interpreting(EAGER):
            return measure_calls(program, caller, [t._array for t in self._find(args, kwargs)[1]])

    def to_jax(self, *args: Any, **kwargs: Any) -> PureFunction:
        """The function for example arguments (or `TensorSpec`s) as a pure JAX function (state, *args) -> (result, state).

        Without arguments it is that of the only trace so far.

        >>> import jax, treadle as tf
        >>> v = tf.Variable(3.0)
        >>> pure = tf.function(lambda x: x * v).to_jax(tf.TensorSpec([], tf.float32))
        >>> float(jax.grad(lambda x: pure(pure.state(), x)[0])(jax.numpy.float32(2.0)))
        3.0
        """
        if not args and not kwargs and len(self._concrete) == 1:
            return PureFunction(next(iter(self._concrete.values()))[-1])
        return PureFunction(self.get_concrete_function(*args, **kwargs))

    def experimental_get_tracing_count(self) -> int:
        """How many times the Python function has been traced."""
        return self._trace_count

    @property
    def input_signature(self) -> Any:
        """The input signature given, or None."""
        return self._input_signature

    @property
    def function_spec(self) -> Signature:
        """The parameters."""
        return self._signature

    # --- methods ---

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        found = self._bound.get(id(instance))
        if found is None or found[0]() is not instance:
            found = self._bind_to(instance)
        return BoundFunction(instance, found[1])

    def _bind_to(self, instance: Any) -> tuple[Any, Function]:
        """A function of its own for each instance, which dies with it."""
        key = id(instance)
        bound_to: Callable[[], Any]
        try:
            bound_to = weakref.ref(instance, lambda _: self._bound.pop(key, None))
        except TypeError:
            bound_to = lambda: instance
        method = self.python_function

        @functools.wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            trace = state.interpreter
            run = _own(method, trace, self._autograph) if isinstance(trace, FuncGraph) else method
            return run(bound_to(), *args, **kwargs)

        call.__signature__ = _without_self(method)  # type: ignore[attr-defined]
        function = Function(call, self._input_signature, self._reduce_retracing, self._name, self._autograph)
        self._bound[key] = (bound_to, function)
        return self._bound[key]

    # --- copies: as of a Python function, by name; what it is bound to is copied ---

    def __deepcopy__(self, memo: Any) -> Function:
        copied = copy.deepcopy(self.python_function, memo)
        return self if copied is self.python_function else Function(
            copied, self._input_signature, self._reduce_retracing, self._name, self._autograph)

    def __reduce__(self) -> Any:
        if inspect.isfunction(self.python_function):
            return self.python_function.__qualname__
        return Function, (self.python_function, self._input_signature, self._reduce_retracing, self._name, self._autograph)

    def __repr__(self) -> str:
        return f"<treadle.function {self._name}{self._signature.parameters or ''}>"


class BoundFunction:
    """`instance.method`: the instance's own `Function` and, as with any bound method, the instance, kept alive."""

    __slots__ = ("__self__", "_function")

    def __init__(self, instance: Any, function: Function):
        self.__self__, self._function = instance, function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return self._function(*args, **kwargs)
        except Exception as error:
            errors.hide_frames(error)
            raise

    def __getattr__(self, name: str) -> Any:
        return getattr(self._function, name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BoundFunction) and self._function is other._function

    def __hash__(self) -> int:
        return hash(self._function)

    def __deepcopy__(self, memo: Any) -> Any:
        return getattr(copy.deepcopy(self.__self__, memo), self._function._name)

    def __reduce__(self) -> Any:
        return getattr, (self.__self__, self._function._name)

    def __repr__(self) -> str:
        return repr(self._function)


def _own(function: Callable, trace: FuncGraph, convert: bool) -> Any:
    """The function to be traced, converted if wanted. That its code stays as it is is not checked at each call."""
    if not isinstance(function, types_.FunctionType):
        return converted(function) if convert else function
    with interpreting(EAGER):
        run = converted(function) if convert else function
    if run is function:
        trace.guards.read_code(function)
    return run


def _without_self(method: Callable) -> Any:
    parameters = Signature(method).parameters
    assert parameters is not None
    return parameters.replace(parameters=list(parameters.parameters.values())[1:])


def function(func: Callable | None = None, input_signature: Any = None, autograph: bool = True,
             jit_compile: bool | None = None, reduce_retracing: bool = False, experimental_implements: Any = None,
             experimental_autograph_options: Any = None, experimental_attributes: Any = None,
             experimental_relax_shapes: bool | None = None, experimental_compile: bool | None = None,
             experimental_follow_type_hints: bool | None = None) -> Any:
    """Compile a Python function: trace it once for each signature, optimise the graph, run it as one XLA program.

    Use as `@tf.function`, `@tf.function(...)` or `tf.function(f)`.

    Args:
        func: the Python function or method.
        input_signature: a sequence of (structures of) `TensorSpec`; the function is traced once, for these.
        reduce_retracing: leave sizes open that differ between calls, rather than trace anew for each.
        autograph: stage Python control flow that depends on tensors (the default).
        jit_compile: accepted for compatibility; every function is compiled by XLA.

    >>> import treadle as tf
    >>> @tf.function
    ... def norm(x):
    ...     return tf.sqrt(tf.reduce_sum(x * x))
    >>> norm(tf.constant([3.0, 4.0])).numpy()
    np.float32(5.0)
    """
    def decorate(python_function: Callable) -> Function:
        if isinstance(python_function, (staticmethod, classmethod)):
            raise errors.DtypeError("Put `@function` below `@staticmethod` or `@classmethod`, not above.")
        relaxed = bool(reduce_retracing or experimental_relax_shapes)
        if isinstance(python_function, Function):
            python_function = python_function.python_function
        return Function(python_function, input_signature, relaxed, autograph=bool(autograph))
    return decorate if func is None else decorate(func)
