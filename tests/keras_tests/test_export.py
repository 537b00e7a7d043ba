"""Exported programs: equal to the model, here and in a process that has nothing but JAX."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import treadle as tf
from treadle import keras
from treadle.keras_like.saving.archive import read_archive, write_archive
from treadle.keras_like.saving.errors import ModelFileError

L = keras.layers
pytest.importorskip("flatbuffers")

PLAIN_JAX = """
import json, sys, jax, numpy
assert not any(m.split(".")[0] in ("treadle", "h5py", "keras") for m in sys.modules)
file = numpy.load(sys.argv[1])
serve = jax.export.deserialize(bytearray(file["serve.jax"]))
places = json.loads(file["export.json"])["endpoints"]["serve"]["weights"]
assert b"stablehlo" in file["serve.stablehlo.mlir"]
for size in (1, 3, 7):
    x = numpy.random.RandomState(size).randn(size, 6).astype("float32")
    print(json.dumps(numpy.asarray(serve.call([file[f"weights/{i}"] for i in places], x)).tolist()))
"""


def test_a_process_that_has_only_jax(tmp_path):
    model = keras.Sequential([keras.Input((6,)), L.Dense(4, activation="gelu"), L.BatchNormalization(), L.Dropout(0.5),
                              L.Dense(2, activation="softmax")])
    path = tmp_path / "model.export"
    model.export(path, verbose=False)
    child = subprocess.run([sys.executable, "-I", "-c", PLAIN_JAX, str(path)], capture_output=True, text=True)
    assert child.returncode == 0, child.stderr
    loaded = keras.export.load(path)
    for size, line in zip((1, 3, 7), child.stdout.splitlines(), strict=True):
        x = np.random.RandomState(size).randn(size, 6).astype("float32")
        expected = model(x, training=False)
        assert np.allclose(json.loads(line), expected, rtol=1e-5, atol=1e-6)
        assert np.allclose(loaded.serve(tf.constant(x)), expected, rtol=1e-5, atol=1e-6)


def functional():
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    return keras.Model({"a": a, "b": b}, {"sum": L.Add()([a, b]), "rest": [L.Dense(2)(a), L.Concatenate()([a, b])]})


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.rows = [L.Dense(3), L.Dense(2)]

    def call(self, x, training=False):
        for row in self.rows:
            x = row(x)
        return {"y": x, "shape": tf.shape(x)} if not training else x


@pytest.mark.parametrize("make, inputs", [
    (lambda: keras.Sequential([L.Embedding(10, 4), L.LSTM(3), L.Dense(2)]), lambda n: np.arange(n * 5).reshape(n, 5) % 10),
    (lambda: keras.Sequential([L.Conv2D(3, 3), L.MaxPooling2D(), L.Flatten(), L.Dense(2)]),
     lambda n: np.ones((n, 8, 8, 2), "f4")),
    (lambda: keras.Sequential([L.Conv1DTranspose(2, 3), L.UpSampling1D(), L.LayerNormalization(), L.Reshape((-1,))]),
     lambda n: np.ones((n, 4, 2), "f4")),
    (functional, lambda n: {"a": np.ones((n, 4), "f4"), "b": np.full((n, 4), 2.0, "f4")}),
    (Subclassed, lambda n: np.ones((n, 4), "f4")),
], ids=["lstm", "convolution", "transposed", "functional", "subclassed"])
def test_models_with_an_open_batch(tmp_path, make, inputs):
    model = make()
    model(inputs(2))
    signature = None
    if inputs(1) is not None and not isinstance(inputs(1), dict) and inputs(1).dtype.kind == "i":
        signature = [tf.TensorSpec([None, 5], tf.int64)]
    model.export(tmp_path / "m", verbose=False, input_signature=signature)
    loaded = keras.export.load(tmp_path / "m")
    for size in (1, 4):
        x = tf.nest.map_structure(tf.constant, inputs(size))
        expected, found = model(x), loaded(x)  # what is exported calls no kernels in C, which round otherwise
        tf.nest.assert_same_structure(expected, found)
        for a, b in zip(tf.nest.flatten(expected), tf.nest.flatten(found), strict=True):
            assert a.dtype is b.dtype and np.allclose(a, b, rtol=1e-5, atol=1e-6)


def test_functions_with_open_and_fixed_sizes(tmp_path):
    """Several endpoints share their weights; the loaded ones run inside compiled functions."""
    v = tf.Variable([1.0, 2.0])

    @tf.function(input_signature=[tf.TensorSpec([None, None, 2])])
    def mean(x):
        return tf.reduce_mean(x * v, axis=[0, 1]) + tf.cast(tf.shape(x)[1], tf.float32)

    archive = keras.export.ExportArchive()
    archive.add_endpoint("mean", mean)
    archive.add_endpoint("twice", lambda x, y: (x * v[0] + y, {"y": tf.argmax(y)}),
                         [tf.TensorSpec([3]), keras.InputSpec(shape=(3,), dtype="float32")])
    archive.write_out(tmp_path / "m", verbose=False)
    with read_archive(tmp_path / "m") as members:
        assert [n for n in members if n.startswith("weights/")] == ["weights/0.npy"]
    loaded = keras.export.load(tmp_path / "m")
    assert loaded.endpoints == ["mean", "twice"]
    for shape in ([2, 3, 2], [5, 1, 2]):
        x = tf.random.normal(shape)
        assert np.allclose(tf.function(loaded.mean)(x), mean(x))
    sums, best = loaded.twice(tf.ones(3), tf.constant([1.0, 5.0, 2.0]))
    assert sums.numpy().tolist() == [2.0, 6.0, 3.0] and best["y"].numpy() == 1
    v.assign([0.0, 0.0])  # the exported weights stay
    assert loaded.twice(tf.ones(3), tf.zeros(3))[0].numpy().tolist() == [1.0] * 3


def test_bfloat16_weights(tmp_path):
    model = keras.Sequential([keras.Input((3,)), L.Dense(2, dtype="bfloat16")])
    model.export(tmp_path / "m", verbose=False)
    found = keras.export.load(tmp_path / "m")(tf.ones([2, 3]))
    assert found.dtype is tf.bfloat16 and np.array_equal(found, model(tf.ones([2, 3])))


def test_what_cannot_be_exported(tmp_path):
    model = Subclassed()
    with pytest.raises(tf.errors.FailedPreconditionError, match="Call it on some data first"):
        model.export(tmp_path / "m")
    model(tf.ones([1, 4]))
    with pytest.raises(tf.errors.UnimplementedError, match="format='onnx'"):
        model.export(tmp_path / "m", format="onnx")
    archive = keras.export.ExportArchive()
    counter = tf.Variable(0.0)
    with pytest.raises(tf.errors.UnimplementedError, match="assigns to"):
        archive.add_endpoint("count", lambda x: counter.assign_add(x), [tf.TensorSpec([])])
    with pytest.raises(tf.errors.UnimplementedError, match="cannot export 'python'"):
        archive.add_endpoint("python", lambda x: tf.py_function(lambda y: y, [x], tf.TensorSpec([2])), [tf.TensorSpec([2])])
    with pytest.raises(tf.errors.UnimplementedError, match="an `input_signature` with all sizes given"):
        lstm = keras.Sequential([L.LSTM(2)])
        archive.add_endpoint("open", lambda x: lstm(x), [tf.TensorSpec([None, None, 2])])
    for name in ("a b", "../x", "", 3):
        with pytest.raises(tf.errors.InvalidArgumentError, match="identifier"):
            archive.add_endpoint(name, lambda x: x, [tf.TensorSpec([])])
    with pytest.raises(tf.errors.InvalidArgumentError, match="what inputs the endpoint 'f' takes"):
        archive.add_endpoint("f", lambda x: x)
    with pytest.raises(tf.errors.InvalidArgumentError, match="nothing to export"):
        archive.write_out(tmp_path / "m")
    assert not list(tmp_path.iterdir())


def changed(path, **changes):
    """The exported file with members replaced (or, with None, left out)."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members |= {name.replace("_", ".", 1) if "/" not in name else name: value for name, value in changes.items()}
    target = path.with_name(f"changed{len(list(path.parent.iterdir()))}")
    write_archive(target, {name: value for name, value in members.items() if value is not None})
    return target


