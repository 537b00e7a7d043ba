"""Values per example, their weights and masks, and what they are reduced to."""

from __future__ import annotations

from typing import Any

import treadle as tf

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


def as_tensor(value: Any, dtype: Any = None) -> Any:
    """A tensor of `dtype`; without one, of the value's own floating dtype (float32 for integers)."""
    if dtype is not None:
        return tf.cast(value, dtype)
    value = tf.convert_to_tensor(value)
    return value if value.dtype.is_floating or value.dtype.is_complex else tf.cast(value, tf.float32)


def as_pair(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Both as tensors of the dtype of `y_pred`."""
    y_pred = as_tensor(y_pred)
    return as_tensor(y_true, y_pred.dtype), y_pred


def as_aligned_pair(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Both as tensors of one dtype and rank."""
    return same_rank(*as_pair(y_true, y_pred))


def same_rank(a: Any, b: Any, expand_rank_1: bool = True) -> tuple[Any, Any]:
    """Remove a last axis of size 1 that only one of two tensors has, or add it to the other if that has rank 1."""
    if a.shape.rank == b.shape.rank + 1:
        return _fitted(a, b, expand_rank_1)
    if b.shape.rank == a.shape.rank + 1:
        b, a = _fitted(b, a, expand_rank_1)
    return a, b


def _fitted(longer: Any, shorter: Any, expand_rank_1: bool) -> tuple[Any, Any]:
    if longer.shape[-1] != 1:
        return longer, shorter
    if shorter.shape.rank == 1 and expand_rank_1:
        return longer, tf.expand_dims(shorter, -1)
    return tf.squeeze(longer, -1), shorter


def check_reduction(reduction: str | None) -> str | None:
    """The reduction, with "auto" of older programs spelled out.

    Raises InvalidArgumentError for an unknown one.
    """
    if reduction == "auto":
        return "sum_over_batch_size"
    if reduction not in REDUCTIONS:
        raise tf.errors.InvalidArgumentError(f"`reduction` is one of {REDUCTIONS}. Received: reduction={reduction!r}.")
    return reduction


def apply_mask(sample_weight: Any, mask: Any, dtype: Any, reduction: str | None) -> Any:
    """Weights that are 0 where the mask is False.

    For means, the others are scaled by (all entries) / (valid entries), so that dividing by the number of all entries gives the
    mean over the valid ones.
    """
    if mask is None:
        return sample_weight
    kept = tf.cast(mask, dtype)
    if reduction in ("mean", "sum_over_batch_size"):
        kept = kept * tf.math.divide_no_nan(tf.cast(tf.size(kept), dtype), tf.reduce_sum(kept))
    if sample_weight is None:
        return kept
    kept, sample_weight = same_rank(kept, tf.cast(sample_weight, dtype))
    return sample_weight * kept


def reduce_weighted(values: Any, sample_weight: Any = None, mask: Any = None,
                    reduction: str | None = "sum_over_batch_size", dtype: Any = None) -> Any:
    """Values times weights, summed, averaged, or as they are.

    "sum_over_batch_size" and "mean" divide by the number of values, "mean_with_sample_weight" by the sum of the weights.
    """
    values = as_tensor(values, dtype)
    weight = apply_mask(sample_weight, mask, values.dtype, reduction)
    if weight is not None:
        values, weight = same_rank(values, tf.cast(weight, values.dtype))
        values = values * weight
    if reduction in (None, "none") or values.shape.rank == 0 or values.shape.as_list() == [0]:
        return values
    total = tf.reduce_sum(values)
    if reduction == "sum":
        return total
    by_weight = reduction == "mean_with_sample_weight" and weight is not None
    return tf.math.divide_no_nan(total, tf.reduce_sum(weight) if by_weight else tf.cast(tf.size(values), total.dtype))
