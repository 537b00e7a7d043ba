"""What do run-time checks cost? A training step with an embedding and integer arithmetic, small and large."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import treadle as tf
from bench.measure import Table, in_turns

RATE = 0.1


@partial(jax.jit, donate_argnums=0)
def jax_step(table, ids, buckets, labels):
    def loss_of(table):
        rows = table[ids % buckets]
        picked = jnp.take_along_axis(jax.nn.log_softmax(rows), labels[:, None], axis=-1)
        return -jnp.mean(picked)

    loss, gradient = jax.value_and_grad(loss_of)(table)
    return table - RATE * gradient, loss


def treadle_step(table: tf.Variable) -> Callable:
    @tf.function
    def step(ids, buckets, labels):
        with tf.GradientTape() as tape:
            rows = tf.gather(table, ids % buckets)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=rows))
        table.assign_sub(RATE * tape.gradient(loss, table))
        return loss
    return step


def _table(words: int, width: int, batch: int, calls: int) -> Table:
    """Indices, divisors and labels are checked: three checks a step."""
    rng = np.random.default_rng(0)
    start = rng.normal(size=(words, width)).astype(np.float32)
    state = jnp.array(start)
    ids, labels = [rng.integers(n, size=batch, dtype=np.int32) for n in (1 << 20, width)]
    given = [ids, np.int32(words), labels]
    arrays, tensors = [jnp.asarray(g) for g in given], [tf.convert_to_tensor(g) for g in given]

    def by_hand():
        nonlocal state
        state, loss = jax_step(state, *arrays)
        return loss.block_until_ready()

    def way(step: Callable) -> Callable:
        return lambda: step(*tensors)._array.block_until_ready()

    with_checks, without = treadle_step(tf.Variable(start)), treadle_step(tf.Variable(start))
    rows, spread = in_turns({"jax.jit by hand": by_hand, "treadle, checks on": way(with_checks)}, calls)
    tf.debugging.disable_checks()
    try:
        again, spread_again = in_turns({"jax.jit by hand": by_hand, "treadle, checks off": way(without)}, calls)
    finally:
        tf.debugging.enable_checks()
    scale = rows["jax.jit by hand"] / again["jax.jit by hand"]  # the two runs meet the same disturbances nearly
    rows["treadle, checks off"] = again["treadle, checks off"] * scale
    spread["treadle, checks off"] = spread_again["treadle, checks off"]
    return Table(f"Run-time checks: an embedding of {words:,} x {width}, batch {batch}", "us a step", rows, "jax.jit by hand",
                 "checks cost at most 10%", spread)


def run_small() -> Table:
    return _table(100, 8, 16, 300)


def run() -> Table:
    return _table(20000, 64, 512, 20)


def run_eager() -> Table:
    x, i = tf.zeros([100, 8]), tf.range(16)
    a, b = jnp.zeros((100, 8)), jnp.arange(16)
    taken = jax.jit(lambda a, b: a[b])
    ways = {"jax.jit of a[i]": lambda: taken(a, b), "treadle eager, checks on": lambda: tf.gather(x, i)}
    rows, spread = in_turns(ways, 1000)
    tf.debugging.disable_checks()
    try:
        again, spread_again = in_turns({"treadle eager, checks off": lambda: tf.gather(x, i)}, 1000)
    finally:
        tf.debugging.enable_checks()
    return Table("Run-time checks: an eager gather", "us a call", {**rows, **again}, "jax.jit of a[i]", "",
                 {**spread, **spread_again})


if __name__ == "__main__":
    for question in (run_small, run, run_eager):
        print(question())
