"""Compiled programs kept on disk, so that the next process that needs one does not compile it again.

An entry is found by the fingerprint of its graph, the versions of JAX, Python and of treadle's own rules, the machine, and
the settings of XLA: whatever differs leads to another entry. An entry that is damaged, or that somebody else could have
written, is as good as not there. The folder is that of `TREADLE_CACHE` (empty: nothing is kept), else `treadle` in the
user's cache folder; what was used longest ago is removed when it holds more than `LIMIT` bytes.
"""

from __future__ import annotations

import functools
import hashlib
import os
import pickle
import platform
import stat
import sys
import tempfile
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import serialize_executable

LIMIT = 1 << 30  # bytes
_MAGIC = b"treadle program 1\n"
_PRUNE_EVERY = 64  # entries written by this process
_written = 0


def folder() -> Path | None:
    """Where programs are kept; None if they are not."""
    chosen = os.environ.get("TREADLE_CACHE")
    if chosen is not None:
        return Path(chosen) if chosen else None
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "treadle"


def entry(fingerprint: bytes | None, *details: Any) -> Path | None:
    """The file for a program; None for one that is not kept."""
    where = folder()
    if fingerprint is None or where is None:
        return None
    digest = hashlib.sha256(fingerprint + repr(details).encode() + _surroundings(jax.default_backend(), _settings()).encode())
    return where / digest.hexdigest()


def load(path: Path | None) -> Any:
    """The compiled program of an entry, or None."""
    if path is None:
        return None
    try:
        with open(path, "rb") as file:
            if not is_ours(os.fstat(file.fileno())):
                return None
            content = file.read()
        body = content[len(_MAGIC) + 32:]
        if not content.startswith(_MAGIC) or content[len(_MAGIC):len(_MAGIC) + 32] != hashlib.sha256(body).digest():
            return None
        if b"lapack_" in body:  # the name of a function that it calls
            _set_up_lapack()
        compiled = serialize_executable.deserialize_and_load(*pickle.loads(body))
        os.utime(path)
        return compiled
    except OSError:
        return None
    except Exception:  # whatever a file of another time may lead to: compile anew
        return None


@functools.lru_cache(maxsize=1)
def _set_up_lapack() -> None:
    """Have JAX find LAPACK's functions, as it does when it lowers a program with one. A call without ends the process."""
    jax.jit(jnp.linalg.qr).lower(jax.ShapeDtypeStruct((1, 1), np.float32))


def save(path: Path | None, compiled: Any) -> None:
    """Keep a compiled program, if that can be done."""
    global _written
    if path is None:
        return
    try:
        body = pickle.dumps(serialize_executable.serialize(compiled))
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not is_ours(path.parent.stat()):
            return
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_MAGIC + hashlib.sha256(body).digest() + body)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
        if _written % _PRUNE_EVERY == 0:
            prune(path.parent)
        _written += 1
    except Exception:  # a full or read-only disk, a program that cannot be written: it works without
        return


def prune(where: Path) -> None:
    """Remove what was used longest ago, until the rest takes three quarters of `LIMIT`, if it takes more than that."""
    found = []
    for item in os.scandir(where):
        known = item.stat(follow_symlinks=False)
        found.append((known.st_mtime, known.st_size, item.path))
    total = sum(size for _, size, _ in found)
    if total > LIMIT:
        for _, size, path in sorted(found):
            os.unlink(path)
            total -= size
            if total <= LIMIT * 3 // 4:
                return


def is_ours(known: os.stat_result) -> bool:
    """True if nobody but the user can have written it: loading a program runs what is in it."""
    return not hasattr(os, "getuid") or known.st_uid == os.getuid() and not known.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _settings() -> tuple:
    """JAX's settings and XLA's flags, which decide what a graph is compiled to."""
    plain = {k: v for k, v in jax.config.values.items() if isinstance(v, (bool, int, float, str, type(None)))}
    return os.environ.get("XLA_FLAGS", ""), *sorted(plain.items())


@functools.lru_cache(maxsize=8)
def _surroundings(backend: str, settings: tuple) -> str:
    """Everything else that a compiled program depends on, as text."""
    device = jax.devices(backend)[0]
    client = device.client
    return repr((backend, device.device_kind, len(jax.devices(backend)), client.platform_version, jax.__version__,
                 sys.version_info[:3], platform.machine(), processor(), os.cpu_count(), _rules(), settings))


def processor() -> str:
    """The instructions that the processor knows."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next((line for line in file if line.startswith(("flags", "Features"))), "")
    except OSError:
        return platform.processor()


def _rules() -> list[tuple[str, int, int]]:
    """treadle's own rules for lowering, by the size and date of the files that hold them."""
    here = Path(os.path.realpath(__file__)).parent
    found = []
    for room in (here, here.parent / "ir"):
        for file in sorted([*room.rglob("*.py"), *room.rglob("*.[ch]")]):
            known = file.stat()
            found.append((str(file), known.st_size, known.st_mtime_ns))
    return found
