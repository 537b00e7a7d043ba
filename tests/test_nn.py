"""`tf.nn` and `tf.linalg` against what real TensorFlow gave (tests/oracles), in the errors users meet, and while traced."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import treadle as tf
import treadle.linalg
import treadle.signal

ORACLES = Path(__file__).parent / "oracles"
sys.path.insert(0, str(ORACLES))
import nn_cases  # noqa: E402

RECORDED = json.loads((ORACLES / "nn.json").read_text())["cases"]


def restored(entry):
    return None if entry is None else np.array(entry["values"]).reshape(entry["shape"]).astype(entry["dtype"])


def close(found, expected, what):
    assert found.dtype == expected.dtype and found.shape == expected.shape, what
    tolerance = 2e-3 if expected.dtype == np.float16 else 5e-5
    scale = max(1.0, np.nanmax(np.abs(expected.astype(np.float64)), initial=0))
    np.testing.assert_allclose(found.astype(np.float64), expected.astype(np.float64), rtol=tolerance,
                               atol=tolerance * scale, err_msg=what)


@pytest.mark.parametrize("name", nn_cases.CASES)
def test_as_tensorflow(name):
    results, gradients = nn_cases.run(tf, name)
    assert len(results) == len(RECORDED[name]["results"])
    for i, (found, entry) in enumerate(zip(results, RECORDED[name]["results"])):
        close(found, restored(entry), f"result {i}")
    assert len(gradients) == len(RECORDED[name]["gradients"])
    for i, (found, entry) in enumerate(zip(gradients, RECORDED[name]["gradients"])):
        if entry is not None:
            close(found, restored(entry), f"gradient {i}")


@pytest.mark.parametrize("name", nn_cases.CASES)
def test_traced_as_eager(name):
    """Traced for sizes that are not known yet (the first of each operand): the same results."""
    function = nn_cases.CASES[name][0]
    arrays = [tf.constant(a) for a in nn_cases.inputs(name)]
    unknown = [tf.TensorSpec([None, *a.shape[1:]], a.dtype) for a in arrays]
    traced = tf.function(lambda *x: function(tf, *x), input_signature=unknown)
    tf.nest.map_structure(
        lambda a, b: np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=2e-4, atol=2e-4), function(tf, *arrays),
        traced(*arrays))


def test_layouts_agree():
    """Channels first = channels last, transposed."""
    x = tf.constant(np.random.default_rng(1).normal(size=(2, 6, 5, 4)).astype(np.float32))
    w = tf.constant(np.random.default_rng(2).normal(size=(3, 3, 4, 2)).astype(np.float32))
    first = tf.transpose(x, [0, 3, 1, 2])
    for last, other in (
            (tf.nn.conv2d(x, w, 2, "SAME"), tf.nn.conv2d(first, w, [1, 1, 2, 2], "SAME", data_format="NCHW")),
            (tf.nn.max_pool2d(x, 2, 2, "SAME"), tf.nn.max_pool2d(first, 2, 2, "SAME", data_format="NCHW")),
            (tf.nn.avg_pool(x, 3, 1, "SAME"), tf.nn.avg_pool(first, 3, 1, "SAME", data_format="NCHW")),
            (tf.nn.depthwise_conv2d(x, w, [1, 1, 1, 1], "VALID"),
             tf.nn.depthwise_conv2d(first, w, [1, 1, 1, 1], "VALID", data_format="NCHW")),
            (tf.nn.depth_to_space(x, 2), tf.nn.depth_to_space(first, 2, data_format="NCHW")),
            (tf.nn.space_to_depth(x[:, :4, :4], 2), tf.nn.space_to_depth(first[:, :, :4, :4], 2, data_format="NCHW"))):
        np.testing.assert_allclose(last.numpy(), np.moveaxis(other.numpy(), 1, -1), rtol=1e-5, atol=1e-5)


def test_a_batch_of_unknown_size():
    """One trace serves every batch size, gradients included."""
    w = tf.Variable(np.random.default_rng(2).normal(size=(3, 3, 2, 4)).astype(np.float32))
    v = tf.Variable(np.random.default_rng(3).normal(size=(4, 3)).astype(np.float32))

    def step(x, labels):
        with tf.GradientTape() as tape:
            h = tf.nn.relu(tf.nn.conv2d(x, w, 1, "SAME"))
            h = tf.nn.max_pool2d(h, 2, 2, "VALID")
            mean, variance = tf.nn.moments(h, [0, 1, 2])
            h = tf.nn.batch_normalization(h, mean, variance, None, None, 1e-3)
            logits = tf.matmul(tf.reduce_mean(h, [1, 2]) + tf.nn.avg_pool2d(h, 2, 2, "VALID")[:, 0, 0], v)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
        return loss, tape.gradient(loss, [w, v])

    traced = tf.function(step, input_signature=[tf.TensorSpec([None, 6, 6, 2]), tf.TensorSpec([None], tf.int32)])
    for n in (1, 3):
        x = np.random.default_rng(n).normal(size=(n, 6, 6, 2)).astype(np.float32)
        labels = np.arange(n, dtype=np.int32) % 3
        tf.nest.map_structure(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5),
                              traced(x, labels), step(tf.constant(x), tf.constant(labels)))
    assert traced.experimental_get_tracing_count() == 1


@pytest.mark.parametrize("call, message", [
    (lambda: tf.matmul(tf.ones([2, 3]), tf.ones([2, 3])), r"inner sizes .*\(2, 3\) and \(2, 3\)"),
    (lambda: tf.matmul(tf.ones([3]), tf.ones([3, 2])), "matvec"),
    (lambda: tf.matmul(tf.ones([2, 2]), tf.ones([2, 2], tf.float64)), "float64"),
    (lambda: tf.matmul(tf.ones([2, 2]), tf.ones([2, 2]), transpose_a=True, adjoint_a=True), "only one"),
    (lambda: tf.einsum("ij,jk", tf.ones([2, 3]), tf.ones([4, 2])), "'j'"),
    (lambda: tf.einsum("ij,jk", tf.ones([2, 3])), "2 operands"),
    (lambda: tf.einsum("ij->k", tf.ones([2, 3])), "letter"),
    (lambda: tf.einsum("i->i", tf.ones([2, 3])), "rank 2"),
    (lambda: tf.nn.conv2d(tf.ones([1, 4, 4, 3]), tf.ones([2, 2, 2, 1]), 1, "SAME"), "channels"),
    (lambda: tf.nn.conv2d(tf.ones([1, 2, 2, 1]), tf.ones([3, 3, 1, 1]), 1, "VALID"), "does not fit"),
    (lambda: tf.nn.conv2d(tf.ones([1, 4, 4, 1]), tf.ones([2, 2, 1, 1]), 1, "FULL"), "padding"),
    (lambda: tf.nn.conv2d(tf.ones([1, 4, 4, 1]), tf.ones([2, 2, 1, 1]), [1, 2, 3], "SAME"), "strides"),
    (lambda: tf.nn.conv2d(tf.ones([1, 4, 4, 1]), tf.ones([2, 2, 1, 1]), 0, "SAME"), "positive"),
    (lambda: tf.nn.conv2d(tf.ones([1, 4, 4, 1]), tf.ones([2, 2, 1, 1]), 1, "SAME", data_format="CHWN"), "data_format"),
    (lambda: tf.nn.conv2d(tf.ones([1, 4, 4, 1], tf.int32), tf.ones([2, 2, 1, 1], tf.int32), 1, "SAME"), "float32"),
    (lambda: tf.nn.max_pool2d(tf.ones([4, 4, 1]), 2, 2, "SAME"), "shape"),
    (lambda: tf.nn.pool(tf.ones([1, 4, 1]), 2, "SUM"), "pooling_type"),
    (lambda: tf.nn.sparse_softmax_cross_entropy_with_logits(tf.zeros([2, 3], tf.int32), tf.ones([2, 3])), "labels"),
    (lambda: tf.nn.sparse_softmax_cross_entropy_with_logits(tf.zeros([2]), tf.ones([2, 3])), "int32"),
    (lambda: tf.nn.softmax_cross_entropy_with_logits(tf.zeros([2]), tf.ones([2, 3])), "rank"),
    (lambda: tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.zeros([2]), logits=tf.ones([3])), "same shape"),
    (lambda: tf.nn.softmax(tf.ones([2], tf.int32)), "float32"),
    (lambda: tf.nn.softmax(tf.ones([2]), axis=1), "axis"),
    (lambda: tf.nn.bias_add(tf.ones([2, 3]), tf.ones([2])), "bias"),
    (lambda: tf.nn.depth_to_space(tf.ones([1, 2, 2, 3]), 2), "multiple of 4"),
    (lambda: tf.linalg.cholesky(tf.ones([2, 3])), "square"),
    (lambda: tf.linalg.inv(tf.ones([2, 2], tf.int32)), "float32"),
    (lambda: tf.linalg.solve(tf.ones([2, 2]), tf.ones([3, 1])), "rows"),
    (lambda: tf.linalg.cross(tf.ones([2]), tf.ones([2])), "3"),
    (lambda: tf.norm(tf.ones([2]), ord=-1), "ord"),
    (lambda: tf.linalg.diag_part(tf.ones([2, 2]), k=5), "inside"),
    (lambda: tf.linalg.eye(-1), "negative"),
])
def test_errors_say_what_is_wrong(call, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        call()


def test_labels_that_are_no_class_are_an_error():
    for label in (3, -1):
        with pytest.raises(tf.errors.InvalidArgumentError, match=f"label value of {label} which is outside"):
            tf.nn.sparse_softmax_cross_entropy_with_logits([label, 0, 0], tf.zeros([3, 2]))


def test_dropout_keeps_the_expectation():
    tf.random.set_seed(1)
    x = tf.Variable(tf.ones([200, 100]))
    with tf.GradientTape() as tape:
        y = tf.nn.dropout(x, 0.25)
    kept = y.numpy() != 0
    np.testing.assert_allclose(np.unique(y.numpy()), [0, 4 / 3], rtol=1e-6)
    assert abs(kept.mean() - 0.75) < 0.02
    np.testing.assert_allclose(tape.gradient(y, x), kept * 4 / 3, rtol=1e-6)
    rows = tf.nn.dropout(tf.ones([50, 4]), 0.5, noise_shape=[None, 1]).numpy()
    assert (rows == rows[:, :1]).all() and 0 < rows[:, 0].mean() < 2


@pytest.mark.parametrize("shapes, dtype, message", [
    (((5, 2, 12), (4, 12), (2, 3), (2, 3)), "float32", "12 where `inputs` should have 16"),
    (((5, 2, 12), (3, 12), (2, 3), (1, 3)), "float32", "1 where `c` should have 2"),
    (((5, 2, 12), (3, 12), (2, 4), (2, 3)), "float32", "4 where `h` should have 3"),
    (((5, 12), (3, 12), (2, 3), (2, 3)), "float32", "`inputs` must have rank 3"),
    (((5, 2, 12), (3, 12), (2, 3), (2, 3)), "int32", "one of the dtypes float16")])
def test_what_an_lstm_does_not_take(shapes, dtype, message):
    with pytest.raises((tf.errors.InvalidArgumentError, tf.errors.DtypeError), match=message):
        tf.nn.lstm(*(tf.zeros(shape, dtype) for shape in shapes))
