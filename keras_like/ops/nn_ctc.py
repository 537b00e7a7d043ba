"""`keras.ops.nn`: connectionist temporal classification, for sequences whose alignment with the labels is not known."""

from __future__ import annotations

from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.ops.axes import at_least_single
from treadle.keras_like.ops.operation import operation
from treadle.keras_like.ops.promotion import tensor

_IMPOSSIBLE = -1e5  # the log of the probability of what cannot happen; finite, so that gradients are


@operation
def ctc_loss(target: Any, output: Any, target_length: Any, output_length: Any, mask_index: int = 0) -> Any:
    """-log(probability of the labels), summed over all alignments: [batch].

    Args:
        target: class numbers [batch, labels].
        output: logits [batch, time, classes].
        target_length, output_length: how many labels and steps of each row count, [batch].
        mask_index: the class that stands for "no label". Default 0.

    Source: Graves et al., ICML 2006.
    """
    target, logits = tensor(target, "int32"), at_least_single(output)
    if target.shape.rank != 2 or logits.shape.rank != 3:
        raise tf.errors.InvalidArgumentError(
            "`target` has the shape [batch, labels], `output` [batch, time, classes]. Received: shapes "
            f"{target.shape} and {logits.shape}.")
    # All have as many rows as `output`; where that is open, saying so lets their sizes be compared.
    rows = tf.range(tf.shape(logits)[0])
    target, target_length, output_length = (tf.gather(tensor(v, "int32"), rows) for v in (target, target_length, output_length))
    # states: blank, label, blank, label, ..., blank
    batch, count = tf.shape(target)[0], tf.shape(target)[1]
    states = tf.reshape(tf.stack([tf.zeros_like(target) + mask_index, target], axis=2), [batch, 2 * count])
    states = tf.pad(states, [[0, 0], [0, 1]], constant_values=mask_index)
    before = tf.pad(states, [[0, 0], [2, 0]], constant_values=mask_index)[:, :-2]
    # from a label straight to the next one, if they differ
    skips = tf.logical_and(tf.not_equal(states, mask_index), tf.not_equal(states, before))
    impossible = tf.constant(_IMPOSSIBLE, logits.dtype)
    skip_cost = tf.where(skips, tf.zeros_like(impossible), impossible)
    places = tf.repeat(states[:, None, :], tf.shape(logits)[1], axis=1)
    steps = tf.transpose(tf.gather(tf.nn.log_softmax(logits), places, batch_dims=2), [1, 0, 2])
    start = tf.where(tf.range(2 * count + 1)[None, :] < 2, steps[0], impossible)

    def step(alpha: Any, given: Any) -> Any:
        emitted, time = given
        paths = tf.stack([alpha, _shifted(alpha, 1), _shifted(alpha, 2) + skip_cost])
        return tf.where((time < output_length)[:, None], tf.reduce_logsumexp(paths, axis=0) + emitted, alpha)

    alpha = tf.foldl(step, (steps[1:], tf.range(1, tf.shape(logits)[1])), initializer=start)
    # a path ends in the last label or in the blank after it
    in_blank = tf.gather(alpha, 2 * target_length, batch_dims=1)
    in_label = tf.gather(alpha, tf.maximum(2 * target_length - 1, 0), batch_dims=1)
    last = tf.stack([in_blank, tf.where(target_length > 0, in_label, impossible)], axis=1)
    return -tf.reduce_logsumexp(last, axis=1)


def _shifted(alpha: Any, by: int) -> Any:
    return tf.pad(alpha, [[0, 0], [by, 0]], constant_values=_IMPOSSIBLE)[:, :-by]


