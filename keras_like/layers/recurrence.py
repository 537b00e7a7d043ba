"""The loop over time that all recurrent layers share: one scan, or one step after the other with `unroll`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import treadle as tf
from treadle.keras_like.core.variable import account_for


def time_major(x: Any) -> Any:
    """Swap the first two axes: [batch, time, ...] <-> [time, batch, ...]."""
    return tf.transpose(x, [1, 0, *range(2, x.shape.rank)])


def recur(step: Callable, rows: Any, states: Any, first: Any, mask: Any = None, reverse: bool = False, unroll: bool = False,
          every: bool = False, zero_masked: bool = False) -> tuple[Any, Any]:
    """(outputs, last states) of `output, states = step(row, states)` for all rows.

    Args:
        rows: a tensor, or a structure of tensors, time first.
        first: what stands for the output before the first one; it has the outputs' structure, shapes and dtypes.
        mask: bool [time, batch], or more axes; where it is false, states stay and the output is repeated.
        reverse: begin with the last row; the output of that row comes first.
        unroll: repeat the step in the program instead of making a loop.
        every: return all outputs, time first; else the last one.
        zero_masked: masked outputs are zeros instead of repeated.
    """
    def advance(carried: Any, row: Any) -> Any:
        before, states = carried
        row, keep = (row, None) if mask is None else row
        output, fresh = step(row, states)
        fresh = tf.nest.pack_sequence_as(states, tf.nest.flatten(fresh))
        if keep is not None:
            fresh = tf.nest.map_structure(lambda a, b: _where(keep, a, b), fresh, states)
            otherwise = tf.nest.map_structure(tf.zeros_like, output) if zero_masked else before
            output = tf.nest.map_structure(lambda a, b: _where(keep, a, b), output, otherwise)
        return output, fresh

    if mask is not None:
        mask = tf.cast(mask, tf.bool)
        if mask.shape.rank > 2:
            mask = tf.reduce_any(mask, axis=list(range(2, mask.shape.rank)))
        rows = (rows, mask)
    begin = (first, states)
    if unroll:
        return _unrolled(advance, rows, begin, reverse, every)
    if not every:
        return (tf.foldr if reverse else tf.foldl)(advance, rows, initializer=begin)
    outputs, history = tf.scan(advance, rows, initializer=begin, reverse=reverse)
    last = tf.nest.map_structure(lambda s: s[0 if reverse else -1], history)
    if reverse:
        outputs = tf.nest.map_structure(lambda o: tf.reverse(o, axis=[0]), outputs)
    return outputs, last


def _unrolled(advance: Callable, rows: Any, carried: Any, reverse: bool, every: bool) -> tuple[Any, Any]:
    count = int(tf.nest.flatten(rows)[0].shape[0])
    account_for("loop, unrolled,", (count,), 1 << 17)  # about what each step of the program takes
    found = []
    for i in reversed(range(count)) if reverse else range(count):
        carried = advance(carried, tf.nest.map_structure(lambda r, i=i: r[i], rows))
        found.append(carried[0])
    output, states = carried
    if every:
        output = tf.nest.map_structure(lambda *parts: tf.stack(parts), *found)
    return output, states


def _where(keep: Any, a: Any, b: Any) -> Any:
    """a where `keep`, a bool for each row, is true; b elsewhere."""
    return tf.where(tf.reshape(keep, tf.concat([tf.shape(keep), [1] * (a.shape.rank - 1)], axis=0)), a, b)
