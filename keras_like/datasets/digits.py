"""The UCI optical digits: 1,797 real handwritten digits of 8 x 8 pixels. Source and licence: digits.txt beside this file."""

from __future__ import annotations

from importlib import resources

import numpy as np

Arrays = tuple[np.ndarray, np.ndarray]


def load_data(test_fraction: float = 0.2) -> tuple[Arrays, Arrays]:
    """((x_train, y_train), (x_test, y_test)): images of shape [n, 8, 8] with values 0 to 16 and classes 0 to 9, uint8.

    The last `test_fraction` of the 1,797 images is the test set.

    >>> from treadle.keras.datasets import digits
    >>> (x_train, y_train), (x_test, y_test) = digits.load_data()
    >>> x_train.shape, int(x_train.max()), len(y_test)
    ((1438, 8, 8), 16, 359)
    """
    with resources.files(__package__).joinpath("digits.npz").open("rb") as file, np.load(file) as arrays:
        images, labels = arrays["images"], arrays["labels"]
    split = len(images) - int(len(images) * test_fraction)
    return (images[:split], labels[:split]), (images[split:], labels[split:])
