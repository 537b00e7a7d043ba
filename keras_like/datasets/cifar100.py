"""CIFAR-100: 50,000 and 10,000 colour images of 32 x 32 pixels in 100 classes, which form 20 groups."""

from __future__ import annotations

import treadle as tf
from treadle.keras_like.datasets import cifar
from treadle.keras_like.datasets.arrays import Arrays

_DIGEST = "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"


def load_data(label_mode: str = "fine") -> tuple[Arrays, Arrays]:
    """((x_train, y_train), (x_test, y_test)): images of shape [n, 32, 32, 3] and classes of shape [n, 1], uint8.

    With `keras.config.image_data_format()` "channels_first" images are [n, 3, 32, 32]. The file is looked for in the Keras
    cache folder and downloaded (170 MB) if it is not there. It is pickled; only arrays, lists, strings and numbers are read
    from it.

    Args:
        label_mode: "fine" for the 100 classes, "coarse" for the 20 groups.

    Raises:
        FileNotFoundError: the file cannot be had; the message says where to put it.
        InvalidArgumentError: it is not what it should be, or `label_mode` is neither.
    """
    if label_mode not in ("fine", "coarse"):
        raise tf.errors.InvalidArgumentError(f'`label_mode` is "fine" or "coarse". Received: {label_mode!r}.')
    return (cifar.load("100", _DIGEST, ["train"], f"{label_mode}_labels"),
            cifar.load("100", _DIGEST, ["test"], f"{label_mode}_labels"))
