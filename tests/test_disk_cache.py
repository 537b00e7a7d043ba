"""Compiled programs kept on disk: the next process takes them, and nothing that is wrong with them can do harm."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

import treadle as tf
from treadle.ir.fingerprint import graph_fingerprint
from treadle.lowering import disk_cache
from treadle.lowering.executable import Executable

SCRIPT = """
import numpy as np, treadle as tf
v = tf.Variable(np.linspace(-1, 1, 2000).astype(np.float32))
count = tf.Variable(0, dtype=tf.int64)

@tf.function
def step(x):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.sin(v) * x)
        if loss > 3.0:
            loss = loss * 2.0
    v.assign_sub(0.1 * tape.gradient(loss, v))
    count.assign_add(1)
    return loss

x = tf.constant(np.linspace(0, 3, 2000).astype(np.float32))
losses = [step(x).numpy().tobytes().hex() for _ in range(5)]
program = step.get_concrete_function(x).latest().program
print(losses, v.numpy().tobytes().hex()[:400], int(count), float(tf.reduce_max(tf.exp(x))))
print("loaded" if program.executable.lowering_seconds == 0 else "compiled")
"""


def run(script, folder, seed="0"):
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True,
                          env={**os.environ, "TREADLE_CACHE": str(folder), "PYTHONHASHSEED": seed})
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    *values, how = done.stdout.strip().splitlines()
    return values, how


@pytest.fixture
def kept(tmp_path, monkeypatch):
    monkeypatch.setenv("TREADLE_CACHE", str(tmp_path / "programs"))
    return tmp_path / "programs"


def a_graph(factor):
    return tf.function(lambda x: tf.sin(x) * factor).get_concrete_function(tf.TensorSpec([3], tf.float32)).graph


def executed(graph):
    executable = Executable(graph)
    return np.asarray(executable.call(np.float32([1, 2, 3]))[0]), executable.lowering_seconds == 0


def test_another_process_takes_the_programs_and_gets_the_same_bits(tmp_path):
    folder = tmp_path / "programs"
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    first, how = run(script, folder, "1")
    assert how == "compiled"
    files = sorted(os.listdir(folder))
    second, how = run(script, folder, "2")
    assert how == "loaded" and second == first
    assert sorted(os.listdir(folder)) == files
    assert run(script, "")[0] == first, "without a cache"


LAPACK = """
import numpy as np, treadle as tf
a, b = tf.constant(np.eye(4, dtype=np.float32) * 3 + 1), tf.ones((4, 2))
functions = [lambda: tf.linalg.qr(a)[0], lambda: tf.linalg.svd(a)[0], lambda: tf.linalg.cholesky(a),
             lambda: tf.linalg.eig(a)[0], lambda: tf.linalg.eigh(a)[0],
             lambda: tf.linalg.solve(a, b), lambda: tf.linalg.triangular_solve(a, b)]
f = functions[{NUMBER}]
print(np.asarray(f()).tolist(), np.asarray(tf.function(f)()).tolist())
print("")
"""


@pytest.mark.parametrize("number", range(7))
def test_programs_that_call_lapack_run_in_another_process(tmp_path, number):
    """JAX finds LAPACK's functions when it lowers a program that calls one, which a process that reads it does not do."""
    script = tmp_path / "script.py"
    script.write_text(LAPACK.replace("{NUMBER}", str(number)))
    assert run(script, tmp_path / "programs") == run(script, tmp_path / "programs")


def test_a_program_is_found_by_what_it_computes(kept):
    value, loaded = executed(a_graph(2.0))
    assert not loaded
    again, loaded = executed(a_graph(2.0))
    assert loaded
    np.testing.assert_array_equal(again, value)
    other, loaded = executed(a_graph(3.0))
    assert not loaded
    np.testing.assert_allclose(other, value * 1.5, rtol=1e-6)


def test_fingerprints_tell_graphs_apart():
    def of(function, *specs):
        return graph_fingerprint(tf.function(function).get_concrete_function(*specs).graph)

    x, i = tf.TensorSpec([3], tf.float32), tf.TensorSpec([3], tf.int32)
    graphs = [of(lambda a: a + 1.0, x), of(lambda a: a + 2.0, x), of(lambda a: a + 1, i), of(lambda a: 1.0 - a, x),
              of(lambda a: a - 1.0, x), of(lambda a: a + 1.0, tf.TensorSpec([4], tf.float32)),
              of(lambda a: tf.reduce_sum(a, keepdims=True), x), of(lambda a: tf.reduce_sum(a), x),
              of(lambda a: a * -0.0, x), of(lambda a: a * 0.0, x),
              of(lambda a: tf.cond(a[0] > 0, lambda: a * 2.0, lambda: a), x),
              of(lambda a: tf.cond(a[0] > 0, lambda: a * 3.0, lambda: a), x)]
    assert len(set(graphs)) == len(graphs) and None not in graphs
    assert of(lambda a: a + 1.0, x) == graphs[0] == of(lambda b: b + 1.0, x)
    assert of(lambda a: tf.py_function(lambda v: v, [a], tf.TensorSpec([3], tf.float32)), x) is None


@pytest.mark.parametrize("damage", ["truncated", "flipped", "foreign", "empty", "anybody may write", "a folder"])
def test_damaged_and_foreign_entries_are_ignored(kept, damage):
    graph = a_graph(4.0)
    value, _ = executed(graph)
    file, = kept.iterdir()
    content = file.read_bytes()
    if damage == "truncated":
        file.write_bytes(content[:len(content) // 2])
    elif damage == "flipped":
        file.write_bytes(content[:-7] + bytes([content[-7] ^ 1]) + content[-6:])
    elif damage == "foreign":
        file.write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    elif damage == "empty":
        file.write_bytes(b"")
    elif damage == "anybody may write":
        file.chmod(0o666)
    else:
        file.unlink()
        file.mkdir()
    again, loaded = executed(graph)
    assert not loaded
    np.testing.assert_array_equal(again, value)


def test_other_settings_of_xla_are_other_programs(kept, monkeypatch):
    executed(a_graph(5.0))
    monkeypatch.setenv("XLA_FLAGS", os.environ.get("XLA_FLAGS", "") + " --xla_cpu_enable_fast_math=true")
    assert not executed(a_graph(5.0))[1]


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TREADLE_CACHE", str(tmp_path / "file" / "programs"))
    assert not executed(a_graph(6.0))[1]


def test_the_size_is_bounded(kept, monkeypatch):
    for factor in range(4):
        executed(a_graph(10.0 + factor))
    sizes = {f.name: f.stat().st_size for f in kept.iterdir()}
    newest = max(kept.iterdir(), key=lambda f: f.stat().st_mtime_ns).name
    monkeypatch.setattr(disk_cache, "LIMIT", sum(sizes.values()) - 1)
    disk_cache.prune(kept)
    left = {f.name for f in kept.iterdir()}
    assert newest in left and sum(sizes[n] for n in left) <= disk_cache.LIMIT * 3 // 4
