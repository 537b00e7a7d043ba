"""Guards, beyond the table of staleness: how often functions are traced, what they keep alive, what is reported where."""

from __future__ import annotations

import gc
import inspect
import types
import warnings
import weakref

import numpy as np
import pytest

import treadle as tf

FLAG, RATE = True, 1.0
ONE = tf.constant(1.0)


@pytest.fixture
def caught():
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        yield found


def call(f, *arguments):
    """The results of calls with 1.0, as numbers."""
    return [float(f(ONE)) for _ in range(3)] if not arguments else [float(f(a)) for a in arguments]


def test_a_flag_that_toggles_is_traced_twice(caught):
    global FLAG
    f = tf.function(lambda x: x * 2.0 if FLAG else x)
    for k in range(10):
        FLAG = k % 2 == 0
        assert float(f(ONE)) == (2.0 if FLAG else 1.0)
    FLAG = True
    assert f.experimental_get_tracing_count() == 2 and not caught
    (reason, where), = f._retraces
    assert reason == "the global `FLAG` changed from True to False" and where.file == __file__


def test_an_equal_value_is_no_change():
    global RATE
    f = tf.function(lambda x: x * RATE)
    for _ in range(4):
        RATE = float("1.25")
        assert float(f(ONE)) == 1.25
    assert f.experimental_get_tracing_count() == 1


def test_traces_are_bounded(caught):
    settings = types.SimpleNamespace(k=0)
    f = tf.function(lambda x: x * settings.k)
    for k in range(40):
        settings.k = k
        assert float(f(ONE)) == k
    traces, = f._concrete.values()
    assert len(traces) <= 16
    for w in caught:
        assert "has been traced" in str(w.message) and "`SimpleNamespace.k` changed" in str(w.message)


def test_a_first_call_may_build(caught):
    class Layer:
        built = False

        def __call__(self, x):
            if not self.built:
                self.scale, self.names, self.built = 3.0, ["a"], True
            return x * self.scale * len(self.names)
    f = tf.function(Layer())
    assert call(f) == [3.0, 3.0, 3.0] and f.experimental_get_tracing_count() == 2 and not caught


def test_a_memo_is_filled_once(caught):
    memo = {}

    def looked_up(n):
        if n not in memo:
            memo[n] = n * 2.0
        return memo[n]
    f = tf.function(lambda x: x * looked_up(3))
    assert call(f) == [6.0, 6.0, 6.0] and f.experimental_get_tracing_count() == 2 and not caught


def test_a_counter_is_reported_once_at_its_line(caught):
    counter = types.SimpleNamespace(calls=0)

    def f(x):
        counter.calls += 1
        return x
    call(tf.function(f))
    found, = caught
    assert (found.filename, found.lineno) == (__file__, inspect.getsourcelines(f)[1] + 1)
    assert "from 0 to 1" in str(found.message)


def test_assigning_the_same_again_is_quiet_and_different_values_are_reported(caught):
    class Model:
        def __call__(self, x):
            self.shape = x.shape
            return tf.reduce_sum(x)
    f = tf.function(Model())
    call(f)
    assert not caught and f.experimental_get_tracing_count() == 1
    for _ in range(4):
        call(f, tf.ones([2]), ONE)
    found, = caught
    assert "`shape` is assigned" in str(found.message) and f.experimental_get_tracing_count() <= 4


def test_instances_are_collectable():
    class Part:
        def __init__(self, owner):
            self.owner, self.k = owner, 3.0

    class Model:
        def __init__(self):
            self.v, self.rate, self.me, self.part = tf.Variable(1.0), 2.0, self, Part(self)

        def helper(self, x):
            return x * self.part.k

        @tf.function
        def step(self, x):
            return self.helper(x) * self.rate * self.v
    model = Model()
    assert call(model.step) == [6.0, 6.0, 6.0]
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def test_objects_made_while_tracing_are_no_state(caught):
    class Node:
        def __init__(self):
            self.me, self.n = self, 0

        def count(self):
            self.n += 1
            return self

    def f(x, **options):
        scale = options.pop("scale", 1.0)
        return x * Node().count().count().n * scale
    compiled = tf.function(f)
    for _ in range(3):
        assert float(compiled(ONE)) == 2.0
        gc.collect()
    assert compiled.experimental_get_tracing_count() == 1 and not caught


def test_lists_that_library_functions_read():
    values, pair, options = [1.0, 2.0], [3.0, 4.0], {"axis": 0}

    def f(x):
        a, b = pair
        return tf.reduce_sum(tf.constant(values) * x, **{**options}) + a + b
    f = tf.function(f)
    assert float(f(ONE)) == 10.0
    values[0] = 5.0
    assert float(f(ONE)) == 14.0
    pair[1] = 0.0
    assert float(f(ONE)) == 10.0
    options["keepdims"] = True
    assert f(ONE).shape == [1]


def test_without_autograph_globals_and_cells_are_guarded():
    global RATE
    RATE, scale = 1.0, 2.0
    f = tf.function(lambda x: x * RATE * scale, autograph=False)
    assert float(f(ONE)) == 2.0
    RATE = 5.0
    assert float(f(ONE)) == 10.0
    scale = 1.0
    assert float(f(ONE)) == 5.0


def test_functions_inside_hand_on_their_guards():
    global RATE
    RATE = 1.0
    inner = tf.function(lambda x: x * RATE)
    outer = tf.function(lambda x: inner(x) + 1.0)
    assert float(inner(ONE)) == 1.0 and float(outer(ONE)) == 2.0
    RATE = 3.0
    assert float(outer(ONE)) == 4.0 and float(inner(ONE)) == 3.0
    RATE = 1.0
    assert float(outer(ONE)) == 2.0
    assert outer.experimental_get_tracing_count() == inner.experimental_get_tracing_count() == 2


def test_large_arrays_are_reported_unless_nobody_can_write_to_them(caught):
    array = np.ones((200, 200))
    f = tf.function(lambda x: tf.reduce_sum(array) * tf.cast(x, tf.float64))
    f(ONE)
    assert "320,000 bytes" in str(caught.pop().message)
    array = np.zeros((200, 200))
    array.setflags(write=False)
    assert float(f(ONE)) == 0.0 and not caught


def test_a_failing_property_does_not_hide_its_error():
    class Model:
        ready = True

        @property
        def rate(self):
            if not self.ready:
                raise ValueError("not ready")
            return 2.0
    model = Model()
    f = tf.function(lambda x: x * model.rate)
    assert float(f(ONE)) == 2.0
    model.ready = False
    with pytest.raises(ValueError, match="not ready"):
        f(ONE)
    model.ready = True
    assert float(f(ONE)) == 2.0 and f.experimental_get_tracing_count() == 1
