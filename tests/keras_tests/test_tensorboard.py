"""TensorBoard's files: byte for byte what TensorFlow writes (tests/oracles/events.json), and what the callback writes."""

import gzip
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from jax import profiler

import treadle as tf
from treadle import keras
from treadle.keras_like.callbacks import event_file

ORACLE = json.loads((Path(__file__).parents[1] / "oracles" / "events.json").read_text())
X = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
Y = (X.sum(1) > 0).astype(np.int64)


def model():
    found = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="first"), keras.layers.Dense(2, name="last")])
    found.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return found


# --- the bytes ------------------------------------------------------------------------------------------------------

ROWS = np.array([[-1.0, 0.0, 2.0], [0.0, 1.0, 3.0]])
OURS = {
    "version": lambda: event_file.event(1700000000.25, version="brain.Event:2"),
    "scalar": lambda: event_file.event(1700000001.5, 7, summary=event_file.scalar("epoch_loss", 0.1)),
    "histogram": lambda: event_file.event(
        1700000001.5, 300, summary=event_file.histogram("kernel/histogram", np.array([-1, -0.5, 0.0, 0.5, 1]), 2)),
    "graph": lambda: event_file.event(1700000001.5, 0, summary=event_file.keras_graph("keras", '{"a": "é"}')),
    "long tag": lambda: event_file.event(1700000001.5, 2**40, summary=event_file.scalar("w" * 300, -2.0)),
}


@pytest.mark.parametrize("name", OURS)
def test_events_are_what_tensorflow_writes(name):
    assert OURS[name]().hex() == ORACLE["events"][name]


def test_records_are_what_tensorflow_writes():
    assert b"".join(event_file.record(make()) for make in OURS.values()).hex() == ORACLE["file"]


@pytest.mark.parametrize("values, counts", [
    ([], [0] * 30), ([2.0, 2.0], [0] * 29 + [2]), ([0.0, 1.0, np.nan, np.inf], [1] + [0] * 28 + [1]),
    (np.arange(60.0), [2] * 30)])
def test_histograms_count_every_finite_value(values, counts):
    assert event_file._buckets(np.asarray(values, float), 30)[:, 2].tolist() == counts


def test_png_files_hold_the_pixels():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 5, 3)).astype(np.uint8)
    data, at, found = event_file.png(pixels), 8, {}
    while at < len(data):
        length, = struct.unpack(">I", data[at:at + 4])
        kind, body = data[at + 4:at + 8], data[at + 8:at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length:at + 12 + length])[0] == zlib.crc32(kind + body)
        found[kind], at = body, at + 12 + length
    rows = np.frombuffer(zlib.decompress(found[b"IDAT"]), np.uint8).reshape(3, 16)
    np.testing.assert_array_equal(rows[:, 1:].reshape(3, 5, 3), pixels)


# --- a reader of our own, which checks the checksums ------------------------------------------------------------------


def records(path):
    data, at = path.read_bytes(), 0
    while at < len(data):
        length, = struct.unpack("<Q", data[at:at + 8])
        body = data[at + 12:at + 12 + length]
        assert struct.unpack("<I", data[at + 8:at + 12])[0] == event_file.masked_crc(data[at:at + 8])
        assert struct.unpack("<I", data[at + 12 + length:at + 16 + length])[0] == event_file.masked_crc(body)
        yield body
        at += 16 + length


def fields(data):
    """{field: [values]} of a message."""
    found, at = {}, 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = varint()
        if key & 7 == 0:
            value = varint()
        elif key & 7 == 1:
            value, at = struct.unpack("<d", data[at:at + 8])[0], at + 8
        else:
            length = varint()
            value, at = data[at:at + length], at + length
        found.setdefault(key >> 3, []).append(value)
    return found


def events(folder):
    """{tag: [(step, plugin, content)]} of a folder's one file."""
    path, = folder.glob("events.out.tfevents.*")
    found = {}
    first, *rest = map(fields, records(path))
    assert first[3] == [b"brain.Event:2"] and abs(first[1][0] - path.stat().st_mtime) < 100
    for one in rest:
        value = fields(fields(one[5][0])[1][0])
        tensor, plugin = fields(value[8][0]), fields(fields(value[9][0])[1][0])[1][0].decode()
        content = tensor[4][0] if 4 in tensor else tensor[8]
        found.setdefault(value[1][0].decode(), []).append((one.get(2, [0])[0], plugin, content))
    return found


def numbers(found, tag):
    return {step: struct.unpack("<f", content)[0] for step, plugin, content in found[tag] if plugin == "scalars"}


# --- the callback -----------------------------------------------------------------------------------------------------


