"""Whatever ends a save, the file is the old one or the new one."""

from __future__ import annotations

import contextlib
import io
import os
import random
import signal
import stat
import subprocess
import sys
import time

import numpy as np
import pytest

from treadle import keras
from treadle.keras_like.saving import atomic, tensors
from treadle.keras_like.saving.archive import read_archive, write_archive
from treadle.keras_like.saving.atomic import SMALL, open_regular, write_atomically
from treadle.keras_like.saving.errors import ModelFileError
from treadle.keras_like.saving.tensors import is_small, read_tensors, write_tensors


def contents(number: int) -> dict:
    """Tensors that all hold one number, so that two saves cannot be mixed unseen."""
    return {f"layer_{i}": {"vars": {"0": np.full((64, 32), number, np.float32), "1": np.full(32, number)}} for i in range(4)}


def numbers(tree) -> set:
    return {value for layer in tree.values() for tensor in layer["vars"].values() for value in np.unique(tensor).tolist()}


def save(folder, number: int) -> None:
    """One save of each kind."""
    write_tensors(os.path.join(folder, "a.weights.h5"), contents(number))
    write_archive(os.path.join(folder, "a.keras"), {"config.json": str(number).encode(),
                                                    "model.weights.h5": lambda file: write_tensors(file, contents(number))})


def load(folder) -> tuple[set, set]:
    """The numbers in the two files."""
    with read_archive(os.path.join(folder, "a.keras")) as archive:
        inside = numbers(read_tensors(archive.open("model.weights.h5"))) | {int(archive["config.json"])}
    return numbers(read_tensors(os.path.join(folder, "a.weights.h5"))), inside


def test_killed_at_any_moment(tmp_path, long, seed):
    """`kill -9` while saving in a loop. One interpreter forks the processes that save; another thing reads."""
    draw = random.Random(seed)
    kills = 1000 if long else 40
    start = time.perf_counter()
    save(tmp_path, 0)
    window = max(0.05, 5 * (time.perf_counter() - start))  # in which to kill: on a slow machine a save takes longer
    last = 0
    with subprocess.Popen([sys.executable, __file__, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}) as parent:
        kept = 0
        for _ in range(kills):
            print(last, file=parent.stdin, flush=True)
            child = int(parent.stdout.readline())
            time.sleep(draw.random() * window)
            os.kill(child, signal.SIGKILL)
            parent.stdout.readline()  # it is gone
            weights, inside = load(tmp_path)
            assert len(weights) == len(inside) == 1, (weights, inside)
            assert max(weights) - max(inside) in (0, 1)
            kept += max(weights) > last
            last = int(max(inside))
            save(tmp_path, last)
        parent.stdin.close()
    assert kept, "no save ever ended: the kills came too early to test anything"
    left = [n for n in os.listdir(tmp_path) if n.endswith(".tmp")]
    for name in left:  # what was killed leaves its temporary file; the next save after a minute removes it
        os.utime(tmp_path / name, (0, 0))
    save(tmp_path, 1)
    assert sorted(os.listdir(tmp_path)) == ["a.keras", "a.weights.h5"]


