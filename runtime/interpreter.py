"""What an interpreter of user code can do beyond running ops: read and assign variables, and create them."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from treadle.ir.interpreter import Interpreter, state


class TensorInterpreter(Interpreter):
    """An interpreter that stands behind user code: eager execution, or a trace."""

    @abstractmethod
    def read_variable(self, variable: Any) -> Any:
        """The variable's value at this point of the program."""

    @abstractmethod
    def assign_variable(self, variable: Any, value: Any) -> None:
        """Make `value` (a tensor of the right type) the variable's value from here on."""

    @abstractmethod
    def lift(self, initial_value: Any) -> Any:
        """A variable's initial value as something that can be evaluated eagerly."""

    def converted(self, function: Any) -> Any:
        """The function as library code should call it: inside a trace, with its control flow staged."""
        return function

    def custom_gradient(self, *arguments: Any) -> Any:
        """A call of a function whose gradient the user wrote, as one operation (in a trace only)."""
        raise NotImplementedError

    @abstractmethod
    def variable_created(self, variable: Any) -> None:
        """Take note of a new variable."""


def current() -> TensorInterpreter:
    """The interpreter of this thread."""
    return state.interpreter  # type: ignore[return-value]


def carriers(tensor: Any) -> list[Any]:
    """The tensors that carry `tensor`'s value in records: itself and, inside a trace, what stands for it there."""
    inside = tensor if state.interpreter.is_operand(tensor) else state.interpreter.convert(tensor)
    return [tensor] if inside is tensor else [tensor, inside]
