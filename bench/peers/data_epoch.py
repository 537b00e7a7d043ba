"""Milliseconds an epoch of the pipelines of bench/pipelines.py."""

from bench.peers.timing import median_us
from bench.pipelines import exhaust, pipelines


def tensorflow():
    import tensorflow as tf
    for name, dataset in pipelines(tf).items():
        yield f"tf.data ({tf.__version__}), {name}", median_us(lambda ds=dataset: exhaust(ds), 1) / 1e3
