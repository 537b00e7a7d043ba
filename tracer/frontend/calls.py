"""Calls in converted code: user functions are converted when they are called; what is built in has its own ways."""

from __future__ import annotations

import collections
import functools
import os
import time
import types
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from treadle.ir import errors
from treadle.ir.interpreter import state
from treadle.ir.location import is_internal
from treadle.runtime.interpreter import current
from treadle.runtime.tensor import Tensor
from treadle.runtime.variable import Variable
from treadle.tracer.frontend import convert, datasets, impure, iteration
from treadle.tracer.func_graph import FuncGraph
from treadle.tracer.reads import MISSING
from treadle.tracer.staging.places import Attribute, Cell, Contents

_MUTATING = {
    list: {"append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse", "__setitem__", "__delitem__"},
    dict: {"update", "pop", "popitem", "clear", "setdefault", "__setitem__", "__delitem__"},
    set: {"add", "discard", "remove", "pop", "clear", "update", "difference_update", "intersection_update",
          "symmetric_difference_update"},
}
_WRITING = {"append", "appendleft", "extend", "extendleft", "insert", "pop", "popleft", "remove", "clear", "rotate", "reverse",
            "fill", "sort", "put", "itemset", "partition", "resize"}  # of deques and NumPy arrays
# What `functools.total_ordering` adds to a class: comparisons by another one of the class's own.
_ORDERING = {f.__code__ for _, pairs in getattr(functools, "_convert", {}).items() for _, f in pairs}
_MAKING = {k.__new__ for k in (object, list, dict, set, collections.deque)}
_functions: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
REPLACED: dict[Any, Callable] = {}  # Python's own functions, and what stands for them while tracing: see `python_functions`
operators: Any = None  # the module of operators, which imports this one


def converted(function: Any) -> Any:
    """What to call in the place of `function` so that its control flow can be staged; `function` itself otherwise."""
    kind = type(function)
    if kind is types.FunctionType:
        if hasattr(function, "registry") and hasattr(function, "dispatch"):
            return _dispatching(function)
        return _converted_function(function)
    if kind is types.MethodType:
        inner = function.__func__
        made = converted(inner)
        return function if made is inner else types.MethodType(made, function.__self__)
    if kind is functools.partial:
        inner = converted(function.func)
        return function if inner is function.func else functools.partial(inner, *function.args, **function.keywords)
    if kind is types.BuiltinFunctionType or kind is type or isinstance(function, type):
        return function
    method = next((k.__dict__["__call__"] for k in kind.__mro__ if "__call__" in k.__dict__), None)
    if isinstance(method, types.FunctionType):
        made = _converted_function(method)
        trace = state.interpreter
        if isinstance(trace, FuncGraph) and not convert.is_installed(method.__code__.co_filename):
            trace.guards.read_call(function)
        return function if made is method else types.MethodType(made, function)
    return function


def _dispatching(function: Any) -> Callable:
    """A `functools.singledispatch` function, whose implementations are converted."""
    @functools.wraps(function)
    def dispatch(*args: Any, **kwargs: Any) -> Any:
        return converted(function.dispatch(type(args[0])))(*args, **kwargs)
    return dispatch


def _converted_function(function: types.FunctionType) -> Any:
    code = function.__code__
    if convert.is_made_here(code) or is_left_alone(function):
        return function
    if convert.is_installed(code.co_filename) and code not in _ORDERING:
        return _rewrapped(function)
    trace = state.interpreter
    if isinstance(trace, FuncGraph):
        trace.guards.read_function(function)
    now = code, function.__defaults__, function.__kwdefaults__
    before, found = _functions.get(function, (None, None))
    if found is None or any(a is not b for a, b in zip(before, now)):
        start = time.perf_counter()
        conversion = convert.conversion_of(function)
        if isinstance(trace, FuncGraph):
            trace.report.conversion_seconds += time.perf_counter() - start
        found = function if conversion.code is None else convert.build(function, conversion.code, operators)
        if found is not function:
            _functions[function] = now, found
    if isinstance(trace, FuncGraph):
        trace.report.functions[code] = function.__qualname__
        if found is function:
            trace.guards.read_code(function)
    return _rewrapped(function) if found is function else found


def _rewrapped(function: types.FunctionType) -> Any:
    """What a decorator that is not converted (of an installed package) made of a user's function: around the converted one."""
    inner = function.__dict__.get("__wrapped__")
    if type(inner) is not types.FunctionType or is_internal(function.__code__.co_filename):
        return function
    made = _converted_function(inner)
    if made is inner:
        return function
    replaced = lambda v: made if v is inner else v
    cells = tuple(types.CellType(made) if Cell("", c).get() is inner else c for c in function.__closure__ or ())
    again = types.FunctionType(function.__code__, function.__globals__, function.__name__,
                               None if function.__defaults__ is None else tuple(map(replaced, function.__defaults__)), cells)
    again.__kwdefaults__ = {k: replaced(v) for k, v in (function.__kwdefaults__ or {}).items()} or None
    again.__dict__.update(function.__dict__)
    again.__qualname__ = function.__qualname__
    return again


