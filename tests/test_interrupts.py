"""A step happens or it does not: signals and exceptions leave every variable readable, at step k or k + 1."""

from __future__ import annotations

import os
import random
import signal
import threading
import time

import numpy as np
import pytest

import treadle as tf

# A signal that arrives inside a garbage-collection callback (JAX has one) is swallowed by Python itself.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def interrupt_this_process():
    os.kill(os.getpid(), signal.SIGINT)


def interrupted_after(delay: float, run) -> bool:
    """Calls `run()`, sends SIGINT `delay` seconds later; True if it was raised, as a `KeyboardInterrupt`.

    Nothing escapes: the signal can come while the timer starts, and on a busy machine after `run` has ended.
    """
    sender = threading.Timer(delay, interrupt_this_process)
    try:
        sender.start()
        run()
        sender.join()
        time.sleep(0.01)
        return False
    except KeyboardInterrupt:
        sender.join()
        return True


def make_step(large: bool):
    """A step that adds 1 to every variable; all values must stay equal to the number of steps."""
    size = 3000 if large else 3
    variables = [tf.Variable(np.zeros(size, np.float32)) for _ in range(6)] + [tf.Variable(0.0), tf.Variable(0.0)]

    @tf.function
    def step(x):
        for v in variables:
            v.assign_add(tf.ones_like(v))
        return tf.reduce_sum(x)
    return variables, step


@pytest.mark.parametrize("large", [False, True])
def test_random_interrupts_leave_whole_steps(large, seed, long):
    rng = random.Random(seed + large)
    variables, step = make_step(large)
    arguments = [tf.constant(np.ones(4, np.float32)), tf.convert_to_tensor(tf.ones(4) * 1.0)]
    trials = 500 if long else 150
    steps_seen = interrupts = 0
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        for trial in range(trials):
            count = 0

            def run():
                nonlocal count
                deadline = time.perf_counter() + 0.1
                while time.perf_counter() < deadline:
                    step(arguments[rng.randrange(2)])
                    count += 1
            interrupts += interrupted_after(rng.random() * 0.004, run)
            values = [v.numpy() for v in variables]
            level = float(values[-1])
            assert all((value == level).all() for value in values), f"trial {trial}: a step was torn"
            assert steps_seen + count <= level <= steps_seen + count + 1, f"trial {trial}: a step was lost"
            steps_seen = level
        assert interrupts > trials * 0.9
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_interrupt_during_the_first_call_loses_nothing(seed):
    rng = random.Random(seed)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        for _ in range(12):
            variables, step = make_step(large=True)
            interrupted_after(rng.random() * 0.25, lambda step=step: step(tf.constant([1.0])))
            levels = {float(v.numpy().ravel()[0]) for v in variables}
            assert len(levels) == 1 and levels <= {0.0, 1.0}
            step(tf.constant([1.0]))
            assert {float(v.numpy().ravel()[0]) for v in variables} == {levels.pop() + 1}
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_exception_in_a_step_changes_nothing():
    variables, step = make_step(large=False)
    step(tf.constant([1.0]))

    @tf.function
    def broken():
        for v in variables:
            v.assign_add(tf.ones_like(v))
        raise ValueError("mine")
    with pytest.raises(ValueError, match="mine"):
        broken()
    assert {float(v.numpy().ravel()[0]) for v in variables} == {1.0}


def test_interrupts_while_variables_are_assigned_eagerly(seed):
    """Reading and assigning between steps moves variables out of their common buffer and back."""
    rng = random.Random(seed)
    variables, step = make_step(large=False)
    offset = tf.Variable(0.0)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        for _ in range(60):
            def run():
                deadline = time.perf_counter() + 0.1
                while time.perf_counter() < deadline:
                    step(tf.constant([1.0]))
                    variables[rng.randrange(6)].numpy()
                    offset.assign(variables[0][0])
                    variables[1].assign(variables[1] + 0.0)
            interrupted_after(rng.random() * 0.01, run)
            assert len({float(v.numpy().ravel()[0]) for v in variables}) == 1
    finally:
        signal.signal(signal.SIGINT, before)
