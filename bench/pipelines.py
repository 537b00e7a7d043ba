"""The input pipelines that are measured; `tf` is an argument, so that treadle and TensorFlow read the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np

ROWS, MAPPED_ROWS, BATCH = 20_000, 2_000, 256


def arrays() -> tuple[np.ndarray, np.ndarray]:
    """Rows of two features, and classes."""
    generator = np.random.default_rng(0)
    return generator.random((ROWS, 2), np.float32), generator.integers(0, 2, ROWS).astype(np.int32)


def pipelines(tf: Any) -> dict[str, Any]:
    """The data sets by name."""
    ds = tf.data.Dataset.from_tensor_slices(arrays())
    few = ds.take(MAPPED_ROWS)

    def scaled(x: Any, y: Any) -> tuple[Any, Any]:
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


def exhaust(dataset: Any) -> None:
    """One epoch."""
    for _ in dataset:
        pass
