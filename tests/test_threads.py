"""Many threads at once."""

from __future__ import annotations

import threading

import numpy as np

import treadle as tf


def in_threads(count, work):
    """Run `work(i)` in `count` threads that start together; re-raises the first failure."""
    barrier, failures = threading.Barrier(count), []

    def run(i):
        try:
            barrier.wait()
            work(i)
        except BaseException as error:
            failures.append(error)
    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if failures:
        raise failures[0]


def test_32_first_calls_trace_once():
    traces = []

    @tf.function
    def f(x):
        traces.append(1)
        return x * 2.0
    found = {}
    in_threads(32, lambda i: found.update({i: float(f(tf.constant(float(i))))}))
    assert found == {i: 2.0 * i for i in range(32)} and len(traces) == 1


def test_steps_in_threads_all_count_and_readers_see_whole_values():
    variables = [tf.Variable(np.zeros(2000, np.float32)), tf.Variable(0.0), tf.Variable(0.0)]

    @tf.function
    def step():
        for v in variables:
            v.assign_add(tf.ones_like(v))

    def work(i):
        for _ in range(50):
            if i % 2:
                step()
            else:
                value = variables[0].numpy()
                assert (value == value[0]).all()
                float(variables[1])
    in_threads(8, work)
    assert [float(v.numpy().ravel()[0]) for v in variables] == [200.0] * 3


def test_random_numbers_are_not_drawn_twice():
    tf.random.set_seed(3)
    drawn = [[] for _ in range(8)]
    in_threads(8, lambda i: drawn[i].extend(float(tf.random.uniform([])) for _ in range(20)))
    flat = [x for d in drawn for x in d]
    assert len(set(flat)) == len(flat)


def test_tapes_of_threads_do_not_see_each_other():
    def work(i):
        x = tf.constant(float(i))
        for _ in range(20):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = x * x
            assert float(tape.gradient(y, x)) == 2.0 * i
    in_threads(8, work)


def test_functions_that_call_each_other_in_threads_do_not_deadlock():
    a = tf.function(lambda x: x + 1.0)
    b = tf.function(lambda x: a(x) * 2.0)
    c = tf.function(lambda x: a(b(x)))
    in_threads(12, lambda i: [a, b, c][i % 3](tf.constant(1.0)))
    assert float(c(tf.constant(1.0))) == 5.0
