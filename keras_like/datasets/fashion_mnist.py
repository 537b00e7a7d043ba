"""Fashion-MNIST: 60,000 and 10,000 pictures of clothes of 28 x 28 pixels, in 10 classes."""

from __future__ import annotations

import gzip
import zlib

import numpy as np

import treadle as tf
from treadle.keras_like.datasets.arrays import Arrays
from treadle.keras_like.datasets.download import fetch

_IMAGES, _LABELS = (2051, 28, 28), (2049,)  # how such files begin; between the two stands the number of rows


def load_data() -> tuple[Arrays, Arrays]:
    """((x_train, y_train), (x_test, y_test)): images of shape [n, 28, 28] with values 0 to 255 and classes 0 to 9, uint8.

    The classes: T-shirt, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag, ankle boot. The four files are looked
    for in `fashion-mnist/` in the Keras cache folder and downloaded to it if they are not there. They come without
    checksums; their headers are checked.

    Raises:
        FileNotFoundError: a file cannot be had; the message says where to put it.
        InvalidArgumentError: a file is not what it should be.
    """
    return ((_read("train-images-idx3-ubyte.gz", *_IMAGES), _read("train-labels-idx1-ubyte.gz", *_LABELS)),
            (_read("t10k-images-idx3-ubyte.gz", *_IMAGES), _read("t10k-labels-idx1-ubyte.gz", *_LABELS)))


def _read(name: str, kind: int, *row: int) -> np.ndarray:
    path = fetch(name, name, folder="fashion-mnist")
    rows = 60_000 if name.startswith("train") else 10_000
    header = np.array([kind, rows, *row], ">i4").tobytes()
    size = rows * int(np.prod(row))
    try:
        with gzip.open(path, "rb") as file:
            found, content = file.read(len(header)), file.read(size)
    except (OSError, EOFError, zlib.error) as error:
        found, content = str(error).encode(), b""
    if found != header or len(content) != size:
        raise tf.errors.InvalidArgumentError(
            f"{path} is not the Fashion-MNIST file of that name. Received: {found[:40]!r} and {len(content)} bytes, expected "
            f"{header!r} and {size} bytes. Delete it, so that it is downloaded anew.")
    return np.frombuffer(content, np.uint8).reshape(rows, *row).copy()
