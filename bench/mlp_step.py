"""Is a real step as fast as one written by hand? The digits and MNIST MLP (256-256-10, Adam, accuracy), batch 64."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

import treadle as tf
from bench.measure import Table, in_turns
from treadle.keras_like.demo.digits_classifier import BATCH, Classifier, jax_state, jax_step


def run(inputs: int = 784) -> Table:
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.uniform(size=(BATCH, inputs)).astype(np.float32))
    y = jnp.asarray(rng.integers(0, 10, BATCH).astype(np.int32))
    model = Classifier(inputs)
    tx, ty = tf.convert_to_tensor(x), tf.convert_to_tensor(y)
    state = jax_state(inputs)

    def by_hand():
        nonlocal state
        state, loss = jax_step(state, x, y)
        np.asarray(loss)

    def treadle():
        np.asarray(model.compiled_step(tx, ty))

    rows, spread = in_turns({"jax.jit by hand": by_hand, "treadle compiled": treadle}, 50, rounds=61)
    return Table(f"One MLP step of ops by hand ({inputs}-256-256-10, Adam, accuracy, batch {BATCH})", "us a step", rows,
                 "jax.jit by hand", "at most 1.05x", spread)


def run_digits() -> Table:
    return run(64)


if __name__ == "__main__":
    print(run(64))
    print(run(784))
