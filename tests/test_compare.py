"""`debugging.compare` names the operation, and the user's line, that makes a compiled result differ."""

from __future__ import annotations

import numpy as np

import treadle as tf
from treadle.ir.op import REGISTRY


def test_equal_programs_have_no_difference():
    v = tf.Variable([1.0, 2.0])
    f = tf.function(lambda x: v.assign_add(tf.sin(x) * v))
    assert tf.debugging.compare(f, tf.constant([0.5, 0.25])) is None
    assert v.numpy().tolist() == [1.0, 2.0]


def test_a_wrong_lowering_is_named_with_the_users_line(monkeypatch):
    def f(x):
        y = tf.sin(x)
        z = tf.tanh(y)  # the wrong one
        return z + y
    right, calls = REGISTRY["tanh"].lower, []
    eager = tf.tanh(tf.sin(tf.constant([0.3])))  # its eager kernel is compiled before the fault is put in
    assert eager.shape == [1]
    monkeypatch.setattr(REGISTRY["tanh"], "lower", lambda xp, x: calls.append(1) or right(xp, x) + 0.125)
    found = tf.debugging.compare(tf.function(f), tf.constant([0.3]))
    assert calls and found.operation.op.name == "tanh" and found.largest > 0.1
    text = str(found)
    assert "test_compare.py" in text and "in f" in text and "tanh" in text
    line = next(i for i, source in enumerate(open(__file__), 1) if "the wrong one" in source)
    assert found.operation.location.line == line


def test_integers_are_compared_exactly():
    f = tf.function(lambda x: x * 3 + 1)
    assert tf.debugging.compare(f, tf.constant(np.arange(5, dtype=np.int32))) is None
