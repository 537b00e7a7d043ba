"""`finally` after a failure that a tensor decides: what cannot be done in a compiled program is said."""

import warnings

import pytest

import treadle as tf


def guarded(n):
    try:
        if n > 0:
            raise ValueError("no")
    finally:
        print("fin", n)
    return n


def test_an_effect_in_finally_after_a_staged_failure_is_reported_at_its_line(capsys):
    compiled = tf.function(guarded)
    with pytest.warns(UserWarning, match="this `finally` prints") as caught:
        assert float(compiled(tf.constant(-1.0))) == -1.0
    assert caught[0].filename == __file__
    assert caught[0].lineno in range(guarded.__code__.co_firstlineno + 4, guarded.__code__.co_firstlineno + 7)
    assert "fin" in capsys.readouterr().out
    with pytest.raises(ValueError, match="no"):
        compiled(tf.constant(1.0))


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
        return n

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert float(f(tf.constant(1.0))) == 3.0
