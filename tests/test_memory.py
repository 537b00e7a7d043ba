"""What is left of a program when nobody needs it any more."""

import gc
import sys

import jax
import numpy as np
import pytest

import treadle as tf
from treadle.lowering import executable, memory, namespace


def call_with_new_shapes(count):
    @tf.function(reduce_retracing=False)
    def f(x):
        y = tf.nn.softmax(tf.nn.relu(tf.matmul(x, tf.transpose(x)) * 2.0 + 1.0))
        return tf.reduce_mean(y, axis=0), tf.argmax(y, axis=1)

    for size in range(3, 3 + count):
        f(np.ones((size, 2), np.float32))


def living():
    """How many traces, and how many programs, JAX and XLA hold."""
    gc.collect()
    traces = sum(type(o).__name__ == "Jaxpr" and type(o).__module__.startswith("jax") for o in gc.get_objects())
    return np.array([traces, len(jax.devices()[0].client.live_executables())])


@pytest.mark.filterwarnings("ignore:.*traced")
def test_a_dropped_function_leaves_neither_traces_nor_programs(monkeypatch):
    monkeypatch.setenv("TREADLE_CACHE", "")
    monkeypatch.setattr(memory, "_LOWERED_BETWEEN", 1)
    call_with_new_shapes(2)
    before = living()
    call_with_new_shapes(8)
    assert (living() - before < 4).all()  # each of the 8 would leave one or more


def loop(x):
    y, i = x, 0
    while tf.reduce_sum(y) < 100.0:
        y, i = y * 2.0 if tf.reduce_max(y) < 10.0 else y + tf.sqrt(y), i + 1
    return y


PROGRAMS = {
    "loop": loop,
    "scan": lambda x: tf.scan(lambda a, row: a + tf.sin(row), x),
    "map": lambda x: tf.map_fn(lambda row: tf.cumsum(row), x),
    "gamma": lambda x: tf.random.stateless_gamma([4], [1, 2], alpha=x[0, 0]),
    "poisson": lambda x: tf.random.stateless_poisson([4], [1, 2], lam=x[0, 0]),
    "betainc": lambda x: tf.math.betainc(x, x, x),
    "expm": lambda x: tf.linalg.expm(x),
    "sqrtm": lambda x: tf.linalg.sqrtm(x),
    "svd": lambda x: tf.linalg.svd(x)[0],
}


def loops_in(program):
    """How many loops and branches a program has when it is lowered; nothing is compiled."""
    x = np.random.default_rng(0).uniform(0.1, 0.9, (3, 3)).astype(np.float32)
    text = tf.function(program).get_concrete_function(x).stablehlo()
    return [text.count(word) for word in ("stablehlo.while", "stablehlo.case", "stablehlo.if")]


def test_loops_of_rules_stay_loops(monkeypatch):
    """Without `jax.jit` JAX would unroll some: each program has as many loops and branches as with it."""
    monkeypatch.setattr(executable, "_compiled", lambda *lowered: None)
    monkeypatch.setattr(executable, "_direct_call", lambda compiled: None)
    monkeypatch.setattr(executable, "EXECUTABLES", set())  # nobody else is to meet programs that cannot run
    monkeypatch.setenv("TREADLE_CACHE", "")
    ours = {name: loops_in(program) for name, program in PROGRAMS.items()}
    assert ours["loop"][0] == 1 and sum(map(sum, ours.values())) >= 6
    for module in (executable, namespace):
        monkeypatch.setattr(module, "inlined", lambda function: function)
    assert ours == {name: loops_in(program) for name, program in PROGRAMS.items()}


def test_what_the_user_jitted_is_not_traced_again(monkeypatch):
    monkeypatch.setenv("TREADLE_CACHE", "")
    traced = []

    @jax.jit
    def own(x):
        traced.append(x.shape)
        return jax.numpy.sum(x * 2.0)

    own(np.ones(7, np.float32))
    monkeypatch.setattr(memory, "_LOWERED_BETWEEN", 1)
    tf.function(lambda x: x + 1.0)(np.ones((3, 17), np.float32))
    tables = [getattr(sys.modules[module], name, None) for module, name in memory._NOTES]
    emptied = [table.cache_info().currsize for table in tables if hasattr(table, "cache_info")]
    assert len(emptied) >= 3 and sum(emptied) < 50
    own(np.ones(7, np.float32))
    assert traced == [(7,)]


@pytest.fixture(params=[False, True], ids=["given back", "kept"])
def given_back(request, monkeypatch):
    """What glibc is told to give back, and what that is to be for so many times: nothing where the user keeps it."""
    if memory._malloc_trim is None:
        pytest.skip("glibc's function")
    calls = []
    monkeypatch.setattr(memory, "_malloc_trim", calls.append)
    monkeypatch.setattr(memory.FreeMemory, "kept", request.param)
    monkeypatch.setattr(memory.FreeMemory, "_compiled", 0.0)
    return calls, lambda times: [] if request.param else [0] * times


def test_freed_memory_goes_back_unless_the_user_keeps_it(given_back):
    calls, expected = given_back
    for _ in range(memory._DROPPED_BETWEEN):
        memory.FreeMemory.program_dropped()
    gc.collect()
    assert calls == expected(1)
    gc.collect()
    assert len(calls) <= 1


def test_memory_that_compiling_took_goes_back(given_back):
    calls, expected = given_back
    for seconds in (0.25, 0.125, 0.125, 0.25, 1.0):
        memory.FreeMemory.program_compiled(seconds)
    assert calls == expected(2)


def test_compiling_is_noted(monkeypatch):
    noted = []
    monkeypatch.setenv("TREADLE_CACHE", "")
    monkeypatch.setattr(memory.FreeMemory, "program_compiled", noted.append)
    tf.function(lambda x: x * 2.0 + 5.0)(np.ones((3, 23), np.float32))
    assert len(noted) == 1 and noted[0] > 0.0
