"""What CIFAR-10 and CIFAR-100 share: pickled batches of 32 x 32 colour images in a tar archive."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence

import numpy as np

import treadle as tf
from treadle.keras_like.core.image_format import image_data_format
from treadle.keras_like.datasets import pickled
from treadle.keras_like.datasets.download import cache_folder, fetch


def load(kind: str, digest: str, members: Sequence[str], labels: str) -> tuple[np.ndarray, np.ndarray]:
    """The images and labels of some files of a CIFAR archive, one after the other.

    The archive is not unpacked. What Keras or TensorFlow has unpacked or downloaded into the cache folder is used.
    """
    folder = f"cifar-{kind}-batches-py" if kind == "10" else f"cifar-{kind}-python"
    contents = [_unpacked(folder, member) for member in members]
    if not all(contents):
        contents = _from_archive(f"cifar-{kind}-python.tar.gz", folder, digest, members)
    parts = [pickled.load(io.BytesIO(c), f"`{m}` of CIFAR-{kind}", encoding="bytes") for c, m in zip(contents, members)]
    try:
        x = np.concatenate([part["data"] for part in parts]).reshape(-1, 3, 32, 32)
        y = np.concatenate([np.asarray(part[labels], np.uint8) for part in parts])[:, None]
    except (KeyError, ValueError) as error:
        raise tf.errors.InvalidArgumentError(
            f"The CIFAR-{kind} files do not hold `data` and `{labels}`: {error}. Received: other files, or damaged "
            "ones.") from None
    return (x if image_data_format() == "channels_first" else x.transpose(0, 2, 3, 1)), y


def _unpacked(folder: str, member: str) -> bytes:
    for place in (cache_folder() / f"{folder}-target" / folder, cache_folder() / folder):
        if (place / member).is_file():
            return (place / member).read_bytes()
    return b""


def _from_archive(name: str, folder: str, digest: str, members: Sequence[str]) -> list[bytes]:
    known = (f"{folder}.tar.gz", name)  # as TensorFlow 2 called it, as its authors do, and, the default, as Keras 3 does
    there = next((n for n in known if (cache_folder() / n).is_file()), f"{folder}-target_archive")
    path = fetch(there, f"https://www.cs.toronto.edu/~kriz/{name}", digest)
    try:
        with tarfile.open(path) as archive:
            files = [archive.extractfile(f"{folder}/{member}") for member in members]
            return [file.read() for file in files if file is not None]
    except (tarfile.TarError, KeyError, EOFError, OSError) as error:
        raise tf.errors.InvalidArgumentError(f"{path} is not the archive of that data set: {error}. Received: another file, or "
                                             "a damaged one. Delete it, so that it is downloaded anew.") from None
