"""`cond`, `while` and `scan`: values, types, gradients of every order, forward mode, vmap, effects, random graphs."""

import random

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from control_graphs import BOOL, F32, F64, INT, Grower, counting, graph_of, run_compiled, run_python

import treadle as tf
from treadle.ir import autodiff, dtypes, errors
from treadle.ir.builder import specialise
from treadle.ir.dims import Dim
from treadle.ir.equality import equal
from treadle.ir.gradients import while_ as while_gradient
from treadle.ir.op import REGISTRY, Rest, op
from treadle.ir.ops.control import cond, dynamic_row, dynamic_update, scan, while_
from treadle.ir.ops.structure import call, vectorized_call
from treadle.ir.parser import parse
from treadle.ir.passes.pipeline import run_pipeline
from treadle.ir.types import TensorType
from treadle.ir.verifier import verify

sin, exp, tanh = (REGISTRY[n] for n in ("sin", "exp", "tanh"))
TRUE_FALSE = (graph_of(lambda x, y: sin(x) * y, F32, F32), graph_of(lambda x, y: x * x + y, F32, F32))
STEP = graph_of(lambda s, w, r: (sin(s * w) + r, s * s * r), F32, F32, F32, name="step")
ROUND = counting(lambda x, w: [sin(x[0] * w) + x[0] * x[0] * 0.1])


@op(infer=lambda *types: types, lower=lambda xp, *x: x, vjp=lambda g, y, *x: g, traits="effect", many=True)
def observe_values(operands: Rest):
    """An effect that returns its operands, for these tests."""


rounds: list = []


def _noted(xp, x):
    rounds.append(1)
    return [xp.tanh(x)]


@op(infer=lambda x: [x], lower=_noted, vjp=lambda g, y, x: [g[0] * (1.0 - y[0] * y[0])], many=True)
def observed_tanh(operands: Rest):
    """tanh, noted in `rounds`."""


del REGISTRY["observe_values"], REGISTRY["observed_tanh"]  # not ops of treadle's


def choose(p, x, y):
    return cond([p, x, y], branches=TRUE_FALSE)[0]


def run_scan(s, w, rows, reverse=False):
    return scan([s, w, rows], body=STEP, carried=1, scanned=1, length=rows.type.shape[0], reverse=reverse)


def run_while(x, w, n):
    return ROUND([x], [w], tf.constant(n), tf.constant(0))[0]


def while_in_jax(x, w, n):
    return jax.lax.scan(lambda x, _: (jnp.sin(x * w) + x * x * 0.1, None), x, None, n)[0]


def scan_in_jax(s, w, rows, reverse=False):
    return jax.lax.scan(lambda s, r: (jnp.sin(s * w) + r, s * s * r), s, rows, reverse=reverse)


def close(actual, expected, tolerance=2e-5):
    np.testing.assert_allclose(np.asarray(actual), np.asarray(expected), rtol=tolerance, atol=tolerance)


# --- values and types -----------------------------------------------------------------------------------------------


def test_values():
    for p in (True, False):
        expected = np.sin(3.0) * 2 if p else 11.0
        close(choose(tf.constant(p), tf.constant(3.0), tf.constant(2.0)).numpy(), expected)
    three = tuple(graph_of(lambda x, k=k: x * k, F32) for k in (1.0, 2.0, 3.0))
    for index, factor in [(0, 1), (1, 2), (2, 3), (3, 3), (-1, 3), (99, 3)]:
        assert cond([tf.constant(index), tf.constant(5.0)], branches=three)[0].numpy() == 5 * factor
    for n in (0, 1, 7):
        close(run_while(tf.constant(0.3), tf.constant(0.7), n).numpy(), while_in_jax(0.3, 0.7, n))
    for length in (0, 1, 5):
        for reverse in (False, True):
            rows = np.linspace(0.1, 1, length).astype(np.float32)
            state, ys = run_scan(tf.constant(0.3), tf.constant(0.7), tf.constant(rows), reverse)
            expected = scan_in_jax(0.3, 0.7, rows, reverse)
            close(state.numpy(), expected[0])
            close(ys.numpy(), expected[1])