FuncGraph.front_end = staticmethod(converted)


def user_method(owner: Any, name: str) -> Any:
    """A method of the user's class, bound and converted; None if the class has none of that name, or nothing is traced."""
    if not isinstance(state.interpreter, FuncGraph):
        return None
    method = getattr(type(owner), name, None)
    if type(method) is not types.FunctionType:
        return None
    made = _converted_function(method)
    return None if made is method else types.MethodType(made, owner)


def changer(owner: Any, name: str, hook: str, part: str, general: str) -> Callable | None:
    """What sets or deletes an attribute where the user's class has a say: a property, a descriptor, or `__setattr__`."""
    if not isinstance(state.interpreter, FuncGraph):
        return None
    defined = user_method(owner, general)
    if defined is not None:
        return functools.partial(defined, name)
    descriptor = next((k.__dict__[name] for k in type(owner).__mro__ if name in k.__dict__), None)
    if isinstance(descriptor, property):
        accessor = getattr(descriptor, part)
        return None if accessor is None else functools.partial(converted(accessor), owner)
    defined = user_method(descriptor, hook)
    return None if defined is None else functools.partial(defined, owner)


def is_left_alone(function: Any) -> bool:
    """True for functions that asked not to be converted."""
    return getattr(function, "_treadle_do_not_convert", False)


def call(function: Any) -> Any:
    """What to call for a call of `function`."""
    trace = state.interpreter
    if not isinstance(trace, FuncGraph) or not trace.converts:
        return function
    kind = type(function)
    if kind is types.BuiltinFunctionType:
        owner = function.__self__
        if isinstance(owner, (list, dict, set)):
            return _container_method(trace, owner, function)
        if function.__name__ in _WRITING and not isinstance(owner, types.ModuleType):
            will_write(trace, owner)
    if kind is type or isinstance(function, type):
        return REPLACED.get(function) or functools.partial(_construct, trace, function)
    if kind is types.MethodWrapperType and function.__name__ == "__setattr__":  # of `super()`
        return functools.partial(REPLACED[object.__setattr__], function.__self__)
    try:
        replaced = REPLACED.get(function)
    except TypeError:
        replaced = None
    if replaced is not None:
        return replaced
    advice = impure.cure(function, trace.guards)
    if advice is not None:
        trace.guards.lost(f"`{function.__name__}` is called while tracing only; compiled calls use what it gave then. {advice}")
    elif impure.environment_reader(function):
        return functools.partial(_environment, trace)
    made = function if kind is types.BuiltinFunctionType else converted(function)
    if made is function and kind is types.FunctionType:
        _note_plain(trace, function)
    if made is function and getattr(function, "__module__", "") != "builtins":
        return functools.partial(_call_library, trace, function)
    return made


def _note_plain(trace: FuncGraph, function: types.FunctionType) -> None:
    """Note, for `explain`, that a function is called as it is."""
    code = function.__code__
    if not convert.is_made_here(code) and not is_internal(code.co_filename):
        reason = convert.why_plain(code) or (
            "it asks for that (`do_not_convert`)" if is_left_alone(function) else "it belongs to an installed package")
        trace.note("plain", f"`{function.__qualname__}` runs as it is: {reason}")


def will_write(trace: FuncGraph, container: Any) -> None:
    """Word that an array or a deque is about to be changed in place, which cannot be undone."""
    if trace.is_block and id(container) not in trace.made:
        raise errors.StagingError(
            f"A {type(container).__name__} cannot be changed in place where a tensor decides whether that happens. "
            f"Received: {type(container).__name__} made outside of the branch or loop. Use a tensor or a list, or make a new "
            "one inside.")
    trace.guards.wrote(container)


