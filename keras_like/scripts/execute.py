"""Running a file as `python file arguments` does."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, TracebackType


@contextmanager
def as_module(path: Path, arguments: Sequence[str], name: str) -> Iterator[ModuleType]:
    """An empty module for a script's code, which the process takes for the module of that name.

    The script's folder is the first on `sys.path` and `sys.argv` is the script's.
    """
    module = ModuleType(name)
    module.__dict__.update(__file__=str(path), __builtins__=__builtins__, __cached__=None)
    before = sys.modules.get(name), sys.argv, sys.path[:]
    sys.modules[name] = module
    sys.argv = [str(path), *arguments]
    sys.path[0] = os.path.dirname(os.path.realpath(path))
    try:
        yield module
    finally:
        sys.stdout.flush()
        if before[0] is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before[0]
        sys.argv, sys.path[:] = before[1:]


def execute(path: Path, arguments: Sequence[str], name: str = "__main__",
            then: Callable[[ModuleType], int] | None = None) -> int:
    """Run a script as `__main__` in this process, and return the exit status that Python would return.

    An exception's traceback is printed as Python prints it, without the frames of this folder. `then` goes on with the
    module when the script has ended, and returns the status.
    """
    source = path.read_bytes()
    with as_module(path, arguments, name) as module:
        try:
            exec(compile(source, str(path), "exec"), module.__dict__)
            return 0 if then is None else then(module)
        except SystemExit as end:
            return _status(end.code)
        except BaseException as error:
            sys.stdout.flush()
            error.__traceback__ = _without_this_folder(error.__traceback__)
            sys.excepthook(type(error), error, error.__traceback__)
            return 130 if isinstance(error, KeyboardInterrupt) else 1


def _status(code: object) -> int:
    """What `sys.exit(code)` means: a status, or a message and 1."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code
    print(code, file=sys.stderr)
    return 1


def _without_this_folder(traceback: TracebackType | None) -> TracebackType | None:
    while traceback is not None and os.path.dirname(traceback.tb_frame.f_code.co_filename) == os.path.dirname(__file__):
        traceback = traceback.tb_next
    return traceback
