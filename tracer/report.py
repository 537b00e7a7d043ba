"""What became of each of the user's lines, for `explain`."""

from __future__ import annotations

from typing import NamedTuple

from treadle.ir.location import Location


class Note(NamedTuple):
    """One thing that happened at a line."""

    where: Location | None
    kind: str    # "staged", "unrolled", "python"
    detail: str


class Report:
    """The notes of one trace, in order."""

    def __init__(self) -> None:
        self.notes: list[Note] = []

    def note(self, where: Location | None, kind: str, detail: str) -> None:
        """Add a note."""
        self.notes.append(Note(where, kind, detail))
