"""A row of the table: how a hostile file is made, and what the error says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Hostile(NamedTuple):
    """`make(path)` makes the file; `says` is a regular expression for the message; `reader` is what must refuse it."""

    name: str
    make: Callable[[Path], None]
    says: str
    reader: str


class Table(list[Hostile]):
    """Rows, added by decorating the functions that make the files."""

    def __init__(self, reader: str):
        super().__init__()
        self._reader = reader

    def row(self, says: str, name: str | None = None) -> Callable:
        def add(make: Callable[[Path], None]) -> Callable[[Path], None]:
            self.append(Hostile(f"{self._reader}-{name or make.__name__}", make, says, self._reader))
            return make
        return add
