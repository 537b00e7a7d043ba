"""Files of data sets: from the Keras cache folder, else downloaded there, checked, and moved into place whole."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import treadle as tf

ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_CHUNK = 1 << 20
_TIMEOUT = 30.0  # seconds without an answer


def cache_folder() -> Path:
    """Where Keras keeps data sets: `$KERAS_HOME/datasets`, by default `~/.keras/datasets`."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home).expanduser() if home else Path.home() / ".keras") / "datasets"


def fetch(path: str | os.PathLike, origin: str, digest: str | None = None, folder: str = "") -> Path:
    """Where a file is: one given by its path there; a bare name in the cache folder, downloaded if need be.

    Args:
        path: a bare name, or a path with folders in it, which is taken as it is.
        origin: the URL, or what follows `ORIGIN`.
        digest: the file's SHA-256 or MD5, in hexadecimal digits. A file in the cache folder that has another is
            downloaded anew.
        folder: where in the cache folder.

    Raises:
        FileNotFoundError: the file is not there and cannot be had; the message names the folder to put it in.
        InvalidArgumentError: what was downloaded is not the file that was meant.
    """
    place = Path(path)
    if place.name != os.fspath(path):
        if not place.exists():
            raise FileNotFoundError(f"There is no such file. Received: {os.fspath(path)!r}. Give the path of the data set's "
                                    f"file, or its bare name, which is looked for in {cache_folder()}.")
        return place
    place = cache_folder() / folder / path
    url = origin if "://" in origin else ORIGIN + origin
    found = place.exists()
    if found and (digest is None or _digest(place, digest) == digest):
        return place
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        _download(url, place, digest)
    except OSError as error:
        what = "in the folder is not the official file (its checksum differs), which" if found else "is not on this machine and"
        advice = ", or give the path of yours, which is then read as it is" if found else ""
        raise FileNotFoundError(
            f"{place.name!r} {what} could not be downloaded: {error}. Put the file from {url} into the folder {place.parent}, "
            f"under the name {place.name!r}{advice}. (KERAS_HOME names another folder than ~/.keras.)") from None
    return place


def _digest(path: Path, like: str) -> str:
    with path.open("rb") as file:
        return _hash(like, iter(lambda: file.read(_CHUNK), b""))


def _hash(like: str, chunks: Iterator[bytes]) -> str:
    """The checksum of the kind that `like` is."""
    found = hashlib.md5(usedforsecurity=False) if len(like) == 32 else hashlib.sha256()
    for chunk in chunks:
        found.update(chunk)
    return found.hexdigest()


def _download(url: str, path: Path, digest: str | None) -> None:
    """Write a URL's content to a file that appears whole and checked, or not at all."""
    request = urllib.request.Request(url, headers={"User-Agent": f"treadle/{tf.__version__}"})
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                found = _hash(digest or "", _copied(answer, file, path.name, int(answer.headers.get("Content-Length") or 0)))
                file.flush()
                os.fsync(file.fileno())
            if digest is not None and found != digest:
                raise tf.errors.InvalidArgumentError(
                    f"{url} did not give the file that was meant: its checksum is {found}, not {digest}. Received: "
                    f"{os.path.getsize(temporary)} bytes. Try again; if a proxy changes what is downloaded, get the file "
                    f"another way and put it at {path}.")
            os.replace(temporary, path)
        finally:
            if os.path.exists(temporary):
                os.unlink(temporary)


def _copied(source: IO[bytes], to: IO[bytes], name: str, size: int) -> Iterator[bytes]:
    """The chunks of a stream, written to a file on the way; an interrupted one is an `OSError`."""
    done, show = 0, sys.stderr.isatty()
    while chunk := source.read(_CHUNK):
        to.write(chunk)
        done += len(chunk)
        if show:
            share = f" of {size / 1e6:.1f}" if size else ""
            print(f"\r{name}: {done / 1e6:.1f}{share} MB ", end="", file=sys.stderr, flush=True)
        yield chunk
    if show:
        print(file=sys.stderr)
    if size and done != size:
        raise OSError(f"the connection ended after {done} of {size} bytes")
