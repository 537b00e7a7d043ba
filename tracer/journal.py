"""What was traced and compiled, for those who ask while it happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType
from typing import NamedTuple

from treadle.ir.graph import Graph
from treadle.ir.location import Location, is_internal


class Event(NamedTuple):
    """One trace of a function ("traced") or one program made from it ("compiled"): whose, how long it took, how large it is.

    `where` is the function's first line, or None for a function of the library's. `operations` counts those of the graph,
    as traced or after the passes, and of the blocks in it.
    """

    what: str
    name: str
    where: Location | None
    seconds: float
    operations: int


_readers: list[list[Event]] = []


def note(what: str, name: str, code: CodeType | None, seconds: float, graph: Graph) -> None:
    """Tell those who record."""
    if _readers:
        where = None
        if code is not None and not is_internal(code.co_filename):
            where = Location(code.co_filename, code.co_firstlineno, name)
        operations = sum(1 for _ in graph.walk())
        for events in _readers:
            events.append(Event(what, name, where, seconds, operations))


@contextmanager
def record_compilations() -> Iterator[list[Event]]:
    """Within the `with` block each trace and each compilation of a function adds an event to the list.

    An event has `what` ("traced" or "compiled"), `name`, `where` (file and line), `seconds` and `operations`.

    >>> import treadle as tf
    >>> with tf.debugging.record_compilations() as events:
    ...     y = tf.function(lambda x: x * x + x)(tf.constant(1.0))
    >>> [(e.what, e.name, e.operations) for e in events]
    [('traced', '<lambda>', 2), ('compiled', '<lambda>', 2)]
    """
    events: list[Event] = []
    _readers.append(events)
    try:
        yield events
    finally:
        del _readers[next(i for i, one in enumerate(_readers) if one is events)]
