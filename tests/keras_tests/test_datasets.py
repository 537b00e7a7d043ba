"""Data sets: the cache folder, a download from a server on this machine, checksums, and pickles that ask for too much.

The official files are not at hand: files of their form stand for them, and their checksums for the official ones.
"""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import json
import os
import pickle
import tarfile
import threading
import zipfile

import numpy as np
import pytest

import treadle as tf
from keras_tests.oracle import theirs
from treadle.keras import datasets
from treadle.keras_like.datasets import download
from treadle.keras_like.datasets import pickled as reading

RNG = np.random.default_rng(0)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder, and no way out."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(download, "ORIGIN", "http://127.0.0.1:9/")
    (tmp_path / "keras" / "datasets").mkdir(parents=True)
    return tmp_path / "keras" / "datasets"


@pytest.fixture
def server(tmp_path, monkeypatch, cache):
    """A folder that a web server on this machine hands out in place of the official one."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(folder))

        def log_message(self, *args):
            pass

        def send_header(self, name, value):
            short = name == "Content-Length" and self.path.endswith("short.npz")
            super().send_header(name, "999999" if short else value)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as found:
        thread = threading.Thread(target=found.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        monkeypatch.setattr(download, "ORIGIN", f"http://127.0.0.1:{found.server_port}/")
        yield folder
        found.shutdown()
        thread.join()


def official(monkeypatch, module, path):
    """From now on this file's checksum is the official one."""
    monkeypatch.setattr(module, "_DIGEST", hashlib.sha256(path.read_bytes()).hexdigest())


def mnist_arrays():
    return {"x_train": RNG.integers(0, 256, (6, 28, 28), np.uint8), "y_train": np.arange(6, dtype=np.uint8),
            "x_test": RNG.integers(0, 256, (2, 28, 28), np.uint8), "y_test": np.arange(2, dtype=np.uint8)}


# --- the cache folder and the download ------------------------------------------------------------------------------


def test_a_file_in_the_cache_folder(cache, monkeypatch):
    arrays = mnist_arrays()
    np.savez(cache / "mnist.npz", **arrays)
    official(monkeypatch, datasets.mnist, cache / "mnist.npz")
    (x_train, y_train), (x_test, y_test) = datasets.mnist.load_data()
    for name, found in dict(x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test).items():
        np.testing.assert_array_equal(found, arrays[name])


def test_a_file_by_its_path_is_not_checked(cache, tmp_path):
    np.savez(tmp_path / "mine.npz", **mnist_arrays())
    assert datasets.mnist.load_data(tmp_path / "mine.npz")[0][0].shape == (6, 28, 28)
    with pytest.raises(FileNotFoundError, match="no such file"):
        datasets.mnist.load_data(tmp_path / "other.npz")


def test_a_download(server, cache, monkeypatch):
    np.savez(server / "mnist.npz", **mnist_arrays())
    official(monkeypatch, datasets.mnist, server / "mnist.npz")
    datasets.mnist.load_data()
    assert (cache / "mnist.npz").read_bytes() == (server / "mnist.npz").read_bytes()
    (server / "mnist.npz").unlink()
    datasets.mnist.load_data()  # from the cache
    assert [p.name for p in cache.iterdir()] == ["mnist.npz"]


def test_a_damaged_file_is_downloaded_anew(server, cache, monkeypatch):
    np.savez(server / "mnist.npz", **mnist_arrays())
    official(monkeypatch, datasets.mnist, server / "mnist.npz")
    (cache / "mnist.npz").write_bytes((server / "mnist.npz").read_bytes()[:-7])
    datasets.mnist.load_data()
    assert (cache / "mnist.npz").read_bytes() == (server / "mnist.npz").read_bytes()


def test_offline(cache):
    with pytest.raises(FileNotFoundError) as caught:
        datasets.mnist.load_data()
    assert str(cache) in str(caught.value) and "'mnist.npz'" in str(caught.value) and "127.0.0.1" in str(caught.value)
    (cache / "mnist.npz").write_bytes(b"something else")
    with pytest.raises(FileNotFoundError, match="checksum differs"):
        datasets.mnist.load_data()
    assert (cache / "mnist.npz").read_bytes() == b"something else"  # a user's file is not lost


@pytest.mark.parametrize("load, name, folder", [
    (datasets.fashion_mnist.load_data, "train-images-idx3-ubyte.gz", "fashion-mnist"),
    (datasets.imdb.load_data, "imdb.npz", ""),
    (datasets.reuters.load_data, "reuters.npz", ""), (datasets.boston_housing.load_data, "boston_housing.npz", ""),
    (datasets.california_housing.load_data, "california_housing.npz", ""),
    (datasets.imdb.get_word_index, "imdb_word_index.json", ""),
    (datasets.reuters.get_word_index, "reuters_word_index.json", "")])
