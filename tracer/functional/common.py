"""What the functions of this package share: whether to stage, the user's functions, and where their state is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from treadle.ir import errors
from treadle.ir.interpreter import state
from treadle.runtime import nest
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.interpreter import current
from treadle.runtime.tensor import SymbolicTensor
from treadle.runtime.variable import Variable
from treadle.tracer.func_graph import FuncGraph
from treadle.tracer.staging.places import Place
from treadle.tracer.tensor_array import TensorArray


class Held(Place):
    """A value that a function of this package keeps from one iteration to the next."""

    def __init__(self, name: str, value: Any):
        self.name, self.value, self.key = name, value, (Held, id(self))

    def get(self) -> Any:
        return self.value

    def set(self, value: Any) -> None:
        self.value = value


def is_tracing() -> bool:
    """True inside a trace."""
    return isinstance(state.interpreter, FuncGraph)


def is_symbolic(value: Any) -> bool:
    """True if only the compiled program will know the value."""
    return isinstance(value, SymbolicTensor) or isinstance(value, Variable) and is_tracing()


def user_function(function: Any, name: str) -> Callable:
    """The user's function as it is to be called. Raises DtypeError (a TypeError) if it cannot be called."""
    if not callable(function):
        raise errors.DtypeError(f"'{name}' must be callable. Received: {function!r}. Pass a function or a lambda.")
    return current().converted(function)


def tensors(structure: Any) -> Any:
    """The structure with its numbers and arrays as tensors; a `TensorArray` stays what it is."""
    def as_tensor(leaf: Any) -> Any:
        return leaf if isinstance(leaf, TensorArray) else convert_to_tensor(leaf)
    return nest.pack_sequence_as(structure, [as_tensor(leaf) for leaf in nest.flatten(structure)])


def same_structure(found: Any, expected: Any, what: str) -> None:
    """Raise InvalidArgumentError (a ValueError) unless both are nested alike; lists and tuples pass for one another."""
    a, b = nest.children(found), nest.children(expected)
    alike = (a is None) == (b is None) and (a is None or b is None or len(a) == len(b) and (
        not isinstance(expected, dict) or isinstance(found, dict) and found.keys() == expected.keys()))
    if not alike:
        raise errors.InvalidArgumentError(
            f"The two structures don't have the same nested structure: {what} Received: {described(found)} in the place of "
            f"{described(expected)}.")
    for x, y in zip(a or (), b or ()):
        same_structure(x, y, what)


def described(structure: Any) -> str:
    """A structure with types in the place of tensors."""
    parts = nest.children(structure)
    if parts is None:
        return str(getattr(structure, "type", repr(structure)))
    if isinstance(structure, dict):
        return "{" + ", ".join(f"{k!r}: {described(v)}" for k, v in structure.items()) + "}"
    return ("[%s]" if isinstance(structure, list) else "(%s)") % ", ".join(map(described, parts))
