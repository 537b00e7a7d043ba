"""Rolling: blocks of operations that repeat become one `scan`, or operations on stacks, and values stay as they were."""

import jax
import numpy as np
import pytest
from random_graphs import evaluate, fresh_rng, random_array, random_graph

import treadle as tf
from treadle.ir import dtypes
from treadle.ir.builder import GraphBuilder, copy_operations
from treadle.ir.equality import equal
from treadle.ir.graph import Graph
from treadle.ir.interpreter import interpreting
from treadle.ir.ops.arrays import stack, unstack
from treadle.ir.ops.control import scan
from treadle.ir.ops.effects import print_
from treadle.ir.ops.elementary import tanh
from treadle.ir.ops.elementwise import exp
from treadle.ir.ops.linalg import matmul
from treadle.ir.parser import parse
from treadle.ir.passes.pipeline import PIPELINE, run_pipeline
from treadle.ir.passes.repeats import find_repeats
from treadle.ir.passes.rolling import rolling_pass
from treadle.ir.passes.stacked_state import loop_stacks, stacked_places, with_stacks
from treadle.ir.types import TensorType
from treadle.ir.verifier import verify
from treadle.lowering import rolling as policy

ROW, SQUARE, SCALAR = (TensorType.of(dtypes.float32, s) for s in [(2, 3), (3, 3), ()])
rolling = rolling_pass(3)


def graph_of(function, *types):
    graph = Graph("f")
    inputs = [graph.add_input(t, f"x{i}") for i, t in enumerate(types)]
    with interpreting(GraphBuilder(graph)):
        result = function(*inputs)
        graph.outputs = list(result) if isinstance(result, (tuple, list)) else [result]
    return graph


def names(graph):
    return [o.op.name for o in graph.operations]


def above_zero(rng, type):
    """For optimizers: what they divide by is the root of a slot, which training keeps above 0."""
    values = random_array(rng, type)
    return np.abs(values) + values.dtype.type(1)


def checked(graph, function=rolling, drawn=random_array):
    """The graph after the pass: well formed, of the same values, and printable; what was given is as it was."""
    before = str(graph)
    result = function(graph)
    verify(result)
    assert str(graph) == before
    assert result.input_types == graph.input_types and result.output_types == graph.output_types
    assert equal(parse(str(result)), result)
    rng = fresh_rng(0)
    arrays = [drawn(rng, t) * np.asarray(0.3, t.dtype.numpy) for t in graph.input_types]
    for a, b in zip(evaluate(graph, arrays), evaluate(result, arrays), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)
    return result


def chain(x, *weights):
    for w in weights:
        x = tanh(matmul(x, w, transpose_a=False, transpose_b=False))
    return x


# --- blocks ---------------------------------------------------------------------------------------------------------


def test_a_chain_is_a_scan():
    result = checked(graph_of(chain, ROW, *[SQUARE] * 6))
    assert str(result) == """\
graph f(
    %x0: f32[2,3],
    %x1: f32[3,3],
    %x2: f32[3,3],
    %x3: f32[3,3],
    %x4: f32[3,3],
    %x5: f32[3,3],
    %x6: f32[3,3]
) -> (f32[2,3]) {
  %0 = stack(%x1, %x2, %x3, %x4, %x5, %x6) {axis=0} : f32[6,3,3]
  %1 = scan(%x0, %0) {body=@block, carried=1, scanned=1, length=6, reverse=false} : f32[2,3]
  return %1
}

graph block(%arg0: f32[2,3], %arg1: f32[3,3]) -> (f32[2,3]) {
  %0 = matmul(%arg0, %arg1) {transpose_a=false, transpose_b=false} : f32[2,3]
  %1 = tanh(%0) : f32[2,3]
  return %1
}"""
    assert rolling(result) is result


def test_too_few_blocks_stay():
    graph = graph_of(chain, ROW, *[SQUARE] * 6)
    assert rolling_pass(7)(graph) is graph


