"""MNIST: 60,000 and 10,000 handwritten digits of 28 x 28 pixels."""

from __future__ import annotations

import os

from treadle.keras_like.datasets.arrays import Arrays, load_npz
from treadle.keras_like.datasets.download import fetch

_DIGEST = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"


def load_data(path: str | os.PathLike = "mnist.npz") -> tuple[Arrays, Arrays]:
    """((x_train, y_train), (x_test, y_test)): images of shape [n, 28, 28] with values 0 to 255 and classes 0 to 9, uint8.

    Args:
        path: the name of the file in the Keras cache folder (`~/.keras/datasets`), where it is downloaded to if it is not
            there, or the path of another file.

    Raises:
        FileNotFoundError: the file cannot be had; the message says where to put it.
        InvalidArgumentError: the file does not hold MNIST's four arrays, or its checksum is wrong.
    """
    x_train, y_train, x_test, y_test = load_npz(fetch(path, "mnist.npz", _DIGEST), "x_train", "y_train", "x_test", "y_test")
    return (x_train, y_train), (x_test, y_test)