@pytest.mark.parametrize("build, kind, text", [
    (lambda x: cond([x, x], branches=(graph_of(sin, F32),) * 2), errors.DtypeError, "The predicate must be a bool scalar"),
    (lambda x: cond([x < 0.0, x], branches=(graph_of(sin, F32), graph_of(lambda x: x < 0.0, F32))), errors.DtypeError,
     r"value 0 is f32\[\] from branch 0 and bool\[\] from branch 1"),
    (lambda x: cond([x < 0.0, x], branches=(graph_of(sin, F32), graph_of(lambda x: (x, x), F32))),
     errors.InvalidArgumentError, "1 from branch 0 and 2 from branch 1"),
    (lambda x: while_([x], condition=graph_of(lambda x: x < 1.0, F32), carried=1,
                      body=graph_of(lambda x: REGISTRY["cast"](x, dtype="int32"), F32)),
     errors.DtypeError, r"value 0 is f32\[\] before the loop and i32\[\] after its body"),
    (lambda x: while_([x], condition=graph_of(sin, F32), carried=1, body=graph_of(sin, F32)), errors.DtypeError,
     "The condition of a loop must be a bool scalar"),
    (lambda x: scan([x, tf.reshape(x, [1])], body=graph_of(lambda s, r: s + r, F32, F32), carried=1, scanned=1, length=2),
     errors.InvalidArgumentError, "as many rows as it has rounds, 2"),
], ids=["predicate", "branch dtypes", "branch counts", "carried", "condition", "length"])
def test_errors_name_the_place_and_both_types(build, kind, text):
    with pytest.raises(kind, match=text):
        graph_of(build, F32)


def everything(p, x, n, rows):
    """A while in a cond in a scan, and more."""
    inner = graph_of(lambda s, w, n, r: ROUND([s * r], [w], n, REGISTRY["constant"](value=np.int32(0))), F32, F32, INT, F32)
    other = graph_of(lambda s, w, n, r: exp(-s) * w, F32, F32, INT, F32)
    body = graph_of(lambda s, w, n, r: [cond([r < 0.5, s, w, n, r], branches=(inner, other))[0] + r, s * r], F32, F32, INT, F32)
    state, ys = scan([choose(p, x, x), x, n, rows], body=body, carried=1, scanned=1, length=rows.type.shape[0])
    return state + REGISTRY["reduce_sum"](ys)


def test_text_and_specialisation():
    graph = graph_of(everything, BOOL, F32, INT, TensorType.of(dtypes.float32, (4,)))
    verify(graph)
    assert equal(parse(str(graph)), graph)
    for derived in (autodiff.gradient(graph), run_pipeline(autodiff.gradient(graph)).graph):
        verify(derived)
    optimised = run_pipeline(autodiff.gradient(graph)).graph
    assert equal(parse(str(optimised)), optimised)
    symbolic = graph_of(everything, BOOL, F32, INT, TensorType.of(dtypes.float32, (Dim.symbol("n0"),)))
    for made in (symbolic, autodiff.gradient(symbolic)):
        assert equal(parse(str(made)), made)
        for length in (4, 0):
            types = [t.substitute({"n0": length}) for t in made.input_types]
            verify(specialise(made, types))
    found = run_compiled(specialise(autodiff.gradient(symbolic), [t.substitute({"n0": 4}) for t in
                                                                  autodiff.gradient(symbolic).input_types]), ARGUMENTS)
    for a, b in zip(found, run_compiled(autodiff.gradient(graph), ARGUMENTS)):
        close(a, b)


ARGUMENTS = [True, np.float32(0.3), np.int32(3), np.float32([0.2, 0.7, 0.4, 0.9]), np.float32(1)]


# --- gradients ------------------------------------------------------------------------------------------------------


def first_and_second(function, *arrays):
    """The gradient, and the gradient of the sum of its squares: by tapes."""
    x = [tf.constant(a) for a in arrays]
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = function(*x)
        first = inner.gradient(y, x, unconnected_gradients="zero")
        total = sum(tf.reduce_sum(g * g) for g in first)
    return first, outer.gradient(total, x, unconnected_gradients="zero")


def check_gradients(function, in_jax, *arrays, tolerance=1e-4):
    places = tuple(range(len(arrays)))
    gradient = jax.grad(in_jax, places)
    expected = gradient(*arrays), jax.grad(lambda *x: sum((g * g).sum() for g in gradient(*x)), places)(*arrays)
    for actual, wanted in zip(first_and_second(function, *arrays), expected):
        for a, e in zip(actual, wanted):
            close(a.numpy(), e, tolerance)


