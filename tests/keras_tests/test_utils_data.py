"""`keras.utils` for data: padding, categories, windows of series, splits, folders of files; against Keras where it runs."""

import wave

import numpy as np
import pytest

import treadle as tf
from keras_tests.oracle import ours, theirs

utils = ours.utils
RNG = np.random.default_rng(5)


@pytest.mark.parametrize("config", [
    dict(), dict(maxlen=2), dict(maxlen=5, value=-1), dict(maxlen=2, padding="post", truncating="post"),
    dict(padding="post", dtype="float32", value=0.5), dict(maxlen=2, truncating="post")])
def test_pad_sequences(config):
    for data in ([[1], [2, 3], [4, 5, 6]], [[], [7]], [np.ones((2, 3)), np.zeros((1, 3))]):
        a, b = utils.pad_sequences(data, **config), theirs.utils.pad_sequences(data, **config)
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    words = utils.pad_sequences([["a"], ["b", "c"]], dtype=object, value="")
    assert words.tolist() == [["", "a"], ["b", "c"]]


@pytest.mark.parametrize("x,count", [([0, 1, 3], None), ([[1], [2]], 4), (np.array([[0, 1], [2, 0]]), None), (2, 3),
                                     ([0.0, 2.0], None)])
def test_to_categorical(x, count):
    a, b = utils.to_categorical(x, count), theirs.utils.to_categorical(x, count)
    assert a.dtype == b.dtype
    np.testing.assert_array_equal(a, b)
    if count:
        found = tf.function(lambda t: utils.to_categorical(t, count))(tf.constant(np.asarray(x, np.int32)))
        np.testing.assert_array_equal(found, b)


@pytest.mark.parametrize("axis,order", [(-1, 2), (0, 2), (1, 1), (-1, np.inf)])
def test_normalize(axis, order):
    x = RNG.normal(size=(3, 4)).astype(np.float32)
    x[:, 0] = 0
    # For the first axis Keras cannot divide.
    wanted = theirs.utils.normalize(x, axis, order) if axis else theirs.utils.normalize(x.T, -1, order).T
    np.testing.assert_allclose(utils.normalize(x, axis, order), wanted, rtol=1e-6)
    np.testing.assert_allclose(utils.normalize(tf.constant(x), axis, order), wanted, rtol=1e-6)


# --- series ---------------------------------------------------------------------------------------------------------


def windows(data, targets, length, stride=1, rate=1, start=None, end=None):
    """By the definition."""
    start, end = start or 0, end or len(data)
    found = []
    for i in range(0, end - start, stride):
        places = [start + i + k * rate for k in range(length)]
        if places[-1] >= end or targets is not None and i >= len(targets):
            break
        found.append((data[places], None if targets is None else targets[start + i]))
    return found


@pytest.mark.parametrize("config", [
    {}, dict(sequence_stride=3), dict(sampling_rate=2), dict(sequence_stride=2, sampling_rate=3),
    dict(start_index=5, end_index=30), dict(batch_size=None), dict(batch_size=4)])
@pytest.mark.parametrize("with_targets", [False, True])
def test_timeseries(config, with_targets):
    data, targets = RNG.normal(size=(40, 2)), np.arange(40) if with_targets else None
    found = utils.timeseries_dataset_from_array(data, targets, 4, **config)
    wanted = windows(data, targets, 4, config.get("sequence_stride", 1), config.get("sampling_rate", 1),
                     config.get("start_index"), config.get("end_index"))
    samples = found if config.get("batch_size", 1) is None else found.unbatch()
    rows = [(np.asarray(s[0]), int(s[1])) if with_targets else (np.asarray(s), None) for s in samples]
    assert len(rows) == len(wanted)
    for (a, b), (c, d) in zip(rows, wanted):
        np.testing.assert_array_equal(a, c)
        assert b == d


def test_timeseries_in_another_order():
    one = utils.timeseries_dataset_from_array(np.arange(50), None, 3, shuffle=True, seed=1)
    rows = np.concatenate([np.asarray(x) for x in one])
    assert rows[:, 0].tolist() != sorted(rows[:, 0].tolist()) and sorted(rows[:, 0].tolist()) == list(range(48))
    assert (rows == rows[:, :1] + np.arange(3)).all()


# --- splits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes,counts", [
    (dict(left_size=0.8), (8, 2)), (dict(right_size=3), (7, 3)), (dict(left_size=2, right_size=3), (2, 3)),
    (dict(left_size=0.5, right_size=0.3), (5, 3))])
def test_split_dataset(sizes, counts):
    x, y = np.arange(10), np.arange(10) * 2
    data = tf.data.Dataset.from_tensor_slices((x, y))
    for given in ((x, y), [x, y], data, data.batch(4)):
        left, right = utils.split_dataset(given, **sizes)
        rows = [list((d.unbatch() if isinstance(given, tf.data.Dataset) and given is not data else d).as_numpy_iterator())
                for d in (left, right)]
        assert tuple(map(len, rows)) == counts
        assert rows[0] == [(i, 2 * i) for i in range(counts[0])] and rows[1][-1] == (9, 18)
    left, right = utils.split_dataset(x, left_size=6, shuffle=True, seed=3)
    values = [int(v) for d in (left, right) for v in d]
    assert sorted(values) == list(range(10)) != values


# --- folders --------------------------------------------------------------------------------------------------------


@pytest.fixture
def texts(tmp_path):
    for name in ("neg", "pos", "unsup"):
        (tmp_path / name).mkdir()
        for i in range(6):
            (tmp_path / name / f"{i}.txt").write_text(f"{name} text {i}")
    (tmp_path / "neg" / "note.md").write_text("no text of the data set")
    return tmp_path


