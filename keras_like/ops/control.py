"""`keras.ops`: conditions, loops, and functions of rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import treadle as tf
from treadle.keras_like.ops.numpy_shapes import flip, moveaxis
from treadle.keras_like.ops.operation import operation
from treadle.keras_like.ops.promotion import tensor

# --- conditions -------------------------------------------------------------------------------------------------------


def cond(pred: Any, true_fn: Callable, false_fn: Callable) -> Any:
    """true_fn() if `pred`, else false_fn(); both return the same structure of tensors.

    >>> from treadle import keras
    >>> keras.ops.cond(True, lambda: keras.ops.ones(1), lambda: keras.ops.zeros(1)).numpy().tolist()
    [1.0]
    """
    return tf.cond(tf.cast(tensor(pred), "bool"), true_fn, false_fn)


@operation
def switch(index: Any, branches: Any, *operands: Any) -> Any:
    """branches[index](*operands); an index out of range counts as the nearest one."""
    operands = tuple(tf.nest.map_structure(tensor, operand) for operand in operands)
    place = tf.clip_by_value(tf.cast(tensor(index), "int32"), 0, len(branches) - 1)
    return tf.switch_case(place, [lambda branch=branch: branch(*operands) for branch in branches])


# --- loops ------------------------------------------------------------------------------------------------------------


@operation
def while_loop(cond: Callable, body: Callable, loop_vars: Any, maximum_iterations: Any = None) -> Any:
    """`loop_vars` after `body` has replaced them again and again, as long as cond(*loop_vars), at most so often.

    >>> from treadle import keras
    >>> keras.ops.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, x * 2), (0, 1))[1].numpy().item()
    8
    """
    several = isinstance(loop_vars, (tuple, list))
    given = tuple(tf.nest.map_structure(tensor, v) for v in (loop_vars if several else (loop_vars,)))

    def step(*values: Any) -> tuple:
        found = body(*values)
        return tuple(found) if several else (found,)

    found = tf.while_loop(cond, step, given, maximum_iterations=maximum_iterations)
    return tuple(found) if several else found[0]


@operation
def fori_loop(lower: Any, upper: Any, body_fun: Callable, init_val: Any) -> Any:
    """init_val after body_fun(i, value) has replaced it for i = lower ... upper - 1."""
    start, end = tensor(lower, "int32"), tensor(upper, "int32")
    init_val = tf.nest.map_structure(tensor, init_val)
    return tf.while_loop(lambda i, value: i < end, lambda i, value: (i + 1, body_fun(i, value)), (start, init_val))[1]


# --- rows -------------------------------------------------------------------------------------------------------------


def _rows(structure: Any, part: Any) -> Any:
    return tf.nest.map_structure(lambda leaf: leaf[part], structure)


def _joined(first: Any, rest: Any) -> Any:
    """The stacked rows with the first one before them."""
    return tf.nest.map_structure(lambda a, b: tf.concat([a[None], b], axis=0), first, rest)


@operation
def map(f: Callable, xs: Any) -> Any:
    """f of each row, one after the other, the results stacked; rows and results may be structures.

    >>> from treadle import keras
    >>> keras.ops.map(lambda row: keras.ops.sum(row), keras.ops.ones((2, 3))).numpy().tolist()
    [3.0, 3.0]
    """
    xs = tf.nest.map_structure(tensor, xs)
    first = tf.nest.map_structure(tensor, f(_rows(xs, 0)))  # says what the others will be
    kinds = tf.nest.map_structure(lambda leaf: leaf.dtype, first)
    return _joined(first, tf.map_fn(f, _rows(xs, slice(1, None)), fn_output_signature=kinds))


@operation
def vectorized_map(function: Callable, elements: Any) -> Any:
    """`function` of each row, all rows at the same time, the results stacked."""
    return tf.vectorized_map(function, tf.nest.map_structure(tensor, elements))


@operation
def scan(f: Callable, init: Any, xs: Any = None, length: int | None = None, reverse: bool = False, unroll: Any = 1) -> Any:
    """(carry, results) of carry, result = f(carry, row) for each row, the results stacked.

    Args:
        f: takes a carry and a row, returns a carry and a result (or None).
        init: the first carry.
        xs: a structure of rows; None: f gets None, `length` times.
        reverse: from the last row to the first.
        unroll: accepted for compatibility; XLA decides.

    >>> from treadle import keras
    >>> total, sums = keras.ops.scan(lambda total, x: (total + x, total + x), 0.0, keras.ops.arange(1.0, 4.0))
    >>> total.numpy().item(), sums.numpy().tolist()
    (6.0, [1.0, 3.0, 6.0])
    """
    if xs is None and length is None:
        raise tf.errors.InvalidArgumentError("`scan` needs rows, or their number. Received: xs=None, length=None.")
    rows = tf.range(length) if xs is None else tf.nest.map_structure(tensor, xs)
    if reverse:
        rows = tf.nest.map_structure(lambda leaf: tf.reverse(leaf, [0]), rows)

    def step(before: Any, row: Any) -> Any:
        carry, result = f(before[0], None if xs is None else row)
        return tf.nest.map_structure(tensor, carry), () if result is None else tf.nest.map_structure(tensor, result)

    carry, first = step((tf.nest.map_structure(tensor, init), None), _rows(rows, 0))
    count = tf.nest.flatten(rows)[0].shape[0]
    if count == 1:
        results = tf.nest.map_structure(lambda leaf: leaf[None], first)
    else:
        carries, rest = tf.scan(step, _rows(rows, slice(1, None)), initializer=(carry, first))
        carry, results = _rows(carries, -1), _joined(first, rest)
    if reverse:
        results = tf.nest.map_structure(lambda leaf: tf.reverse(leaf, [0]), results)
    return carry, results if tf.nest.flatten(first) else None


@operation
def associative_scan(f: Callable, elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """The results of f over the rows so far: y[0] = x[0], y[i] = f(y[i - 1], x[i]), for an associative f.

    f takes and returns structures of many rows at a time. About log2(rows) calls of f.

    >>> from treadle import keras
    >>> keras.ops.associative_scan(lambda a, b: a + b, keras.ops.arange(4)).numpy().tolist()
    [0, 1, 3, 6]
    """
    rows = tf.nest.map_structure(lambda leaf: moveaxis(tensor(leaf), axis, 0), elems)
    if reverse:
        rows = tf.nest.map_structure(lambda leaf: flip(leaf, 0), rows)
    count = tf.nest.flatten(rows)[0].shape[0]
    if count is None:
        raise tf.errors.InvalidArgumentError("`associative_scan` needs the number of rows. Received: an open size.")
    distance = 1
    while distance < count:  # each row holds the result of the `distance` rows up to it
        combined = f(_rows(rows, slice(None, -distance)), _rows(rows, slice(distance, None)))
        rows = tf.nest.map_structure(lambda a, b, d=distance: tf.concat([a[:d], b], axis=0), rows, combined)
        distance *= 2
    if reverse:
        rows = tf.nest.map_structure(lambda leaf: flip(leaf, 0), rows)
    return tf.nest.map_structure(lambda leaf: moveaxis(leaf, 0, axis), rows)


def custom_gradient(f: Callable) -> Callable:
    """A function with a gradient of its own: f returns (value, grad), and grad(upstream) the gradients of f's arguments.

    >>> from treadle import keras
    >>> @keras.ops.custom_gradient
    ... def clipped(x):
    ...     return x * 1.0, lambda upstream: keras.ops.clip(upstream, -1, 1)
    >>> clipped(keras.ops.ones(2)).numpy().tolist()
    [1.0, 1.0]
    """
    return tf.custom_gradient(f)