def test_gradients_of_cond():
    for p, in_jax in [(True, lambda x, y: jnp.sin(x) * y), (False, lambda x, y: x * x + y)]:
        check_gradients(lambda x, y, p=p: choose(tf.constant(p), x, y) * x, lambda x, y, f=in_jax: f(x, y) * x, 0.3, 0.7)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("length", [0, 1, 6])
def test_gradients_of_scan(length, reverse):
    def function(s, w, rows):
        state, ys = run_scan(s, w, rows, reverse)
        return state * (tf.reduce_sum(ys) + 1.0)

    def in_jax(s, w, rows):
        state, ys = scan_in_jax(s, w, rows, reverse)
        return state * (ys.sum() + 1.0)
    check_gradients(function, in_jax, 0.3, 0.7, np.linspace(0.1, 1, length).astype(np.float32))
    # Only some results have cotangents.
    check_gradients(lambda *x: run_scan(*x, reverse)[0], lambda *x: scan_in_jax(*x, reverse)[0], 0.3, 0.7,
                    np.linspace(0.1, 1, length).astype(np.float32))


@pytest.mark.parametrize("length", [0, 1, 3])
def test_a_value_returned_twice_has_one_cotangent(length):
    """As recurrent layers have it: the last output, which no round reads, is also a state; and each output, stacked."""
    body = graph_of(lambda y, s, w, r: [(new := REGISTRY["tanh"](s * w + r)), new, new, new * 2.0, new], F32, F32, F32, F32)

    def function(y, s, w, rows):
        y, s, *stacks = scan([y, s, w, rows], body=body, carried=2, scanned=1, length=length)
        return y * 2.0 + s * y + sum(tf.reduce_sum(row * row * (i + 1.0)) for i, row in enumerate(stacks))

    def in_jax(y, s, w, rows):
        def step(carried, r):
            new = jnp.tanh(carried[1] * w + r)
            return (new, new), (new, new * 2.0, new)
        (y, s), stacks = jax.lax.scan(step, (y, s), rows)
        return y * 2.0 + s * y + sum((row * row * (i + 1.0)).sum() for i, row in enumerate(stacks))
    check_gradients(function, in_jax, 0.3, 0.4, 0.7, np.linspace(0.1, 1, length).astype(np.float32))

    @tf.function
    def gradient(*x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = function(*x)
        return tape.gradient(total, x)

    scalar = tf.TensorSpec([])
    graph = gradient.get_concrete_function(scalar, scalar, scalar, tf.TensorSpec([length])).graph
    _, backward = (o for o in graph.operations if o.op is scan)
    assert backward.attributes["carried"] == (2 if length else 3)  # the state's cotangent, and the sum for w


@pytest.mark.parametrize("slots", [1, 3, 8, 2048])
@pytest.mark.parametrize("n", [0, 1, 7, 100])
def test_gradients_of_while(n, slots, monkeypatch):
    monkeypatch.setattr(while_gradient, "LEAST", slots)
    monkeypatch.setattr(while_gradient, "MOST", slots)
    fresh = counting(lambda x, w: [sin(x[0] * w) + x[0] * x[0] * 0.1])
    check_gradients(lambda x, w: fresh([x], [w], tf.constant(n), tf.constant(0))[0],
                    lambda x, w: while_in_jax(x, w, n), 0.3, 1.2)


def test_gradient_of_a_long_while_with_few_checkpoints(monkeypatch):
    monkeypatch.setattr(while_gradient, "LEAST", 8)
    monkeypatch.setattr(while_gradient, "MOST", 8)
    step = lambda x, w: [tanh(x[0] + w * 1e-3) * 1.0001]
    loop = counting(step)
    x = [tf.constant(0.3), tf.constant(0.7)]
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = loop([x[0]], [x[1]], tf.constant(5000), tf.constant(0))[0]
    in_jax = lambda x, w: jax.lax.scan(lambda x, _: (jnp.tanh(x + w * 1e-3) * 1.0001, None), x, None, 5000)[0]
    for a, e in zip(tape.gradient(y, x), jax.grad(in_jax, (0, 1))(0.3, 0.7)):
        close(a.numpy(), e, 1e-3)


def replay_rounds(n, slots, monkeypatch):
    """How many rounds the gradient of a while runs again, counted by a Python run of its graph."""
    monkeypatch.setattr(while_gradient, "LEAST", slots)
    monkeypatch.setattr(while_gradient, "MOST", slots)
    loop = counting(lambda x: [observed_tanh([x[0]])[0]])
    graph = graph_of(lambda x, n: loop([x], [], n, REGISTRY["constant"](value=np.int32(0))), F32, INT)
    rounds.clear()
    run_python(run_pipeline(autodiff.gradient(graph)).graph, [np.float32(0.3), np.int32(n), np.float32(1)])
    return len(rounds)


@pytest.mark.parametrize("n, slots, most", [(20, 32, 1), (20, 8, 2), (60, 8, 3), (40, 2, 9)])
def test_replay_costs_what_the_docstring_says(n, slots, most, monkeypatch):
    """n for the rounds' own gradients, and at most r * n replayed; the forward loop only counts."""
    assert 2 * n - 1 <= replay_rounds(n, slots, monkeypatch) <= (1 + most) * n


def test_full_jacobians_against_finite_differences():
    weights = tf.constant(np.linspace(-1, 1, 9).reshape(3, 3))
    body = counting(lambda x, w: [tanh(REGISTRY["reduce_sum"](w * x[0], axis=1)) + x[1] * 0.3, x[1] * x[0]])
    vector = TensorType.of(dtypes.float64, (3,))
    branches = (graph_of(lambda x, w: sin(x) * x, vector, weights.type),
                graph_of(lambda x, w: REGISTRY["reduce_sum"](w * x, axis=1) * x, vector, weights.type))
    step = graph_of(lambda s, w, r: (tanh(REGISTRY["reduce_sum"](w * s, axis=1)) * r, s * r), vector, weights.type, F64)
    rows = tf.constant([0.3, 0.9, -0.5, 0.7], dtype=tf.float64)
    functions = [
        lambda x: body([x, x * 0.5], [weights], tf.constant(5), tf.constant(0))[0],
        lambda x: cond([tf.constant(True), x, weights], branches=branches)[0],
        lambda x: cond([tf.constant(False), x, weights], branches=branches)[0],
        lambda x: scan([x, weights, rows], body=step, carried=1, scanned=1, length=4)[0],
        lambda x: tf.reshape(scan([x, weights, rows], body=step, carried=1, scanned=1, length=4, reverse=True)[1], [12]),
    ]
    point = np.array([0.3, -0.4, 0.8])
    for function in functions:
        x = tf.constant(point)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        jacobian = tape.jacobian(y, x).numpy()
        h = 1e-6
        columns = [(function(tf.constant(point + h * e)).numpy() - function(tf.constant(point - h * e)).numpy()) / (2 * h)
                   for e in np.eye(3)]
        close(jacobian, np.stack(columns, -1), 1e-7)
        for e, column in zip(np.eye(3), columns):
            with tf.autodiff.ForwardAccumulator(x, tf.constant(e)) as accumulator:
                y = function(x)
            close(accumulator.jvp(y).numpy(), column, 1e-7)


def test_integers_and_unused_results_cost_nothing():
    """The gradient of a loop that is linear in what it carries keeps and replays nothing; counters have no cotangent."""
    loop = counting(lambda x, w: [x[0] * w, x[1] + x[0]])
    graph = graph_of(lambda x, n: loop([x, x], [REGISTRY["constant"](value=np.float32(2))], n,
                                       REGISTRY["constant"](value=np.int32(0)))[0], F32, INT)
    optimised = run_pipeline(autodiff.gradient(graph)).graph
    loops = [o for o in optimised.walk() if o.op is while_]
    assert len(loops) == 2 and all(r.type.shape == () for o in loops for r in o.results)
    assert [r.type for r in loops[0].results] == [INT, INT]  # the counter of the loop, and of its rounds
    assert run_compiled(optimised, [np.float32(3), np.int32(5), np.float32(1)])[0] == 32.0


def test_residuals_of_invariants_are_not_stacked():
    step = graph_of(lambda s, w, r: (s * exp(w) + r * r, s), F32, F32, F32)
    graph = graph_of(lambda s, w, rows: scan([s, w, rows], body=step, carried=1, scanned=1, length=50)[0], F32, F32,
                     TensorType.of(dtypes.float32, (50,)))
    linearized = autodiff.linearize(graph)
    stacked = [t for t in linearized.forward.output_types[linearized.visible:] if t.shape == (50,)]
    assert len(stacked) == 1  # s; not exp(w), not r
    optimised = run_pipeline(autodiff.gradient(graph)).graph
    assert [o.op.name for o in optimised.walk()].count("exp") == 1


def test_branches_share_slots():
    branches = (graph_of(lambda x: sin(exp(x)), F32), graph_of(lambda x: tanh(tanh(x)), F32))
    linearized = autodiff.linearize(graph_of(lambda p, x: cond([p, x], branches=branches)[0], BOOL, F32))
    forward, = (o for o in linearized.forward.operations if o.op is cond)
    assert len(forward.results) <= 3


# --- forward mode, vmap ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function, in_jax", [
    (lambda x, w: choose(tf.constant(True), x, w), lambda x, w: jnp.sin(x) * w),
    (lambda x, w: run_while(x, w, 6), lambda x, w: while_in_jax(x, w, 6)),
    (lambda x, w: run_scan(x, w, tf.constant([0.1, 0.5, 0.9]))[0],
     lambda x, w: scan_in_jax(x, w, jnp.array([0.1, 0.5, 0.9]))[0]),
], ids=["cond", "while", "scan"])
def test_forward_mode(function, in_jax):
    x, w = tf.constant(0.3), tf.constant(0.7)
    for tangents in [(1.0, 0.0), (0.0, 1.0), (0.5, -2.0)]:
        with tf.autodiff.ForwardAccumulator([x, w], [tf.constant(t) for t in tangents]) as accumulator:
            y = function(x, w)
        close(accumulator.jvp(y).numpy(), jax.jvp(in_jax, (0.3, 0.7), tangents)[1])
    with tf.autodiff.ForwardAccumulator(x, tf.constant(1.0)) as accumulator:  # forward over reverse
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x, w)
        gradient = tape.gradient(y, x)
    close(accumulator.jvp(gradient).numpy(), jax.grad(jax.grad(in_jax))(0.3, 0.7), 1e-4)


