"""What XLA is told: by the ops that a program holds, by the platform; an older XLA knows less."""

import os

import jax
import numpy as np
import pytest

import treadle as tf
from treadle.ir.cost import temporary_bytes
from treadle.lowering import executable
from treadle.lowering.compiler_options import BLOCKS, compiler_options, memory_blocks

ON_CPU = pytest.mark.skipif(jax.default_backend() != "cpu", reason="CPU's options")


def graph_of(function, *specs):
    return tf.function(function).get_concrete_function(*specs).graph


def loop(x):
    for _ in tf.range(x.shape[0]):
        x = tf.tanh(x)
    return x


IMAGE, ROWS = tf.TensorSpec([2, 8, 8, 3]), tf.TensorSpec([4, 4])
PROGRAMS = {"elementwise": (tf.tanh, ROWS), "loop": (loop, ROWS),
            "convolution": (lambda x: tf.nn.conv2d(x, tf.ones([3, 3, 3, 2]), 1, "SAME"), IMAGE)}
LIBRARY, WIDTH = "xla_cpu_experimental_ynn_fusion_type", "xla_cpu_prefer_vector_width"


@ON_CPU
@pytest.mark.parametrize("name, expected", [("elementwise", set()), ("loop", {WIDTH}), ("convolution", {LIBRARY})])
def test_options_follow_the_operations(name, expected):
    assert set(compiler_options(graph_of(*PROGRAMS[name]))) == expected


@pytest.mark.parametrize("name", PROGRAMS)
def test_other_platforms_compile_as_they_are(name, monkeypatch):
    graph = graph_of(*PROGRAMS[name])
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert compiler_options(graph) == {}


def test_an_unknown_option_is_left_out_alone():
    lowered = jax.jit(lambda x: x + 1).lower(np.float32(1))
    told = []

    class OlderXla:
        def compile(self, compiler_options=None):
            told.append(compiler_options)
            return lowered.compile(compiler_options=compiler_options)

    compiled = executable._compiled(OlderXla(), {"xla_cpu_of_the_future": 1, "xla_backend_optimization_level": 1})
    assert told[-1] == {"xla_backend_optimization_level": 1}
    assert compiled(np.float32(1)) == 2


def test_programs_on_disk_are_told_apart_by_their_options(tmp_path, monkeypatch):
    monkeypatch.setenv("TREADLE_CACHE", str(tmp_path))

    def entries_after_a_call():
        tf.function(lambda x: tf.tanh(x) * 3)(tf.ones([5]))
        return len(list(tmp_path.iterdir()))

    first = entries_after_a_call()
    assert entries_after_a_call() == first
    monkeypatch.setattr(executable, "compiler_options", lambda graph: {"xla_backend_optimization_level": 1})
    assert entries_after_a_call() > first


def with_alive(count, megabytes):
    """A graph that holds so many values at once, of so many MB each."""
    x = [tf.TensorSpec([megabytes, 1024, 256])] * count
    return graph_of(lambda *x: tf.add_n([tf.reduce_sum(part) for part in [tf.tanh(part) for part in x]]), *x)


@pytest.mark.parametrize("count, megabytes, expected", [
    (31, 1, {}),  # glibc keeps one such block
    (2, 26, {}),  # blocks that hold such values would be mapped as well
    (32, 1, {BLOCKS: 4 << 20}), (8, 4, {BLOCKS: 5 << 20}), (2, 24, {BLOCKS: 30 << 20}),
    (60, 4, {BLOCKS: 5 << 20}), (70, 4, {}),  # all threads together would keep too much
])
def test_memory_comes_in_blocks_where_glibc_would_map_it_anew(count, megabytes, expected):
    assert memory_blocks(with_alive(count, megabytes), cores=2) == expected


def test_many_cores_keep_less():
    graph = with_alive(9, 7)
    assert [bool(memory_blocks(graph, cores)) for cores in (2, 8, 9, 64)] == [True, True, False, False]


def rounds(x):
    for _ in tf.range(8):
        x = tf.tanh(x @ x)
    return x


@pytest.mark.parametrize("program, expected", [
    (lambda x: x, 0),
    (lambda x: tf.tanh(x @ x), 2),
    (lambda x: tf.tanh(tf.sin(x @ x)) @ x, 2),  # what has had its last use makes room
    (lambda x: (x @ x) @ (x + np.ones((64, 64), np.float32)), 3),  # the program's own constants take none
    (rounds, 3),
])
def test_temporary_bytes_are_those_of_the_values_alive_at_once(program, expected):
    assert temporary_bytes(graph_of(program, tf.TensorSpec([64, 64]))) / (64 * 64 * 4) == pytest.approx(expected, abs=0.01)


@ON_CPU
def test_a_program_in_blocks_computes_the_same(monkeypatch):
    kept = []
    monkeypatch.setattr(executable.memory, "keep_blocks", lambda: kept.append(True))
    x = np.random.default_rng(0).standard_normal((16, 512, 512)).astype(np.float32)

    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(tf.tanh(x @ x[0] / 32.0) @ x[1])
        return tape.gradient(y, x)

    compiled = tf.function(gradient)
    in_blocks = BLOCKS in compiler_options(compiled.get_concrete_function(x).graph)
    assert in_blocks or (os.cpu_count() or 1) > 4
    expected = gradient(tf.constant(x)).numpy()
    for _ in range(2):
        np.testing.assert_allclose(compiled(x).numpy(), expected, rtol=1e-4, atol=2e-3)
    assert bool(kept) == in_blocks
