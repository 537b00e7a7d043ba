"""`keras.utils.get_file`: a file of the web in the cache folder, checked and unpacked."""

from __future__ import annotations

import os
import tarfile
import tempfile
import zipfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

import treadle as tf
from treadle.keras_like.datasets.download import cache_folder, fetch


def get_file(fname: str | None = None, origin: str | None = None, untar: bool = False, md5_hash: str | None = None,
             file_hash: str | None = None, cache_subdir: str = "datasets", hash_algorithm: str = "auto",
             extract: bool = False, archive_format: str | None = "auto", cache_dir: str | os.PathLike | None = None,
             force_download: bool = False) -> str:
    """The path of a downloaded file: `~/.keras/datasets/<fname>`, fetched if it is not there yet.

    Args:
        fname: the name there. Default: the last part of `origin`.
        origin: the URL.
        file_hash: the SHA-256 or MD5 that the file must have (`md5_hash` is an old name). A file in the cache that has
            another is downloaded anew.
        cache_subdir: the folder in the cache folder.
        extract: unpack a tar or zip archive, into a folder beside it, whose path is returned (`untar` is an old name).
        archive_format: "tar", "zip", or "auto" (default): whichever it is.
        cache_dir: default: `$KERAS_HOME`, or `~/.keras`.
        force_download: download it even if it is there.
        hash_algorithm: accepted for compatibility; the hash's length tells.

    A download appears whole and checked or not at all. Archives may not put anything outside their folder.

    Raises:
        FileNotFoundError: it is not there and cannot be had; the message names the folder to put it in.
        InvalidArgumentError: no `origin`, or what was downloaded or unpacked is not what was meant.
    """
    if origin is None:
        raise tf.errors.InvalidArgumentError("`get_file` needs a URL. Received: origin=None.")
    name = os.fspath(fname) if fname else os.path.basename(unquote(urlsplit(origin).path))
    if not name or name != os.path.basename(name) or name in (".", ".."):
        raise tf.errors.InvalidArgumentError(
            f"`fname` is a bare file name; folders go into `cache_subdir`. Received: fname={name!r}, origin={origin!r}.")
    home = cache_folder().parent if cache_dir is None else Path(cache_dir).expanduser()
    folder = home / cache_subdir
    unpack = extract or untar
    # As Keras names them: "data.zip" is unpacked into data_extracted, "data" from data_archive into data.
    dotted = unpack and fname is not None and "." in name
    target = f"{name}_archive" if unpack and not dotted else name
    if force_download and (folder / target).exists():
        os.unlink(folder / target)
    place = fetch(target, origin, file_hash or md5_hash, folder=str(folder.resolve()))
    if not unpack:
        return str(place)
    return str(_unpacked(place, folder / (f"{name.partition('.')[0]}_extracted" if dotted else name), archive_format))


def _unpacked(archive: Path, target: Path, archive_format: str | None) -> Path:
    """The folder that holds what is in an archive; made whole or not at all."""
    if target.is_dir() and target.stat().st_mtime >= archive.stat().st_mtime:
        return target
    with tempfile.TemporaryDirectory(dir=archive.parent, prefix=f".{archive.name}.") as work:
        inside = Path(work) / "content"
        inside.mkdir()
        try:
            if archive_format in ("auto", "zip") and zipfile.is_zipfile(archive):
                _unzip(archive, inside)
            elif archive_format in ("auto", "tar") and tarfile.is_tarfile(archive):
                with tarfile.open(archive) as packed:
                    packed.extractall(inside, filter="data")  # refuses paths and links that lead outside, and devices
            else:
                raise tf.errors.InvalidArgumentError(
                    f"Not an archive of the format {archive_format!r}. Received: {str(archive)!r}. Leave out `extract`.")
        except (tarfile.TarError, zipfile.BadZipFile) as error:
            raise tf.errors.InvalidArgumentError(
                f"The archive could not be unpacked: {error}. Received: {str(archive)!r}.") from None
        if target.is_dir():
            os.replace(target, Path(work) / "old")
        os.replace(inside, target)
        os.utime(target)
    return target


def _unzip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        for info in packed.infolist():
            goal = (folder / info.filename).resolve()
            if not goal.is_relative_to(folder.resolve()):
                raise tf.errors.InvalidArgumentError(
                    f"The archive holds a file that leads outside of its folder. Received: {info.filename!r}.")
        packed.extractall(folder)
