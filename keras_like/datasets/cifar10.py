"""CIFAR-10: 50,000 and 10,000 colour images of 32 x 32 pixels in 10 classes."""

from __future__ import annotations

from treadle.keras_like.datasets import cifar
from treadle.keras_like.datasets.arrays import Arrays

_DIGEST = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"


def load_data() -> tuple[Arrays, Arrays]:
    """((x_train, y_train), (x_test, y_test)): images of shape [n, 32, 32, 3] and classes of shape [n, 1], uint8.

    With `keras.config.image_data_format()` "channels_first" images are [n, 3, 32, 32]. The classes: airplane, automobile,
    bird, cat, deer, dog, frog, horse, ship, truck. The file is looked for in the Keras cache folder and downloaded (170 MB)
    if it is not there. It is pickled; only arrays, lists, strings and numbers are read from it.

    Raises:
        FileNotFoundError: the file cannot be had; the message says where to put it.
        InvalidArgumentError: it is not what it should be.
    """
    return (cifar.load("10", _DIGEST, [f"data_batch_{i}" for i in range(1, 6)], "labels"),
            cifar.load("10", _DIGEST, ["test_batch"], "labels"))