@operation
def ctc_decode(inputs: Any, sequence_lengths: Any, strategy: str = "greedy", beam_width: int = 100, top_paths: int = 1,
               merge_repeated: bool = True, mask_index: int | None = 0) -> Any:
    """(the likeliest label sequences [paths, batch, time], filled up with -1, their scores [batch, paths]).

    Args:
        inputs: logits [batch, time, classes].
        sequence_lengths: how many steps of each row count.
        strategy: "greedy" (default): the likeliest class of each step, scored by minus the sum of their logits; or
            "beam_search": the likeliest sequences, scored by the logarithm of their probability.
        beam_width: how many sequences a beam search keeps.
        top_paths: how many it returns.
        merge_repeated: greedy: a class that is repeated without a blank between counts once.
        mask_index: the class that stands for "no label"; None: the last one.

    A beam search runs in Python, in compiled functions, too.
    """
    x = at_least_single(inputs)
    lengths = tensor(sequence_lengths, "int32")
    blank = x.shape[-1] - 1 if mask_index is None else mask_index
    if strategy == "greedy":
        return _greedy(x, lengths, merge_repeated, blank)
    if strategy != "beam_search":
        raise tf.errors.InvalidArgumentError(f"`strategy` is 'greedy' or 'beam_search'. Received: strategy={strategy!r}.")
    batch, time = x.shape[0], x.shape[1]
    paths, scores = tf.numpy_function(
        lambda logits, counts: _beam_search(logits, counts, beam_width, top_paths, blank),
        [tf.nn.log_softmax(x), lengths],
        [tf.TensorSpec([top_paths, batch, time], tf.int32), tf.TensorSpec([batch, top_paths], x.dtype)])
    return paths, scores


def _greedy(x: Any, lengths: Any, merge_repeated: bool, blank: int) -> Any:
    classes, scores = tf.argmax(x, axis=-1, output_type="int32"), tf.reduce_max(x, axis=-1)
    time = tf.range(tf.shape(x)[1])[None, :]
    over = time >= lengths[:, None]
    classes = tf.where(over, blank, classes)
    scores = tf.where(over, tf.zeros_like(scores), scores)
    silent = tf.equal(classes, blank)
    if merge_repeated:
        repeated = tf.equal(classes[:, 1:], classes[:, :-1])
        silent = tf.logical_or(silent, tf.concat([tf.zeros_like(silent[:, :1]), repeated], axis=1))
    # labels to the front, in their order
    order = tf.argsort(tf.where(silent, tf.shape(x)[1], time), axis=-1, stable=True)
    labels = tf.gather(tf.where(silent, -1, classes), order, batch_dims=1)
    return labels[None], -tf.reduce_sum(scores, axis=1)[:, None]


def _beam_search(log_p: np.ndarray, lengths: np.ndarray, width: int, top: int, blank: int) -> tuple[np.ndarray, np.ndarray]:
    paths = np.full((top, *log_p.shape[:2]), -1, np.int32)
    scores = np.full((log_p.shape[0], top), -np.inf, log_p.dtype)
    for row, (steps, length) in enumerate(zip(log_p, lengths)):
        for rank, (path, score) in enumerate(_beam(steps[:length], width, blank)[:top]):
            paths[rank, row, :len(path)] = path
            scores[row, rank] = score
    return paths, scores


def _beam(steps: np.ndarray, width: int, blank: int) -> list[tuple[tuple[int, ...], float]]:
    """Label sequences with the log of their probabilities, the likeliest first."""
    # sequence -> (log probability of those that end in a blank, of those that end in the last label)
    beams: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, -np.inf)}
    for step in steps:
        found: dict[tuple[int, ...], list[float]] = {}
        for path, (silent, spoken) in beams.items():
            total = np.logaddexp(silent, spoken)
            for label, p in enumerate(step):
                if label == blank:
                    _add(found, path, 0, total + p)
                elif path and label == path[-1]:
                    _add(found, path, 1, spoken + p)
                    _add(found, (*path, label), 1, silent + p)
                else:
                    _add(found, (*path, label), 1, total + p)
        best = sorted(found.items(), key=lambda item: -np.logaddexp(item[1][0], item[1][1]))[:width]
        beams = {path: (pair[0], pair[1]) for path, pair in best}
    ended = [(path, float(np.logaddexp(*pair))) for path, pair in beams.items()]
    return sorted(ended, key=lambda item: -item[1])


def _add(found: dict[tuple[int, ...], list[float]], path: tuple[int, ...], place: int, value: float) -> None:
    pair = found.setdefault(path, [-np.inf, -np.inf])
    pair[place] = float(np.logaddexp(pair[place], value))
