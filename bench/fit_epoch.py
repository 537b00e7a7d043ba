"""Is `fit` as fast as one compiled epoch? The MLP 784-256-256-10, Adam, accuracy, 60,000 rows in batches of 64, shuffled."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from bench.measure import Table, in_turns
from bench.workloads import WORKLOADS
from treadle import keras
from treadle.keras_like.demo.digits_classifier import BATCH, jax_state, jax_step

STEPS = 60_000 // BATCH  # 937
ROWS = STEPS * BATCH


def run(rounds: int = 9) -> Table:
    rng = np.random.default_rng(0)
    x, y = WORKLOADS["mlp"].batches(STEPS)
    on_device = jnp.asarray(x), jnp.asarray(y)

    model = WORKLOADS["mlp"].model(keras)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])

    @partial(jax.jit, donate_argnums=0)
    def epoch(state, x, y, order):
        return jax.lax.scan(lambda state, rows: jax_step(state, x[rows], y[rows]), state, order)

    states = {"scan": jax_state(784), "steps": jax_state(784)}

    def scan():
        order = rng.permutation(ROWS).reshape(STEPS, BATCH).astype(np.int32)
        states["scan"], losses = epoch(states["scan"], *on_device, order)
        np.asarray(losses)

    def steps():
        order = rng.permutation(ROWS).reshape(STEPS, BATCH)
        for rows in order:
            states["steps"], loss = jax_step(states["steps"], x[rows], y[rows])
        np.asarray(loss)

    def fit():
        model.fit(x, y, batch_size=BATCH, verbose=0)

    rows, spread = in_turns({"one lax.scan by hand": scan, "a loop over jax.jit by hand": steps, "treadle, model.fit": fit}, 1,
                            rounds)
    seconds = {name: value / 1e6 for name, value in rows.items()}
    return Table(f"One epoch of the MLP 784-256-256-10, {ROWS:,} shuffled rows in batches of {BATCH}", "s an epoch", seconds,
                 "one lax.scan by hand", "at most 1.15x", spread, peers=["fit_epoch"])


if __name__ == "__main__":
    print(run())
