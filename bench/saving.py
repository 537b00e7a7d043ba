"""How long do saving and loading a model take? Beside `np.savez` and `np.load`, which is what is left to write by hand.

A file by treadle has a digest of each tensor, is read again before it takes the old one's place, and is brought to the disk:
neither np.savez nor Keras does any of this. What the last of it costs is seen from the way without.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np

from bench.measure import Table, in_turns
from bench.workloads import dense_stack
from treadle import keras

SMALL, LARGE = 112, 1000  # units of a stack of 8 layers: 100 K and 8 M weights


def _table(what: str, units: int, ways: Callable[[keras.Model, Path], dict[str, Callable[[], object]]]) -> Table:
    model = dense_stack(keras, units)
    with tempfile.TemporaryDirectory() as folder:
        rows, spread = in_turns(ways(model, Path(folder)), 1, 31)
    each = {way: value / 1e3 for way, value in rows.items()}
    return Table(f"{what} a model of {model.count_params():,} weights in 8 layers", "ms", each, next(iter(rows)),
                 "no slower than Keras", spread, peers=["saving", what.lower(), str(units)])


def _saving(model: keras.Model, folder: Path) -> dict[str, Callable[[], object]]:
    def by_hand() -> None:
        np.savez(folder / "by_hand.npz", *[np.asarray(v) for v in model.variables])

    def without_fsync() -> None:
        with mock.patch.object(os, "fsync", lambda descriptor: None):
            model.save_weights(folder / "quick.weights.h5")

    return {"np.savez by hand": by_hand, "treadle, save_weights": lambda: model.save_weights(folder / "model.weights.h5"),
            "treadle, save_weights without fsync": without_fsync, "treadle, save": lambda: model.save(folder / "model.keras")}


def _loading(model: keras.Model, folder: Path) -> dict[str, Callable[[], object]]:
    for save in _saving(model, folder).values():
        save()

    def by_hand() -> None:
        with np.load(folder / "by_hand.npz") as file:
            jax.block_until_ready([jnp.asarray(file[name]) for name in file])

    return {"np.load by hand": by_hand, "treadle, load_weights": lambda: model.load_weights(folder / "model.weights.h5"),
            "treadle, load_model": lambda: keras.models.load_model(folder / "model.keras")}


def save_small() -> Table:
    return _table("Saving", SMALL, _saving)


def save_large() -> Table:
    return _table("Saving", LARGE, _saving)


def load_small() -> Table:
    return _table("Loading", SMALL, _loading)


def load_large() -> Table:
    return _table("Loading", LARGE, _loading)


if __name__ == "__main__":
    for question in (save_small, save_large, load_small, load_large):
        print(question(), flush=True)
