"""Fusions: what is computed of a product or along rows by one kernel, beside the same program in float64 and without them."""

from __future__ import annotations

import os
import random

import jax
import numpy as np
import pytest

import treadle as tf
from treadle.ir.op import REGISTRY
from treadle.lowering import disk_cache, fusion, labels, namespace
from treadle.lowering.native.library import Library
from treadle.lowering.native.rows import ELEMENTWISE
from treadle.lowering.overrides import lowering_of

pytestmark = pytest.mark.skipif(jax.default_backend() != "cpu" or not Library.lanes(), reason="needs a CPU and a C compiler")
NAN, INF = float("nan"), float("inf")
FEWEST, NARROWEST = fusion.FEWEST, fusion.NARROWEST


@pytest.fixture(autouse=True)
def small_ones_too(monkeypatch):
    monkeypatch.setattr(fusion, "FEWEST", 1)
    monkeypatch.setattr(fusion, "NARROWEST", 1)
    monkeypatch.setattr(disk_cache, "entry", lambda *about: None)


@pytest.fixture
def count(monkeypatch):
    """How many operations the fusions made since stand for."""
    sizes = []
    real = fusion._Fusing._put

    def put(self, unit, group, again):
        sizes.append(len(unit.attributes["graph"].operations))
        return real(self, unit, group, again)
    monkeypatch.setattr(fusion._Fusing, "_put", put)
    return sizes


def apart(function):
    """The function without fusions."""
    def run(*args):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fusion, "kernels_for", lambda names: 0)
            return tf.function(function)(*args)
    return run


# --- random programs ------------------------------------------------------------------------------------------------------

UNARY = [tf.negative, tf.abs, tf.square, lambda x: tf.sqrt(tf.square(x) + 0.5), lambda x: tf.math.rsqrt(tf.square(x) + 0.5),
         lambda x: tf.math.reciprocal(tf.square(x) + 0.5), lambda x: tf.exp(-tf.square(x)), tf.math.erf, tf.tanh, tf.sigmoid,
         tf.nn.relu, tf.nn.gelu, tf.nn.silu, tf.identity, lambda x: tf.zeros_like(x) + x]
BINARY = [tf.add, tf.subtract, tf.multiply, lambda x, y: x / (tf.square(y) + 1.0), tf.maximum, tf.minimum,
          tf.math.squared_difference, lambda x, y: tf.where(x > y, x, 0.5 * y), lambda x, y: tf.nn.relu(x) * tf.sin(y)]
ALONG = [lambda x: tf.reduce_mean(x, -1, keepdims=True), lambda x: tf.reduce_sum(x, -1, keepdims=True) / x.shape[-1],
         lambda x: tf.reduce_max(x, -1, keepdims=True), lambda x: x - tf.reduce_mean(x, -1, keepdims=True), tf.nn.softmax,
         lambda x: tf.nn.softmax(tf.where(tf.reshape(x, (-1, x.shape[-1]))[:1] > 0.0, x, -1e9))]


