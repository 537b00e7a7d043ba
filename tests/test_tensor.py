"""Tensors: conversion, dtypes, interoperation, operators, printing, and the mistakes people make."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import treadle as tf

ALL = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "bfloat16", "float32",
       "float64", "complex64", "complex128"]


@pytest.mark.parametrize("name", ALL)
def test_every_dtype_holds_values(name):
    dtype = tf.as_dtype(name)
    t = tf.constant([0, 1, 1], dtype) if name != "bool" else tf.constant([False, True, True])
    assert t.dtype is dtype and t.dtype == name and t.numpy().dtype == dtype.numpy
    same = tf.identity(t)
    assert same.dtype is dtype and same.numpy().tolist() == t.numpy().tolist()
    assert tf.function(lambda x: tf.concat([x, x], 0))(t).dtype is dtype
    assert pickle.loads(pickle.dumps(dtype)) is dtype and copy.deepcopy(dtype) is dtype


def test_python_values():
    cases = [(1, "int32"), (2**40, "int64"), (1.5, "float32"), (True, "bool"), (1j, "complex128"), ("a", "string"),
             ([1, 2.5], "float32"), ([[1], [2]], "int32"), ([], "float32"), (np.float64(1), "float64"), (range(3), "int32"),
             (np.arange(3), "int64"), ([np.float32(1), 2], "float32"), ((True, False), "bool")]
    for value, dtype in cases:
        assert tf.constant(value).dtype == dtype, value


@pytest.mark.parametrize("value, dtype", [([1, 2], "float16"), (3, "float64"), (np.float64(1.5), "float32"), (1, "complex64"),
                                          ([1.5], "bfloat16"), (255, "uint8")])
def test_a_dtype_may_be_asked_for(value, dtype):
    assert tf.constant(value, dtype).dtype == dtype


@pytest.mark.parametrize("value, dtype", [(1.5, "int32"), (300, "uint8"), (True, "float32"), (1, "bool"), ("a", "int32"),
                                          (1j, "float32"), ([1.5], "int64"), (2**40, "int32"), (None, None),
                                          ([1, None], None), ([[1, 2], [3]], None), (object(), None), ([1, "a"], None),
                                          ([True, 1], None), ({1: 2}, None)])
def test_values_that_do_not_fit(value, dtype):
    with pytest.raises((TypeError, ValueError), match="Received|None|range"):
        tf.constant(value, dtype)


def test_constant_fills_a_shape():
    assert tf.constant(7, shape=[2, 2]).numpy().tolist() == [[7, 7], [7, 7]]
    assert tf.constant([1, 2, 3, 4], shape=(2, 2)).numpy().tolist() == [[1, 2], [3, 4]]
    with pytest.raises(ValueError, match="do not fill"):
        tf.constant([1, 2, 3], shape=[2, 2])


def test_lists_of_tensors_are_stacked():
    a, v = tf.constant(1.0), tf.Variable(2.0)
    assert tf.convert_to_tensor([a, v, 3]).numpy().tolist() == [1.0, 2.0, 3.0]
    assert tf.convert_to_tensor([[a, 2.0], [v, 4.0]]).shape == [2, 2]
    assert tf.function(lambda x: tf.convert_to_tensor([x, 2.0 * x]))(a).numpy().tolist() == [1.0, 2.0]
    with pytest.raises((TypeError, ValueError)):
        tf.convert_to_tensor([a, tf.constant(1)])


def test_numpy_both_ways():
    t = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(np.asarray(t), [[1, 2], [3, 4]])
    assert np.asarray(t, np.float64).dtype == np.float64
    own = t.numpy()
    own[0, 0] = 100.0
    assert float(t[0, 0]) == 1.0, "numpy() must not share memory with the tensor"
    source = np.ones(2000, np.float32)
    kept = tf.constant(source)
    source[:] = 5.0
    assert float(tf.reduce_max(kept)) == 1.0, "a tensor must not share memory with a writable array"
    left = np.ones(2, np.float32) * t
    assert isinstance(left, tf.Tensor) and left.shape == [2, 2]
    assert isinstance(np.float32(2) + t, tf.Tensor)
    assert np.sin(t).shape == (2, 2)


def test_operators():
    a, b = tf.constant([7, -7]), tf.constant([2, 2])
    assert (a // b).numpy().tolist() == [3, -4] and (a % b).numpy().tolist() == [1, 1]
    assert (a / b).dtype == tf.float64 and (a ** 2).numpy().tolist() == [49, 49]
    assert (-a).numpy().tolist() == [-7, 7] and abs(a).numpy().tolist() == [7, 7]
    assert (a > b).numpy().tolist() == [True, False] and (a == 7).numpy().tolist() == [True, False]
    assert (a != b).numpy().tolist() == [True, True]
    assert ((a > 0) & (b > 0)).numpy().tolist() == [True, False] and (~(a > 0)).numpy().tolist() == [False, True]
    assert (1 - a).numpy().tolist() == [-6, 8] and (2.0 * tf.constant([1.5])).numpy().tolist() == [3.0]
    x = tf.constant([[1.0, 2.0]])
    assert (x @ tf.transpose(x)).numpy().tolist() == [[5.0]]
    assert (tf.constant(1) == None) is False and (tf.constant(1) != None) is True  # noqa: E711


def test_python_conversions():
    assert int(tf.constant(3)) == 3 and float(tf.constant([2.5])) == 2.5 and bool(tf.constant(True))
    assert [10, 20, 30][tf.constant(1)] == 20 and list(range(tf.constant(3))) == [0, 1, 2]
    assert len(tf.zeros([4, 2])) == 4 and [float(r[0]) for r in tf.constant([[1.0], [2.0]])] == [1.0, 2.0]
    assert f"{tf.constant(1.5):.2f}" == "1.50" == f"{tf.Variable(1.5):.2f}" and "Variable" in f"{tf.Variable(1.5)}"
    assert [int(x) for x in (*divmod(tf.constant(7), 2), *divmod(7, tf.constant(2)))] == [3, 1, 3, 1]
    for bad in (lambda: bool(tf.constant([1, 2])), lambda: int(tf.constant([1, 2])), lambda: len(tf.constant(1)),
                lambda: iter(tf.constant(1)), lambda: [1][tf.constant(0.0)], lambda: hash(tf.constant(1))):
        with pytest.raises((TypeError, ValueError)):
            bad()


def test_tensors_cannot_be_changed():
    t = tf.constant([1.0, 2.0])
    with pytest.raises(TypeError, match="tensor_scatter_nd_update"):
        t[0] = 5.0
    with pytest.raises(AttributeError, match="Variable"):
        t.assign([1.0])
    with pytest.raises(AttributeError, match="tf.cast"):
        t.astype("int32")


def test_printing_as_tensorflow_prints():
    assert str(tf.constant([1.0, 2.0])) == "tf.Tensor([1. 2.], shape=(2,), dtype=float32)"
    assert repr(tf.constant(3)) == "<tf.Tensor: shape=(), dtype=int32, numpy=3>"
    assert repr(tf.constant([[1], [2]])) == (
        "<tf.Tensor: shape=(2, 1), dtype=int32, numpy=\narray([[1],\n       [2]], dtype=int32)>")
    assert str(tf.constant(True)) == "tf.Tensor(True, shape=(), dtype=bool)"
    assert str(tf.constant("hi")) == "tf.Tensor(b'hi', shape=(), dtype=string)"
    assert repr(tf.Variable(1.0)) == "<tf.Variable 'Variable:0' shape=() dtype=float32, numpy=1.0>"
    seen = []
    tf.function(lambda x: seen.append((str(x + 1.0), repr(x))) or x)(tf.constant([1.0]))
    assert seen == [('Tensor("add:0", shape=(1,), dtype=float32)', "<tf.Tensor 'x:0' shape=(1,) dtype=float32>")]


def test_shapes():
    s = tf.TensorShape([None, 3])
    assert s.rank == 2 and s[0] is None and s[1] == 3 and list(s) == [None, 3] and not s.is_fully_defined()
    assert s.is_compatible_with([5, 3]) and not s.is_compatible_with([5, 4]) and tf.zeros([2, 3]).shape == (2, 3)
    assert s.concatenate([7]).as_list() == [None, 3, 7] and s.merge_with([4, None]).as_list() == [4, 3]
    assert str(tf.TensorShape([2])) == "(2,)" and repr(tf.TensorShape(None)) == "TensorShape(None)"
    with pytest.raises(ValueError):
        tf.TensorShape([-2])
    with pytest.raises(TypeError):
        tf.TensorShape(["a"])


def test_copies_and_pickles_and_references():
    t = tf.constant([1.0, 2.0])
    assert copy.copy(t) is t and copy.deepcopy(t) is t
    again = pickle.loads(pickle.dumps(t))
    assert again.numpy().tolist() == [1.0, 2.0] and again.dtype is t.dtype
    assert t.ref() in {t.ref(): 1} and t.ref().deref() is t


def test_strings_stay_on_the_host():
    t = tf.constant(["a", b"b"])
    assert t.dtype == tf.string and t.numpy().tolist() == [b"a", b"b"]
    with pytest.raises(NotImplementedError, match="string"):
        t + t
    with pytest.raises((TypeError, NotImplementedError), match="string"):
        tf.function(lambda: tf.add(tf.constant(1.0), "a"))()


@pytest.mark.parametrize("call, text", [
    (lambda: tf.ones([2, 3]) + tf.ones([2, 4]), "do not fit together"),
    (lambda: tf.matmul(tf.ones([2, 3]), tf.ones([2, 3])), "3"),
    (lambda: tf.constant(1.0) + tf.constant(1), "do not mix"),
    (lambda: tf.constant([1]) + 1.5, "cannot become"),
    (lambda: tf.reshape(tf.ones([2, 3]), [4, 2]), "Received|elements"),
    (lambda: tf.reduce_sum(tf.ones([2]), axis=1), "outside the tensor's axes"),
    (lambda: tf.zeros([-1]), "negative"),
    (lambda: tf.reduce_sum(tf.ones([2]), axes=0), "no argument 'axes'"),
    (lambda: tf.add(1.0), "needs the argument"),
    (lambda: tf.add(1.0, 2.0, "name", 3.0), "takes 2 arguments"),
    (lambda: tf.sqrt(tf.constant(1)), "must have one of the dtypes"),
    (lambda: tf.add(None, 1.0), "None"),
    (lambda: tf.cast(1.0, "float33"), "Not a dtype"),
    (lambda: tf.concat([tf.ones([1, 2]), tf.ones([1, 3])], 0), "concat"),
])
def test_mistakes_are_reported_at_the_users_line_in_both_modes(call, text):
    messages = []
    for way in (call, tf.function(call)):
        with pytest.raises((TypeError, ValueError), match=text) as caught:
            way()
        messages.append(caught.value.message)
        assert "test_tensor.py" in str(caught.value)
        frames = [f for f in caught.traceback if "/treadle/" in str(f.path) or "/jax/" in str(f.path)]
        assert len(frames) <= 3, [str(f.path) for f in frames]
    assert messages[0] == messages[1], "the same mistake, the same words"
