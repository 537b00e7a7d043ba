"""`tf.io.gfile`: files and folders by name. Local ones: other places need a library of their own."""

from __future__ import annotations

import glob as globbing
import os
import shutil
from collections.abc import Iterator
from typing import IO, Any

from treadle.ir import errors


def _path(path: Any) -> str:
    """A name given as a string, bytes, a path or a string tensor."""
    if hasattr(path, "numpy"):
        path = path.numpy()
    return os.fsdecode(path)


def GFile(name: Any, mode: str = "r") -> IO[Any]:
    """An open file, as Python's `open` gives it, text in UTF-8.

    >>> import tempfile, treadle as tf
    >>> path = tempfile.mktemp()
    >>> with tf.io.gfile.GFile(path, "w") as file:
    ...     _ = file.write("text")
    >>> tf.io.gfile.exists(path), tf.io.gfile.GFile(path).read()
    (True, 'text')
    """
    try:
        return open(_path(name), mode, encoding=None if "b" in mode else "utf-8")
    except FileNotFoundError:
        raise errors.NotFoundError(f"There is no such file. Received: {name!r}.") from None


def exists(path: Any) -> bool:
    """True if there is a file or folder of that name."""
    return os.path.exists(_path(path))


def isdir(path: Any) -> bool:
    """True if the name is a folder's."""
    return os.path.isdir(_path(path))


def glob(pattern: Any) -> list[str]:
    """The names that match a pattern, or one of several."""
    patterns = pattern if isinstance(pattern, (list, tuple)) else [pattern]
    return sorted({path for p in patterns for path in globbing.glob(_path(p))})


def listdir(path: Any) -> list[str]:
    """What is in a folder."""
    try:
        return os.listdir(_path(path))
    except FileNotFoundError:
        raise errors.NotFoundError(f"There is no such folder. Received: {path!r}.") from None


def makedirs(path: Any) -> None:
    """Make a folder and those on the way to it; one that is there stays."""
    os.makedirs(_path(path), exist_ok=True)


mkdir = makedirs


def remove(path: Any) -> None:
    """Delete a file."""
    try:
        os.remove(_path(path))
    except FileNotFoundError:
        raise errors.NotFoundError(f"There is no such file. Received: {path!r}.") from None


def rmtree(path: Any) -> None:
    """Delete a folder and all in it."""
    shutil.rmtree(_path(path))


def rename(src: Any, dst: Any, overwrite: bool = False) -> None:
    """Give a file or folder another name. FailedPreconditionError if that is taken, unless `overwrite`."""
    _refuse_taken(dst, overwrite)
    os.replace(_path(src), _path(dst))


def copy(src: Any, dst: Any, overwrite: bool = False) -> None:
    """Copy a file. FailedPreconditionError if the new name is taken, unless `overwrite`."""
    _refuse_taken(dst, overwrite)
    shutil.copyfile(_path(src), _path(dst))


def _refuse_taken(path: Any, overwrite: bool) -> None:
    if not overwrite and exists(path):
        raise errors.FailedPreconditionError(f"The name is taken. Received: {path!r}. Pass `overwrite=True`.")


def walk(top: Any, topdown: bool = True) -> Iterator[tuple[str, list[str], list[str]]]:
    """(folder, its folders, its files) for a folder and all in it."""
    return os.walk(_path(top), topdown)


def join(path: Any, *paths: Any) -> str:
    """The parts of a name put together."""
    return os.path.join(_path(path), *map(_path, paths))


errors.shield(globals())