def read(dataset):
    return [tuple(np.asarray(v).tolist() for v in row) for row in dataset.unbatch()]


def test_text_folders(texts, capsys):
    data = utils.text_dataset_from_directory(texts, class_names=["pos", "neg"], batch_size=4, shuffle=False)
    assert capsys.readouterr().out == "Found 12 files belonging to 2 classes.\n"
    assert data.class_names == ["pos", "neg"] and len(data) == 3
    assert read(data)[0] == (b"pos text 0", 0) and read(data)[-1] == (b"neg text 5", 1)
    shuffled = read(utils.text_dataset_from_directory(texts, seed=1, verbose=False))
    assert len(shuffled) == 18 and {t: y for t, y in shuffled}[b"unsup text 3"] == 2
    assert [y for _, y in shuffled] != sorted(y for _, y in shuffled)
    training, validation = utils.text_dataset_from_directory(texts, validation_split=0.25, subset="both", seed=3)
    parts = [{t for t, _ in read(d)} for d in (training, validation)]
    assert [len(p) for p in parts] == [14, 4] and not parts[0] & parts[1]
    assert "Using 14 files for training." in capsys.readouterr().out
    alone = utils.text_dataset_from_directory(texts, validation_split=0.25, subset="validation", seed=3)
    assert {t for t, _ in read(alone)} == parts[1]


@pytest.mark.parametrize("mode,wanted", [("categorical", [0.0, 1.0]), ("binary", [1.0]), ("int", 1)])
def test_text_labels(texts, mode, wanted):
    data = utils.text_dataset_from_directory(texts, class_names=["neg", "pos"], label_mode=mode, shuffle=False, max_length=3,
                                             verbose=False)
    assert read(data)[-1] == (b"pos", wanted)
    plain = utils.text_dataset_from_directory(texts, label_mode=None, batch_size=None, shuffle=False, verbose=False)
    assert next(iter(plain)).numpy() == b"neg text 0"
    own = utils.text_dataset_from_directory(texts, labels=list(range(18)), shuffle=False, verbose=False)
    assert read(own)[7] == (b"pos text 1", 7)


@pytest.mark.parametrize("config,message", [
    (dict(labels="all"), "labels"), (dict(label_mode="hot"), "label_mode"), (dict(validation_split=0.2), "together"),
    (dict(validation_split=2.0, subset="training"), "between 0 and 1"), (dict(validation_split=0.2, subset="training"), "seed"),
    (dict(label_mode="binary"), "two classes"), (dict(class_names=["x"]), "names of folders"),
    (dict(labels=[1]), "a label for"),
    (dict(format="grain"), "format"), (dict(validation_split=0.01, subset="validation", seed=1), "no validation files")])
def test_what_is_wrong_with_folders_is_said(texts, config, message):
    with pytest.raises(tf.errors.OpError, match=message):
        utils.text_dataset_from_directory(texts, verbose=False, **config)
    with pytest.raises(tf.errors.NotFoundError, match="does not exist"):
        utils.text_dataset_from_directory(texts / "none")


def test_audio_folders(tmp_path):
    sounds = {}
    for name, length in (("a", 10), ("b", 16)):
        (tmp_path / name).mkdir()
        sounds[name] = RNG.integers(-2**15, 2**15, size=(length, 2)).astype("<i2")
        with wave.open(str(tmp_path / name / "1.wav"), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(sounds[name].tobytes())
    data = utils.audio_dataset_from_directory(tmp_path, shuffle=False, verbose=False)
    (x, y), = list(data)
    assert x.shape == (2, 16, 2) and x.dtype == tf.float32 and y.numpy().tolist() == [0, 1]
    np.testing.assert_array_equal(x[0, :10], sounds["a"] / np.float32(32768))
    assert not np.any(x[0, 10:])
    cut, = utils.audio_dataset_from_directory(tmp_path, labels=None, output_sequence_length=4, sampling_rate=8000,
                                              shuffle=False, verbose=False)
    np.testing.assert_array_equal(cut[1], sounds["b"][:4] / np.float32(32768))
    with pytest.raises(tf.errors.UnimplementedError, match="resampled"):
        list(utils.audio_dataset_from_directory(tmp_path, sampling_rate=4000, verbose=False))
    (tmp_path / "a" / "2.wav").write_bytes(b"RIFF")
    with pytest.raises(tf.errors.InvalidArgumentError, match="no WAV"):
        list(utils.audio_dataset_from_directory(tmp_path, verbose=False))


@pytest.mark.parametrize("make,message", [
    (lambda: utils.pad_sequences([1]), "list of sequences"), (lambda: utils.pad_sequences([[1]], padding="both"), "padding"),
    (lambda: utils.pad_sequences([["a"]], value="x"), "dtype=object"), (lambda: utils.to_categorical([5], 3), "between 0"),
    (lambda: utils.to_categorical(tf.constant([1])), "num_classes"),
    (lambda: utils.split_dataset(np.arange(4)), "is given"), (lambda: utils.split_dataset(np.arange(4), 1.5), "share"),
    (lambda: utils.split_dataset(np.arange(4), 3, 2), "together"),
    (lambda: utils.split_dataset([np.arange(4), 3], 2), "one length"),
    (lambda: utils.split_dataset(3, 2), "data set"),
    (lambda: utils.timeseries_dataset_from_array(np.arange(9), None, 3, sampling_rate=0), "sampling_rate"),
    (lambda: utils.timeseries_dataset_from_array(np.arange(9), None, 3, end_index=10), "end_index"),
    (lambda: utils.timeseries_dataset_from_array(np.arange(9), None, 3, format="grain"), "format")])
def test_what_is_wrong_is_said(make, message):
    with pytest.raises(tf.errors.OpError, match=message):
        make()