def serve(folder: str) -> None:
    """For each line of input: fork a process that saves numbers from there on, say its id, and when it has ended."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            number = int(line)
            while True:
                number += 1
                save(folder, number)
        print(child, flush=True)
        os.waitpid(child, 0)
        print("gone", flush=True)


class Stop(BaseException):
    pass


def test_an_exception_at_every_step_leaves_the_old_file(tmp_path, monkeypatch):
    """Any call of the system that a save makes may fail, or be where Ctrl-C arrives."""
    path = tmp_path / "a.weights.h5"
    write_tensors(path, contents(1))
    real = {name: getattr(os, name) for name in ("fsync", "replace", "chmod", "listdir", "stat")}
    for stop_at in range(1, 20):
        calls = iter(range(1, 100))

        def failing(name):
            def call(*args, **kwargs):
                if next(calls) == stop_at:  # noqa: B023
                    raise Stop
                return real[name](*args, **kwargs)
            return call

        for name in real:
            monkeypatch.setattr(os, name, failing(name))
        try:
            with contextlib.suppress(Stop):
                write_tensors(path, contents(2))
                break
        finally:
            monkeypatch.undo()
        assert os.listdir(tmp_path) == ["a.weights.h5"]
        if (found := numbers(read_tensors(path))) != {1}:  # stopped after the new file was in its place
            assert found == {2}
            write_tensors(path, contents(1))
    assert stop_at > 4


@pytest.mark.parametrize("error", [Stop, ValueError, OSError])
def test_an_exception_while_writing_leaves_the_old_file(tmp_path, error):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def write(file):
        file.write(b"half")
        raise error

    with pytest.raises(error):
        write_atomically(path, write)
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["a.bin"]


def test_a_file_that_does_not_verify_is_not_kept(tmp_path):
    """As on a disk that returns other bytes than were written."""
    path = tmp_path / "a.zip"
    path.write_bytes(b"old")

    def damage(temporary):
        with open(temporary, "r+b") as file:
            file.seek(40)
            file.write(b"?")
        with read_archive(temporary) as archive:
            archive.check("x")

    with pytest.raises(ModelFileError, match="damaged member"):
        write_atomically(path, lambda file: write_archive(file, {"x": b"content" * 9}), damage)
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["a.zip"]


def test_small_content_is_read_again(tmp_path, monkeypatch):
    """As on a disk that loses the end, adds to it, or changes a byte."""
    path = tmp_path / "a.weights.h5"
    write_tensors(path, contents(1))
    before = path.read_bytes()
    real = atomic.open_regular
    for change in (lambda found: found[:-1], lambda found: found + b"?", lambda found: found[:900] + b"?" + found[901:]):
        monkeypatch.setattr(atomic, "open_regular", lambda name: io.BytesIO(change(real(name).read())))  # noqa: B023
        with pytest.raises(ModelFileError, match="is not what was to be written"):
            write_tensors(path, contents(2))
        assert path.read_bytes() == before and os.listdir(tmp_path) == ["a.weights.h5"]


def test_large_content_is_not_made_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic, "_check_same", lambda *args: pytest.fail("made in memory"))
    assert is_small(contents(1)) and not is_small({"a": {"b": np.zeros(SMALL + 1, np.uint8)}})
    write_tensors(tmp_path / "a.weights.h5", {"a": np.zeros(SMALL + 1, np.uint8)})


def test_a_full_disk_leaves_the_old_file(tmp_path):
    """`/dev/full` stands for the disk: every write to it fails."""
    path = tmp_path / "a.weights.h5"
    write_tensors(path, contents(1))

    def write(file):
        with open("/dev/full", "wb", buffering=0) as full:
            os.dup2(full.fileno(), file.fileno())
        write_tensors(file, contents(2))
        file.flush()

    with pytest.raises(OSError):
        write_atomically(path, write)
    assert numbers(read_tensors(path)) == {1} and os.listdir(tmp_path) == ["a.weights.h5"]


def test_modes(tmp_path):
    """A new file has the mode of any new file, a replaced one that of the old."""
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "a", lambda file: file.write(b"1"))
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(tmp_path / "a").st_mode) == 0o640
    os.chmod(tmp_path / "a", 0o604)
    write_atomically(tmp_path / "a", lambda file: file.write(b"2"))
    assert stat.S_IMODE(os.stat(tmp_path / "a").st_mode) == 0o604


def test_links_are_followed(tmp_path):
    """A link stays, and what it leads to is replaced; also if there is nothing yet."""
    (tmp_path / "folder").mkdir()
    link = tmp_path / "link"
    link.symlink_to("folder/file")
    for content in (b"first", b"second"):
        write_atomically(link, lambda file: file.write(content))  # noqa: B023
        assert link.is_symlink() and (tmp_path / "folder" / "file").read_bytes() == content
    assert os.listdir(tmp_path / "folder") == ["file"]


def test_places_that_cannot_be_written(tmp_path):
    """A folder, a pipe, a missing folder: an error, and nothing is made."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name, says in (("pipe", "a pipe"), ("folder", "a folder")):
        with pytest.raises(ModelFileError, match=says):
            write_atomically(tmp_path / name, lambda file: file.write(b"x"))
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "missing" / "a", lambda file: file.write(b"x"))
    assert sorted(os.listdir(tmp_path)) == ["folder", "pipe"]