def drawn_program(draw: random.Random):
    """A function of matrices, and arrays to call it with."""
    lanes = Library.lanes()
    shape = draw.choice([(draw.randint(1, 40),), (draw.randint(1, 4), draw.randint(1, 20))])
    terms, width = draw.randint(4, 48), lanes * draw.randint(1, 4)
    heads = draw.choice([None, None, 2])
    shapes = [(*shape, terms), (terms, width), (width,), (*shape, width), (*shape, 1), ()]
    steps = [(draw.random(), draw.randrange(1 << 30), draw.randrange(1 << 30)) for _ in range(draw.randint(2, 14))]
    kept = [draw.randrange(1 << 30) for _ in range(draw.randint(1, 3))]

    def run(x, w, bias, other, row, number):
        with tf.GradientTape() as tape:
            tape.watch([x, w, bias, other, row])
            values = [x @ w if heads is None else tf.reshape(
                tf.einsum("...t,thu->...hu", x, tf.reshape(w, (terms, heads, width // heads))), (*shape, width))]
            others = [bias, other, row, number]
            for kind, a, b in steps:
                x_ = values[a % len(values)] if kind < 0.9 else values[-1]
                if kind < 0.35:
                    y = UNARY[b % len(UNARY)](x_)
                elif kind < 0.55:
                    y = BINARY[b % len(BINARY)](x_, (others * 2 + values)[b // 16 % (8 + len(values))])
                elif kind < 0.7:
                    y = BINARY[b % len(BINARY)](x_, values[b // 16 % len(values)])
                elif kind < 0.9:
                    y = ALONG[b % len(ALONG)](x_) if x_.shape[-1] == width else x_ * 2.0
                else:
                    y = tf.reshape(tf.reshape(x_, (-1, x_.shape[-1])) + 0.25, x_.shape)
                values.append(y)
            results = [tf.concat([v, v], 0) for v in (values[-1], *[values[k % len(values)] for k in kept])]
            loss = tf.add_n([tf.reduce_sum(tf.sin(r)) for r in results])
        gradients = tape.gradient(loss, [x, w, bias, other, row], unconnected_gradients="zero")
        return [*results, tf.reduce_sum(results[0], 0), *gradients]
    rng = np.random.default_rng(draw.getrandbits(32))
    return run, [rng.normal(size=s) / np.sqrt(s[0] if s == (terms, width) else 1) for s in shapes]


def test_random_programs_are_those_of_float64(count):
    seed = os.environ.get("TREADLE_TEST_SEED", str(random.randrange(1 << 30)))
    print("seed", seed)
    for number in range(40):
        run, arrays = drawn_program(random.Random(f"{seed} {number}"))
        expected = tf.function(run)(*[tf.constant(a, tf.float64) for a in arrays])
        narrow = [tf.constant(a, tf.float32) for a in arrays]
        whole, pieces = tf.function(run)(*narrow), apart(run)(*narrow)
        for i, (found, piece, wide) in enumerate(zip(whole, pieces, expected)):
            scale = np.abs(wide.numpy()).max(initial=1e-3)
            error, usual = (np.abs(v.numpy() - wide.numpy()).max(initial=0) / scale for v in (found, piece))
            assert error < 1e-4 + 20 * usual, (seed, number, i, error, usual)
    assert sum(count) > 200


# --- each operation -------------------------------------------------------------------------------------------------------

SPECIAL = [NAN, INF, -INF, 0.0, -0.0, 1e-40, -1e-40, 1.0, -1.0, 0.5, 88.5, 88.8, -87.0, -103.0, -104.5, 1e30, -1e30, 3.5, -3.9,
           9.1, -9.1, 3.4e38]


def grid(lanes: int) -> tuple[np.ndarray, np.ndarray]:
    """Every special value beside every other, in rows of a width that the kernels take."""
    a, b = (np.ravel(m) for m in np.meshgrid(SPECIAL, SPECIAL))
    width = 2 * lanes
    whole = -(-len(a) // width) * width
    return tuple(np.resize(m, whole).reshape(-1, width).astype(np.float32) for m in (a, b))


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_special_values_are_those_of_xla(name, count):
    op = REGISTRY[name]
    a, b = grid(Library.lanes())
    x, w = np.zeros((len(a), 8), np.float32), np.zeros((8, a.shape[1]), np.float32)

    def run(x, w, a, b, never, chosen):
        product = x @ w
        a, b = tf.where(never, product, a), tf.where(never, product, b)
        y = tf.where(chosen, a, b) if name == "select" else op(*[a, b][:op.arity])
        return tf.reshape(y, (-1,))
    args = [tf.constant(v) for v in (x, w, a, b, np.zeros(a.shape, bool), a > b)]
    found, expected = tf.function(run)(*args).numpy(), apart(run)(*args).numpy()
    assert count and max(count) >= 2 + op.arity - (name == "select")
    tiny = np.finfo(np.float32).tiny
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=tiny if name != "erf" else 4e-7)


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_what_is_not_finite_stays_in_its_row(value, count):
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(20, 8)).astype("f"), rng.normal(size=(8, 2 * Library.lanes())).astype("f")
    x[7, 3] = value

    def run(x, w):
        y = x @ w
        y = (y - tf.reduce_mean(y, 1, keepdims=True)) / (tf.reduce_max(y, 1, keepdims=True) + 1.0)
        return tf.nn.softmax(y) * 2.0, tf.reduce_sum(y, 1, keepdims=True) + 1.0
    found, expected = tf.function(run)(tf.constant(x), tf.constant(w)), apart(run)(tf.constant(x), tf.constant(w))
    assert count
    for f, e in zip(found, expected):
        np.testing.assert_allclose(f, e, rtol=2e-4, atol=1e-5)
        assert np.isfinite(np.delete(f.numpy(), 7, 0)).all()


def test_comparisons_stay_outside(count):
    rng = np.random.default_rng(1)
    x, w = (tf.constant(rng.normal(size=s).astype("f")) for s in [(20, 8), (8, 2 * Library.lanes())])

    def run(x, w):
        y = tf.tanh(x @ w)
        row = tf.reduce_mean(y, 1, keepdims=True) > 0.1
        both = tf.where(tf.equal(y > 0.2, tf.square(y) > 0.1), y, 0.5 * y)
        both = tf.concat([both, both], 0)
        return both, tf.where(row, y, -y), tf.cast(row, tf.int32), tf.cast(y > 0.1, tf.int32), tf.cast(tf.exp(y), tf.float64)
    for found, expected in zip(tf.function(run)(x, w), apart(run)(x, w)):
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert count


# --- what is fused --------------------------------------------------------------------------------------------------------


def kernels_of(function, *args):
    """The text of the compiled program."""
    return function.get_concrete_function(*args).latest().program.executable.stablehlo()


def test_a_dense_layer_with_its_activation_and_normalization_is_one_kernel(count):
    x, w, b = tf.random.normal((32, 16)), tf.random.normal((16, 64)), tf.random.normal((64,))

    @tf.function
    def run(x, w, b):
        y = tf.nn.gelu(x @ w + b)
        mean, variance = tf.nn.moments(y, [1], keepdims=True)
        y = (y - mean) * tf.math.rsqrt(variance + 1e-3)
        return tf.concat([y, y], 0)
    text = kernels_of(run, x, w, b)
    assert text.count("@treadle_product") == 1 and "erf" not in text and "rsqrt" not in text


def test_a_normalization_alone_is_a_kernel_where_there_are_others(count):
    @tf.function
    def run(x, w):
        mean = tf.reduce_mean(x, 1, keepdims=True)
        x = (x - mean) * tf.math.rsqrt(tf.reduce_mean(tf.square(x - mean), 1, keepdims=True) + 1e-3)
        return x @ w
    text = kernels_of(run, tf.random.normal((32, 64)), tf.random.normal((64, 16)))
    assert text.count("@treadle_rows") == 1 and "rsqrt" not in text


def test_a_gradient_keeps_one_matrix_of_an_activation(count):
    x, w, b, v = (tf.random.normal(s) for s in [(32, 16), (16, 64), (64,), (64, 32)])

    @tf.function
    def run(x, w, b, v):
        with tf.GradientTape() as tape:
            tape.watch([w, b])
            loss = tf.reduce_sum(tf.sin(tf.nn.gelu(x @ w + b) @ v))
        return tape.gradient(loss, [w, b])
    run(x, w, b, v)
    fused = fusion.fused(run.get_concrete_function(x, w, b, v).latest().program.executable._graph)
    first = next(o for o in fused.operations if o.op.name == "fusion")
    assert [r.type.shape for r in first.results] == [(32, 64), (32, 64)]  # what gelu made, and what it was made of


def test_what_the_kernels_do_not_take_is_left_to_xla(count):
    def run(x, w):
        return tf.concat([tf.tanh(x @ w), x @ w], 0)
    lanes = Library.lanes()
    for shapes, dtype in ((((32, 16), (16, 64)), tf.float64), (((32, 16), (16, 2 * lanes + 1)), tf.float32)):
        args = [tf.random.normal(s, dtype=dtype) for s in shapes]
        np.testing.assert_allclose(tf.function(run)(*args), apart(run)(*args), rtol=1e-6)
    assert not count


def test_a_fusion_is_the_graph_that_it_holds(count):
    """By the kernel and by what it stands for; among its operands is one that is a factor and added too, and both factors."""
    x = tf.random.normal((64, 64))

    @tf.function
    def run(x, y):
        heads = tf.einsum("bk,hk->hb", x, y)
        return tf.tanh(x @ y + x) * 2.0, tf.sigmoid(x @ x) * 2.0, tf.tanh(heads) * y + 1.0
    graph = run.get_concrete_function(x, x + 1.0).latest().program.executable._graph
    fusions = [o for o in fusion.fused(graph).operations if o.op.name == "fusion"]
    assert len(fusions) == len(count) // 2 == 3
    for operation in fusions:
        values = {v: np.random.default_rng(i).normal(size=v.type.shape).astype("f") for i, v in enumerate(operation.operands)}
        arrays = [values[v] for v in operation.operands]
        rules = (lowering_of(operation.op), namespace.HERE), (operation.op.lower, namespace.JAX)
        results = [rule(xp, *arrays, **operation.attributes) for rule, xp in rules]
        for found, expected in zip(*results):
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_the_gradient_of_the_largest_finds_it(count):
    rng = np.random.default_rng(0)
    x, w, b = (tf.constant(rng.normal(size=s).astype("f")) for s in [(64, 16), (16, 64), (64,)])

    @tf.function
    def run(x, w, b):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.abs(x @ w) / b
            again = tf.concat([y, y], 0)
            loss = tf.reduce_sum(tf.reduce_max(y, 1)) + tf.reduce_sum(tf.reduce_max(y, 1, keepdims=True) * y)
        return tape.gradient(loss, x), again
    assert np.isfinite(run(x, w, b)[0]).all() and count


def test_small_matrices_and_short_rows_are_left_to_xla(count, monkeypatch):
    monkeypatch.setattr(fusion, "FEWEST", FEWEST)
    monkeypatch.setattr(fusion, "NARROWEST", NARROWEST)
    for shapes in (((32, 16), (16, 64)), ((8192, 16), (16, Library.lanes()))):
        tf.function(lambda x, w: tf.concat([tf.tanh(x @ w)] * 2, 0))(*[tf.random.normal(s) for s in shapes])
    assert not count
    tf.function(lambda x, w: tf.concat([tf.tanh(x @ w)] * 2, 0))(tf.random.normal((1024, 16)), tf.random.normal((16, 64)))
    assert len(count) == 1


def test_rows_wider_than_the_kernels_hold_are_left_to_xla():
    x, w = tf.random.normal((8, 16)), tf.random.normal((16, 2048))

    @tf.function
    def run(x, w):
        return tf.reshape(tf.nn.softmax(x @ w), (-1,))
    np.testing.assert_allclose(run(x, w), tf.reshape(tf.nn.softmax(x @ w), (-1,)), rtol=1e-4, atol=1e-6)


def test_labels_name_the_operations_of_a_fusion():
    x, w = tf.random.normal((256, 256)), tf.random.normal((256, 256))

    @tf.function
    def run(x, w):
        return tf.reduce_sum(tf.tanh(x @ w) @ w, 0)
    executable = run.get_concrete_function(x, w).latest().program.executable
    names = {o.op.name for k in labels.kernels(executable).values() for o in k.operations}
    assert {"matmul", "tanh"} <= names and "fusion" not in names
