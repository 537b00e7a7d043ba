"""California housing: 20,640 districts of the census of 1990, 8 properties of each, and the median price of a house."""

from __future__ import annotations

import os

import treadle as tf
from treadle.keras_like.datasets.arrays import Arrays, divided, load_npz
from treadle.keras_like.datasets.download import fetch

_DIGEST = "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f"


def load_data(version: str = "large", path: str | os.PathLike = "california_housing.npz", test_split: float = 0.2,
              seed: int = 113) -> tuple[Arrays, Arrays]:
    """((x_train, y_train), (x_test, y_test)): properties of shape [n, 8] and prices in dollars, [n], float32.

    The properties: median income, age of the houses, rooms and bedrooms a household, population, people a household,
    latitude, longitude.

    Args:
        version: "large" for all 20,640 rows, "small" for the first 600.
        path: the name of the file in the Keras cache folder, where it is downloaded to if it is not there, or the path of
            another.
        test_split: the share of the test set. Default 0.2.
        seed: of the order of the rows. Default 113.

    Raises:
        FileNotFoundError: the file cannot be had; the message says where to put it.
        InvalidArgumentError: it is not what it should be, or `version` is neither.
    """
    if version not in ("large", "small"):
        raise tf.errors.InvalidArgumentError(f'`version` is "large" or "small". Received: {version!r}.')
    x, y = load_npz(fetch(path, "california_housing.npz", _DIGEST), "x", "y")
    count = 600 if version == "small" else len(x)
    return divided(x[:count], y[:count], test_split, seed)
