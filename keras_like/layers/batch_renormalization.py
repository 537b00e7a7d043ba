"""Batch renormalization (https://arxiv.org/abs/1702.03275): training sees nearly what inference will, whatever the batch.

(x - batch's mean) / batch's deviation * r + d is (x - renorm_mean) / renorm_stddev, with r and d taken for constants. They are
clipped, so that the first steps, whose averages are far off, are those of plain batch normalization.
"""

from __future__ import annotations

from typing import Any

import treadle as tf


def check_clipping(clipping: Any) -> dict[str, Any]:
    """The bounds {"rmin", "rmax", "dmax"}, of which any may be missing. Raises InvalidArgumentError for others."""
    bounds = dict(clipping or {})
    rmin, rmax, dmax = (bounds.get(k) for k in ("rmin", "rmax", "dmax"))
    if (bounds.keys() - {"rmin", "rmax", "dmax"} or rmin is not None and rmax is not None and rmax < rmin
            or dmax is not None and dmax < 0):
        raise tf.errors.InvalidArgumentError(
            "`renorm_clipping` is a dict with any of 'rmin', 'rmax' (at least rmin) and 'dmax' (at least 0). Received: "
            f"renorm_clipping={clipping!r}.")
    return bounds


def add_statistics(layer: Any, shape: tuple[int, ...]) -> None:
    """The weights: the deviation that `moving_variance` is the square of, and the averages that r and d come from."""
    def deviation(shape: Any, dtype: Any = None) -> Any:
        return tf.sqrt(layer.moving_variance_initializer(shape, dtype=dtype))

    for name, initializer in (("moving_stddev", deviation), ("renorm_mean", layer.moving_mean_initializer),
                              ("renorm_stddev", deviation)):
        setattr(layer, name, layer.add_weight(name=name, shape=shape, initializer=initializer, trainable=False, autocast=False,
                                              aggregation="mean"))


def corrected(layer: Any, mean: Any, variance: Any, gamma: Any, beta: Any) -> tuple[Any, Any]:
    """(gamma, beta) that contain r and d: gamma * r, and gamma * d + beta."""
    reached = tf.maximum(tf.cast(layer.renorm_stddev, mean.dtype), tf.sqrt(tf.cast(layer.epsilon, mean.dtype)))
    r = tf.sqrt(variance + layer.epsilon) / reached
    d = (mean - tf.cast(layer.renorm_mean, mean.dtype)) / reached
    bounds = layer.renorm_clipping
    if bounds.get("rmin") is not None:
        r = tf.maximum(r, bounds["rmin"])
    if bounds.get("rmax") is not None:
        r = tf.minimum(r, bounds["rmax"])
    if bounds.get("dmax") is not None:
        d = tf.clip_by_value(d, -bounds["dmax"], bounds["dmax"])
    r, d = tf.stop_gradient(r), tf.stop_gradient(d)
    if gamma is not None:
        r, d = r * gamma, d * gamma
    return r, d if beta is None else d + beta


def follow(layer: Any, mean: Any, variance: Any) -> None:
    """Move the averages by one batch: those of training by `renorm_momentum`, those of inference by `momentum`."""
    deviation = tf.sqrt(variance + layer.epsilon)
    for weight, now, momentum in ((layer.renorm_mean, mean, layer.renorm_momentum),
                                  (layer.renorm_stddev, deviation, layer.renorm_momentum),
                                  (layer.moving_mean, mean, layer.momentum), (layer.moving_stddev, deviation, layer.momentum)):
        weight.assign(tf.cast(tf.cast(weight, now.dtype) * momentum + now * (1.0 - momentum), weight.dtype))
    # Rounding must not make it negative.
    layer.moving_variance.assign(tf.nn.relu(tf.square(layer.moving_stddev) - layer.epsilon))
