"""Where in the user's source an operation was asked for."""

from __future__ import annotations

import linecache
import os
import sys
import sysconfig
from typing import NamedTuple

_ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
_LIBRARY = tuple(
    os.path.join(_ROOT, room) + os.sep
    for room in ("ir", "lowering", "runtime", "tracer", "keras_like", "treadle")
)
_DEMO = os.path.join(_ROOT, "keras_like", "demo") + os.sep  # user code, although it ships with the library
_INSTALLED = tuple(
    {os.path.join(sysconfig.get_paths()[k], p) + os.sep for k in ("purelib", "platlib") for p in ("jax", "numpy")}
)
_is_internal: dict[str, bool] = {}


class Location(NamedTuple):
    """A line of a file: what an operation's printed form and every error message point at."""

    file: str
    line: int
    function: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def is_internal(filename: str) -> bool:
    """True for treadle's own files (and jax's and numpy's), whose frames a user should not have to read."""
    known = _is_internal.get(filename)
    if known is None:
        real = os.path.realpath(filename)
        known = real.startswith(_LIBRARY + _INSTALLED) and not real.startswith(_DEMO)
        _is_internal[filename] = known
    return known


def user_location() -> Location | None:
    """The innermost frame outside the library, or None where there is none (a thread of our own)."""
    frame = sys._getframe(1)
    while frame is not None:
        filename = frame.f_code.co_filename
        internal = _is_internal.get(filename)
        if internal is None:
            internal = is_internal(filename)
        if not internal:
            return Location(filename, frame.f_lineno, frame.f_code.co_name)
        frame = frame.f_back  # type: ignore[assignment]
    return None


def describe(where: Location | None) -> str:
    """The tail of an error message: the file, the line, and the source text there."""
    if where is None:
        return ""
    source = linecache.getline(where.file, where.line).strip()
    return f"\n  at {where.file}:{where.line}" + (f", in {where.function}" if where.function else "") + (
        f"\n    {source}" if source else "")
