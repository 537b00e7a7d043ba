"""How much does treadle add to a tiny step? The notebook's linear regression, batch 256, beside hand-written jax.jit."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

import treadle as tf
from bench.measure import Table, in_turns
from treadle.keras_like.demo.linear_regression import LinearRegression, jax_step, two_gaussians


def run() -> Table:
    points, labels = two_gaussians()
    x, y = jnp.asarray(points[:256]), jnp.asarray(labels[:256])
    model = LinearRegression()
    tx, ty = tf.convert_to_tensor(x), tf.convert_to_tensor(y)
    params = {"w": jnp.asarray(model.w.numpy()), "b": jnp.asarray(np.zeros(1, np.float32))}

    def by_hand():
        nonlocal params
        params, _ = jax_step(params, x, y)

    rows, spread = in_turns({"jax.jit by hand": by_hand, "treadle compiled": lambda: model.compiled_step(tx, ty)}, 2000)
    eager, _ = in_turns({"treadle eager": lambda: model.train_step(tx, ty)}, 50)
    return Table("One linear-regression step (2 variables, batch 256)", "us a step", {**rows, **eager}, "jax.jit by hand",
                 "treadle compiled at most 1.3x", spread, peers=["linear_regression"])


if __name__ == "__main__":
    print(run())
