"""The loop of bench/while_loop.py on TensorFlow, in nanoseconds an iteration."""

import json

from bench.peers.timing import median_us

ROUNDS = 20_000
found = {}
try:
    import tensorflow as tf

    def decaying(x, n):
        i = 0
        while i < n:
            x = x * 0.99 + 1
            i += 1
        return x

    x, n = tf.constant(1.0), tf.constant(ROUNDS)
    for name, compiled in ((f"tf.function ({tf.__version__})", tf.function(decaying)),
                           ("tf.function(jit_compile=True)", tf.function(decaying, jit_compile=True))):
        found[name] = median_us(lambda f=compiled: f(x, n).numpy(), calls=1, rounds=5) * 1e3 / ROUNDS
except ImportError:
    pass
print(json.dumps(found))
