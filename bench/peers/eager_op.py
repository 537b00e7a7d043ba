"""Microseconds for one small eager op."""

from bench.peers.timing import median_us


def tensorflow():
    import tensorflow as tf
    x = tf.ones((4, 4))
    yield f"TensorFlow eager ({tf.__version__})", median_us(lambda: tf.add(x, x))


def torch():
    import torch
    x = torch.ones(4, 4)
    yield f"torch eager ({torch.__version__})", median_us(lambda: torch.add(x, x))
