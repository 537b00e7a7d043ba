"""MNIST: 60,000 and 10,000 handwritten digits of 28 x 28 pixels, from a file that is already on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

Arrays = tuple[np.ndarray, np.ndarray]
_NAMES = ("x_train", "y_train", "x_test", "y_test")


def default_path() -> Path:
    """Where Keras keeps the file: `$KERAS_HOME/datasets/mnist.npz`, by default below `~/.keras`."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "datasets" / "mnist.npz"


def load_data(path: str | os.PathLike = "mnist.npz") -> tuple[Arrays, Arrays]:
    """((x_train, y_train), (x_test, y_test)): images of shape [n, 28, 28] with values 0 to 255 and classes 0 to 9, uint8.

    Args:
        path: the file; a bare name is looked for in the Keras cache folder (`~/.keras/datasets`).

    Raises:
        FileNotFoundError: there is no such file; the message says where to put it.
        ValueError: the file does not hold MNIST's four arrays.
    """
    file = Path(path)
    if file.parent == Path(".") and not file.exists():
        file = default_path().with_name(file.name)
    if not file.exists():
        raise FileNotFoundError(
            f"MNIST is not on this machine. Put `mnist.npz` (arrays {', '.join(_NAMES)}) at {file}, or give its path.")
    with np.load(file, allow_pickle=False) as arrays:
        missing = [n for n in _NAMES if n not in arrays]
        if missing:
            raise ValueError(f"{file} is not MNIST as Keras keeps it: the arrays {', '.join(missing)} are missing.")
        x_train, y_train, x_test, y_test = (arrays[n] for n in _NAMES)
    return (x_train, y_train), (x_test, y_test)
