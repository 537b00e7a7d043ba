"""Running a file as `python file arguments` does."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, TracebackType


def execute(path: Path, arguments: Sequence[str]) -> int:
    """Run a script as `__main__` in this process, and return the exit status that Python would return.

    Its folder is the first on `sys.path` and `sys.argv` is its own. An exception's traceback is printed as Python prints it,
    without the frames of this file.
    """
    source = path.read_bytes()
    main = ModuleType("__main__")
    main.__dict__.update(__file__=str(path), __builtins__=__builtins__, __cached__=None)
    before = sys.modules["__main__"], sys.argv, sys.path[:]
    sys.modules["__main__"] = main
    sys.argv = [str(path), *arguments]
    sys.path[0] = os.path.dirname(os.path.realpath(path))
    try:
        exec(compile(source, str(path), "exec"), main.__dict__)
        return 0
    except SystemExit as end:
        return _status(end.code)
    except BaseException as error:
        sys.stdout.flush()
        error.__traceback__ = _without_this_file(error.__traceback__)
        sys.excepthook(type(error), error, error.__traceback__)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    finally:
        sys.stdout.flush()
        sys.modules["__main__"], sys.argv, sys.path[:] = before


def _status(code: object) -> int:
    """What `sys.exit(code)` means: a status, or a message and 1."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code
    print(code, file=sys.stderr)
    return 1


def _without_this_file(traceback: TracebackType | None) -> TracebackType | None:
    while traceback is not None and traceback.tb_frame.f_code.co_filename == __file__:
        traceback = traceback.tb_next
    return traceback
