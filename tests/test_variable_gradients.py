"""Gradients through variables that are assigned: an assignment cuts, a reading counts for the variable, however it is run."""

from __future__ import annotations

import numpy as np
import pytest

import treadle as tf


def assign_and_return(v, x):
    v.assign(x * x)
    return v


def assign_then_use(v, x):
    v.assign(x * 2.0)
    return v * x


def read_assign_read(v, x):
    before = v * x
    v.assign_add(x)
    return before + v * v


def twice(v, x):
    v.assign(v * x)
    v.assign(v + x)
    return v * x


def moving_average(v, x):
    v.assign(0.9 * v + 0.1 * x)
    return tf.reduce_sum((x - v) ** 2)


def in_a_branch(v, x):
    y = v * x
    if tf.reduce_sum(x) > 0.0:
        v.assign(x * 3.0)
        y = y + v * x
    return y + v


def in_a_loop(v, x):
    y = x * 0.0
    for _ in tf.range(3):
        y += v * x
        v.assign(v * x)
    return y + v


def assigned_first_in_a_loop(v, x):
    y = x * 0.0
    for _ in tf.range(3):
        v.assign(v * x + 1.0)
        y += v * v * x
    return y


def in_a_while(v, x):
    y = x * 0.0
    while tf.reduce_sum(y) < 20.0:
        v.assign(v + x)
        y += v * x
    return y


def in_a_nested_function(v, x):
    @tf.function
    def inner(z):
        v.assign(z * z)
        return v * z
    return inner(x) + v * x


PROGRAMS = [assign_and_return, assign_then_use, read_assign_read, twice, moving_average, in_a_branch, in_a_loop,
            assigned_first_in_a_loop, in_a_while, in_a_nested_function]


def gradients(run, trainable):
    v = tf.Variable([1.5, 2.0], trainable=trainable)
    x = tf.constant([2.0, 3.0])
    return [None if g is None else g.numpy() for g in run(v, x)], v.numpy()


def outside(program, wrap):
    def run(v, x):
        f = wrap(program)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.convert_to_tensor(f(v, x))
        return tape.gradient(y, [v, x], unconnected_gradients="zero")
    return run


def inside(program):
    @tf.function
    def run(v, x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.convert_to_tensor(program(v, x))
        return tape.gradient(y, [v, x], unconnected_gradients="zero")
    return run


@pytest.mark.parametrize("trainable", [True, False])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_gradients_equal_the_eager_ones(program, trainable):
    expected, value = gradients(outside(program, lambda f: f), trainable)
    for run in (outside(program, tf.function), inside(program)):
        found, after = gradients(run, trainable)
        for e, f in zip(expected, found):
            np.testing.assert_allclose(f, e, rtol=1e-6)
        np.testing.assert_allclose(after, value, rtol=1e-6)


def test_nothing_of_it_is_left_in_the_program():
    v = tf.Variable(1.0)

    @tf.function
    def f(x):
        v.assign_add(x)
        return v * 2.0
    concrete = f.get_concrete_function(tf.TensorSpec([], tf.float32))
    assert "reread" in str(concrete.graph)
    assert "reread" not in str(concrete.pipeline().graph)
