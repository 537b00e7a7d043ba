"""`finally` and `with` around what may fail: what a compiled program cannot do is said, and nothing else is."""

import contextlib
import warnings

import pytest

import treadle as tf


def test_an_effect_in_finally_after_a_failing_check_is_reported_at_its_line(capsys):
    @tf.function
    def compiled(x):
        try:
            tf.debugging.assert_positive(x)
        finally:
            print("fin", x)
        return x

    with pytest.warns(UserWarning, match="this `finally` prints") as caught:
        assert float(compiled(tf.constant(2.0))) == 2.0
    first = compiled.python_function.__code__.co_firstlineno
    assert caught[0].filename == __file__
    assert caught[0].lineno in range(first + 4, first + 7)
    assert "fin" in capsys.readouterr().out
    with pytest.raises(tf.errors.InvalidArgumentError):
        compiled(tf.constant(-2.0))


def test_what_a_manager_made_of_a_generator_prints_after_a_failure_is_reported():
    @contextlib.contextmanager
    def manager(x):
        try:
            yield
        finally:
            tf.print("left", x)

    @tf.function
    def compiled(x):
        with manager(x):
            assert x < 0
        return x

    with pytest.warns(UserWarning, match="this context manager, on leaving, prints"):
        compiled(tf.constant(-1.0))


def test_nothing_is_reported_where_nothing_is_lost():
    @tf.function
    def f(n):
        try:
            n = n * 2
        finally:
            print("fin", n)
        try:
            assert n > 0
        finally:
            n = n + 1
        try:
            if n > 100:
                raise ValueError("large")
        finally:
            print("end", n)
        with contextlib.ExitStack() as stack:
            stack.callback(print, "closed")
            assert n > 0
        return n

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert float(f(tf.constant(1.0))) == 3.0
