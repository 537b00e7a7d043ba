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


@pytest.mark.parametrize("k, compute", [(ours, computed), (theirs, computed), (ours, tensorflow_ops)])
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
