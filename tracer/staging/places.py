"""Places: where Python code keeps its state - a closure cell, a global, an attribute, the contents of a container.

A staged block is run on trial: the places it changes are noted with what they held, so that it can be undone, run
again, or merged with the other branch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from types import CellType, FunctionType
from typing import Any

from treadle.tracer.frontend.convert import is_installed


class _Undefined:
    """The value of a place that holds none."""

    def __repr__(self) -> str:
        return "<undefined>"


UNDEFINED = _Undefined()


class Place(ABC):
    """Somewhere a value is kept. `key` tells places apart; the object keeps alive what the key's ids belong to."""

    key: tuple
    name: str

    @abstractmethod
    def get(self) -> Any:
        """The value, or UNDEFINED."""

    @abstractmethod
    def set(self, value: Any) -> None:
        """Replace the value; UNDEFINED empties the place."""


class Cell(Place):
    """A variable of a function; `is_local`: of a call that is being traced, so that it is nobody's after the trace."""

    def __init__(self, name: str, cell: CellType, is_local: bool = False):
        self.name, self.cell, self.key, self.is_local = name, cell, (Cell, id(cell)), is_local

    def get(self) -> Any:
        try:
            return self.cell.cell_contents
        except ValueError:
            return UNDEFINED

    def set(self, value: Any) -> None:
        if value is not UNDEFINED:
            self.cell.cell_contents = value
        elif self.get() is not UNDEFINED:
            del self.cell.cell_contents


class Item(Place):
    """A name in a dictionary of names: a global variable."""

    def __init__(self, name: str, names: dict[str, Any]):
        self.name, self.names, self.key = name, names, (Item, id(names), name)

    def get(self) -> Any:
        return self.names.get(self.name, UNDEFINED)

    def set(self, value: Any) -> None:
        if value is not UNDEFINED:
            self.names[self.name] = value
        else:
            self.names.pop(self.name, None)


class Attribute(Place):
    """An attribute of an object, its own (not its class's)."""

    def __init__(self, name: str, owner: Any):
        self.name, self.owner, self.key = name, owner, (Attribute, id(owner), name)

    def get(self) -> Any:
        held = getattr(self.owner, "__dict__", None)
        if held is not None:
            return held.get(self.name, UNDEFINED)
        try:
            return getattr(self.owner, self.name)
        except AttributeError:
            return UNDEFINED

    def set(self, value: Any) -> None:
        # The user's `__setattr__` may do more than that, and that of a frozen data class refuses.
        change = type(self.owner).__setattr__
        plain = type(change) is FunctionType and not is_installed(change.__code__.co_filename)
        if value is not UNDEFINED:
            (object.__setattr__ if plain else setattr)(self.owner, self.name, value)
        elif self.get() is not UNDEFINED:
            (object.__delattr__ if plain else delattr)(self.owner, self.name)


class Held(Place):
    """A variable of our own."""

    def __init__(self, name: str, value: Any):
        self.name, self.value, self.key = name, value, (Held, id(self))

    def get(self) -> Any:
        return self.value

    def set(self, value: Any) -> None:
        self.value = value


class Contents(Place):
    """What a list, dict or set holds. The value is a shallow copy."""

    def __init__(self, container: Any):
        self.container, self.key = container, (Contents, id(container))
        self.name = f"a {type(container).__name__}"

    def get(self) -> Any:
        return self.container.copy()

    def set(self, value: Any) -> None:
        container = self.container
        if isinstance(container, list):
            container[:] = value
        else:
            container.clear()
            container.update(value)


def places_of(names: tuple[str, ...], functions: tuple[FunctionType | Callable, ...]) -> list[Place]:
    """The places of the variables `names` that the functions share."""
    cells: dict[str, CellType] = {}
    for function in functions:
        cells.update(zip(function.__code__.co_freevars, function.__closure__ or ()))  # type: ignore[union-attr]
    module = functions[0].__globals__  # type: ignore[union-attr]
    return [Cell(n, cells[n]) if n in cells else Item(n, module) for n in names]


def snapshot(places: list[Place]) -> list[Any]:
    """What the places hold."""
    return [p.get() for p in places]


def restore(places: list[Place], values: list[Any]) -> None:
    """Put values back."""
    for place, value in zip(places, values):
        place.set(value)