def test_offline_each_says_where_to_put_the_file(cache, load, name, folder):
    with pytest.raises(FileNotFoundError) as caught:
        load()
    assert str(cache / folder) in str(caught.value) and f"{name!r}" in str(caught.value)


def test_a_wrong_download_is_refused(server, cache):
    np.savez(server / "mnist.npz", **mnist_arrays())
    with pytest.raises(tf.errors.InvalidArgumentError, match="checksum is [0-9a-f]{64}, not 731c5ac6"):
        datasets.mnist.load_data()
    assert list(cache.iterdir()) == []


def test_an_interrupted_download_leaves_nothing(server, cache):
    (server / "short.npz").write_bytes(b"1234")
    with pytest.raises(FileNotFoundError, match="could not be downloaded"):
        download.fetch("mnist.npz", "short.npz")
    assert list(cache.iterdir()) == []


def test_a_missing_file_on_the_server(server, cache):
    with pytest.raises(FileNotFoundError, match="404"):
        datasets.boston_housing.load_data()


def test_a_file_that_is_something_else(cache, tmp_path):
    path = tmp_path / "other.npz"
    np.savez(path, x=np.zeros(3))
    with pytest.raises(tf.errors.InvalidArgumentError, match="x_train, y_train, x_test, y_test are missing"):
        datasets.mnist.load_data(path)
    for content in (b"", b"no zip file", b"\x93NUMPY"):
        path.write_bytes(content)
        with pytest.raises(tf.errors.InvalidArgumentError, match="is not the data set|allow_pickle"):
            datasets.mnist.load_data(path)


def test_pickled_arrays_are_not_read_where_none_belong(cache, tmp_path):
    np.savez(tmp_path / "evil.npz", **(mnist_arrays() | {"x_train": np.array([Evil()], object)}))
    with pytest.raises(tf.errors.InvalidArgumentError, match="allow_pickle=False"):
        datasets.mnist.load_data(tmp_path / "evil.npz")


# --- the others -----------------------------------------------------------------------------------------------------


def test_housing(cache, monkeypatch, tmp_path):
    x, y = RNG.normal(size=(700, 8)).astype(np.float32), np.arange(700, dtype=np.float32)
    path = tmp_path / "california.npz"
    np.savez(path, x=x, y=y)
    (x_train, y_train), (x_test, y_test) = datasets.california_housing.load_data(path=path, test_split=0.25)
    assert x_train.shape == (525, 8) and x_test.shape == (175, 8)
    order = np.arange(700)
    np.random.RandomState(113).shuffle(order)
    np.testing.assert_array_equal(np.concatenate([y_train, y_test]), y[order])
    np.testing.assert_array_equal(np.concatenate([x_train, x_test]), x[order])
    assert datasets.california_housing.load_data("small", path)[0][0].shape == (480, 8)
    assert datasets.boston_housing.load_data(path, test_split=0)[1][0].shape == (0, 8)
    with pytest.raises(tf.errors.InvalidArgumentError, match="Received: 1.5"):
        datasets.boston_housing.load_data(path, test_split=1.5)
    with pytest.raises(tf.errors.InvalidArgumentError, match="'medium'"):
        datasets.california_housing.load_data("medium", path)


def idx(*shape):
    values = np.resize(np.arange(251, dtype=np.uint8), shape)
    kind = 2051 if len(shape) == 3 else 2049
    return values, gzip.compress(np.array([kind, *shape], ">i4").tobytes() + values.tobytes(), 1)


def test_fashion_mnist(server, cache):
    expected = []
    for name, shape in [("train-images-idx3", (60_000, 28, 28)), ("train-labels-idx1", (60_000,)),
                        ("t10k-images-idx3", (10_000, 28, 28)), ("t10k-labels-idx1", (10_000,))]:
        values, content = idx(*shape)
        expected.append(values)
        (server / f"{name}-ubyte.gz").write_bytes(content)
    (x_train, y_train), (x_test, y_test) = datasets.fashion_mnist.load_data()
    for found, wanted in zip((x_train, y_train, x_test, y_test), expected):
        np.testing.assert_array_equal(found, wanted)
    cut = (server / "t10k-labels-idx1-ubyte.gz").read_bytes()[:-50]
    for content in (b"no gzip", gzip.compress(b"\0\0\x08\x03"), idx(3)[1], cut):
        (cache / "fashion-mnist" / "t10k-labels-idx1-ubyte.gz").write_bytes(content)
        with pytest.raises(tf.errors.InvalidArgumentError, match="Fashion-MNIST"):
            datasets.fashion_mnist.load_data()


