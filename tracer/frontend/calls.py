"""Calls in converted code: user functions are converted when they are called, some of Python's own understand tensors."""

from __future__ import annotations

import collections
import functools
import operator
import os
import time
import types
import weakref
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from treadle.ir import errors
from treadle.ir.interpreter import state
from treadle.ir.location import is_internal
from treadle.ir.operators import TABLE
from treadle.runtime.composites.arrays import range_
from treadle.runtime.interpreter import current
from treadle.runtime.tensor import SymbolicTensor, Tensor
from treadle.runtime.variable import Variable
from treadle.tracer.frontend import convert, datasets, impure, iteration
from treadle.tracer.func_graph import FuncGraph
from treadle.tracer.reads import MISSING
from treadle.tracer.staging import text
from treadle.tracer.staging.branches import stage_if
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
_replaced: dict[Any, Callable] = {}  # Python's own functions, and what stands for them while tracing
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
        return _replaced.get(function) or functools.partial(_construct, trace, function)
    if kind is types.MethodWrapperType and function.__name__ == "__setattr__":  # of `super()`
        return functools.partial(_set_own, function.__self__)
    try:
        replaced = _replaced.get(function)
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


# --- Python's own functions -----------------------------------------------------------------------------------------


def _is_symbolic(value: Any) -> bool:
    return isinstance(value, SymbolicTensor) or isinstance(value, Variable) and isinstance(state.interpreter, FuncGraph)


def _replaces(*functions: Any) -> Callable:
    def register(replacement: Callable) -> Callable:
        for function in functions:
            _replaced[function] = replacement
        return replacement
    return register


@_replaces(print)
def _print(*values: Any, sep: str | None = None, end: str | None = None, file: Any = None, flush: bool = False) -> None:
    text.staged_print(values, " " if sep is None else sep, "\n" if end is None else end, file)