def test_what_blocks_share_is_an_invariant_and_values_between_come_out():
    def function(x, shared, *weights):
        seen = []
        for w in weights:
            x = tanh(matmul(x, w, transpose_a=False, transpose_b=False)) + shared
            seen.append(x)
        return x, seen[1], seen[-1]
    result = checked(graph_of(function, ROW, ROW, *[SQUARE] * 6))
    assert names(result) == ["stack", "scan", "strided_slice", "squeeze"]
    all_of_them = checked(graph_of(lambda x, *w: [y := tanh(x)] + [y := chain(y, v) for v in w], ROW, *[SQUARE] * 6))
    assert sorted(names(all_of_them)) == ["scan", "stack", "tanh", "unstack"]


def test_blocks_that_differ_end_a_repeat():
    def function(x, *weights):
        x = chain(x, *weights[:5])
        x = exp(matmul(x, weights[5], transpose_a=False, transpose_b=False))
        return chain(x, *weights[6:])
    result = checked(graph_of(function, ROW, *[SQUARE] * 10))
    assert names(result) == ["stack", "scan", "matmul", "exp", "stack", "scan"]


def test_blocks_wired_in_another_way_stay():
    def function(x, *weights):
        earlier = [x, x]
        for w in weights:  # each block needs the one before the one before
            earlier.append(tanh(matmul(earlier[-1], w, transpose_a=False, transpose_b=False)) + earlier[-2])
        return earlier[-1]
    graph = graph_of(function, ROW, *[SQUARE] * 8)
    assert checked(graph) is graph


def test_two_values_are_carried():
    def function(x, y, *weights):
        for w in weights:
            x, y = tanh(matmul(x, w, transpose_a=False, transpose_b=False)) * y, y + x
        return x, y
    result = checked(graph_of(function, ROW, ROW, *[SQUARE] * 6))
    assert [o.attributes["carried"] for o in result.operations if o.op is scan] == [2]


def test_a_value_may_enter_the_first_block_twice():
    def function(x, *weights):
        y = x
        for w in weights:
            x, y = tanh(matmul(x, w, transpose_a=False, transpose_b=False)), exp(y)
        return x + y
    checked(graph_of(function, ROW, *[SQUARE] * 6))


def test_updates_become_operations_on_stacks():
    def function(rate, *values):
        half = len(values) // 2
        return [w - rate * g for w, g in zip(values[:half], values[half:])]
    result = checked(graph_of(function, SCALAR, *[SQUARE] * 12))
    assert names(result) == ["stack", "stack", "multiply", "subtract", "unstack"]


def test_operations_that_broadcast_their_rows_are_a_scan():
    def function(*values):
        return [exp(a) * b for a, b in zip(values[:6], values[6:])]
    result = checked(graph_of(function, *[SCALAR] * 6, *[ROW] * 6))
    assert "scan" in names(result)


def test_effects_stay_apart():
    def function(x, *weights):
        for w in weights:
            x = chain(x, w)
            print_([x], writer=print)
        return x
    graph = graph_of(function, ROW, *[SQUARE] * 6)
    assert rolling(graph) is graph


