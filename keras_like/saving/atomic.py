"""Writing so that at any moment the file is the old one or the new one; opening nothing but regular files."""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import stat
import time
from collections.abc import Callable
from typing import Any, BinaryIO

from treadle.keras_like.saving.beside import Beside
from treadle.keras_like.saving.errors import refuse

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

SMALL = 8 << 20  # bytes of content that may be made in memory first
_STALE_SECONDS = 60


def write_atomically(path: Any, write: Callable[[BinaryIO], Any], verify: Callable[[str], None] | None = None,
                     small: bool = False) -> None:
    """Write a file as a whole or not at all.

    A temporary file in the same folder is written (`write(file)`; it may seek and read), brought to the disk and checked
    (`verify(path of it)` raises if it is not as it should be), then put in the place of `path`, and the folder is brought to
    the disk. Whatever ends this early - an exception, Ctrl-C, `kill -9`, power - leaves `path` as it was. A link is
    followed: the file it leads to is replaced. The new file has the mode of the old one, or that of any new file.

    Content that is `small` is made in memory and written in one go. Then it is checked byte by byte, in place of `verify`: of
    100,000 weights that takes 0.2 ms, reading them as HDF5 10 ms.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.bin"
    >>> write_atomically(path, lambda file: file.write(b"new"))
    >>> path.read_bytes(), [p.name for p in path.parent.iterdir()]
    (b'new', ['a.bin'])
    """
    if small:
        made = io.BytesIO()
        write(made)
        content = made.getvalue()
        write_atomically(path, lambda file: file.write(content), lambda temporary: _check_same(path, temporary, content))
        return
    target = os.path.realpath(os.fspath(path))
    folder, name = os.path.split(target)
    mode = _mode_of_old(path, target)
    _remove_left_over(folder, name)
    temporary = os.path.join(folder, f".{name[:100]}.{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "x+b") as file:
            _lock(file.fileno())
            if mode is not None:
                os.chmod(temporary, mode)
            write(file)
            file.flush()
            with Beside() as beside:
                on_disk = beside.start(os.fsync, file.fileno())
                if verify is not None:
                    verify(temporary)
                on_disk()
            os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_folder(folder)


def _check_same(path: Any, temporary: str, content: bytes) -> None:
    with open_regular(temporary) as file:
        if file.read(len(content) + 1) != content:
            raise refuse(path, "was not written: what is read again is not what was to be written.", "Is the disk all right?")


def _mode_of_old(path: Any, target: str) -> int | None:
    """The mode of the file that is there, if one is."""
    try:
        found = os.stat(target).st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found):
        raise refuse(path, f"cannot be written: there is {_kind(found)} in its place.", "Save to another path.")
    return stat.S_IMODE(found)


def _lock(descriptor: int) -> bool:
    """Take the lock that says that a process is at work on the file; False if another has it. The kernel gives it back
    when the process ends, however it ends."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _remove_left_over(folder: str, name: str) -> None:
    """Remove the temporary files of saves that were killed."""
    before = f".{name[:100]}."
    for left in os.listdir(folder):
        if left.startswith(before) and left.endswith(".tmp") and len(left) == len(before) + 16 + 4:
            with contextlib.suppress(OSError):
                with open(os.path.join(folder, left), "rb") as file:
                    # One that is younger may not have its lock yet.
                    if time.time() - os.fstat(file.fileno()).st_mtime > _STALE_SECONDS and _lock(file.fileno()):
                        os.unlink(os.path.join(folder, left))


def _sync_folder(folder: str) -> None:
    """Bring the folder's entries to the disk, where the system can."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with contextlib.suppress(OSError):  # file systems that know no such thing
                os.fsync(descriptor)
        finally:
            os.close(descriptor)


def open_regular(path: Any) -> BinaryIO:
    """Open a file for reading. Pipes, devices, sockets and folders are refused, behind links too, without waiting."""
    path = os.fspath(path)
    try:
        found = os.stat(path).st_mode
        if not stat.S_ISREG(found):
            raise refuse(path, f"is not a file: {_kind(found)}.", "Give the path of a file.")
        # What is there may be another thing by now: O_NONBLOCK, so that no pipe makes this wait.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        raise refuse(path, "does not exist.", "Check the path.") from None
    except (OSError, ValueError) as error:
        if isinstance(error, OSError):
            raise refuse(path, f"cannot be read: {error.strerror}.", "Check the path and its permissions.") from None
        raise
    file = os.fdopen(descriptor, "rb")
    found = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(found):
        file.close()
        raise refuse(path, f"is not a file: {_kind(found)}.", "Give the path of a file.")
    return file


def _kind(mode: int) -> str:
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device",
             stat.S_IFBLK: "a device"}
    return kinds.get(stat.S_IFMT(mode), "a special file")