def test_forward_mode_runs_nested_loops_once():
    inner = counting(lambda x, w: [sin(x[0] * w)])
    outer = counting(lambda x, w, n: inner([x[0]], [w], n, REGISTRY["constant"](value=np.int32(0))))
    graph = graph_of(lambda x, w, n: outer([x], [w, n], n, REGISTRY["constant"](value=np.int32(0))), F32, F32, INT)
    joint = autodiff.pushforward(call, graph.input_types, {"graph": graph}, (True, True, False))
    assert [o.op.name for o in run_pipeline(joint).graph.walk()].count("while") == 2


def test_vectorized():
    xs = np.linspace(-0.5, 0.9, 5).astype(np.float32)
    graph = graph_of(lambda x, w: [choose(x < 0.2, x, w), *run_scan(x, w, REGISTRY["constant"](value=np.float32([0.1, 0.5]))),
                                   *ROUND([x], [w], REGISTRY["cast"](x * 10.0, dtype=dtypes.int32),
                                          REGISTRY["constant"](value=np.int32(0)))], F32, F32)
    rows = [r.numpy() for r in vectorized_call([tf.constant(xs), tf.constant(0.7)], graph=graph, mapped=(True, False))]
    for i, x in enumerate(xs):
        for row, single in zip(rows, call([tf.constant(x), tf.constant(0.7)], graph=graph)):
            close(row[i], single.numpy())
    x = tf.constant(xs)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = vectorized_call([x, tf.constant(0.7)], graph=graph, mapped=(True, False))
        total = tf.reduce_sum(y[0]) + tf.reduce_sum(y[1]) + tf.reduce_sum(y[3])
    found = tape.gradient(total, x).numpy()
    for i, x0 in enumerate(xs):
        x = tf.constant(x0)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = call([x, tf.constant(0.7)], graph=graph)
            total = y[0] + y[1] + y[3]
        close(found[i], tape.gradient(total, x).numpy(), 1e-4)


