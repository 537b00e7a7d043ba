"""Is a step of `fit` as fast as a loop over a step written by hand? A conv net, an LSTM, a transformer; Adam and accuracy."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from bench import by_hand
from bench.measure import Table, in_turns
from bench.workloads import WORKLOADS
from treadle import keras

STEPS = {"conv_net": 12, "lstm": 24, "transformer": 6}  # an epoch


def run(name: str, rounds: int = 7) -> Table:
    workload, steps = WORKLOADS[name], STEPS[name]
    x, y = workload.batches(steps)
    batch = workload.inputs[0]
    model = workload.model(keras)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    step, state = by_hand.training_step(name), by_hand.initial_state(name)

    def loop():
        nonlocal state
        for rows in np.random.permutation(len(x)).reshape(steps, batch):
            state, loss = step(state, jnp.asarray(x[rows]), jnp.asarray(y[rows]))
        np.asarray(loss)

    ways = {"a loop over jax.jit by hand": loop, "treadle, model.fit": lambda: model.fit(x, y, batch_size=batch, verbose=0)}
    rows, spread = in_turns(ways, 1, rounds)
    each = {way: value / 1e3 / steps for way, value in rows.items()}
    return Table(f"One step of `fit`: {workload.title}", "ms a step", each, "a loop over jax.jit by hand",
                 "no slower than Keras on JAX", spread, peers=["fit_models", name])


if __name__ == "__main__":
    for name in STEPS:
        print(run(name), flush=True)
