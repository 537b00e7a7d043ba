"""Limits on the size of gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import treadle as tf


def clipped(grads: Sequence[Any], clipnorm: float | None = None, clipvalue: float | None = None,
            global_clipnorm: float | None = None) -> list[Any]:
    """The gradients, limited in one of three ways."""
    if clipnorm:
        return [by_norm(g, clipnorm) for g in grads]
    if global_clipnorm:
        return by_global_norm(grads, global_clipnorm)
    if clipvalue:
        return [tf.clip_by_value(g, -clipvalue, clipvalue) for g in grads]
    return list(grads)


def by_norm(gradient: Any, limit: float) -> Any:
    """g * limit / max(|g|, limit)."""
    norm = tf.sqrt(tf.reduce_sum(tf.square(gradient)))
    return gradient * limit / tf.maximum(norm, limit)


def by_global_norm(grads: Sequence[Any], limit: float) -> list[Any]:
    """Each g * limit / max(n, limit), n the norm of all together; all NaN if n is not finite."""
    dtype = tf.float64 if any(g.dtype == tf.float64 for g in grads) else tf.float32
    norm = tf.sqrt(tf.add_n([tf.cast(tf.reduce_sum(tf.square(g)), dtype) for g in grads]))
    scale = limit * tf.minimum(1.0 / norm, 1.0 / limit) + (norm - norm)
    return [g * tf.cast(scale, g.dtype) for g in grads]
