"""Boston housing: 506 districts, 13 properties of each, and the median price of a house.

One of the properties was made on the assumption that racial segregation moves prices; use the data to teach about that, and
`california_housing` for anything else.
"""

from __future__ import annotations

import os

from treadle.keras_like.datasets.arrays import Arrays, divided, load_npz
from treadle.keras_like.datasets.download import fetch

_DIGEST = "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"


def load_data(path: str | os.PathLike = "boston_housing.npz", test_split: float = 0.2,
              seed: int = 113) -> tuple[Arrays, Arrays]:
    """((x_train, y_train), (x_test, y_test)): properties of shape [n, 13] and prices in thousands of dollars, [n], float64.

    Args:
        path: the name of the file in the Keras cache folder, where it is downloaded to if it is not there, or the path of
            another.
        test_split: the share of the test set. Default 0.2.
        seed: of the order of the rows. Default 113.

    Raises:
        FileNotFoundError: the file cannot be had; the message says where to put it.
        InvalidArgumentError: it is not what it should be.
    """
    x, y = load_npz(fetch(path, "boston_housing.npz", _DIGEST), "x", "y")
    return divided(x, y, test_split, seed)
