"""What XLA is told: by the ops that a program holds, by the platform; an older XLA knows less."""

import jax
import numpy as np
import pytest

import treadle as tf
from treadle.lowering import executable
from treadle.lowering.compiler_options import compiler_options

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
