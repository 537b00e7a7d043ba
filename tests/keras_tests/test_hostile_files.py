"""Hostile and damaged files are refused by a ModelFileError that says what is wrong, quickly and in little memory."""

from __future__ import annotations

import base64
import json
import os
import random
import re
import resource
import subprocess
import sys
import time
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest

import treadle as tf
from keras_tests.hostile import hdf5, models, zips
from keras_tests.hostile.hdf5 import HDF5
from keras_tests.hostile.models import MODELS
from keras_tests.hostile.paths import PATHS
from keras_tests.hostile.zips import ZIPS
from treadle import keras
from treadle.keras_like.saving.archive import read_archive, write_archive
from treadle.keras_like.saving.errors import ModelFileError
from treadle.keras_like.saving.tensors import Group, check_tensors, read_tensors, write_tensors

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


# A file as treadle wrote it until November 2026, with BLAKE2b of the values.
OLDER = ("c-rlnKTq307{=eTak)^U1c5|gA??Iyu%jFkK@iA*3TivBwRU_~B?3Z#s&*<PY>XKh`6zq@Mn*=y0r>3qNY3e>(9)sm`*ZBm-M#iDcaI*Q&pB(Yt"
         "ry2;$3Ve3j6fOsxknCOn|WRT5mScgDW;c}F1ORV3YM4g`W&zK3CrKVZ8lZ(eGc8ujgzGui2spRb7fnlJC8cbxU$T+PViM89`*Ft`onfvy7lxsfi1Ue)U"
         "Pv~es2q;U()ZOeoq}UE|U945}r@L@7`>!DFtiYRc+I+^ExJ;<^$WKS^l6foDbX;$p^>>27TbXV8(q8)LrcF`M~_B=>vHk6F>5S@6TsN$(#@W$_Fm1<O"
         "AdbgFetLnsILK`RciSz<p_6e+TnliZn()L*M`N{WT5^>`w=#l3v~q_SAF^W*AG)C_nZ!H~L*ozq+N~SZu6rZL&UL^vCtj6E)W*8WVyb2!bF8f*=Tj_}5"
         "_YB75d%IzOMKR#u>2d*bVxfxHcs^wf#!9E_wTRhZ^5{SE6K;Ay>OWf$bQqG_|cS6M{G_&(#f@}yQVc(NTI${^~<4`C<Rm5U)vGSxzFog#>9qF#5sP_$z"
         "qV}Gd@EeLgpy(QrVA>i*Bmi)R^caAjj`<yH%heq;A_LF44Xz2B<{QozeI_|FL#c>n~zZSM@$$*Pcin_lj+Y5dqT|ayPD$1u^")


def test_older_files_load():
    """Files with the older digests load, and damage to them is found."""
    contents = zlib.decompress(base64.b85decode(OLDER))
    values = np.arange(6, dtype=np.float32)
    tree = read_tensors(contents)
    assert tree.at("layers/dense/vars").attributes == {"name": "dense"}
    np.testing.assert_array_equal(tree.at("layers/dense/vars/0"), values.reshape(2, 3))
    damaged = bytearray(contents)
    damaged[contents.index(values.tobytes()) + 5] ^= 1
    with pytest.raises(ModelFileError, match="not the one that was written"):
        read_tensors(damaged)


def test_damage_to_large_tensors_is_found(tmp_path, seed):
    """In each block, read at once or only looked at."""
    values = np.random.default_rng(seed).normal(size=(3, 150_000)).astype(np.float32)
    write_tensors(tmp_path / "a.h5", {"a": values, "b": {"c": np.zeros(0)}, "half": values.astype(tf.bfloat16.as_numpy_dtype)})
    contents = (tmp_path / "a.h5").read_bytes()
    tree = read_tensors(contents)
    assert np.array_equal(tree["a"], values) and tree["half"].dtype.name == "bfloat16"
    start = contents.index(values.tobytes())
    for at in (0, 1 << 20, values.nbytes - 1):
        damaged = bytearray(contents)
        damaged[start + at] ^= 16
        (tmp_path / "b.h5").write_bytes(damaged)
        for read in (read_tensors, check_tensors):
            with pytest.raises(ModelFileError, match="the tensor '/a' is not the one that was written"):
                read(tmp_path / "b.h5")
    check_tensors(tmp_path / "a.h5")


def test_what_is_wrong_within_a_model_is_said_once(tmp_path):
    """Which file, which member, what is wrong, what to do."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, kernel_initializer="ones")])
    path = tmp_path / "a.keras"
    model.save(path)
    with read_archive(path) as archive:
        members = dict(archive)
    place = members["model.weights.h5"].index(np.ones((3, 2), np.float32).tobytes())
    members["model.weights.h5"] = members["model.weights.h5"][:place] + b"?" + members["model.weights.h5"][place + 1:]
    write_archive(path, members)
    for load in (keras.models.load_model, model.load_weights):
        with pytest.raises(ModelFileError) as found:
            load(path)
        assert found.value.message.partition("\n")[0] == (
            f"The file '{path}' has a member, 'model.weights.h5', that is damaged: the tensor '/layers/dense/vars/0' is not "
            "the one that was written. Load a copy that is whole, from a source that you trust.")


def test_a_refused_tensor_is_not_written(tmp_path):
    with pytest.raises(ModelFileError, match="cannot hold '/a/b', an array of dtype object"):
        write_tensors(tmp_path / "a.h5", {"a": {"b": np.array([None])}})
    assert not list(tmp_path.iterdir())


if __name__ == "__main__":
    limit = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + (8 << 30)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    print(json.dumps(attempts(json.load(sys.stdin))))