def test_epochs(tmp_path):
    board = keras.callbacks.TensorBoard(tmp_path, histogram_freq=2, write_images=True, write_steps_per_second=True)
    trained = model()
    history = trained.fit(X, Y, batch_size=8, epochs=3, verbose=0, validation_data=(X, Y), callbacks=[board]).history
    train, validation = events(tmp_path / "train"), events(tmp_path / "validation")
    for name in ("loss", "accuracy"):
        assert list(numbers(train, f"epoch_{name}").values()) == pytest.approx(history[name], rel=1e-6)
        assert list(numbers(validation, f"epoch_{name}").values()) == pytest.approx(history[f"val_{name}"], rel=1e-6)
        assert list(numbers(validation, f"evaluation_{name}_vs_iterations")) == [5, 10, 15]
    assert numbers(train, "epoch_learning_rate") == pytest.approx({0: 1e-3, 1: 1e-3, 2: 1e-3})
    assert all(value > 0 for value in numbers(train, "epoch_steps_per_second").values())
    assert {tag for tag in train if tag.endswith("/histogram")} == {f"{w.path}/histogram" for w in trained.weights}
    first = trained.layers[0].kernel.path
    assert [step for step, *_ in train[f"{first}/histogram"]] == [0, 2]
    table = np.frombuffer(train[f"{first}/histogram"][1][2]).reshape(30, 3)
    kernel = trained.layers[0].get_weights()[0]
    assert table[:, 2].sum() == kernel.size and table[0, 0] == kernel.min() and table[-1, 1] == kernel.max()
    width, height, picture = train[f"{first}/image"][0][2]
    assert (width, height) == (b"4", b"3") and picture.startswith(b"\x89PNG")
    assert not any(tag.startswith("batch_") for tag in train)


@pytest.mark.parametrize("every, steps", [("batch", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), (3, [3, 6, 9])])
def test_batches(tmp_path, every, steps):
    board = keras.callbacks.TensorBoard(tmp_path, update_freq=every, write_graph=False)
    model().fit(X, Y, batch_size=8, epochs=2, verbose=0, callbacks=[board])
    train = events(tmp_path / "train")
    assert list(numbers(train, "batch_loss")) == steps == list(numbers(train, "batch_accuracy"))
    assert not (tmp_path / "validation").exists()


def test_evaluate(tmp_path):
    board = keras.callbacks.TensorBoard(tmp_path, write_graph=False)
    logs = model().evaluate(X, Y, verbose=0, callbacks=[board], return_dict=True)
    assert not board.needs_batch("test") and not board.needs_batch("train")
    for file in board._files.values():
        file.flush()
    assert numbers(events(tmp_path / "validation"), "evaluation_loss_vs_iterations") == pytest.approx({0: logs["loss"]})


def test_graph(tmp_path):
    trained = model()
    board = keras.callbacks.TensorBoard(tmp_path)
    trained.fit(X, Y, verbose=0, callbacks=[board])
    (step, plugin, (description,)), = events(tmp_path / "train")["keras"]
    assert (step, plugin) == (0, "graph_keras_model") and json.loads(description) == json.loads(trained.to_json())


def test_embeddings(tmp_path):
    trained = keras.Sequential([keras.Input((3,), dtype="int32"), keras.layers.Embedding(7, 2, name="words"),
                                keras.layers.Flatten(), keras.layers.Dense(2)])
    trained.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    board = keras.callbacks.TensorBoard(tmp_path, write_graph=False, embeddings_freq=1,
                                        embeddings_metadata={"words": "words.txt"})
    trained.fit(np.ones((4, 3), np.int32), np.zeros(4, np.int64), verbose=0, callbacks=[board])
    assert 'metadata_path: "words.txt"\n  tensor_path: "train/words.tsv"' in (tmp_path / "projector_config.pbtxt").read_text()
    np.testing.assert_allclose(np.loadtxt(tmp_path / "train/words.tsv"), trained.layers[0].get_weights()[0], rtol=1e-6)
    with pytest.raises(tf.errors.InvalidArgumentError, match="no `Embedding`"):
        keras.callbacks.TensorBoard(tmp_path, embeddings_freq=1, embeddings_metadata={"other": "x"}).set_model(trained)


def test_profile(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr("jax.profiler.start_trace", lambda folder: calls.append(folder))
    monkeypatch.setattr("jax.profiler.stop_trace", lambda: calls.append("stop"))
    board = keras.callbacks.TensorBoard(tmp_path, profile_batch=(2, 3), write_graph=False)
    seen = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: calls.append(batch))
    model().fit(X, Y, batch_size=8, verbose=0, callbacks=[board, seen])
    assert calls == [0, str(tmp_path / "train"), 1, "stop", 2, 3, 4]


@pytest.mark.skipif(not hasattr(profiler, "ProfileData"), reason="this JAX cannot read its profiler's files")
def test_the_profiles_trace_names_the_layers(tmp_path):
    board = keras.callbacks.TensorBoard(tmp_path, profile_batch=2, write_graph=False)
    trained = model()
    trained.fit(X, Y, batch_size=8, verbose=0, callbacks=[board])
    text = gzip.open(tmp_path / "train" / "trace.json.gz", "rt").read()
    assert f'/{trained.layers[-1].name}"' in text and list((tmp_path / "train").glob("plugins/profile/*/*.xplane.pb"))


def test_a_profiler_that_fails_is_no_error(tmp_path, monkeypatch):
    monkeypatch.setattr("jax.profiler.start_trace", lambda folder: 1 / 0)
    board = keras.callbacks.TensorBoard(tmp_path, profile_batch=1, write_graph=False)
    model().fit(X, Y, verbose=0, callbacks=[board])
    assert "epoch_loss" in events(tmp_path / "train")


@pytest.mark.parametrize("arguments", [dict(profile_batch=-1), dict(profile_batch=(3, 2)), dict(profile_batch="a"),
                                       dict(update_freq="step"), dict(update_freq=0)])
def test_wrong_arguments(arguments):
    with pytest.raises(tf.errors.InvalidArgumentError, match="Received"):
        keras.callbacks.TensorBoard("x", **arguments)
