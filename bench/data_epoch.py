"""What one epoch of an input pipeline costs, in milliseconds: treadle, plain NumPy slicing, and tf.data if at hand.

    python bench/data_epoch.py [--peer /path/to/python/with/tensorflow] [--repeats 30]

20,000 rows of two float32 features and a label, in batches of 256; the median over the repeats. "NumPy" permutes and
slices by hand and makes no tensors. The mapped pipelines take 2,000 rows.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time

import numpy as np

ROWS, MAPPED_ROWS, BATCH = 20_000, 2_000, 256


def pipelines(tf):
    """The pipelines by name; `tf` is treadle or tensorflow."""
    generator = np.random.default_rng(0)
    features = generator.random((ROWS, 2), np.float32)
    labels = generator.integers(0, 2, ROWS).astype(np.int32)
    ds = tf.data.Dataset.from_tensor_slices((features, labels))
    few = ds.take(MAPPED_ROWS)

    def scaled(x, y):
        return x * 2.0 - 1.0, y
    return {
        "batch": ds.batch(BATCH),
        "shuffle(all).batch": ds.shuffle(ROWS).batch(BATCH),
        "shuffle(1000).batch": ds.shuffle(1000).batch(BATCH),
        "shuffle(all).batch.prefetch": ds.shuffle(ROWS).batch(BATCH).prefetch(tf.data.AUTOTUNE),
        "cache.shuffle(all).repeat(2).batch": ds.cache().shuffle(ROWS).repeat(2).batch(BATCH),
        "shuffle(all).batch.map": ds.shuffle(ROWS).batch(BATCH).map(scaled),
        "2,000 rows: map.batch": few.map(scaled).batch(BATCH),
        "2,000 rows: map(AUTOTUNE).batch": few.map(scaled, num_parallel_calls=tf.data.AUTOTUNE).batch(BATCH),
        "2,000 rows: map.cache.shuffle(all).batch": few.map(scaled).cache().shuffle(ROWS).batch(BATCH),
    }


def by_hand():
    """The same work in NumPy, for the pipelines that move rows only."""
    generator = np.random.default_rng(0)
    features = generator.random((ROWS, 2), np.float32)
    labels = generator.integers(0, 2, ROWS).astype(np.int32)

    def slices(x, y):
        return [(x[i:i + BATCH], y[i:i + BATCH]) for i in range(0, len(x), BATCH)]

    def shuffled():
        order = generator.permutation(ROWS)
        return slices(features[order], labels[order])
    return {"batch": lambda: slices(features, labels), "shuffle(all).batch": shuffled}


def median_ms(run, repeats):
    """The median time of a call, after two that do not count."""
    times = []
    for _ in range(repeats + 2):
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times[2:])


def exhaust(dataset):
    """One epoch."""
    for _ in dataset:
        pass


def measured(tf, repeats):
    """The time of each pipeline."""
    return {name: median_ms(lambda ds=ds: exhaust(ds), repeats) for name, ds in pipelines(tf).items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", help="a Python that has TensorFlow")
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--as-peer", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.as_peer:
        import tensorflow
        print(json.dumps(measured(tensorflow, arguments.repeats)))
        return
    import treadle
    columns = {"treadle": measured(treadle, arguments.repeats),
               "NumPy": {name: median_ms(run, arguments.repeats) for name, run in by_hand().items()}}
    if arguments.peer:
        command = [arguments.peer, __file__, "--as-peer", "--repeats", str(arguments.repeats)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
        columns["tf.data"] = json.loads(done.stdout.splitlines()[-1])
    print(f"{'ms an epoch':44}" + "".join(f"{column:>10}" for column in columns))
    for name in columns["treadle"]:
        cells = (f"{times[name]:10.2f}" if name in times else f"{'-':>10}" for times in columns.values())
        print(f"{name:44}" + "".join(cells))


if __name__ == "__main__":
    sys.exit(main())
