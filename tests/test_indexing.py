"""Python's indexing against NumPy: eager, traced with known and unknown sizes, gradients, assignment to slices."""

import random

import numpy as np
import pytest

import treadle as tf

X = np.arange(60, dtype=np.float32).reshape(3, 4, 5)
KEYS = [
    0, -1, (1, 2), (1, -2, 3), slice(None), slice(1, None), slice(None, -1), slice(None, None, -1), slice(2, 0, -1),
    slice(5, 1), slice(-9, 9), slice(9, -9, -2), (slice(None), 1), (Ellipsis, 0), (Ellipsis, slice(1, 3)), None,
    (None, Ellipsis, None), (slice(None), None, 1, slice(None, None, 2)), (0, Ellipsis, slice(-2, None)),
    (slice(0, 2), slice(3, None, -2)), (), (1, None, 2, None, 3), slice(1, 1), np.int64(1), (np.int32(2), 1),
]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_against_numpy(key):
    expected = X[key]
    np.testing.assert_array_equal(tf.constant(X)[key].numpy(), expected)
    known = tf.function(lambda x: x[key])
    np.testing.assert_array_equal(known(tf.constant(X)).numpy(), expected)
    unknown = tf.function(lambda x: x[key], input_signature=[tf.TensorSpec([None, None, None])])
    np.testing.assert_array_equal(unknown(tf.constant(X)).numpy(), expected)


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_gradient(key):
    x = tf.Variable(X)
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(x[key] * x[key])
    expected = np.zeros_like(X)
    expected[key] = 2 * X[key]
    np.testing.assert_array_equal(tape.gradient(y, x).numpy(), expected)


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_assignment(key):
    expected = X.copy()
    expected[key] = -1
    expected[key] += 3
    eager, traced = tf.Variable(X), tf.Variable(X)

    def change(v):
        v[key].assign(tf.fill(X[key].shape, -1.0))
        v[key].assign_add(tf.fill(X[key].shape, 3.0))

    change(eager)
    tf.function(lambda: change(traced))()
    np.testing.assert_array_equal(eager.numpy(), expected)
    np.testing.assert_array_equal(traced.numpy(), expected)


def _random_key(draw, shape):
    key = []
    for size in shape[: draw.randint(0, len(shape))]:
        if draw.random() < 0.4:
            key.append(draw.randrange(-size, size))
        else:
            bound = lambda size=size: draw.choice([None, draw.randint(-size - 2, size + 2)])
            key.append(slice(bound(), bound(), draw.choice([None, 1, 2, -1, -2, 3])))
        if draw.random() < 0.1:
            key.append(None)
    return tuple(key)


def test_random_keys(seed, long):
    draw = random.Random(seed)
    x = tf.constant(X)
    for _ in range(1000 if long else 40):
        key = _random_key(draw, X.shape)
        np.testing.assert_array_equal(x[key].numpy(), X[key], err_msg=f"{key}")


def test_tensor_index():
    f = tf.function(lambda x, i: (x[i], x[:, i], x[i, ..., 1:3], x[0, i, i]))
    for i in (0, 2, -1):
        for part, expected in zip(f(tf.constant(X), tf.constant(i)), (X[i], X[:, i], X[i, ..., 1:3], X[0, i, i])):
            np.testing.assert_array_equal(part.numpy(), expected)


def test_tensor_bounds_that_follow_from_shapes():
    f = tf.function(lambda x: x[:, : tf.shape(x)[1] - 1], input_signature=[tf.TensorSpec([None, None, 5])])
    np.testing.assert_array_equal(f(X).numpy(), X[:, :-1])


def test_a_slice_in_a_loop_compiles_once():
    kernels = len(tf.runtime.eager.EAGER._kernels)
    x = tf.range(100)
    assert [int(x[i]) for i in range(100)] == list(range(100))
    assert len(tf.runtime.eager.EAGER._kernels) - kernels <= 3


def test_boolean_mask():
    np.testing.assert_array_equal(tf.constant(X)[X > 20].numpy(), X[X > 20])
    np.testing.assert_array_equal(tf.constant(X)[tf.constant([True, False, True])].numpy(), X[[0, 2]])
    with pytest.raises(NotImplementedError, match="tf.where"):
        tf.function(lambda x: x[x > 20])(tf.constant(X))


@pytest.mark.parametrize("key, error, text", [
    (3, tf.errors.InvalidArgumentError, "out of bounds"), (-4, tf.errors.InvalidArgumentError, "out of bounds"),
    ((0, 0, 0, 0), tf.errors.InvalidArgumentError, "Too many indices"), (1.0, TypeError, "Only integers"),
    ("a", TypeError, "Only integers"), (slice(None, None, 0), ValueError, "step"),
    ((Ellipsis, Ellipsis), ValueError, "one ellipsis"), (True, ValueError, "scalar"),
    (tf.constant([0, 1]), TypeError, "tf.gather"),
], ids=str)
def test_errors(key, error, text):
    for f in (lambda x: x[key], tf.function(lambda x: x[key])):
        with pytest.raises(error, match=text):
            f(tf.constant(X))


def test_unknown_slice_length_is_refused():
    with pytest.raises(NotImplementedError, match="tf.slice"):
        tf.function(lambda x, n: x[:n])(tf.constant(X), tf.constant(2))


def test_tf_slice_with_a_tensor_begin():
    f = tf.function(lambda x, i: tf.slice(x, [i, 0, 1], [1, 2, 3]))
    np.testing.assert_array_equal(f(tf.constant(X), tf.constant(2)).numpy(), X[2:3, 0:2, 1:4])


def test_strided_slice_masks():
    result = tf.strided_slice(X, [1, 0, 0], [2, 9, 9], [1, 1, 2], begin_mask=2, end_mask=2, shrink_axis_mask=1)
    np.testing.assert_array_equal(result.numpy(), X[1, :, ::2])
