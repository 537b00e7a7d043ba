"""`Beside`: a thread that works beside this one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


class Beside(ThreadPoolExecutor):
    """Runs functions in a thread of its own, one after the other, for as long as the `with` statement lasts. For what lets
    other threads run meanwhile: checksums, reading, writing.

    >>> with Beside() as beside:
    ...     found = beside.start(sum, [1, 2])
    ...     found()
    3
    """

    def __init__(self) -> None:
        super().__init__(1, "treadle-files")

    def start(self, function: Callable, *args: Any) -> Callable[[], Any]:
        """Begin with a call; what is returned waits for its end, and returns or raises what it does."""
        try:
            return self.submit(function, *args).result
        except RuntimeError:  # there can be no new threads: the interpreter is about to end
            result = function(*args)
            return lambda: result
