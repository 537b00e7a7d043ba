"""What does eager execution cost? One small op, and a gradient through the tape."""

from __future__ import annotations

import jax
import jax.numpy as jnp

import treadle as tf
from bench.measure import Table, in_turns, peer


def run_op() -> Table:
    a, b = jnp.ones((4, 4)), jnp.ones((4, 4))
    x, y = tf.convert_to_tensor(a), tf.convert_to_tensor(b)
    rows, spread = in_turns({"jax.numpy": lambda: jnp.add(a, b), "treadle eager": lambda: tf.add(x, y),
                             "treadle eager, x + y": lambda: x + y}, 2000)
    return Table("One small eager op (4 x 4 addition)", "us a call", {**rows, **peer("eager_op.py")}, "jax.numpy",
                 "at most 2x", spread)


def run_gradient() -> Table:
    a, b = tf.convert_to_tensor(jnp.float32(3.0)), tf.convert_to_tensor(jnp.float32(4.0))
    ja, jb = jnp.float32(3.0), jnp.float32(4.0)
    gradient = jax.grad(lambda a, b: jnp.sqrt(a**2 + b**2), argnums=(0, 1))

    def treadle():
        with tf.GradientTape() as tape:
            tape.watch([a, b])
            c = tf.sqrt(tf.square(a) + tf.square(b))
        return tape.gradient(c, [a, b])

    rows, spread = in_turns({"jax.grad, not jitted": lambda: gradient(ja, jb), "treadle eager tape": treadle}, 100)
    return Table("Eager gradient of sqrt(a^2 + b^2)", "us a call", {**rows, **peer("eager_gradient.py")},
                 "jax.grad, not jitted", "under 150 us", spread)


if __name__ == "__main__":
    print(run_op())
    print(run_gradient())