def test_damaged_and_hostile_programs(tmp_path):
    model = keras.Sequential([keras.Input((3,)), L.Dense(2)])
    path = tmp_path / "m"
    model.export(path, verbose=False)
    with read_archive(path) as archive:
        described = json.loads(archive["export.json"])

    def described_with(**parts):
        return json.dumps({**described, **parts}).encode()

    serve = described["endpoints"]["serve"]
    for target, says in [
        (changed(path, export_json=None), "no exported program"),
        (changed(path, export_json=b"{"), "damaged `export.json`"),
        (changed(path, export_json=b"[" * 100_000), "damaged `export.json`"),
        (changed(path, export_json=b"[]"), "damaged `export.json`"),
        (changed(path, export_json=described_with(version=2)), "version 2"),
        (changed(path, export_json=described_with(endpoints={"../x": serve})), "name that is not allowed"),
        (changed(path, export_json=described_with(endpoints={"serve": {"inputs": [], "weights": [9]}})), "not there"),
        (changed(path, export_json=described_with(weights=[{"shape": [1 << 40], "dtype": "float32"}] * 2)), "is not the"),
        (changed(path, export_json=described_with(weights=[{"shape": [3, 2], "dtype": "object"}] * 2)), "damaged"),
        (changed(path, **{"weights/0.npy": b"no array"}), "damaged member"),
        (changed(path, **{"weights/0.npy": None}), "lacks its member"),
        (changed(path, serve_jax=None), "lacks its member"),
        (changed(path, serve_jax=b""), "damaged member"),
        (changed(path, serve_jax=b"\xff" * 1000), "damaged member"),
        (tmp_path, "a folder"),
    ]:
        with pytest.raises(ModelFileError, match=says):
            keras.export.load(target)
    contents = bytearray(path.read_bytes())
    contents[contents.index(b"weights/0.npy") + 200] ^= 1
    path.write_bytes(contents)
    with pytest.raises(ModelFileError, match="damaged"):
        keras.export.load(path)
