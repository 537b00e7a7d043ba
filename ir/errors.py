"""The exceptions treadle raises, in TensorFlow's names.

Each also derives from the built-in exception a Python user would expect, so that `except ValueError` and
`except tf.errors.InvalidArgumentError` both catch a shape error, eagerly and while tracing.
"""

from __future__ import annotations

import ast
import functools
import linecache
from types import FunctionType, TracebackType
from typing import Any, NoReturn

from treadle.ir import location


class OpError(Exception):
    """Base of treadle's errors.

    `message` is the text without the user's source line; `location` is that line; `entry` is the heading in
    docs/errors.md that says more: the class's own, unless the error is raised with another (`see`).
    """

    entry = "errors"

    def __init__(self, message: str, where: location.Location | None = None, *, see: str | None = None):
        self.message = message
        self.location = where if where is not None else location.user_location()
        if see is not None:
            self.entry = see
        super().__init__(message)

    def __str__(self) -> str:
        return f"{self.message}{location.describe(self.location)}\n  see docs/errors.md#{self.entry}"

    def reworded(self, message: str) -> OpError:
        """The same error with another text."""
        return type(self)(message, self.location, see=self.entry)


class InvalidArgumentError(OpError, ValueError):
    """An argument has the wrong shape or value."""

    entry = "invalid-argument"


class DtypeError(InvalidArgumentError, TypeError):
    """An argument has the wrong dtype or an unsupported Python type."""

    entry = "wrong-type"


class UnimplementedError(OpError, NotImplementedError):
    """The request is understood, but treadle (or XLA) cannot do it."""

    entry = "not-possible-here"


class FailedPreconditionError(OpError, RuntimeError):
    """The object is not in a state that allows the call (a variable without a value, a used-up tape)."""

    entry = "wrong-state"


class OutOfRangeError(OpError, IndexError):
    """Iteration or indexing went past the end."""

    entry = "out-of-range"


class NotFoundError(OpError, KeyError):
    """A named thing does not exist."""

    entry = "not-found"
    __str__ = OpError.__str__


class InternalError(OpError, RuntimeError):
    """A defect of treadle itself: an invariant of the compiler does not hold. Please report it."""

    entry = "internal-error"


class StagingError(OpError, TypeError):
    """A symbolic tensor was used where Python needs a value (`bool`, `int`, iteration, `.numpy()`), or after its trace."""

    entry = "value-needed-while-tracing"


show_library_frames = False


def hide_frames(error: BaseException) -> None:
    """Take treadle's own frames out of an exception's traceback, and out of those of its causes.

        except Exception as error:
            errors.hide_frames(error)
            raise                       # bare: Python adds no entry for the frame that does it

    `tf.debugging.enable_traceback_filtering` and `disable_traceback_filtering` set whether frames are hidden.
    """
    if show_library_frames:
        return
    if isinstance(error, OpError) and error.location is None:
        error.location = location.user_location()
    following: BaseException | None = error
    around = error  # what `following` is the cause of
    while following is not None:
        last, frames = None, []
        traceback = following.__traceback__
        while traceback is not None:
            last = traceback.tb_frame.f_code.co_filename
            if not location.is_internal(last):
                frames.append(traceback)
            traceback = traceback.tb_next
        if following is not error and following is not around.__cause__ and last is not None and location.is_internal(last):
            around.__suppress_context__ = True  # what treadle itself caught on the way is nobody's business
            return
        kept = None
        for frame in reversed(frames):
            kept = TracebackType(kept, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
        around = following.with_traceback(kept)
        following = around.__cause__ or (None if around.__suppress_context__ else around.__context__)


def shield(module: dict[str, Any]) -> None:
    """Have a module's public functions (`globals()`, at its end) hide treadle's frames from what they raise."""
    for name, function in list(module.items()):
        if isinstance(function, FunctionType) and function.__globals__ is module and not name.startswith("_"):
            module[name] = filter_traceback(function)


def shield_methods(*kinds: type) -> None:
    """The same for the methods of classes, `__getitem__` and its like among them."""
    for kind in kinds:
        for name, function in list(vars(kind).items()):
            if isinstance(function, FunctionType) and name not in _UNSHIELDED and (
                    name.startswith("__") or not name.startswith("_")):
                setattr(kind, name, filter_traceback(function))


# Those that cannot fail for reasons of the user's, or must be quick.
_UNSHIELDED = {"__init__", "__new__", "__repr__", "__str__", "__hash__", "__copy__", "__deepcopy__", "__reduce__", "__eq__",
               "__enter__", "__exit__"}


def filter_traceback(function: Any) -> Any:
    """A decorator for functions of a library: exceptions leave them without treadle's frames in the traceback.

    >>> import treadle as tf
    >>> @tf.debugging.filter_traceback
    ... def halved(x):
    ...     return x / 2
    >>> float(halved(tf.constant(3.0)))
    1.5
    """
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            hide(error)
            raise

    hide = hide_frames
    # With the module's own names, as a function of that module.
    made = FunctionType(call.__code__, function.__globals__, function.__name__, None, call.__closure__)
    return functools.update_wrapper(made, function)


def raise_at(error: BaseException, where: location.Location | None) -> NoReturn:
    """Raise the exception as if the user's line had raised it: the traceback ends there, and shows that line."""
    if where is not None and where.by_caller:
        where = location.user_location() or where
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
