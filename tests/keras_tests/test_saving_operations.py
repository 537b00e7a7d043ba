"""Ops on symbolic tensors in files: Keras' operations and ours are the same."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import treadle as tf
from keras_tests.oracle import ours, theirs
from treadle.keras_like.saving import operations

modules = theirs.src.ops
CLASSES = {(module, name) for module in ("numpy", "nn", "math", "core", "linalg", "image")
           for name, kind in vars(getattr(modules, module)).items()
           if inspect.isclass(kind) and issubclass(kind, modules.operation.Operation)
           and kind.__module__ == f"keras.src.ops.{module}"}
NOT_THERE = {"SegmentReduction",  # the base of some
             "AssociativeScan", "Cond", "ForiLoop", "JVP", "Map", "Scan", "Switch", "WhileLoop",  # they take functions
             "MapCoordinates", "ElasticTransform", "ExtractPatches", "ScaleAndTranslate"}


def computed(k, x, y):
    """Operators, and what both call by the same name."""
    z = (x + 1.5) * y - x / 3.0
    z = k.ops.relu(z[:, 1:]) ** 2.0 + k.ops.concatenate([x, y], axis=-1)[:, ::2][:, :2]
    mean = k.ops.mean(z, axis=1, keepdims=True)
    w = k.ops.where(z > mean, k.ops.softmax(z, axis=-1), -z)
    w = k.ops.einsum("ab,ac->abc", w, k.ops.tanh(x))
    return k.ops.sum(k.ops.reshape(w, (-1, 6)), axis=-1), k.ops.clip(k.ops.matmul(z, k.ops.transpose(z)), 0.0, 1.0)


def model(k, compute):
    x, y = k.Input((3,), name="x"), k.Input((3,), name="y")
    return k.Model([x, y], list(compute(k, k.layers.Dense(3, kernel_initializer="ones")(x), y)))


def tensorflow_ops(k, x, y):
    z = tf.nn.relu(x + 1) * tf.math.sigmoid(y) - 2.0 / (1.0 + tf.abs(y))
    z = tf.concat([z, tf.nn.softmax(x)], axis=1)
    w = tf.reduce_mean(tf.reshape(z, [-1, 2, 3]), axis=1) + tf.clip_by_value(z[:, 2:5], -1.0, 1.0)
    return [tf.where(w > 0.5, w, tf.exp(-w)), tf.cast(tf.squeeze(tf.expand_dims(z, 1), axis=1) >= 0.0, "float32")]


def looked_up(k, x, y):
    """Functions that are no op of their own here, or another."""
    z = k.ops.take(k.ops.cumsum(x, axis=1), [2, 0], axis=1) + k.ops.logsumexp(y, axis=1, keepdims=True)
    order = k.ops.argsort(y, axis=1)
    w = k.ops.take_along_axis(k.ops.flip(x, axis=1), order, axis=1) * k.ops.cumprod(k.ops.ones_like(x) * 0.5, axis=1)
    top, places = k.ops.top_k(k.ops.pad(w, ((0, 0), (1, 1))), 2)
    parts = k.ops.split(k.ops.tile(k.ops.repeat(z, 2, axis=1), (1, 2)), 2, axis=1)
    return [z, k.ops.stop_gradient(w), top, k.ops.one_hot(places, 5), *parts, k.ops.roll(w, 1, axis=1), k.ops.median(w, axis=1),
            k.ops.argmax(w, axis=1)]


def tensorflow_lookups(k, x, y):
    return [tf.gather(tf.cumsum(x, axis=1), [2, 0], axis=1), tf.reduce_logsumexp(y, axis=1), tf.math.cumprod(y, axis=1)]


@pytest.mark.parametrize("k, compute", [(ours, computed), (theirs, computed), (ours, tensorflow_ops), (ours, looked_up),
                                        (theirs, looked_up), (ours, tensorflow_lookups)])
def test_saved(k, compute, tmp_path):
    made = model(k, compute)
    made.save(tmp_path / "m.keras")
    rng = np.random.default_rng(0)
    x = [rng.normal(size=(4, 3)).astype("float32") for _ in range(2)]
    expected = [np.asarray(v) for v in made.predict(x if k is theirs else tuple(x), verbose=0)]
    for other in (ours, theirs):
        loaded = other.models.load_model(tmp_path / "m.keras")
        found = loaded.predict(x if other is theirs else tuple(x), verbose=0)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(np.asarray(a), b, rtol=1e-6, atol=1e-6)


def test_what_has_no_word_is_said(tmp_path):
    x = ours.Input((3,))
    with pytest.raises(tf.errors.UnimplementedError, match="calls `.*symbolic tensor"):
        ours.Model(x, tf.linalg.band_part(tf.einsum("ab,ac->abc", x, x), 0, 0)).save(tmp_path / "m.keras")
    for output, says in ((tf.cumsum(x, axis=1, reverse=True), "`cumsum` with `exclusive` or `reverse`"),
                         (tf.gather(x, [[0]], axis=1, batch_dims=1), "`gather_rows` with `batch_dims`")):
        with pytest.raises(tf.errors.UnimplementedError, match=says):
            ours.Model(x, output).save(tmp_path / "m.keras")


@pytest.mark.parametrize("name", sorted(
    name for name, function in vars(ours.ops).items()
    if inspect.isfunction(function) and "x" in inspect.signature(function).parameters))
def test_functions_of_one_tensor(name, tmp_path):
    """A functional model with a call of any function of `keras.ops` that takes one tensor is saved, and computes the same."""
    x, function = ours.Input((3,)), getattr(ours.ops, name)
    try:
        outputs = [t for t in tf.nest.flatten(function(x)) if isinstance(t, tf.deferred.DeferredTensor)]
    except (tf.errors.OpError, TypeError, IndexError, ValueError, AttributeError):
        pytest.skip("takes more, or something else")
    if not outputs or name in ("shape", "size"):  # the sizes of inputs are known to the model
        pytest.skip("gives no tensor")
    made = ours.Model(x, outputs)
    made.save(tmp_path / "m.keras")
    values = np.random.default_rng(0).uniform(0.1, 0.9, (3, 3)).astype("float32")
    for a, b in zip(*(tf.nest.flatten(m(values)) for m in (made, ours.models.load_model(tmp_path / "m.keras"))), strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


@pytest.mark.parametrize("module, name", sorted(CLASSES))
def test_operations(module, name):
    """Each of Keras' operations is a function of ours, with the same arguments of the constructor and of the call."""
    if name in NOT_THERE:
        pytest.skip("not there")
    function = operations.function_of(name)
    assert function is not None, "no function"
    kind = getattr(getattr(modules, module), name)
    found = inspect.unwrap(function)
    parameters = list(inspect.signature(function).parameters)
    made = [p for p in inspect.signature(kind.__init__).parameters if p in parameters]
    for parameter in parameters:
        assert operations.is_operand(found.__name__, parameter) == (parameter not in made) or parameter in (
            "name", "dtype", "data_format", "kwargs"), parameter
    assert module == "image" or operations.class_of(found) in CLASSES  # that of the same name, if the class has several


@pytest.mark.parametrize("op", sorted(operations.TABLE))
def test_table(op):
    """Each op in the table is one of Keras' operations, and we read it."""
    module, kind, _ = operations.TABLE[op]
    assert (module, kind) in CLASSES
    assert kind == "GetItem" or operations.function_of(kind) is not None
