"""Nanoseconds an iteration of the loop of bench/while_loop.py."""

from bench.peers.timing import median_us

ROUNDS = 20_000


def tensorflow():
    import tensorflow as tf

    def decaying(x, n):
        i = 0
        while i < n:
            x = x * 0.99 + 1
            i += 1
        return x

    x, n = tf.constant(1.0), tf.constant(ROUNDS)
    for name, options in ((f"tf.function ({tf.__version__})", {}), ("tf.function(jit_compile=True)", {"jit_compile": True})):
        compiled = tf.function(decaying, **options)
        yield name, median_us(lambda f=compiled: f(x, n).numpy(), calls=1, rounds=5) * 1e3 / ROUNDS
