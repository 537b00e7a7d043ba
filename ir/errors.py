"""The exceptions treadle raises, in TensorFlow's names.

Each also derives from the built-in exception a Python user would expect, so that `except ValueError` and
`except tf.errors.InvalidArgumentError` both catch a shape error, eagerly and while tracing.
"""

from __future__ import annotations

import ast
import linecache
from types import TracebackType
from typing import NoReturn

from treadle.ir import location


class OpError(Exception):
    """Base of treadle's errors. `message` is the text without the user's source line; `location` is that line."""

    def __init__(self, message: str, where: location.Location | None = None):
        self.message = message
        self.location = where if where is not None else location.user_location()
        super().__init__(message)

    def __str__(self) -> str:
        return f"{self.message}{location.describe(self.location)}"


class InvalidArgumentError(OpError, ValueError):
    """An argument has the wrong shape or value."""


class DtypeError(InvalidArgumentError, TypeError):
    """An argument has the wrong dtype or an unsupported Python type."""


class UnimplementedError(OpError, NotImplementedError):
    """The request is understood, but treadle (or XLA) cannot do it."""


class FailedPreconditionError(OpError, RuntimeError):
    """The object is not in a state that allows the call (a variable without a value, a used-up tape)."""


class OutOfRangeError(OpError, IndexError):
    """Iteration or indexing went past the end."""


class NotFoundError(OpError, KeyError):
    """A named thing does not exist."""

    __str__ = OpError.__str__


class InternalError(OpError, RuntimeError):
    """A defect of treadle itself: an invariant of the compiler does not hold. Please report it."""


class StagingError(OpError, TypeError):
    """A symbolic tensor was used where Python needs a value (`bool`, `int`, iteration, `.numpy()`), or after its trace."""


show_library_frames = False


def trimmed(error: Exception) -> Exception:
    """The exception with treadle's own frames removed from its traceback, for re-raising `from None`.

    `tf.debugging.enable_traceback_filtering` and `disable_traceback_filtering` set whether frames are hidden.
    """
    if show_library_frames:
        return error
    if isinstance(error, OpError) and error.location is None:
        error.location = location.user_location()
    traceback = error.__traceback__
    frames = []
    while traceback is not None:
        if not location.is_internal(traceback.tb_frame.f_code.co_filename):
            frames.append(traceback)
        traceback = traceback.tb_next
    kept = None
    for frame in reversed(frames):
        kept = TracebackType(kept, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return error.with_traceback(kept)


def raise_at(error: BaseException, where: location.Location | None) -> NoReturn:
    """Raise the exception as if the user's line had raised it: the traceback ends there, and shows that line."""
    if isinstance(error, OpError):
        error.location = where or error.location
    if where is None:
        raise error
    source = linecache.getline(where.file, where.line)
    # The statement is said to fill the line, so that no part of the line is marked.
    position = {"lineno": where.line, "end_lineno": where.line, "col_offset": len(source) - len(source.lstrip()),
                "end_col_offset": len(source.rstrip())}
    statement = ast.Raise(ast.Name("error", ast.Load(), **position), None, **position)
    code = compile(ast.Module([statement], []), where.file, "exec")
    name = where.function or "<module>"
    exec(code.replace(co_name=name, co_qualname=name), {"error": error.with_traceback(None)})
    raise error