def _construct(trace: FuncGraph, kind: type, /, *args: Any, **kwargs: Any) -> Any:
    trace.guards.read_arguments(args, kwargs)
    start = kind.__init__  # type: ignore[misc]
    if kind.__new__ is object.__new__ and type(kind) is type and type(start) is types.FunctionType:
        made: Any = object.__new__(kind)
        trace.made[id(made)] = made
        # The `__init__` of a data class has no source, but the user's `__post_init__`, which it calls, has.
        after = user_method(made, "__post_init__") if hasattr(kind, "__dataclass_fields__") else None
        if after is None or not hasattr(made, "__dict__") and any("__init_subclass__" in vars(k) for k in kind.__mro__[:-1]):
            converted(start)(made, *args, **kwargs)
        elif hasattr(made, "__dict__"):
            vars(made)["__post_init__"] = after
            try:
                start(made, *args, **kwargs)
            finally:
                del vars(made)["__post_init__"]
        else:  # with `__slots__`: by way of a class of the same layout
            stand_in = type.__new__(type, kind.__name__, (kind,), {"__slots__": (), "__post_init__": after.__func__})
            object.__setattr__(made, "__class__", stand_in)
            try:
                start(made, *args, **kwargs)
            finally:
                object.__setattr__(made, "__class__", kind)
        return made
    made = kind(*args, **kwargs)
    if kind.__new__ in _MAKING:  # others may give an object that was there before
        trace.made[id(made)] = made
    return made


def _call_library(trace: FuncGraph, function: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Call a function that is not converted: it may read all of the lists and dicts that it gets."""
    trace.guards.read_arguments(args, kwargs)
    result = function(*args, **kwargs)
    if type(result) is np.ndarray and result.base is None and not any(result is a for a in args):
        trace.made[id(result)] = result
    return result


def _environment(trace: FuncGraph, /, key: str, default: Any = None) -> Any:
    value = os.environ.get(key, MISSING)
    trace.guards.read_item(os.environ, key, value)
    return default if value is MISSING else value


def _dict_get(trace: FuncGraph, owner: dict, /, key: Any, default: Any = None) -> Any:
    value = owner.get(key, MISSING)
    trace.guards.read_item(owner, key, value)
    return default if value is MISSING else value


def _container_method(trace: FuncGraph, owner: Any, method: Callable) -> Callable:
    """A method of a list, dict or set: a change is noted before it happens."""
    for kind, names in _MUTATING.items():
        if isinstance(owner, kind) and method.__name__ in names:
            trace.will_change(Contents(owner))
            return method
    if method.__name__ == "get" and type(owner) is dict:
        return functools.partial(_dict_get, trace, owner)
    was_read(owner)
    return method


def attribute(owner: Any, name: str) -> Any:
    """`owner.name` while tracing: properties are converted too, and simple values are noted as read."""
    kind = type(owner)
    if kind is types.ModuleType:
        value = getattr(owner, name)
        current().guards.read_attribute(owner, name, value)  # type: ignore[attr-defined]
        return value
    if isinstance(owner, (Tensor, Variable)):
        return getattr(owner, name)
    descriptor = getattr(kind, name, None)
    if isinstance(descriptor, property) and isinstance(descriptor.fget, types.FunctionType):
        getter = converted(descriptor.fget)
        if getter is not descriptor.fget:
            return getter(owner)
    elif isinstance(descriptor, functools.cached_property) and name not in vars(owner):
        made = converted(descriptor.func)(owner)
        operators._will_change(Attribute(name, owner))
        vars(owner)[name] = made
        return made
    elif hasattr(descriptor, "register") and type(descriptor) is types.FunctionType:
        method = next((k.__dict__[name] for k in kind.__mro__ if name in k.__dict__), None)
        if isinstance(method, functools.singledispatchmethod):
            return lambda *args, **kwargs: converted(
                method.dispatcher.dispatch(type(args[0])).__get__(owner, kind))(*args, **kwargs)
    otherwise = user_method(owner, "__getattr__") if kind.__getattribute__ is object.__getattribute__ else None
    try:
        value = getattr(owner, name) if otherwise is None else object.__getattribute__(owner, name)
    except AttributeError:
        if otherwise is not None:
            return otherwise(name)
        current().guards.read_attribute(owner, name, MISSING)  # type: ignore[attr-defined]
        raise
    current().guards.read_attribute(owner, name, value)  # type: ignore[attr-defined]
    return value


def was_read(container: Any) -> None:
    """Note that what a container holds matters to the trace."""
    trace = state.interpreter
    if isinstance(trace, FuncGraph):
        trace.guards.read_contents(container)


def unrolled(iterable: Any) -> Any:
    """A tensor's rows one by one; anything else as it is."""
    if isinstance(iterable, iteration.Staged):
        return iterable.unrolled()
    if isinstance(state.interpreter, FuncGraph) and (
            datasets.is_dataset(iterable) or isinstance(iterable, iteration.EnumeratedDataset)):
        raise errors.StagingError(
            "Inside `@function` a data set can be gone over by a `for` statement only: anything else would fix its elements "
            f"while tracing. Received: {iterable!r}. Write a `for` statement, or combine data sets before.",
            see="data-sets-while-tracing")
    return iterable