@pytest.mark.parametrize("attempt", range(15))
def test_random_blocks_keep_their_values(attempt):
    """A random graph as a block, its results (as far as their types allow) going into the next one."""
    rng = fresh_rng(attempt)
    block = random_graph(rng, operations=8, depth=0, dtypes=(dtypes.float32, dtypes.int32))
    whole = Graph("whole")
    now = [whole.add_input(t) for t in block.input_types]
    others = [whole.add_input(t) for t in block.input_types for _ in range(6)]
    seen = []
    for k in range(6):
        arguments = [others[i * 6 + k] if rng.random() < 0.3 else v for i, v in enumerate(now)]
        values = dict(zip(block.inputs, arguments))
        copy_operations(block.operations, whole, values)
        results = [values[v] for v in block.outputs]
        seen += results if rng.random() < 0.5 else []
        now = [next((r for r in results if r.type is v.type), v) for v in now]
    whole.outputs = [*now, *seen]
    result = rolling_pass(2)(whole)
    verify(result)
    arrays = [random_array(rng, t) for t in whole.input_types]
    for a, b in zip(evaluate(whole, arrays), evaluate(result, arrays), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


# --- training steps -------------------------------------------------------------------------------------------------


def optimised(function, *arguments, drawn=random_array):
    """The graph of a function after the passes, rolled, and checked against the graph that is not."""
    graph = function.get_concrete_function(*arguments).graph
    return checked(run_pipeline(graph).graph, lambda g: run_pipeline(g, [*PIPELINE, ("rolling", rolling),
                                                                      ("loop_stacks", loop_stacks)]).graph, drawn)


def layers_of(count, size=3):
    rng = np.random.default_rng(0)
    return [(tf.Variable(rng.normal(size=(size, size)).astype(np.float32) * 0.5), tf.Variable(np.full(size, 0.1, np.float32)))
            for _ in range(count)]


def train_step(layers, update):
    flat = [v for layer in layers for v in layer]

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            y = x
            for w, b in layers:
                y = tf.tanh(y @ w + b)
            loss = tf.reduce_mean(y * y)
        update(zip(tape.gradient(loss, flat), flat))
        return loss
    return step


def sgd(pairs):
    for g, v in pairs:
        v.assign_sub(0.1 * g)


X = tf.constant(np.random.default_rng(1).normal(size=(2, 3)).astype(np.float32))


def test_a_training_step_keeps_its_weights_stacked():
    graph = optimised(train_step(layers_of(7), sgd), X)
    scans = [o for o in graph.operations if o.op is scan]
    assert [s.attributes["reverse"] for s in scans] == [False, True]  # the backward chain runs over the forward one's stacks
    assert [s.attributes["length"] for s in scans] == [6, 6]  # without the first layer, whose input has no gradient
    assert [n for n in names(graph) if n in ("stack", "unstack", "strided_slice", "reverse")] == ["stack"] * 2 + ["unstack"] * 2
    groups = stacked_places(graph, 14)
    assert groups == [(2, 4, 6, 8, 10, 12), (3, 5, 7, 9, 11, 13)]
    apart = with_stacks(graph, groups)
    verify(apart)
    assert not {"stack", "unstack"} & {*names(apart)}
    assert [str(t) for t in apart.input_types] == ["f32[6,3,3]", "f32[6,3]", "f32[3,3]", "f32[3]", "f32[2,3]"]
    assert apart.output_types[:4] == apart.input_types[:4]


def test_adam_and_clipped_gradients():
    layers = layers_of(7)
    optimizer = tf.keras.optimizers.Adam(0.01, global_clipnorm=1.0)
    optimizer.build([v for layer in layers for v in layer])
    graph = optimised(train_step(layers, optimizer.apply_gradients), X, drawn=above_zero)
    assert "scan" in names(graph) and len(graph) < 150


def test_a_residual_chain_is_a_stream():
    def function(x, *weights):
        for w in weights:
            x = x + chain(x, w)
        return x
    graph = graph_of(function, ROW, *[SQUARE] * 6)
    repeats = find_repeats(graph.operations, 3, lambda o: True)
    assert [policy.stream_bytes(r) for r in repeats] == [2 * 3 * 4]
    repeats = find_repeats(graph_of(chain, ROW, *[SQUARE] * 6).operations, 3, lambda o: True)
    assert [policy.stream_bytes(r) for r in repeats] == [0]


def test_a_loop_carries_stacks():
    rows = [SQUARE] * 4
    body = graph_of(lambda *w: unstack(stack(list(w[:4]), axis=0) * w[4], axis=0), *rows, SCALAR)
    graph = graph_of(lambda *w: scan(list(w), body=body, carried=4, scanned=1, length=5),
                     *rows, TensorType.of(dtypes.float32, (5,)))
    result = checked(graph, loop_stacks)
    assert names(result) == ["stack", "scan", "unstack"]
    inner = result.operations[1].attributes["body"]
    assert names(inner) == ["multiply"]


# --- through the front door -----------------------------------------------------------------------------------------


@pytest.fixture
def always(monkeypatch):
    """Rolling whatever can be rolled."""
    passes = [*PIPELINE, ("rolling", rolling), ("loop_stacks", loop_stacks)]
    monkeypatch.setattr(policy, "passes", lambda state=0: passes)


def test_compiled_training_is_eager_training(always):
    compiled, eager = layers_of(6), layers_of(6)
    step = train_step(compiled, sgd)
    by_hand = train_step(eager, sgd).python_function
    for round in range(6):
        np.testing.assert_allclose(step(X), by_hand(X), rtol=1e-5)
        if round == 2:  # written and read from outside between two steps
            for layers in (compiled, eager):
                layers[3][0].assign(layers[2][0] * 0.5)
        if round == 3:
            np.testing.assert_allclose(compiled[4][0], eager[4][0], rtol=1e-5)
    for a, b in zip(compiled, eager):
        np.testing.assert_allclose(a[0], b[0], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(a[1], b[1], rtol=1e-5, atol=1e-6)
    assert "scan" in str(step.get_concrete_function(X).pipeline().graph)


def test_two_programs_share_stacked_weights(always):
    layers, others = layers_of(6), layers_of(6)
    step, by_hand = train_step(layers, sgd), train_step(others, sgd).python_function

    @tf.function
    def predict(x):
        for w, b in layers:
            x = tf.tanh(x @ w + b)
        return x
    for _ in range(3):
        step(X)
        by_hand(X)
        y = X
        for w, b in others:
            y = tf.tanh(y @ w + b)
        np.testing.assert_allclose(predict(X), y, rtol=1e-5, atol=1e-6)


def test_a_step_that_fails_keeps_stacked_weights(always):
    layers = layers_of(6)
    flat = [v for layer in layers for v in layer]

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            y = x
            for w, b in layers:
                y = tf.tanh(y @ w + b)
        for g, v in zip(tape.gradient(y, flat), flat):
            v.assign_sub(0.1 * g)
        tf.debugging.assert_less(tf.reduce_max(x), 10.0)
    step(X)
    before = [v.numpy() for v in flat]
    with pytest.raises(tf.errors.InvalidArgumentError):
        step(X * 1000.0)
    for v, old in zip(flat, before):
        np.testing.assert_array_equal(v, old)
    step(X)
    assert not np.array_equal(flat[4], before[4])
    program = step.get_concrete_function(X).compiled().program
    assert len(program._packs) == 2  # still stacked, although the new state depends on the check


def chosen(function, *arguments):
    """The graph after the passes that the platform gets."""
    concrete = function.get_concrete_function(*arguments)
    return run_pipeline(concrete.graph, policy.passes(len(concrete._updated))).graph


ON_CPU = jax.default_backend() == "cpu"


def test_rolling_is_chosen_where_it_pays():
    x = tf.ones([2, 4])
    many = layers_of(110, 4)
    assert "scan" not in names(chosen(train_step(layers_of(6, 4), sgd), x))
    assert ("scan" in names(chosen(train_step(many, sgd), x))) == ON_CPU

    @tf.function
    def gradients(x):  # they come out one by one: cutting them out of a stack costs more than it saves
        flat = [v for layer in many for v in layer]
        with tf.GradientTape() as tape:
            y = x
            for w, b in many:
                y = tf.tanh(y @ w + b)
        return tape.gradient(y, flat)
    assert "scan" not in names(chosen(gradients, x))


def test_a_step_that_would_be_slower_is_not_rolled():
    """Where all layers' gradients do not fit the caches while they wait for their update."""
    for size in (64, 256):
        step = train_step(layers_of(100, size), sgd)
        x = tf.ones([2, size])
        graph = run_pipeline(step.get_concrete_function(x).graph).graph
        assert policy._stacked_bytes(rolling(graph)) == 99 * (size * size + size) * 4
        assert ("scan" in names(chosen(step, x))) == (ON_CPU and size == 64)


def test_the_switch():
    step, x = train_step(layers_of(110, 4), sgd), tf.ones([2, 4])
    tf.config.roll_repeated_blocks(False)
    try:
        assert "scan" not in names(chosen(step, x))
    finally:
        tf.config.roll_repeated_blocks(True)
    assert ("roll_repeated_blocks" in str(step.explain(x))) == ON_CPU
    for title, table in step.explain(x).tables.items():
        if title.startswith("Equal blocks"):
            assert [row[1:] for row in table.rows] == [("109", "3"), ("109", "7")]
            assert all(row[0].startswith("test_rolling.py:") for row in table.rows)
