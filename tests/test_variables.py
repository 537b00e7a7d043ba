"""Variables: assignment in all its forms, copies, pickles, and reading them as tensors."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest

import treadle as tf

WAYS = pytest.mark.parametrize("way", [lambda f: f, tf.function])


@WAYS
def test_assignments(way):
    v = tf.Variable([1.0, 2.0, 3.0])

    def work():
        v.assign([4.0, 5.0, 6.0])
        v.assign_add([1.0, 1.0, 1.0])
        v.assign_sub(tf.constant([0.5, 0.5, 0.5]))
        v[0].assign(100.0)
        v[1:].assign_add([10.0, 10.0])
        return v + 0.0
    assert way(work)().numpy().tolist() == [100.0, 15.5, 16.5]
    assert v.numpy().tolist() == [100.0, 15.5, 16.5]


@WAYS
@pytest.mark.parametrize("name, expected", [
    ("scatter_nd_update", [[0, 0], [7, 8], [0, 0]]), ("scatter_nd_add", [[0, 0], [8, 9], [0, 0]]),
    ("scatter_nd_sub", [[0, 0], [-6, -7], [0, 0]]), ("scatter_nd_max", [[0, 0], [7, 8], [0, 0]]),
    ("scatter_nd_min", [[0, 0], [1, 1], [0, 0]])])
def test_scatters(way, name, expected):
    v = tf.Variable([[0.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    way(lambda: getattr(v, name)([[1]], [[7.0, 8.0]]) + 0.0)()
    assert v.numpy().tolist() == expected
    rows = tf.IndexedSlices(tf.constant([[1.0, 1.0]]), tf.constant([0]))
    v.scatter_add(rows), v.scatter_sub(rows), v.scatter_max(rows)
    assert v.numpy()[0].tolist() == [1.0, 1.0]


@WAYS
@pytest.mark.parametrize("key", [0, -1, slice(0, 2), (slice(None), 1), (Ellipsis, slice(None, None, 2)), (1, slice(1, 3))])
def test_slice_assignment_is_numpys(way, key):
    start = np.arange(12, dtype=np.float32).reshape(3, 4)
    v = tf.Variable(start)
    expected = start.copy()
    expected[key] = -expected[key]
    way(lambda: v[key].assign(-v[key]) + 0.0)()
    np.testing.assert_array_equal(v.numpy(), expected)


@pytest.mark.parametrize("value, error", [([1.0], ValueError), (1, None), (tf.zeros(2, tf.float64), TypeError),
                                          ("a", TypeError), (tf.constant([1, 2]), TypeError), ([[1.0, 2.0]], ValueError)])
def test_values_that_do_not_fit_change_nothing(value, error):
    v = tf.Variable([5.0, 6.0], name="weights")
    if error is None:
        error = ValueError
    with pytest.raises(error):
        v.assign(value)
    assert v.numpy().tolist() == [5.0, 6.0]


def test_a_variable_is_read_as_a_tensor_everywhere():
    v = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
    assert float(tf.reduce_sum(v)) == 10.0 and (v + 1).shape == [2, 2] and (2 * v - v).numpy().tolist() == v.numpy().tolist()
    assert tf.matmul(v, v).shape == [2, 2] and (v @ v).shape == [2, 2]
    assert v[0].numpy().tolist() == [1.0, 2.0] and len(v) == 2 and np.asarray(v).shape == (2, 2)
    assert (v > 2).numpy().sum() == 2 and tf.stack([v, v]).shape == [2, 2, 2] and [r.shape for r in v] == [[2], [2]]
    assert tf.reshape(tf.zeros(6), tf.Variable([2, 3])).shape == [2, 3]
    assert float(tf.Variable(2.0) ** 3) == 8.0 and int(tf.Variable(3)) == 3 and bool(tf.Variable(True))
    assert tf.convert_to_tensor(v).dtype == tf.float32 and tf.is_tensor(v)


def test_what_a_variable_is():
    v = tf.Variable(1, dtype=tf.float64, name="count", trainable=None)
    assert (v.name, v.dtype, v.shape, v.trainable) == ("count:0", tf.float64, [], True)
    assert not tf.Variable(1).trainable and not tf.Variable(1.0, trainable=False).trainable
    assert tf.Variable(lambda: tf.ones([2])).shape == [2]
    with pytest.raises(ValueError, match="initial value"):
        tf.Variable()
    with pytest.raises(ValueError, match="shape"):
        tf.Variable([1.0], shape=[2])
    with pytest.raises(TypeError, match="unhashable"):
        hash(v)
    assert v.ref() in {v.ref()} and v.ref().deref() is v


def test_copies_and_pickles():
    v = tf.Variable([1.0, 2.0], name="v", trainable=False)
    twin, again = copy.deepcopy(v), pickle.loads(pickle.dumps(v))
    v.assign([9.0, 9.0])
    for other in (twin, again):
        assert other.numpy().tolist() == [1.0, 2.0] and other.name == "v:0" and not other.trainable
    nested = copy.deepcopy({"a": v, "b": [v]})
    assert nested["a"] is nested["b"][0] and nested["a"] is not v
    with pytest.raises(NotImplementedError, match="deepcopy"):
        copy.copy(v)


def test_modules_know_their_variables():
    class Part(tf.Module):
        def __init__(self):
            super().__init__()
            self.w = tf.Variable(1.0)

    class Whole(tf.Module):
        def __init__(self):
            super().__init__("whole")
            self.parts = [Part(), Part()]
            self.by_name = {"x": tf.Variable(2.0, trainable=False)}
            self.again = self.parts[0]
    whole = Whole()
    assert whole.name == "whole" and len(whole.variables) == 3 and len(whole.trainable_variables) == 2
    assert len(whole.submodules) == 2


def test_variables_die_with_their_last_reference():
    def use():
        v = tf.Variable(np.zeros(10, np.float32))
        tf.function(lambda: v.assign_add(tf.ones(10)))()
        return weakref.ref(v)
    alive = use()
    gc.collect()
    assert alive() is None


def test_a_packed_variable_is_readable_assignable_and_copyable_between_steps():
    vs = [tf.Variable(float(i)) for i in range(4)]
    step = tf.function(lambda: [v.assign_add(1.0) for v in vs])
    for i in range(1, 6):
        step()
        assert [float(v) for v in vs] == [j + i for j in range(4)]
        assert float(copy.deepcopy(vs[2])) == 2 + i and pickle.loads(pickle.dumps(vs[3])).numpy() == 3 + i
        vs[0].assign(vs[0] * 1.0)
        assert np.asarray(vs[1].value()).item() == 1 + i


def packs_of(function, *args):
    return function.get_concrete_function(*args).compiled().program._packs


def test_steps_for_a_whole_and_a_short_batch_share_their_buffer():
    w, b = tf.Variable(tf.zeros([2, 1])), tf.Variable(tf.zeros([1]))

    @tf.function
    def step(x):
        w.assign_add(tf.reshape(tf.reduce_sum(x, axis=0), [2, 1]))
        b.assign_add(tf.reduce_sum(x, axis=[0, 1])[None])
    whole, short = tf.ones([4, 2]), tf.ones([3, 2])
    for _ in range(100):
        step(whole), step(short)
    assert packs_of(step, whole)[0] is packs_of(step, short)[0]
    assert packs_of(step, whole)[0]._fills == 1
    assert b.numpy().tolist() == [1400.0] and w.numpy().tolist() == [[700.0], [700.0]]


def test_reading_packed_variables_from_another_function_leaves_them_packed():
    vs = [tf.Variable(0.0) for _ in range(3)]
    step = tf.function(lambda: [v.assign_add(1.0) for v in vs])
    total = tf.function(lambda: tf.add_n([v.value() for v in vs]))
    for i in range(1, 50):
        step()
        assert float(total()) == 3.0 * i
    assert packs_of(step)[0]._fills == 1 and packs_of(step)[0].valid
    assert float(total()) == 147.0 and not packs_of(step)[0].valid, "read again and again without a step: unpacked"
    step()
    assert float(total()) == 150.0 and [float(v) for v in vs] == [50.0] * 3


def test_packing_is_given_up_where_it_does_not_pay(monkeypatch):
    monkeypatch.setattr(tf.runtime.pack, "_FILLS", 8)
    vs = [tf.Variable(0.0) for _ in range(3)]
    step = tf.function(lambda: [v.assign_add(1.0) for v in vs])
    for _ in range(20):
        step()
        vs[0].assign(vs[0] + 1.0)
    assert not packs_of(step) and [float(v) for v in vs] == [40.0, 20.0, 20.0]
