"""Losses on logits and other sums that training code needs."""

from __future__ import annotations

import math
from typing import Any

from treadle.ir import dtypes, errors
from treadle.ir.ops.activations import log_softmax
from treadle.ir.ops.arrays import reshape, size
from treadle.ir.ops.elementary import softplus
from treadle.ir.ops.elementwise import cast, exp, log, negative, square, zeros_like
from treadle.ir.ops.logic import equal, greater_equal, less_equal, logical_and
from treadle.ir.ops.reductions import reduce_mean, reduce_sum
from treadle.ir.ops.select import select
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.tensor import Tensor


def softmax_cross_entropy_with_logits(labels: Any, logits: Any, axis: int = -1, name: str | None = None) -> Tensor:
    """-sum(labels * log softmax(logits)) along `axis`, without overflow.

    `labels` are probabilities, of the shape of `logits` or broadcast to it. The gradient with respect to the logits is
    sum(labels) * softmax(logits) - labels. Half precision is computed in float32.

    >>> import treadle as tf
    >>> loss = tf.nn.softmax_cross_entropy_with_logits(labels=[[1.0, 0.0]], logits=[[0.0, 0.0]])
    >>> round(float(loss[0]), 4)
    0.6931
    """
    x = convert_to_tensor(logits)
    if not x.dtype.is_floating:
        x = convert_to_tensor(logits, dtype_hint=dtypes.float32)
    wide = dtypes.float32 if x.dtype.size == 2 else x.dtype
    z = convert_to_tensor(labels, dtype_hint=wide)
    z = z if z.dtype is wide else cast(z, dtype=wide)
    if z.type.rank != x.type.rank:
        raise errors.InvalidArgumentError(
            f"`labels` and `logits` must have the same rank. Received: shapes {z.shape} and {x.shape}. (Labels that "
            "are class numbers go to `sparse_softmax_cross_entropy_with_logits`.)")
    loss = negative(reduce_sum(z * log_softmax(x if x.dtype is wide else cast(x, dtype=wide), axis), axis))
    return loss if x.dtype is wide else cast(loss, dtype=x.dtype)


def weighted_cross_entropy_with_logits(labels: Any, logits: Any, pos_weight: Any, name: str | None = None) -> Tensor:
    """-q z log(sigmoid(x)) - (1 - z) log(1 - sigmoid(x)): positive examples weigh `pos_weight` q.

    >>> import treadle as tf
    >>> round(float(tf.nn.weighted_cross_entropy_with_logits(labels=1.0, logits=0.0, pos_weight=2.0)), 4)
    1.3863
    """
    x = convert_to_tensor(logits)
    z = convert_to_tensor(labels, dtype_hint=x.dtype)
    return (1 - z) * x + (1 + (pos_weight - 1) * z) * softplus(negative(x))


def log_poisson_loss(targets: Any, log_input: Any, compute_full_loss: bool = False, name: str | None = None) -> Tensor:
    """e^c - z c for targets z and log rates c; the full loss adds Stirling's z log z - z + log(2 pi z) / 2 for z > 1.

    >>> import treadle as tf
    >>> float(tf.nn.log_poisson_loss(2.0, 0.0))
    1.0
    """
    c = convert_to_tensor(log_input)
    z = convert_to_tensor(targets, dtype_hint=c.dtype)
    loss = exp(c) - c * z
    if compute_full_loss:
        stirling = z * log(z) - z + 0.5 * log(2 * math.pi * z)
        small = logical_and(greater_equal(z, 0), less_equal(z, 1))
        loss = loss + select(small, zeros_like(z), stirling)
    return loss


def l2_loss(t: Any, name: str | None = None) -> Tensor:
    """sum(t^2) / 2.

    >>> import treadle as tf
    >>> float(tf.nn.l2_loss([1.0, 3.0]))
    5.0
    """
    return 0.5 * reduce_sum(square(convert_to_tensor(t)))


def zero_fraction(value: Any, name: str | None = None) -> Tensor:
    """The fraction of elements that are 0, float32.

    >>> import treadle as tf
    >>> float(tf.nn.zero_fraction([0.0, 1.0]))
    0.5
    """
    x = convert_to_tensor(value)
    return reduce_mean(cast(equal(x, zeros_like(x)), dtype=dtypes.float32))


def compute_average_loss(per_example_loss: Any, sample_weight: Any = None, global_batch_size: Any = None) -> Tensor:
    """sum(loss * weight) / global_batch_size, which is the number of examples by default.

    >>> import treadle as tf
    >>> float(tf.nn.compute_average_loss([1.0, 2.0], global_batch_size=4))
    0.75
    """
    loss = convert_to_tensor(per_example_loss)
    if not loss.type.shape:
        raise errors.InvalidArgumentError("`per_example_loss` must have one loss for each example. Received: a scalar.")
    total = loss
    if sample_weight is not None:
        weight = convert_to_tensor(sample_weight, dtype_hint=loss.dtype)
        weight = weight if weight.dtype is loss.dtype else cast(weight, dtype=loss.dtype)
        if weight.type.rank < loss.type.rank:
            weight = reshape(weight, shape=(*weight.type.shape, *[1] * (loss.type.rank - weight.type.rank)))
        total = loss * weight
    if global_batch_size is None:
        global_batch_size = loss.type.shape[0] if isinstance(loss.type.shape[0], int) else size(loss)
    count = convert_to_tensor(global_batch_size)
    if not count.dtype.is_integer or count.type.shape:
        raise errors.DtypeError(f"`global_batch_size` must be an integer. Received: {global_batch_size!r}.")
    return reduce_sum(total) / cast(count, dtype=loss.dtype)


def scale_regularization_loss(regularization_loss: Any) -> Tensor:
    """The sum of regularization losses, divided by the number of replicas (treadle runs one)."""
    return reduce_sum(convert_to_tensor(regularization_loss))


errors.shield(globals())
