"""Connectionist temporal classification: sequences whose alignment with the labels is not known."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core.overrides import shield_functions
from treadle.keras_like.losses.base import FunctionLoss
from treadle.keras_like.losses.weighting import as_tensor

BLANK = 0
# log of the probability of what cannot happen; finite, so that gradients are
IMPOSSIBLE = -1e5


def ctc(y_true: Any, y_pred: Any) -> Any:
    """-log(probability of the labels), summed over all alignments: [batch, labels], [batch, time, classes] -> [batch].

    Args:
        y_true: class numbers, 0 after the last label of a row. 0 is the blank, too.
        y_pred: logits.

    Raises InvalidArgumentError for other ranks. Source: Graves et al., ICML 2006.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> round(float(keras.losses.ctc([[1]], tf.zeros([1, 1, 2]))[0]), 4)
    0.6931
    """
    y_true, logits = tf.cast(y_true, tf.int32), as_tensor(y_pred)
    if y_true.shape.rank != 2 or logits.shape.rank != 3:
        raise tf.errors.InvalidArgumentError(
            "`y_true` has the shape (batch, labels), `y_pred` (batch, time, classes). Received: "
            f"y_true.shape={tuple(y_true.shape)}, y_pred.shape={tuple(logits.shape)}.")
    logits = tf.cast(logits, tf.float32) if logits.dtype.size < 4 else logits
    # states: blank, label, blank, label, ..., blank
    y_true = tf.gather(y_true, tf.range(tf.shape(logits)[0]))  # as many rows as `y_pred`, also where that is open
    batch, count = tf.shape(y_true)[0], tf.shape(y_true)[1]
    states = tf.reshape(tf.stack([tf.fill([batch, count], BLANK), y_true], axis=2), [batch, 2 * count])
    states = tf.pad(states, [[0, 0], [0, 1]], constant_values=BLANK)
    before = tf.pad(states, [[0, 0], [2, 0]], constant_values=BLANK)[:, :-2]
    # from a label straight to the next one, if they differ
    skips = tf.logical_and(tf.not_equal(states, BLANK), tf.not_equal(states, before))
    skip_cost = tf.cast(tf.where(skips, 0.0, IMPOSSIBLE), logits.dtype)
    log_p = tf.gather(tf.nn.log_softmax(logits), tf.repeat(states[:, None, :], tf.shape(logits)[1], axis=1), batch_dims=2)
    steps = tf.transpose(log_p, [1, 0, 2])
    positions = tf.range(2 * count + 1)[None, :]
    start = tf.where(positions < 2, steps[0], IMPOSSIBLE)

    def step(alpha: Any, emitted: Any) -> Any:
        moved = _shifted(alpha, 1)
        skipped = _shifted(alpha, 2) + skip_cost
        return tf.reduce_logsumexp(tf.stack([alpha, moved, skipped]), axis=0) + emitted

    alpha = tf.foldl(step, steps[1:], initializer=start)
    # a path ends in the last label or in the blank after it
    length = tf.reduce_sum(tf.cast(tf.not_equal(y_true, BLANK), tf.int32), axis=1)
    in_blank = tf.gather(alpha, 2 * length, batch_dims=1)
    in_label = tf.gather(alpha, tf.maximum(2 * length - 1, 0), batch_dims=1)
    last = tf.stack([in_blank, tf.where(length > 0, in_label, IMPOSSIBLE)], axis=1)
    return -tf.reduce_logsumexp(last, axis=1)


def _shifted(alpha: Any, by: int) -> Any:
    return tf.pad(alpha, [[0, 0], [by, 0]], constant_values=IMPOSSIBLE)[:, :-by]


class CTC(FunctionLoss):
    """`ctc`, reduced."""

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "ctc", dtype: Any = None):
        super().__init__(ctc, reduction, name, dtype)


shield_functions(globals())