def test_rows_of_buffers():
    buffer, row = np.arange(6, dtype=np.float32).reshape(3, 2), np.float32([7, 8])
    for i in (0, 2):
        close(dynamic_row(tf.constant(buffer), tf.constant(i)).numpy(), buffer[i])

        def function(b, r, i=tf.constant(i)):
            return tf.reduce_sum(tf.square(dynamic_update(b, r * r, i)) * b) * tf.reduce_sum(dynamic_row(b, i))

        def in_jax(b, r, i=i):
            return (b.at[i].set(r * r) ** 2 * b).sum() * b[i].sum()
        check_gradients(function, in_jax, jnp.asarray(buffer), jnp.asarray(row), tolerance=1e-3)


# --- effects --------------------------------------------------------------------------------------------------------


def effects_in(graph):
    return sum(o.op is observe_values for o in graph.walk())


def test_effects_are_not_repeated_in_gradients():
    """Stripped where nobody uses their results; refused where a replay would need them."""
    def quiet(x, w):
        observe_values([x[0]])
        return [sin(x[0] * w)]
    loop = counting(quiet)
    graph = graph_of(lambda x, w, n: loop([x], [w], n, REGISTRY["constant"](value=np.int32(0))), F32, F32, INT)
    linearized = autodiff.linearize(graph)
    assert effects_in(linearized.forward) == 1 and effects_in(linearized.backward) == 0
    loud = counting(lambda x, w: [sin(observe_values([x[0]])[0] * w)])
    graph = graph_of(lambda x, w, n: loud([x], [w], n, REGISTRY["constant"](value=np.int32(0))), F32, F32, INT)
    with pytest.raises(errors.UnimplementedError, match="`observe_values`"):
        autodiff.linearize(graph)
    step = graph_of(lambda s, w: sin(observe_values([s])[0] * w), F32, F32)
    graph = graph_of(lambda s, w: scan([s, w], body=step, carried=1, scanned=0, length=3), F32, F32)
    linearized = autodiff.linearize(graph)
    assert effects_in(linearized.forward) == 1 and effects_in(linearized.backward) == 0
    assert effects_in(run_pipeline(linearized.forward).graph) == 1


