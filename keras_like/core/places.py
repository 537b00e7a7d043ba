"""`say_where`: an error says in which layer, loss or metric it was met."""

from __future__ import annotations


def say_where(error: Exception, place: str) -> None:
    """Add `place` as a note that tracebacks show; the first (innermost) place counts."""
    if not getattr(error, "_has_place", False):
        error._has_place = True  # type: ignore[attr-defined]
        error.add_note(place)