class Python2(pickle._Pickler):
    """Writes strings and bytes as Python 2 did, when the CIFAR files were made."""

    dispatch = dict(pickle._Pickler.dispatch)

    def string(self, value):
        content = value if isinstance(value, bytes) else value.encode("ascii")
        self.write(pickle.BINSTRING + len(content).to_bytes(4, "little") + content)
        self.memoize(value)

    dispatch[str] = dispatch[bytes] = string


def python2(value):
    stream = io.BytesIO()
    Python2(stream, 2).dump(value)
    return stream.getvalue().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")


def cifar_batch(rows, **labels):
    return python2({"data": RNG.integers(0, 256, (rows, 3072), np.uint8), **labels, "batch_label": "a batch",
                    "filenames": ["a.png"]})


def cifar_archive(path, folder, files):
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


@pytest.mark.parametrize("name", ["cifar-10-batches-py-target_archive", "cifar-10-batches-py.tar.gz", "cifar-10-python.tar.gz"])
def test_cifar10(cache, monkeypatch, name):
    files = {f"data_batch_{i}": cifar_batch(4, labels=[i, 0, 1, 9]) for i in range(1, 6)}
    files["test_batch"] = cifar_batch(3, labels=[5, 6, 7])
    cifar_archive(cache / name, "cifar-10-batches-py", files)
    official(monkeypatch, datasets.cifar10, cache / name)
    (x_train, y_train), (x_test, y_test) = datasets.cifar10.load_data()
    assert x_train.shape == (20, 32, 32, 3) and y_train.shape == (20, 1) and x_train.dtype == y_train.dtype == np.uint8
    assert y_train[::4, 0].tolist() == [1, 2, 3, 4, 5] and y_test[:, 0].tolist() == [5, 6, 7]
    raw = pickle.loads(files["test_batch"].replace(b"numpy.core.multiarray", b"numpy._core.multiarray"), encoding="bytes")
    np.testing.assert_array_equal(x_test, raw[b"data"].reshape(3, 3, 32, 32).transpose(0, 2, 3, 1))


@pytest.mark.parametrize("place", ["cifar-100-python", "cifar-100-python-target/cifar-100-python"])
def test_cifar100_unpacked_by_keras(cache, place):
    (cache / place).mkdir(parents=True)
    for name, rows in (("train", 5), ("test", 2)):
        (cache / place / name).write_bytes(cifar_batch(rows, fine_labels=[99] * rows, coarse_labels=[19] * rows))
    for mode, expected in (("fine", 99), ("coarse", 19)):
        (x_train, y_train), (x_test, y_test) = datasets.cifar100.load_data(mode)
        assert x_train.shape == (5, 32, 32, 3) and y_test.tolist() == [[expected]] * 2
    with pytest.raises(tf.errors.InvalidArgumentError, match="'rough'"):
        datasets.cifar100.load_data("rough")


