"""The circle loss of embeddings: near those of the same label, far from the others. Source: arXiv:2002.10857."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core.overrides import shield_functions
from treadle.keras_like.core.tracking import set_mask
from treadle.keras_like.losses.base import FunctionLoss
from treadle.keras_like.losses.weighting import as_tensor


def circle(y_true: Any, y_pred: Any, ref_labels: Any = None, ref_embeddings: Any = None, remove_diagonal: bool = True,
           gamma: float = 80, margin: float = 0.4) -> Any:
    """softplus(logsumexp over positives + logsumexp over negatives), per embedding: [n], [n, d] -> [n].

    With the distance d = 1 - cosine, a positive pair counts gamma * (d + margin) * (d - margin), a negative one
    gamma * (1 + margin - d) * (1 - margin - d). Embeddings without any loss are masked out of means.

    Args:
        y_true: labels.
        y_pred: embeddings of length 1.
        ref_labels, ref_embeddings: what to compare with. Default: `y_true` and `y_pred`.
        remove_diagonal: whether an embedding is not compared with the one of the same row.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.losses.circle([0, 0, 1], tf.constant([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])).numpy().round(3).tolist()
    [0.0, 0.0, 0.0]
    """
    y_pred = as_tensor(y_pred)
    labels = tf.reshape(tf.cast(y_true, tf.int32), [-1, 1])
    others = y_pred if ref_embeddings is None else as_tensor(ref_embeddings, y_pred.dtype)
    other_labels = labels if ref_labels is None else tf.reshape(tf.cast(ref_labels, tf.int32), [-1, 1])
    distance = tf.maximum(1.0 - tf.matmul(y_pred, others, transpose_b=True), 0.0)
    positive = tf.equal(labels, tf.transpose(other_labels))
    negative = tf.logical_not(positive)
    if remove_diagonal:
        rows, columns = tf.range(tf.size(labels)), tf.range(tf.size(other_labels))
        positive = tf.logical_and(positive, tf.not_equal(rows[:, None], columns[None, :]))
    of_positives = gamma * tf.maximum(distance + margin, 0.0) * (distance - margin)
    of_negatives = gamma * tf.maximum(1.0 + margin - distance, 0.0) * (1.0 - margin - distance)
    losses = tf.nn.softplus(_log_sum(positive, of_positives) + _log_sum(negative, of_negatives))
    set_mask(losses, losses > 0)
    return losses


def _log_sum(chosen: Any, terms: Any) -> Any:
    """log(sum(exp(terms))) of the chosen ones in each row; -inf if there are none."""
    return tf.reduce_logsumexp(tf.where(chosen, terms, -float("inf")), axis=1)


class Circle(FunctionLoss):
    """`circle`, reduced."""

    def __init__(self, gamma: float = 80.0, margin: float = 0.4, remove_diagonal: bool = True,
                 reduction: str | None = "sum_over_batch_size", name: str | None = "circle", dtype: Any = None):
        super().__init__(circle, reduction, name, dtype, gamma=gamma, margin=margin, remove_diagonal=remove_diagonal)


shield_functions(globals())