# --- random graphs --------------------------------------------------------------------------------------------------


def random_case(seed):
    rng = random.Random(seed)
    grower = Grower(rng)
    types = [*grower.types, *grower.types]
    graph = grower.graph(types, [F64, grower.types[1]], depth=2, size=6)
    generator = np.random.default_rng(seed)
    return graph, [np.asarray(generator.uniform(-1, 1, t.shape)) for t in types], generator


def test_random_graphs(seed, long):
    """Python's control flow = compiled = optimised; so are the gradients, which are those of finite differences."""
    for attempt in range(40 if long else 6):
        graph, arrays, generator = random_case(seed + attempt)
        print("seed", seed + attempt)
        verify(graph)
        assert equal(parse(str(graph)), graph)
        expected = run_python(graph, arrays)
        optimised = run_pipeline(graph).graph
        for actual in (run_compiled(graph, arrays), run_compiled(optimised, arrays)):
            for a, e in zip(actual, expected):
                close(a, e, 1e-9)
        gradient = autodiff.gradient(graph)
        cotangents = [np.asarray(generator.uniform(-1, 1, v.type.shape)) for v in graph.outputs]
        plain = run_compiled(gradient, [*arrays, *cotangents])
        for a, b in zip(plain, run_compiled(run_pipeline(gradient).graph, [*arrays, *cotangents])):
            close(a, b, 1e-9)
        directions = [np.asarray(generator.uniform(-1, 1, a.shape)) for a in arrays]
        joint = autodiff.pushforward(call, graph.input_types, {"graph": graph}, (True,) * len(arrays))
        tangents = run_compiled(run_pipeline(joint).graph, [*arrays, *directions])
        # <g, J d> from both sides
        close(sum(np.vdot(g, t) for g, t in zip(cotangents, tangents)),
              sum(np.vdot(c, d) for c, d in zip(plain, directions)), 1e-8)


def test_random_graphs_second_order(seed, long):
    """The gradient of <gradient, direction> is that of the tangent map."""
    for attempt in range(10 if long else 2):
        graph, arrays, generator = random_case(seed + 1000 + attempt)
        print("seed", seed + 1000 + attempt)
        gradient = autodiff.gradient(graph)
        cotangents = [np.asarray(generator.uniform(-1, 1, v.type.shape)) for v in graph.outputs]
        directions = [np.asarray(generator.uniform(-1, 1, a.shape)) for a in arrays]
        twice = run_pipeline(autodiff.gradient(gradient)).graph
        over_reverse = run_compiled(twice, [*arrays, *cotangents, *directions])
        count = len(arrays)
        joint = autodiff.pushforward(call, graph.input_types, {"graph": graph}, (True,) * count)
        over_forward = run_compiled(run_pipeline(autodiff.gradient(joint)).graph, [*arrays, *directions, *cotangents])
        for a, b in zip(over_reverse[:count], over_forward[:count]):
            close(a, b, 1e-7)
