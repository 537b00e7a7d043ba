"""What stands for Python's own functions in converted code: `len`, `range`, `max` and others that understand tensors."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable
from typing import Any

from treadle.ir import errors
from treadle.ir.interpreter import state
from treadle.ir.operators import TABLE
from treadle.runtime.composites.arrays import range_
from treadle.runtime.interpreter import current
from treadle.runtime.tensor import SymbolicTensor, Tensor
from treadle.runtime.variable import Variable
from treadle.tracer.frontend import calls, datasets, iteration, operators
from treadle.tracer.frontend.calls import REPLACED
from treadle.tracer.frontend.protocols import is_symbolic
from treadle.tracer.func_graph import FuncGraph
from treadle.tracer.staging import text
from treadle.tracer.staging.branches import stage_if
from treadle.tracer.staging.places import Attribute


def _replaces(*functions: Any) -> Callable:
    def register(replacement: Callable) -> Callable:
        for function in functions:
            REPLACED[function] = replacement
        return replacement
    return register


@_replaces(print)
def _print(*values: Any, sep: str | None = None, end: str | None = None, file: Any = None, flush: bool = False) -> None:
    text.staged_print(values, " " if sep is None else sep, "\n" if end is None else end, file)


def _number(kind: Any, dtype: str) -> Callable:
    def convert_number(*args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs and is_symbolic(args[0]):
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


REPLACED[int] = _number(int, "int32")
REPLACED[float] = _number(float, "float32")
REPLACED[bool] = _number(bool, "bool")


def _extreme(plain: Callable, comparison: str, place_of: str) -> Callable:
    def extreme(*args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs and is_symbolic(args[0]) and args[0].shape.rank == 1:
            return TABLE["_getitem"](args[0], TABLE[place_of](args[0], axis=0))
        if len(args) == 1:
            calls.was_read(args[0])
            args = (list(calls.unrolled(args[0])),)
        values = args[0] if len(args) == 1 else args
        key = kwargs.get("key")
        keys = list(values) if key is None else [calls.call(key)(v) for v in values]
        if not any(map(is_symbolic, keys)):
            chosen = key is not None and len(values) > 0  # the key is asked once for each value
            return values[plain(range(len(values)), key=keys.__getitem__)] if chosen else plain(*args, **kwargs)
        # As Python does it: the first of equal ones, and one that compares as neither (NaN) stays only if it is the first.
        best, found = keys[0], values[0]
        for k, value in zip(keys[1:], values[1:]):
            better = operators.compare(comparison, k, best)
            if is_symbolic(better):
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


REPLACED[max] = _extreme(max, "Gt", "argmax")
REPLACED[min] = _extreme(min, "Lt", "argmin")


def _quantifier(plain: Callable, staged: str, start: bool) -> Callable:
    def quantify(values: Iterable[Any]) -> Any:
        calls.was_read(values)
        found: Any = start
        for value in iter(calls.unrolled(values)) if not is_symbolic(values) else iter(values):
            if is_symbolic(value):
                value = operators._predicate(value)
                found = value if found is start else TABLE[staged](found, value)
            elif bool(value) is not start:
                return not start
        return found
    return quantify


REPLACED[all] = _quantifier(all, "logical_and", True)
REPLACED[any] = _quantifier(any, "logical_or", False)


@_replaces(range)
def _range(*args: Any) -> Any:
    tensors = [a for a in args if is_symbolic(a)]
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
    calls.was_read(iterable)
    return enumerate(iterable, start)


@_replaces(zip)
def _zip(*iterables: Any, strict: bool = False) -> Any:
    if iterables and all(map(iteration.is_staged, iterables)):
        return iteration.Zipped([iteration.staged(i) for i in iterables], strict)
    for iterable in iterables:
        calls.was_read(iterable)
    return zip(*(calls.unrolled(i) for i in iterables), strict=strict)


@_replaces(reversed)
def _reversed(sequence: Any) -> Any:
    if iteration.is_staged(sequence):
        return iteration.staged(sequence).reversed()
    calls.was_read(sequence)
    return reversed(sequence)


@_replaces(range_)
def _tf_range(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None, name: str | None = "range") -> Any:
    given = [start, delta] if limit is None else [start, limit, delta]
    if any(is_symbolic(v) and v.known is None for v in given):
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
    calls.was_read(iterator)
    return next(iterator, *default)


@_replaces(map)
def _map(function: Any, *iterables: Any) -> Any:
    return map(calls.call(function), *(calls.unrolled(i) for i in iterables))


@_replaces(filter)
def _filter(function: Any, iterable: Any) -> Any:
    def test(value: Any) -> Any:
        return operators.plain(value if function is None else calls.call(function)(value), "the condition of `filter`")
    return filter(test, calls.unrolled(iterable))


@_replaces(len)
def _len(value: Any) -> Any:
    calls.was_read(value)
    if isinstance(value, SymbolicTensor) and value.type.shape and not isinstance(value.type.shape[0], int):
        return TABLE["_getitem"](TABLE["shape"](value), 0)
    return len(value)


def _reading(plain: Callable) -> Callable:
    def read(*args: Any, **kwargs: Any) -> Any:
        if args:
            calls.was_read(args[0])
            args = (calls.unrolled(args[0]), *args[1:])
        if "key" in kwargs and kwargs["key"] is not None:
            kwargs["key"] = calls.call(kwargs["key"])
        made = plain(*args, **kwargs)
        return operators.new(made)
    return read


@_replaces(sum)
def _sum(values: Any, /, start: Any = 0) -> Any:
    calls.was_read(values)
    values = list(operators.iterate(values))
    if not any(calls.user_method(v, n) for v in values if not isinstance(v, Tensor) for n in ("__add__", "__radd__")):
        return sum(values, start)
    for value in values:
        start = operators.binary("Add", start, value)
    return start


REPLACED[abs] = lambda value: operators.unary("Abs", value)
REPLACED[divmod] = lambda left, right: operators.binary("DivMod", left, right)


@_replaces(round)
def _round(number: Any, ndigits: Any = None) -> Any:
    defined = calls.user_method(number, "__round__")
    if defined is not None:
        return defined() if ndigits is None else defined(ndigits)
    if not is_symbolic(number) or ndigits is not None:
        return round(number, ndigits)
    value = current().convert(number)
    return value if value.dtype.is_integer else TABLE["cast"](TABLE["round"](value), "int32")


for _name, _function in {"Add": operator.add, "Sub": operator.sub, "Mult": operator.mul, "Div": operator.truediv,
                         "Pow": operator.pow}.items():
    REPLACED[_function] = functools.partial(lambda name, left, right: operators.binary(name, left, right), _name)
for _name, _function in {"Lt": operator.lt, "LtE": operator.le, "Gt": operator.gt, "GtE": operator.ge, "Eq": operator.eq,
                         "NotEq": operator.ne}.items():
    REPLACED[_function] = functools.partial(lambda name, left, right: operators.compare(name, left, right), _name)
REPLACED[operator.neg] = lambda value: operators.unary("USub", value)
REPLACED[operator.not_] = lambda value: operators.not_(value)


for _plain in (sorted, list, tuple, dict, set, frozenset):
    REPLACED[_plain] = _reading(_plain)


@_replaces(getattr)
def _getattr(owner: Any, name: str, *default: Any) -> Any:
    try:
        return calls.attribute(owner, name)
    except AttributeError:
        if default:
            return default[0]
        raise


@_replaces(hasattr)
def _hasattr(owner: Any, name: str) -> bool:
    try:
        calls.attribute(owner, name)
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
    (calls.changer(owner, name, "__set__", "fset", "") or functools.partial(object.__setattr__, owner, name))(value)
