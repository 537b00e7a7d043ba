"""What became of each of the user's lines, for `explain`."""

from __future__ import annotations

from types import CodeType
from typing import NamedTuple

from treadle.ir.location import Location


class Note(NamedTuple):
    """One thing that happened at a line.

    `kind`: "unrolled" (a Python loop), "python" (a condition that Python decided; `detail` is "True" or "False") or
    "plain" (the call of a function that is not converted). What was staged is read from the graph.
    """

    where: Location | None
    kind: str
    detail: str


class Report:
    """The notes of one trace, in order, and the user's functions that ran in it, by name."""

    def __init__(self) -> None:
        self.notes: list[Note] = []
        self.functions: dict[CodeType, str] = {}
        self.trace_seconds = 0.0
        self.conversion_seconds = 0.0  # part of `trace_seconds`

    def note(self, where: Location | None, kind: str, detail: str) -> None:
        """Add a note."""
        self.notes.append(Note(where, kind, detail))

    def mark(self) -> int:
        """A point to go `back_to`."""
        return len(self.notes)

    def back_to(self, mark: int) -> None:
        """Forget the notes since a `mark`: a loop's body is traced anew."""
        del self.notes[mark:]
