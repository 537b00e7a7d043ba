"""What does an epoch of an input pipeline cost? Data sets of 20,000 small rows beside slicing by hand in NumPy."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

import treadle as tf
from bench.measure import Table, in_turns
from bench.pipelines import BATCH, ROWS, arrays, exhaust, pipelines


def run() -> Table:
    features, labels = arrays()
    generator = np.random.default_rng(1)

    def by_hand() -> None:
        order = generator.permutation(ROWS)
        for i in range(0, ROWS, BATCH):
            rows = order[i:i + BATCH]
            jnp.asarray(features[rows]), jnp.asarray(labels[rows])

    against = "shuffle and slice in NumPy, jnp.asarray, by hand"
    ways = {f"treadle, {name}": lambda ds=ds: exhaust(ds) for name, ds in pipelines(tf).items()}
    rows, spread = in_turns({against: by_hand, **ways}, 1, 31)
    each = {way: value / 1e3 for way, value in rows.items()}
    return Table(f"One epoch of an input pipeline ({ROWS:,} rows of two floats, batch {BATCH})", "ms an epoch", each, against,
                 "shuffle(all).batch at most 1x", spread, peers=["data_epoch"])


if __name__ == "__main__":
    print(run())
