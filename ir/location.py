"""Where in the user's source an operation was asked for."""

from __future__ import annotations

import linecache
import os
import sys
import sysconfig
import threading
from types import FrameType
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
    """A line of a file: what an operation's printed form and every error message point at.

    Notes for who measures time: `scope`, the names of the layers (or `name_scope`s) around, "model/dense"; and for an
    operation of a gradient `forward`, the place of the operation that it differentiates. They are not in the printed form.

    `by_caller`: the line does not lie in what was traced, but called it (`model.fit`): a failure of a later call has another.
    """

    file: str
    line: int
    function: str = ""
    scope: str = ""
    forward: Location | None = None
    by_caller: bool = False

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class _Inside(threading.local):
    scope = ""
    forward: Location | None = None
    caller: FrameType | None = None  # the user's frame that called what is being traced


inside = _Inside()  # what `here` adds to the line


def is_internal(filename: str) -> bool:
    """True for treadle's own files (and jax's and numpy's), whose frames a user should not have to read."""
    known = _is_internal.get(filename)
    if known is None:
        real = os.path.realpath(filename)
        known = real.startswith(_LIBRARY + _INSTALLED) and not real.startswith(_DEMO)
        _is_internal[filename] = known
    return known


def user_frame() -> FrameType | None:
    """The innermost frame outside the library, or None where there is none (a thread of our own)."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        filename = frame.f_code.co_filename
        internal = _is_internal.get(filename)
        if internal is None:
            internal = is_internal(filename)
        if not internal:
            return frame
        frame = frame.f_back
    return None


def user_location() -> Location | None:
    """The user's line."""
    frame = user_frame()
    return None if frame is None else Location(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)


def here() -> Location | None:
    """The user's line with the scope it is in: where an operation is made."""
    frame = user_frame()
    if frame is None:
        return None
    return Location(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name, inside.scope, inside.forward,
                    frame is inside.caller)


class CalledFromHere:
    """What is traced within was called by the user's line around, unless it is part of an outer trace."""

    def __enter__(self) -> None:
        self._outer = inside.caller
        if self._outer is None:
            inside.caller = user_frame()

    def __exit__(self, *exception: object) -> None:
        inside.caller = self._outer


def describe(where: Location | None) -> str:
    """The tail of an error message: the file, the line, and the source text there."""
    if where is None:
        return ""
    source = linecache.getline(where.file, where.line).strip()
    return f"\n  at {where.file}:{where.line}" + (f", in {where.function}" if where.function else "") + (
        f"\n    {source}" if source else "")
