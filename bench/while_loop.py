"""What does Python's own `while` cost when a tensor decides? And how long does a loop that is unrolled take to compile?"""

from __future__ import annotations

import time

import jax
import jax.numpy as jnp
from jax import lax

import treadle as tf
from bench.measure import Table, in_turns

ROUNDS = 200_000


@tf.function
def decaying(x, n):
    i = 0
    while i < n:
        x = x * 0.99 + 1
        i += 1
    return x


@jax.jit
def by_hand(x, n):
    return lax.while_loop(lambda c: c[0] < n, lambda c: (c[0] + 1, c[1] * 0.99 + 1), (0, x))[1]


def run() -> Table:
    x, n = jnp.float32(1.0), jnp.int32(ROUNDS)
    tx, tn = tf.constant(1.0), tf.constant(ROUNDS)
    ways = {"lax.while_loop by hand": lambda: by_hand(x, n).block_until_ready(),
            "treadle, `while i < n`": lambda: decaying(tx, tn).numpy()}
    rows, spread = in_turns(ways, 5)
    each = {k: v * 1e3 / ROUNDS for k, v in rows.items()}
    return Table(f"`while i < n: x = x * 0.99 + 1`, {ROUNDS:,} iterations", "ns an iteration", each, "lax.while_loop by hand",
                 "at most 1.2x", spread, peers=["while_loop"])


def _first_call(function, *arguments) -> float:
    start = time.perf_counter()
    jax.block_until_ready(jax.tree_util.tree_map(lambda t: getattr(t, "_array", t), function(*arguments)))
    return time.perf_counter() - start


def run_unrolled() -> Table:
    """The first call of a loop of 1,000 iterations that stays in Python."""
    def hand(x):
        for i in range(1000):
            x = jnp.sin(x) * 0.99 + i
        return x

    def ours(x):
        for i in range(1000):
            x = tf.sin(x) * 0.99 + i
        return x

    rows: dict[str, list[float]] = {"jax.jit by hand": [], "treadle": []}
    for _ in range(3):
        jax.clear_caches()
        rows["jax.jit by hand"].append(_first_call(jax.jit(lambda x: hand(x)), jnp.float32(1.0)))
        jax.clear_caches()
        rows["treadle"].append(_first_call(tf.function(lambda x: ours(x)), tf.constant(1.0)))
    middle = {k: sorted(v)[1] for k, v in rows.items()}
    spread = {k: (max(v) - min(v)) / middle[k] for k, v in rows.items()}
    return Table("Unrolling a Python loop of 1,000 iterations: decorator to first result", "s", middle, "jax.jit by hand",
                 "no worse than 1.1x", spread)


if __name__ == "__main__":
    print(run())
    print(run_unrolled())
