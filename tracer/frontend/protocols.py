"""What the user's classes define for operators, truth and iteration: such methods are converted when Python calls them."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterator
from typing import Any

from treadle.ir.interpreter import state
from treadle.ir.operators import TABLE
from treadle.runtime.interpreter import current
from treadle.runtime.tensor import SymbolicTensor, Tensor
from treadle.runtime.variable import Variable
from treadle.tracer.frontend import calls
from treadle.tracer.func_graph import FuncGraph
from treadle.tracer.staging.block import as_predicate

# name of the syntax: (Python's function, the left operand's method, the right one's)
BINARY: dict[str, tuple[Callable[..., Any], str, str]] = {
    "Add": (operator.add, "__add__", "__radd__"), "Sub": (operator.sub, "__sub__", "__rsub__"),
    "Mult": (operator.mul, "__mul__", "__rmul__"), "Div": (operator.truediv, "__truediv__", "__rtruediv__"),
    "FloorDiv": (operator.floordiv, "__floordiv__", "__rfloordiv__"), "Mod": (operator.mod, "__mod__", "__rmod__"),
    "Pow": (operator.pow, "__pow__", "__rpow__"), "MatMult": (operator.matmul, "__matmul__", "__rmatmul__"),
    "LShift": (operator.lshift, "__lshift__", "__rlshift__"), "RShift": (operator.rshift, "__rshift__", "__rrshift__"),
    "BitAnd": (operator.and_, "__and__", "__rand__"), "BitOr": (operator.or_, "__or__", "__ror__"),
    "BitXor": (operator.xor, "__xor__", "__rxor__"), "DivMod": (divmod, "__divmod__", "__rdivmod__"),
}
_UNARY: dict[str, tuple[Callable[..., Any], str]] = {
    "USub": (operator.neg, "__neg__"), "UAdd": (operator.pos, "__pos__"), "Invert": (operator.invert, "__invert__"),
    "Abs": (abs, "__abs__"),
}
_COMPARE: dict[str, tuple[Callable[..., Any], str, str]] = {
    "Lt": (operator.lt, "__lt__", "__gt__"), "LtE": (operator.le, "__le__", "__ge__"), "Gt": (operator.gt, "__gt__", "__lt__"),
    "GtE": (operator.ge, "__ge__", "__le__"), "Eq": (operator.eq, "__eq__", "__eq__"),
    "NotEq": (operator.ne, "__ne__", "__ne__"),
}


def is_symbolic(value: Any) -> bool:
    """True if Python cannot know the value: a symbolic tensor, or a variable while tracing."""
    return isinstance(value, SymbolicTensor) or isinstance(value, Variable) and isinstance(state.interpreter, FuncGraph)


def predicate(value: Any) -> Any:
    """The truth of a tensor as a bool scalar."""
    return as_predicate(current().convert(value))


def truth(value: Any) -> Any:
    """A value, or what the converted `__bool__` of the user's class says of it."""
    if type(value) is bool:
        return value
    defined = _method(value, "__bool__")
    return value if defined is None else defined()


def decides(value: Any) -> Any:
    """A Python value that decides by its truth: that of a container is whether it is empty."""
    if isinstance(value, (list, dict, set)):
        calls.was_read(value)
    return value


def not_(value: Any) -> Any:
    """`not value`."""
    value = truth(value)
    return TABLE["logical_not"](predicate(value)) if is_symbolic(value) else not decides(value)


def binary(operation: str, left: Any, right: Any) -> Any:
    """`left + right` and its like: an operator that the user's class defines is converted."""
    plain, name, reflected = BINARY[operation]
    if not isinstance(state.interpreter, FuncGraph):
        return plain(left, right)
    second = None if type(left) is type(right) else _method(right, reflected)
    return _operated(plain, name, left, right, second)


def compare(operation: str, left: Any, right: Any) -> Any:
    """`left < right` and its like."""
    if operation in ("Is", "IsNot"):
        return (left is right) is (operation == "Is")
    plain, name, reflected = _COMPARE[operation]
    if not isinstance(state.interpreter, FuncGraph) or isinstance(left, Tensor):
        return plain(left, right)
    if operation == "NotEq" and type(left).__ne__ is object.__ne__:  # the opposite of the class's own `__eq__`
        return not_(compare("Eq", left, right))
    return _operated(plain, name, left, right, _method(right, reflected))


def unary(operation: str, operand: Any) -> Any:
    """`-operand` and its like."""
    plain, name = _UNARY[operation]
    defined = _method(operand, name)
    return plain(operand) if defined is None else defined()


def _method(owner: Any, name: str) -> Any:
    return None if isinstance(owner, (Tensor, Variable)) else calls.user_method(owner, name)


def _operated(plain: Callable, name: str, left: Any, right: Any, second: Any) -> Any:
    """An operator as Python looks for it: the left operand's method, then the right one's; a subclass's comes first."""
    first = _method(left, name)
    if first is None and second is None:
        return plain(left, right)
    if first is None and hasattr(type(left), name):
        first = functools.partial(getattr(type(left), name), left)
    attempts = [(first, right), (second, left)]
    if second is not None and type(right) is not type(left) and isinstance(right, type(left)):
        attempts.reverse()
    for method, other in attempts:
        if method is not None and (result := method(other)) is not NotImplemented:
            return result
    return plain(left, right)


def iterated(iterable: Any) -> Any:
    """What a loop or a comprehension goes over."""
    start = _method(iterable, "__iter__")
    if start is None:
        return iterable
    iterator = start()
    step = _method(iterator, "__next__")
    return iterator if step is None else _steps(step)


def _steps(step: Callable) -> Iterator[Any]:
    while True:
        try:
            item = step()
        except StopIteration:
            return
        yield item
