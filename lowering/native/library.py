"""The C kernels of this folder as a library: compiled once on a machine, by its C compiler, and handed to XLA.

Compiling takes 2 s, the first time that an op asks for a kernel; the library is kept beside the compiled programs
(`disk_cache`), under a name that says what it was made of and what is in it; where programs are not kept, in a folder of the
user's among the system's temporary files. Where there is no compiler (`CC`, else `gcc`, `cc` or `clang`), or where it fails,
there are no kernels, and the ops' own rules serve.
"""

from __future__ import annotations

import ctypes
import getpass
import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jax

from treadle.lowering import disk_cache

FUNCTIONS = (  # each a handler of XLA's FFI
    "treadle_convolution", "treadle_convolution_filter_gradient", "treadle_product", "treadle_lstm", "treadle_lstm_gradient",
    "treadle_rows")
OPTIONS = ("-O3", "-ffp-contract=fast", "-fno-math-errno", "-fPIC", "-pthread")
_HERE = Path(os.path.realpath(__file__)).parent
_MOST_SECONDS = 120.0


class Library:
    """The library that this process uses: built and loaded when somebody first asks."""

    enabled = True  # the user's choice: `tf.config.use_native_kernels`
    _lock = threading.Lock()
    _asked = False
    _lanes = 0  # floats of a vector; 0: there is no library

    @classmethod
    def lanes(cls) -> int:
        """How many floats a vector has that the kernels compute with; 0 if there are no kernels."""
        if not cls.enabled:
            return 0
        with cls._lock:
            if not cls._asked:
                cls._lanes = _load()
                cls._asked = True
        return cls._lanes


def use_native_kernels(use: bool = True) -> None:
    """Have programs on CPU that are compiled from now on use treadle's kernels in C (the default), or XLA's own code only.

    The kernels need a C compiler the first time (`CC`, else `gcc`, `cc` or `clang` on the path); without one XLA's code serves.
    Results are equal up to rounding. Say it before the first operation: what is compiled stays as it is.

    >>> import treadle as tf
    >>> tf.config.use_native_kernels(False)
    >>> tf.config.native_kernels_are_used()
    False
    >>> tf.config.use_native_kernels()
    """
    Library.enabled = bool(use)


def native_kernels_are_used() -> bool:
    """True if programs on CPU get kernels in C where there are some: they are not switched off, and there is a compiler, or
    was one on the first use.
    """
    return Library.lanes() > 0


def own_rule(op: Any) -> Callable[..., Any]:
    """How an op is lowered without a kernel."""
    return op.lower


def _load() -> int:
    folder = disk_cache.folder() or _elsewhere()
    found = _kept(folder)
    if found is None and _build(folder):
        found = _kept(folder)
    return _register(found) if found is not None else 0


def _elsewhere() -> Path:
    """The folder where no programs are kept: one of the user's among the system's temporary files."""
    return Path(tempfile.gettempdir()) / f"treadle-{os.getuid() if hasattr(os, 'getuid') else getpass.getuser()}"


def _register(path: Path) -> int:
    """Make XLA know the functions of a library; the number of lanes they were compiled for."""
    try:
        library = ctypes.CDLL(str(path))
        for name in FUNCTIONS:
            jax.ffi.register_ffi_target(name, jax.ffi.pycapsule(getattr(library, name)), platform="cpu")
        return int(library.treadle_lanes())
    except (OSError, AttributeError):  # for another C library, or a file system that allows no programs
        return 0


def _kept(folder: Path) -> Path | None:
    """The library in a folder, if it is there, whole, and nobody else can have written it."""
    for path in folder.glob(f"{_name()}-*.so"):
        try:
            if all(disk_cache.is_ours(p.stat()) for p in (folder, path)) and path.stem.endswith(_digest(path.read_bytes())):
                os.utime(path)
                return path
        except OSError:
            continue
    return None


def _build(folder: Path) -> bool:
    """Compile the library into a folder. False if that cannot be done."""
    compiler = _compiler()
    if compiler is None or os.name != "posix":
        return False
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not disk_cache.is_ours(folder.stat()):
            return False
        handle, made = tempfile.mkstemp(dir=folder, prefix=".new-", suffix=".so")
        os.close(handle)
        try:
            _compile(compiler, made)
            os.chmod(made, 0o700)
            os.replace(made, folder / f"{_name()}-{_digest(Path(made).read_bytes())}.so")
        except BaseException:
            os.unlink(made)
            raise
        return True
    except (OSError, subprocess.SubprocessError):
        return False


def _compile(compiler: list[str], made: str) -> None:
    """Compile the sources, at the same time, and link them."""
    def run(*arguments: str) -> None:
        subprocess.run([*compiler, *OPTIONS, *arguments], check=True, stdin=subprocess.DEVNULL, capture_output=True,
                       timeout=_MOST_SECONDS)

    with tempfile.TemporaryDirectory(prefix="treadle-") as work, ThreadPoolExecutor() as pool:
        objects = [os.path.join(work, f"{path.stem}.o") for path in sources()]
        steps = [pool.submit(run, "-march=native", "-I", jax.ffi.include_dir(), "-c", str(path), "-o", made_of)
                 for path, made_of in zip(sources(), objects)]
        for step in steps:
            step.result()
        run("-shared", *objects, "-o", made)


def sources() -> list[Path]:
    """The files that the compiler is given."""
    return sorted(_HERE.glob("*.c"))


def _compiler() -> list[str] | None:
    """The command that compiles C. GCC first: clang keeps fewer of the kernels' sums in registers (15% to 100% slower)."""
    chosen = shlex.split(os.environ.get("CC", ""))
    if chosen:
        return chosen if shutil.which(chosen[0]) else None
    found = next(filter(None, map(shutil.which, ("gcc", "cc", "clang"))), None)
    return [found] if found else None


def _name() -> str:
    """What a library made here and now is called: another source, XLA or processor makes another one."""
    parts = [path.read_bytes() for path in sorted(_HERE.glob("*.[ch]"))]
    parts += [jax.__version__.encode(), disk_cache.processor().encode()]
    return f"kernels-{_digest(b''.join(parts))}"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