def _number(kind: Any, dtype: str) -> Callable:
    def convert_number(*args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs and _is_symbolic(args[0]):
            value = current().convert(args[0])
            if value.type.count != 1:
                raise errors.DtypeError(
                    f"Only a tensor of one element can become a Python number. Received: shape {value.shape}.")
            value = TABLE["reshape"](value, shape=()) if value.type.shape else value
            if dtype == "bool":
                return TABLE["cast"](value, dtype)
            if dtype == "int32" and value.dtype.is_integer or dtype == "float32" and value.dtype.is_floating:
                return value
            return TABLE["cast"](value, dtype)
        return kind(*args, **kwargs)
    return convert_number


_replaced[int] = _number(int, "int32")
_replaced[float] = _number(float, "float32")
_replaced[bool] = _number(bool, "bool")


def _extreme(plain: Callable, comparison: str, place_of: str) -> Callable:
    def extreme(*args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs and _is_symbolic(args[0]) and args[0].shape.rank == 1:
            return TABLE["_getitem"](args[0], TABLE[place_of](args[0], axis=0))
        if len(args) == 1:
            was_read(args[0])
            args = (list(unrolled(args[0])),)
        values = args[0] if len(args) == 1 else args
        key = kwargs.get("key")
        keys = list(values) if key is None else [call(key)(v) for v in values]
        if not any(map(_is_symbolic, keys)):
            chosen = key is not None and len(values) > 0  # the key is asked once for each value
            return values[plain(range(len(values)), key=keys.__getitem__)] if chosen else plain(*args, **kwargs)
        # As Python does it: the first of equal ones, and one that compares as neither (NaN) stays only if it is the first.
        best, found = keys[0], values[0]
        for k, value in zip(keys[1:], values[1:]):
            better = operators.compare(comparison, k, best)
            if _is_symbolic(better):
                better = operators._predicate(better)
                best, found = _chosen(better, k, best), _chosen(better, value, found)
            elif better:
                best, found = k, value
        return found
    return extreme


def _chosen(test: Any, a: Any, b: Any) -> Any:
    if all(isinstance(v, (Tensor, Variable, int, float)) for v in (a, b)):
        return TABLE["select"](test, a, b)
    return stage_if(test, (lambda: a, lambda: b), [])


_replaced[max] = _extreme(max, "Gt", "argmax")
_replaced[min] = _extreme(min, "Lt", "argmin")


def _quantifier(plain: Callable, staged: str, start: bool) -> Callable:
    def quantify(values: Iterable[Any]) -> Any:
        was_read(values)
        found: Any = start
        for value in iter(unrolled(values)) if not _is_symbolic(values) else iter(values):
            if _is_symbolic(value):
                value = operators._predicate(value)
                found = value if found is start else TABLE[staged](found, value)
            elif bool(value) is not start:
                return not start
        return found
    return quantify


_replaced[all] = _quantifier(all, "logical_and", True)
_replaced[any] = _quantifier(any, "logical_or", False)


@_replaces(range)
def _range(*args: Any) -> Any:
    tensors = [a for a in args if _is_symbolic(a)]
    if not tensors:
        return range(*args)
    staged = iteration.staged_range(*args)
    if all(getattr(t, "known", None) is not None for t in tensors):
        return iteration.staged(range_(*args))  # of a length that is known when the program is compiled
    return staged


@_replaces(enumerate)
def _enumerate(iterable: Any, start: Any = 0) -> Any:
    if iteration.is_staged(iterable):
        return iteration.Enumerated(iteration.staged(iterable), start)
    if datasets.is_dataset(iterable):
        return iteration.EnumeratedDataset(iterable, start)
    was_read(iterable)
    return enumerate(iterable, start)


@_replaces(zip)
def _zip(*iterables: Any, strict: bool = False) -> Any:
    if iterables and all(map(iteration.is_staged, iterables)):
        return iteration.Zipped([iteration.staged(i) for i in iterables], strict)
    for iterable in iterables:
        was_read(iterable)
    return zip(*(unrolled(i) for i in iterables), strict=strict)


@_replaces(reversed)
def _reversed(sequence: Any) -> Any:
    if iteration.is_staged(sequence):
        return iteration.staged(sequence).reversed()
    was_read(sequence)
    return reversed(sequence)


@_replaces(range_)
def _tf_range(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None, name: str | None = "range") -> Any:
    given = [start, delta] if limit is None else [start, limit, delta]
    if any(_is_symbolic(v) and v.known is None for v in given):
        return iteration.open_range(start, limit, delta, dtype)
    return range_(start, limit, delta, dtype, name)


@_replaces(next)
def _next(iterator: Any, *default: Any) -> Any:
    if hasattr(type(iterator), "get_next") and hasattr(iterator, "element_spec"):
        if isinstance(state.interpreter, FuncGraph):
            if default:
                raise errors.StagingError(
                    "Inside `@function` `next` of a data set's iterator takes no default: whether there is another element is "
                    f"only known when the program runs. Received: {default[0]!r}. Use a `for` statement.",
                    see="data-sets-while-tracing")
            return iterator.get_next()
    was_read(iterator)
    return next(iterator, *default)


@_replaces(map)
def _map(function: Any, *iterables: Any) -> Any:
    return map(call(function), *(unrolled(i) for i in iterables))


@_replaces(filter)
def _filter(function: Any, iterable: Any) -> Any:
    def test(value: Any) -> Any:
        return operators.plain(value if function is None else call(function)(value), "the condition of `filter`")
    return filter(test, unrolled(iterable))


@_replaces(len)
def _len(value: Any) -> Any:
    was_read(value)
    if isinstance(value, SymbolicTensor) and value.type.shape and not isinstance(value.type.shape[0], int):
        return TABLE["_getitem"](TABLE["shape"](value), 0)
    return len(value)


def _reading(plain: Callable) -> Callable:
    def read(*args: Any, **kwargs: Any) -> Any:
        if args:
            was_read(args[0])
            args = (unrolled(args[0]), *args[1:])
        if "key" in kwargs and kwargs["key"] is not None:
            kwargs["key"] = call(kwargs["key"])
        made = plain(*args, **kwargs)
        return operators.new(made)
    return read


@_replaces(sum)
def _sum(values: Any, /, start: Any = 0) -> Any:
    was_read(values)
    values = list(operators.iterate(values))
    if not any(user_method(v, n) for v in values if not isinstance(v, Tensor) for n in ("__add__", "__radd__")):
        return sum(values, start)
    for value in values:
        start = operators.binary("Add", start, value)
    return start


_replaced[abs] = lambda value: operators.unary("Abs", value)
_replaced[divmod] = lambda left, right: operators.binary("DivMod", left, right)


@_replaces(round)
def _round(number: Any, ndigits: Any = None) -> Any:
    defined = user_method(number, "__round__")
    if defined is not None:
        return defined() if ndigits is None else defined(ndigits)
    if not _is_symbolic(number) or ndigits is not None:
        return round(number, ndigits)
    value = current().convert(number)
    return value if value.dtype.is_integer else TABLE["cast"](TABLE["round"](value), "int32")


for _name, _function in {"Add": operator.add, "Sub": operator.sub, "Mult": operator.mul, "Div": operator.truediv,
                         "Pow": operator.pow}.items():
    _replaced[_function] = functools.partial(lambda name, left, right: operators.binary(name, left, right), _name)
for _name, _function in {"Lt": operator.lt, "LtE": operator.le, "Gt": operator.gt, "GtE": operator.ge, "Eq": operator.eq,
                         "NotEq": operator.ne}.items():
    _replaced[_function] = functools.partial(lambda name, left, right: operators.compare(name, left, right), _name)
_replaced[operator.neg] = lambda value: operators.unary("USub", value)
_replaced[operator.not_] = lambda value: operators.not_(value)


for _plain in (sorted, list, tuple, dict, set, frozenset):
    _replaced[_plain] = _reading(_plain)


@_replaces(getattr)
def _getattr(owner: Any, name: str, *default: Any) -> Any:
    try:
        return attribute(owner, name)
    except AttributeError:
        if default:
            return default[0]
        raise


@_replaces(hasattr)
def _hasattr(owner: Any, name: str) -> bool:
    try:
        attribute(owner, name)
    except AttributeError:
        return False
    return True


@_replaces(setattr)
def _setattr(owner: Any, name: str, value: Any) -> None:
    operators.set_attribute(value, owner, name)


@_replaces(delattr)
def _delattr(owner: Any, name: str) -> None:
    operators.delete_attribute(owner, name)


@_replaces(object.__setattr__)
def _set_own(owner: Any, name: str, value: Any) -> None:
    """`object.__setattr__`, as a user's own `__setattr__` calls it."""
    operators._will_change(Attribute(name, owner))
    (changer(owner, name, "__set__", "fset", "") or functools.partial(object.__setattr__, owner, name))(value)


# --- tensors as indices of Python sequences -------------------------------------------------------------------------


def symbolic_item(container: Any, index: Any) -> Any:
    """`container[index]` where the index is only known when the program runs: a choice among all items."""
    if isinstance(container, dict):
        raise errors.StagingError(
            f"A tensor cannot be a key of a dict inside `@function`: its value is not known. Received: {index!r}. "
            "Use a tensor or a list of values and an index.")
    items = list(container)
    was_read(container)
    if not items:
        raise IndexError("list index out of range")
    place = operators._checked_index(index, len(items))
    return stage_if(place, [functools.partial(lambda v: v, v) for v in items], [], [f"item{i}" for i in range(len(items))])


def set_symbolic_item(container: Any, index: Any, value: Any) -> None:
    """`container[index] = value` for a list and a tensor as index."""
    if isinstance(container, dict):
        symbolic_item(container, index)
    place = operators._checked_index(index, len(container))
    for i in range(len(container)):
        container[i] = stage_if(TABLE["equal"](place, i), (lambda: value, functools.partial(lambda v: v, container[i])), [])