def save_texts(path, **arrays):
    """As NumPy did before 2.0, in which the official files were made."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, value in arrays.items():
            stream = io.BytesIO()
            np.lib.format.write_array_header_1_0(stream, np.lib.format.header_data_from_array_1_0(value))
            content = value.tobytes() if value.dtype != object else pickle.dumps(value, 3)
            archive.writestr(f"{name}.npy", stream.getvalue() + content.replace(b"numpy._core.", b"numpy.core."))


def texts(count, most=60):
    found = np.empty(count, object)
    found[:] = [RNG.integers(1, most, RNG.integers(2, 12)).tolist() for _ in range(count)]
    return found


OPTIONS = [{}, dict(num_words=20), dict(num_words=30, skip_top=5, oov_char=None), dict(maxlen=9, start_char=None),
           dict(start_char=None, index_from=0), dict(seed=7, skip_top=3)]


@pytest.mark.parametrize("options", OPTIONS)
def test_texts_as_keras_reads_them(cache, tmp_path, monkeypatch, options):
    save_texts(tmp_path / "reuters.npz", x=texts(50), y=np.arange(50))
    monkeypatch.setattr("keras.src.datasets.reuters.get_file", lambda *args, **kwargs: str(tmp_path / "reuters.npz"))
    for found, expected in zip(sum(datasets.reuters.load_data(tmp_path / "reuters.npz", **options), ()),
                               sum(theirs.datasets.reuters.load_data(**options), ())):
        assert list(found) == list(expected) and found.shape == expected.shape
    save_texts(tmp_path / "imdb.npz", x_train=texts(30), y_train=np.arange(30), x_test=texts(20), y_test=np.arange(20))

    monkeypatch.setattr("keras.src.datasets.imdb.get_file", lambda *args, **kwargs: str(tmp_path / "imdb.npz"))
    for found, expected in zip(sum(datasets.imdb.load_data(tmp_path / "imdb.npz", **options), ()),
                               sum(theirs.datasets.imdb.load_data(**options), ())):
        assert list(found) == list(expected) and found.shape == expected.shape
    with pytest.raises(tf.errors.InvalidArgumentError, match="maxlen=1"):
        datasets.imdb.load_data(tmp_path / "imdb.npz", maxlen=1)


def test_word_indices(cache, monkeypatch):
    (cache / "imdb_word_index.json").write_text(json.dumps({"the": 1, "and": 2}))
    monkeypatch.setattr(datasets.imdb, "_INDEX_DIGEST", hashlib.md5((cache / "imdb_word_index.json").read_bytes()).hexdigest())
    assert datasets.imdb.get_word_index() == {"the": 1, "and": 2}
    assert datasets.reuters.get_label_names() == theirs.datasets.reuters.get_label_names()


# --- pickles that ask for more than arrays --------------------------------------------------------------------------


class Evil:
    """Unpickled, it would make a folder."""

    def __reduce__(self):
        return os.mkdir, ("harm_done",)


def reduced(*parts):
    class Asks:
        def __reduce__(self):
            return parts
    return Asks()



RECONSTRUCT, SHAPE, STATE = np.zeros(1).__reduce__()
HOSTILE = {
    "a call": Evil(), "in a list": [1, [Evil()]], "in a dict": {"data": Evil()},
    "in an array": np.array([Evil()], object), "eval": reduced(eval, ("1 + 1",)), "getattr": reduced(getattr, ("", "join")),
    "a file": reduced(open, ("harm_done", "w")), "a class": reduced(dict, ()), "a numpy function": reduced(np.load, ("x",)),
    "strings in an array": np.array(["a", None], object), "an array in an array": np.array([np.zeros(2), None], object),
    "a structured dtype": np.zeros(2, [("a", "i4")]), "text": np.array(["ab", "c"]), "dates": np.zeros(2, "M8[s]"),
    "objects out of bytes": reduced(RECONSTRUCT, (np.ndarray, (0,), b"b"), (1, (1,), np.dtype("O"), False, b"A" * 8)),
    "too few bytes": reduced(RECONSTRUCT, (np.ndarray, (0,), b"b"), (1, (1 << 40,), np.dtype("f4"), False, b"A" * 8)),
    "a negative size": reduced(RECONSTRUCT, (np.ndarray, (0,), b"b"), (1, (-5,), np.dtype("f4"), False, b"A" * 9)),
    "an array over memory": reduced(np.ndarray, ((4,), np.dtype("O"), b"A" * 32)),
    "no state": reduced(RECONSTRUCT, (np.ndarray, (0,), b"b"), None),
    "a state of another form": reduced(RECONSTRUCT, (np.ndarray, (0,), b"b"), 7),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("protocol", [3, 4])
def test_hostile_pickles(name, protocol, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content = pickle.dumps(HOSTILE[name], protocol)
    if name in ("an array over memory", "no state"):  # an array without content at most
        found = refused(content)
        assert found is None or found.size == 0
    else:
        assert refused(content) is None
    assert list(tmp_path.iterdir()) == []


def refused(content):
    """None if reading raised the one error there is, else what was read."""
    try:
        return reading.load(io.BytesIO(content), "the file")
    except tf.errors.InvalidArgumentError as error:
        assert "the file was not read" in str(error)
        return None


def test_truncated_and_damaged_pickles():
    good = pickle.dumps({"data": np.arange(200, dtype=np.uint8), "labels": [1, 2, 3]}, 2)
    for end in range(len(good)):
        assert refused(good[:end]) is None
    flips = np.random.default_rng(1)
    for _ in range(300):
        content = bytearray(good)
        content[flips.integers(len(good))] ^= 1 << flips.integers(8)
        refused(bytes(content))  # any value, or the error


def test_hostile_texts(cache, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    evil = np.empty(2, object)
    evil[:] = [[1, 2], Evil()]
    save_texts(tmp_path / "reuters.npz", x=evil, y=np.arange(2))
    with pytest.raises(tf.errors.InvalidArgumentError, match="posix.mkdir|nt.mkdir"):
        datasets.reuters.load_data(tmp_path / "reuters.npz")
    assert not (tmp_path / "harm_done").exists()