def test_temporary_files_of_others_stay(tmp_path):
    """Only old ones that no process works on are removed."""
    path = tmp_path / "a.bin"
    young, other = tmp_path / f".a.bin.{'0' * 16}.tmp", tmp_path / ".a.bin.mine.tmp"
    young.write_bytes(b"")
    other.write_bytes(b"")
    os.utime(other, (0, 0))

    def write(file):
        (at_work,) = [n for n in os.listdir(tmp_path) if n not in ("a.bin", young.name, other.name)]
        os.utime(tmp_path / at_work, (0, 0))
        write_atomically(path, lambda inner: inner.write(b"inner"))
        file.write(b"outer")

    write_atomically(path, write)
    assert path.read_bytes() == b"outer" and young.exists() and other.exists()


def test_equal_contents_make_equal_files(tmp_path):
    """So that a file's digest says whether anything changed."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        save(tmp_path / name, 3)
        time.sleep(1.1)  # HDF5 knows seconds
    for file in ("a.keras", "a.weights.h5"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


@pytest.mark.parametrize("in_memory", [1000, 1 << 20])
def test_archives_go_into_open_files(tmp_path, monkeypatch, in_memory):
    """A file that can only be written to: what is too large for memory goes by way of an unnamed file."""
    monkeypatch.setattr("treadle.keras_like.saving.archive._IN_MEMORY", in_memory)
    with open(tmp_path / "b", "wb") as file:
        write_archive(file, {"a": b"text", "t": lambda part: write_tensors(part, contents(5))})
    write_archive(tmp_path / "c", {"a": b"text", "t": lambda part: write_tensors(part, contents(5))})
    assert sorted(os.listdir(tmp_path)) == ["b", "c"]
    for name in "bc":
        with read_archive(tmp_path / name) as archive:
            assert archive["a"] == b"text" and numbers(read_tensors(archive.open("t"))) == {5}


def test_a_save_that_writes_other_bytes_is_not_kept(tmp_path, monkeypatch):
    """What is in the file is compared with what is in memory, not with what was written."""
    before = open(keras_file(tmp_path, 1), "rb").read()
    write_group = tensors._write_group

    def damaging(group, tree, path, *rest):
        write_group(group, tree, path, *rest)
        if path.endswith("vars") and "0" in group:
            value = group["0"][()]
            value.flat[7] += 1
            group["0"][()] = value

    monkeypatch.setattr(tensors, "_write_group", damaging)
    for save_again in (lambda: keras_file(tmp_path, 2), lambda: write_tensors(tmp_path / "a.weights.h5", contents(1))):
        with pytest.raises(ModelFileError, match="not the one that was written"):
            save_again()
    assert open(tmp_path / "a.keras", "rb").read() == before and os.listdir(tmp_path) == ["a.keras"]


def keras_file(folder, number: int):
    """A saved model whose weights are large enough for a thread of their own."""
    initializer = keras.initializers.Constant(number)
    model = keras.Sequential([keras.Input((600,)), keras.layers.Dense(600, kernel_initializer=initializer)])
    model.save(folder / "a.keras")
    return folder / "a.keras"


def test_only_regular_files_are_opened(tmp_path):
    with open_regular(__file__) as file:
        assert file.read(3) == b'"""'
    with pytest.raises(ModelFileError, match="a folder"):
        open_regular(tmp_path)


if __name__ == "__main__":
    serve(sys.argv[1])
