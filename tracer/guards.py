"""Guards: the Python state that a trace depends on, and the changes of it that a trace would lose."""

from __future__ import annotations

from typing import Any

from treadle.tracer.staging.places import Place


class Guards:
    """What a trace read of Python's state."""

    def read(self, place: Place, value: Any) -> None:
        """A closure cell was read."""

    def read_global(self, name: str, value: Any) -> None:
        """A global was read, by the frame two above."""

    def read_attribute(self, owner: Any, name: str, value: Any) -> None:
        """An attribute was read."""

    def read_item(self, container: Any, index: Any, value: Any) -> None:
        """An item of a list or dict was read."""

    def read_contents(self, container: Any) -> None:
        """All of a container was read."""

    def changed(self, place: Place, made: dict[int, Any]) -> None:
        """User code is about to change a place. `made` are the objects made while tracing."""
