"""What the data sets of arrays share: reading an .npz file without pickles, and dividing rows at random."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

import treadle as tf

Arrays = tuple[np.ndarray, np.ndarray]


def load_npz(path: Path, *names: str) -> list[np.ndarray]:
    """Some arrays of an .npz file.

    Raises:
        InvalidArgumentError: it does not hold them, or is no such file.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            missing = [n for n in names if n not in arrays]
            if not missing:
                return [arrays[n] for n in names]
        problem = f"the arrays {', '.join(missing)} are missing"
    except (ValueError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        problem = str(error)
    raise tf.errors.InvalidArgumentError(
        f"{path} is not the data set as Keras keeps it: {problem}. Received: another file, or a damaged one.")


def divided(x: np.ndarray, y: np.ndarray, test_split: float, seed: int) -> tuple[Arrays, Arrays]:
    """Rows shuffled as Keras does for the seed; the last `test_split` of them is the test set."""
    order = shuffled(len(x), np.random.RandomState(seed))
    x, y = x[order], y[order]
    count = train_count(len(x), test_split)
    return (x[:count].copy(), y[:count].copy()), (x[count:].copy(), y[count:].copy())


def shuffled(count: int, random: np.random.RandomState) -> np.ndarray:
    """The numbers below `count` in the order that Keras gives them."""
    order = np.arange(count)
    random.shuffle(order)
    return order


def train_count(count: int, test_split: float) -> int:
    """How many of the rows are for training."""
    if not 0 <= test_split < 1:
        raise tf.errors.InvalidArgumentError(f"`test_split` is a share of the rows, from 0 to below 1. Received: {test_split}.")
    return int(count * (1 - test_split))
