"""Hostile and damaged files are refused by a ModelFileError that says what is wrong, quickly and in little memory."""

from __future__ import annotations

import json
import os
import random
import re
import resource
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from keras_tests.hostile import hdf5, models, zips
from keras_tests.hostile.hdf5 import HDF5
from keras_tests.hostile.models import MODELS
from keras_tests.hostile.paths import PATHS
from keras_tests.hostile.zips import ZIPS
from treadle import keras
from treadle.keras_like.saving.archive import read_archive
from treadle.keras_like.saving.errors import ModelFileError
from treadle.keras_like.saving.tensors import Group, read_tensors, write_tensors

TABLE = [*HDF5, *ZIPS, *PATHS, *MODELS]
SECONDS, MEGABYTES = 1.0, 200


def read_all(path):
    with read_archive(path) as archive:
        for name in archive:
            archive[name]


READERS = {"tensors": [read_tensors], "archive": [read_all], "model": [keras.models.load_model],
           "either": [read_tensors, read_all, keras.models.load_model]}


def attempts(paths):
    """What becomes of reading each file: [the error's kind, its message, seconds, megabytes more]. Runs in a child."""
    keras.layers.GRU(2)(np.zeros((1, 2, 3), np.float32))  # so that no row is charged for compiling initializers
    found = {}
    for row in TABLE:
        for read in READERS[row.reader]:
            before, start = _peak(), time.process_time()  # other processes may keep the machine busy
            try:
                read(paths[row.name])
                error = None
            except BaseException as raised:
                error = raised
            seconds, more = time.process_time() - start, _peak() - before
            found.setdefault(row.name, []).append((type(error).__name__, getattr(error, "message", str(error)), seconds, more))
    return found


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """All files, read in one child process that may have little memory more than it starts with."""
    folder = tmp_path_factory.mktemp("hostile")
    paths = {}
    for i, row in enumerate(TABLE):
        paths[row.name] = str(folder / f"{i}.{'keras' if row.reader == 'model' else 'file'}")
        row.make(Path(paths[row.name]))
    child = subprocess.run([sys.executable, __file__], input=json.dumps(paths), capture_output=True, text=True, timeout=200,
                           env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    assert child.returncode == 0, child.stderr
    return json.loads(child.stdout.splitlines()[-1])


def test_the_table_is_long():
    assert len(TABLE) >= 34 and len({row.name for row in TABLE}) == len(TABLE)


def test_good_files_load(tmp_path):
    """What the hostile files are made from is accepted."""
    tree = read_tensors(hdf5.good())
    assert tree.at("layers/dense/vars/0").shape == (3, 4) and tree.attributes == {"version": 1}
    with read_archive(zips.good()) as archive:
        assert dict(archive) == zips.MEMBERS
    models.good(tmp_path / "a.keras")
    assert keras.models.load_model(tmp_path / "a.keras").output_shape == (None, 2)


def test_hostile_files_are_refused(results):
    wrong = []
    for row in TABLE:
        for kind, message, seconds, more in results[row.name]:
            if kind != "ModelFileError" or not re.search(row.says, message):
                wrong.append(f"{row.name}: {kind}: {message}")
            elif seconds > SECONDS or more > MEGABYTES:
                wrong.append(f"{row.name}: {seconds:.2f} s, {more:.0f} MB")
    assert not wrong, "\n".join(wrong)


def test_damage_is_found_or_harmless(seed, long):
    """Random damage to a file that we wrote: refused, or what is loaded is what was saved."""
    draw = random.Random(seed)
    contents = hdf5.good()
    saved = read_tensors(contents)
    for _ in range(20_000 if long else 500):
        damaged = bytearray(contents)
        for _ in range(draw.choice([1, 1, 2, 8])):
            damaged[draw.randrange(len(damaged))] ^= 1 << draw.randrange(8)
        if draw.random() < 0.2:
            del damaged[draw.randrange(len(damaged)):]
        try:
            loaded = read_tensors(bytes(damaged))
        except ModelFileError:
            continue
        assert equal(loaded, saved)


def equal(one, other) -> bool:
    if isinstance(one, Group):
        return (isinstance(other, Group) and one.keys() == other.keys() and one.attributes == other.attributes
                and all(equal(one[k], other[k]) for k in one))
    return one.dtype == other.dtype and np.array_equal(one, other)


def test_what_others_write_within_the_rules_loads(tmp_path):
    """Compression, chunks, big-endian numbers, the newest form of HDF5: read, if the sizes are plausible."""
    values = np.random.RandomState(0).randn(50, 40).astype(np.float32)
    for version in ("earliest", "latest"):
        with h5py.File(tmp_path / "a.h5", "w", libver=version) as root:
            root.create_dataset("gzip", data=values, compression="gzip", shuffle=True, fletcher32=True)
            root.create_dataset("chunks", data=values, chunks=(7, 9))
            root.create_dataset("big", data=values.astype(">f4"))
            root.create_dataset("zeros", data=np.zeros(100_000, np.float32), compression="gzip")
            root.create_dataset("none", data=np.zeros((0, 3), np.float32))
            for i in range(7):
                root.attrs[f"text{i}"] = "é" * i * 5000
            root.attrs["list"] = ["a", "", "bc"]
        tree = read_tensors(tmp_path / "a.h5")
        assert all(np.array_equal(tree[n], values) and tree[n].dtype == np.float32 for n in ("gzip", "chunks", "big"))
        assert tree.attributes == {f"text{i}": "é" * i * 5000 for i in range(7)} | {"list": ["a", "", "bc"]}
        assert not tree["zeros"].any() and tree["none"].shape == (0, 3)


def test_a_refused_tensor_is_not_written(tmp_path):
    with pytest.raises(ModelFileError, match="cannot hold '/a/b', an array of dtype object"):
        write_tensors(tmp_path / "a.h5", {"a": {"b": np.array([None])}})
    assert not list(tmp_path.iterdir())


if __name__ == "__main__":
    limit = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + (8 << 30)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    print(json.dumps(attempts(json.load(sys.stdin))))
