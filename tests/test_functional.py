"""`tf.cond`, `tf.while_loop`, `tf.map_fn`, `tf.TensorArray`, `tf.autograph`: eager, compiled and TensorFlow's values."""

from __future__ import annotations

import ast
import functools
import inspect
import json
import pathlib
import sys

import numpy as np
import pytest

import treadle as tf

ORACLES = pathlib.Path(__file__).parent / "oracles"
sys.path.insert(0, str(ORACLES))
from functional_cases import CASES  # noqa: E402

RECORDED = json.loads((ORACLES / "functional.json").read_text())


# --- the table of calls ---------------------------------------------------------------------------------------------


def check(result, expected):
    found = [tf.convert_to_tensor(t) for t in tf.nest.flatten(result)]
    assert [t.dtype.name for t in found] == [dtype for dtype, _ in expected]
    for tensor, (_, values) in zip(found, expected, strict=True):
        np.testing.assert_allclose(tensor.numpy(), np.asarray(values), rtol=1e-6)
        assert tensor.shape == np.asarray(values).shape


@pytest.mark.parametrize("way", ["eager", "compiled"])
@pytest.mark.parametrize("name", CASES)
def test_as_tensorflow(name, way):
    def call():
        result = CASES[name](tf)
        return result.stack() if isinstance(result, tf.TensorArray) else result
    call = tf.function(call) if way == "compiled" else call
    expected = RECORDED[name]
    if isinstance(expected, str):
        with pytest.raises(getattr(__builtins__, expected, None) or __builtins__[expected]):
            call()
    else:
        check(call(), expected)


# --- gradients ------------------------------------------------------------------------------------------------------


def tensor_array_sum(x):
    parts = tf.TensorArray(tf.float32, 3)
    for i in tf.range(3):
        parts = parts.write(i, tf.sin(x[i]) * x[0])
    total = x[1]
    for i in tf.range(3):
        total = total * parts.read(i) + parts.read(2 - i)
    return total + tf.reduce_sum(parts.stack() ** 2)


def tensor_array_eager_indices(x):
    parts = tf.TensorArray(tf.float32, 0, dynamic_size=True)
    for i in range(3):
        parts.write(i, x[i] * x[i])
    parts.write(1, parts.read(0) * parts.read(1))
    return tf.reduce_sum(tf.sin(parts.gather([2, 1, 1])))


def tensor_array_unstacked(x):
    parts = tf.TensorArray(tf.float32, 3).unstack(x * x)
    parts = parts.write(1, x[0] * x[2])
    return tf.reduce_sum(parts.stack() * x) + tf.reduce_sum(parts.concat() if parts.element_shape.rank else parts.read(0))


DIFFERENTIABLE = {
    "cond": lambda x: tf.cond(x[0] > 0.0, lambda: tf.sin(x[0]) * x[1], lambda: x[1] ** 3) * x[2],
    "case": lambda x: tf.case([(x[0] > 10.0, lambda: x[0]), (x[1] < 10.0, lambda: x[0] * x[1] ** 2)], default=lambda: x[2]),
    "switch_case": lambda x: tf.switch_case(tf.constant(1), [lambda: x[0], lambda: tf.sin(x[0] * x[1]) * x[2]]),
    "while_loop": lambda x: tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, tf.sin(y) * x[1] + x[2]), (0, x[0]))[1],
    "scan": lambda x: tf.reduce_sum(tf.scan(lambda a, v: a * v + tf.sin(v), x) ** 2),
    "scan_reverse": lambda x: tf.reduce_sum(tf.scan(lambda a, v: a * v + tf.sin(v), x, initializer=x[0] * x[1], reverse=True)),
    "foldl": lambda x: tf.foldl(lambda a, v: tf.sin(a) * v, x),
    "foldr": lambda x: tf.foldr(lambda a, v: tf.sin(a) * v, x),
    "map_fn": lambda x: tf.reduce_sum(tf.map_fn(lambda v: tf.sin(v) * v * x[0], x)),
    "vectorized_map": lambda x: tf.reduce_sum(tf.vectorized_map(lambda v: tf.sin(v) * v * x[0], x) ** 2),
    "tensor_array": tensor_array_sum,
    "tensor_array_eager_indices": tensor_array_eager_indices,
    "tensor_array_unstacked": tensor_array_unstacked,
}
AT = np.array([0.7, -0.4, 1.1], np.float32)


def gradient(f):
    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        return tape.gradient(y, x)
    return run


def differences(f, x, step=1e-2):
    """The gradient of a scalar function by central differences of fourth order."""
    found = []
    for i in range(len(x)):
        def at(h, i=i):
            moved = x.copy()
            moved[i] += h
            return float(f(tf.constant(moved)))
        found.append((8 * (at(step) - at(-step)) - at(2 * step) + at(-2 * step)) / (12 * step))
    return np.array(found)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradients(name):
    """Reverse mode once and twice, and forward mode, eagerly and compiled, are the finite differences."""
    f = DIFFERENTIABLE[name]
    second = gradient(lambda x: tf.reduce_sum(tf.sin(gradient(f)(x))))
    x = tf.constant(AT)
    expected = differences(f, AT)
    expected_second = differences(lambda x: tf.reduce_sum(tf.sin(gradient(f)(x))), AT)
    for wrap in (lambda g: g, tf.function):
        np.testing.assert_allclose(wrap(gradient(f))(x), expected, rtol=2e-3, atol=2e-3)
        np.testing.assert_allclose(gradient(wrap(f))(x), expected, rtol=2e-3, atol=2e-3)
        np.testing.assert_allclose(wrap(second)(x), expected_second, rtol=5e-3, atol=5e-3)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_forward_mode(name):
    f = DIFFERENTIABLE[name]
    x, v = tf.constant(AT), tf.constant([1.0, 2.0, -1.0])
    for g in (f, tf.function(f)):
        with tf.autodiff.ForwardAccumulator(x, v) as accumulator:
            y = g(x)
        np.testing.assert_allclose(accumulator.jvp(y), np.dot(differences(f, AT), v), rtol=2e-3, atol=2e-3)


# --- in the graph ---------------------------------------------------------------------------------------------------


def operations(f, *types):
    return [o for o in tf.function(f).get_concrete_function(*types).graph.operations]


def test_map_fn_is_one_scan():
    made = operations(lambda x: tf.map_fn(lambda row: tf.sin(row), x), tf.TensorSpec([1000, 2], tf.float32))
    assert [o.op.name for o in made] == ["scan"] and made[0].attributes["carried"] == 0
    assert [o.op.name for o in made[0].attributes["body"].operations] == ["sin"]


def test_vectorized_map_is_one_call():
    made = operations(lambda x: tf.vectorized_map(lambda row: tf.sin(row), x), tf.TensorSpec([1000, 2], tf.float32))
    assert [o.op.name for o in made] == ["vectorized_call"]


def test_writes_at_the_counter_need_no_check():
    def f(x):
        parts = tf.TensorArray(tf.float32, 10)
        for i in tf.range(10):
            parts = parts.write(i, x)
        return parts.stack()
    loop = next(o for o in operations(f, tf.TensorSpec([], tf.float32)) if o.op.name == "scan")
    assert "check" not in [o.op.name for o in loop.attributes["body"].operations]


@pytest.mark.parametrize("rows", [0, 1, 4])
def test_open_number_of_rows(rows):
    """One trace for all lengths."""
    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
    def f(x):
        parts = tf.TensorArray(tf.float32, tf.shape(x)[0], element_shape=[])
        for i in tf.range(tf.shape(x)[0]):
            parts = parts.write(i, tf.cast(i, tf.float32) * 2.0)
        return tf.map_fn(lambda v: v * 2.0, x), tf.foldl(lambda a, v: a + v, x, 0.0), parts.stack()
    x = np.arange(rows, dtype=np.float32)
    doubled, total, written = f(x)
    np.testing.assert_array_equal(doubled, 2 * x)
    np.testing.assert_array_equal(written, 2 * x)
    assert float(total) == x.sum()


# --- state and structure --------------------------------------------------------------------------------------------


def test_control_flow_inside_the_users_functions():
    """Functions that are passed in are converted too."""
    @tf.function
    def f(x, n):
        def step(i, y):
            if y > 10.0:
                y = y / 2.0
            for _ in range(n):
                y += 1.0
            return i + 1, y
        mapped = tf.map_fn(lambda v: v if v > 0 else -v, x)
        several = tf.vectorized_map(lambda v: v if v > 0 else v * 3.0, x)
        return tf.while_loop(lambda i, y: i < n and y < 100.0, step, (0, 5.0)), mapped, several

    (i, y), mapped, several = f(tf.constant([1.0, -2.0]), tf.constant(4))
    assert (int(i), float(y)) == (4, 9.25)
    assert mapped.numpy().tolist() == [1.0, 2.0] and several.numpy().tolist() == [1.0, -6.0]


def test_custom_gradient_and_recompute_grad_are_converted():
    @tf.custom_gradient
    def clipped(x):
        y = x * 2.0 if x > 0 else x

        def grad(g):
            if g > 1.0:
                g = g * 0.0 + 1.0
            return g
        return y, grad

    @tf.recompute_grad
    def again(x):
        return tf.sin(x) if x > 0 else x * x

    f = tf.function(gradient(lambda x: 5.0 * clipped(x) + again(x)))
    assert float(f(tf.constant(2.0))) == pytest.approx(1 + np.cos(2.0))
    assert float(f(tf.constant(-2.0))) == pytest.approx(1 - 4.0)


def test_variables_and_outer_tensors():
    v, w = tf.Variable(0.0), tf.constant(3.0)

    def add(x):
        v.assign_add(x * w)
        return v.read_value()

    for f in (lambda x: tf.map_fn(add, x), tf.function(lambda x: tf.map_fn(add, x))):
        v.assign(0.0)
        assert f(tf.constant([1.0, 2.0])).numpy().tolist() == [3.0, 9.0]
        assert float(v) == 9.0


def test_vectorized_map_falls_back():
    v = tf.Variable(0.0)

    def add(x):
        return v.assign_add(x) * 1.0

    for wrap in (lambda g: g, tf.function):
        v.assign(0.0)
        with pytest.warns(UserWarning, match="row by row"):
            assert wrap(lambda x: tf.vectorized_map(add, x))(tf.constant([1.0, 2.0])).numpy().tolist() == [1.0, 3.0]
        with pytest.raises(tf.errors.StagingError, match="assigns the variable"):
            wrap(lambda x: tf.vectorized_map(add, x, fallback_to_while_loop=False))(tf.constant([1.0, 2.0]))


def test_vectorized_map_checks_every_row():
    table = tf.constant([1.0, 2.0])
    for wrap in (lambda g: g, tf.function):
        f = wrap(lambda i: tf.vectorized_map(lambda k: tf.gather(table, k), i))
        assert f(tf.constant([1, 0])).numpy().tolist() == [2.0, 1.0]
        with pytest.raises(tf.errors.InvalidArgumentError):
            f(tf.constant([1, 5]))


def test_tensor_array_changed_without_assignment():
    """As eagerly, `write` changes the array, also in branches and loops."""
    @tf.function
    def f(n, x):
        parts = tf.TensorArray(tf.float32, 4)
        same = parts
        for i in tf.range(n):
            if x > 0.0:
                parts.write(i, x)
            else:
                same.write(i + 1, -x)
        return parts.stack(), same.read(1)
    assert f(tf.constant(2), tf.constant(3.0))[0].numpy().tolist() == [3.0, 3.0, 0.0, 0.0]
    assert f(tf.constant(2), tf.constant(-3.0))[0].numpy().tolist() == [0.0, 3.0, 3.0, 0.0]


def test_tensor_array_grows_in_a_loop_of_known_length():
    @tf.function
    def f(x):
        parts = tf.TensorArray(tf.float32, 0, dynamic_size=True)
        for i in tf.range(5):
            parts = parts.write(i + 1, x * tf.cast(i, tf.float32))
        return parts.stack(), parts.size()
    stacked, size = f(tf.constant([1.0, 2.0]))
    assert stacked.shape == (6, 2) and int(size) == 6
    np.testing.assert_array_equal(stacked[:, 0], [0, 0, 1, 2, 3, 4])


def test_tensor_arrays_in_nested_loops():
    @tf.function
    def f(x):
        rows = tf.TensorArray(tf.float32, 3)
        for j in tf.range(3):
            row = tf.TensorArray(tf.float32, 4)
            for k in tf.range(4):
                row = row.write(k, x * tf.cast(j * k, tf.float32))
            rows = rows.write(j, row.stack())
        return rows.stack()
    np.testing.assert_array_equal(f(tf.constant(1.0)), np.outer(range(3), range(4)))


def test_tensor_array_in_a_tape_around_a_loop():
    """Elements written before the loop keep their gradient when the loop makes them a buffer."""
    def f(x):
        parts = tf.TensorArray(tf.float32, 2)
        parts.write(0, x * x)
        parts.write(1, x * x * x)
        for i in tf.range(2):
            parts = parts.write(i, parts.read(i) * 2.0)
        return tf.reduce_sum(parts.stack())
    for wrap in (lambda g: g, tf.function):
        assert float(wrap(gradient(f))(tf.constant(2.0))) == 32.0


# --- errors ---------------------------------------------------------------------------------------------------------


def write_beyond(n):
    parts = tf.TensorArray(tf.float32, 2, element_shape=[])
    for i in tf.range(n):
        parts = parts.write(i, 1.0)  # here
    return parts.stack()


def read_beyond(n):
    parts = tf.TensorArray(tf.float32, 2).unstack([1.0, 2.0])
    return parts.read(n)  # here


def open_growth(n):
    parts = tf.TensorArray(tf.float32, 0, dynamic_size=True)
    i = 0
    while i < n:
        parts = parts.write(i, 1.0)  # here
        i += 1
    return parts.stack()


def open_size(n):
    return tf.TensorArray(tf.float32, n).size()  # here


def growing_variable(n):
    return tf.while_loop(lambda i, x: i < n, lambda i, x: (i + 1, tf.concat([x, x], 0)), (0, tf.constant([1.0])))  # here


def relaxed_variable(n):
    return tf.while_loop(lambda i, x: i < n, lambda i, x: (i + 1, tf.concat([x, x], 0)), (0, tf.constant([1.0])),  # here
                         shape_invariants=([], [None]))


def several_true(n):
    return tf.case([(n > 1, lambda: 1), (n > 2, lambda: 2)], default=lambda: 3, exclusive=True)  # here


def map_raises(n):
    def check_it(x):
        if x > 2:
            raise KeyError("too large")  # here
        return x
    return tf.map_fn(check_it, tf.stack([1, n]))


RAISES = {
    write_beyond: (IndexError, "write to index 2 .* size is: 2", True),
    read_beyond: (IndexError, "read from index 5 but array size is: 2", True),
    open_growth: (tf.errors.StagingError, "Pass `size=`", False),
    open_size: (tf.errors.StagingError, "size of a TensorArray must be known", False),
    growing_variable: (ValueError, "keeps its shape.*shape_invariants", True),
    relaxed_variable: (tf.errors.StagingError, "known while tracing", False),
    several_true: (ValueError, "More than one condition", True),
    map_raises: (KeyError, "too large", True),
}


@pytest.mark.parametrize("f", RAISES, ids=lambda f: f.__name__)
def test_errors(f):
    """The error, its text and the user's line; those that need no graph are raised eagerly too."""
    kind, text, eagerly = RAISES[f]
    lines, first = inspect.getsourcelines(f)
    line = first + next(i for i, s in enumerate(lines) if s.rstrip().endswith("# here"))
    for g in [tf.function(f), f] if eagerly else [tf.function(f)]:
        with pytest.raises(kind, match=text) as caught:
            g(tf.constant(5))
        if isinstance(caught.value, tf.errors.OpError):
            assert f":{line}" in str(caught.value)


def test_changing_an_array_of_another_function():
    parts = tf.TensorArray(tf.float32, 2)
    with pytest.raises(tf.errors.StagingError, match="that made it"):
        tf.function(lambda: parts.write(0, 1.0).read(0))()


def test_shapes_that_change_are_unrolled():
    @tf.function
    def f(x):
        return tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, tf.concat([y, y], 0)), (0, x),
                             shape_invariants=(tf.TensorShape([]), tf.TensorShape([None])))[1]
    assert f(tf.constant([1.0])).shape == (8,)


# --- tf.autograph ---------------------------------------------------------------------------------------------------


def collatz(n, *, most=100):
    """Steps to 1."""
    steps = 0
    while n != 1 and steps < most:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


class Scaled:
    def __init__(self):
        self.factor = 3

    def __call__(self, x):
        if x > 0:
            return x * self.factor
        return x


@pytest.mark.parametrize("entity", [collatz, tf.function(collatz), lambda x: x if x > 0 else -x, Scaled(), Scaled().__call__,
                                    functools.partial(collatz, most=3)], ids=lambda e: type(e).__name__)
def test_to_code(entity):
    text = tf.autograph.to_code(entity)
    assert "_treadle." in text
    compile(text, "converted", "exec")
    assert ast.unparse(ast.parse(text)) == text


def test_to_graph():
    f = tf.autograph.to_graph(collatz)
    assert f(6) == 8 and f.__name__ == "collatz"
    assert int(tf.function(f)(tf.constant(6))) == 8
    assert tf.autograph.to_graph(Scaled())(2) == 6


def test_what_cannot_be_converted():
    def numbers():
        yield 1
    for convert in (tf.autograph.to_code, tf.autograph.to_graph):
        with pytest.raises(tf.errors.StagingError, match="generator"):
            convert(numbers)
        with pytest.raises(TypeError):
            convert(len)


def test_do_not_convert():
    @tf.autograph.experimental.do_not_convert
    def plain(x):
        return x if x > 0 else -x

    @tf.autograph.experimental.do_not_convert()
    def unrolled(x):
        for _ in range(3):
            x = x * 2
        return x

    assert int(tf.function(lambda x: unrolled(x))(tf.constant(1))) == 8
    assert plain(-3) == 3 and plain.__name__ == "plain"
    with pytest.raises(tf.errors.StagingError):
        tf.function(lambda x: plain(x))(tf.constant(-3))


def test_set_loop_options():
    options = tf.autograph.experimental.set_loop_options

    @tf.function
    def f(n, xs):
        i = total = 0
        while i < n:
            options(maximum_iterations=3)
            i += 1
        for x in xs:
            options(parallel_iterations=2, swap_memory=True, maximum_iterations=2)
            total += x
        for k in tf.range(n):
            if k >= 0:
                options(maximum_iterations=4)
            total += k
        return i, total
    assert [int(v) for v in f(tf.constant(10), tf.constant([1, 2, 4]))] == [3, 3 + 6]
    assert [int(v) for v in f(tf.constant(1), tf.constant([1, 2, 4]))] == [1, 3]


def test_verbosity(capsys):
    tf.autograph.set_verbosity(1, alsologtostdout=True)
    try:
        def fresh(x):
            return x + 1
        tf.function(fresh)(tf.constant(1))
        assert "converted" in capsys.readouterr().out
    finally:
        tf.autograph.set_verbosity(0)

    def other(x):
        tf.autograph.trace("x:", x, 3)
        return x + 1
    tf.function(other)(tf.constant(1))
    assert capsys.readouterr().out == "x: i32[] 3\n"


def test_a_loop_over_rows_of_open_number_takes_none():
    @tf.function(input_signature=[tf.TensorSpec([None, 2])])
    def f(x):
        total = tf.zeros([2])
        for i in tf.range(tf.shape(x)[0]):
            total += x[i] * 2.0
        return total, tf.scan(lambda a, row: a + row, x, tf.ones([2])), tf.map_fn(lambda i: x[i], tf.range(tf.shape(x)[0]),
                                                                                 fn_output_signature=tf.float32)
    for rows in (0, 3):
        total, scanned, mapped = f(tf.ones([rows, 2]))
        np.testing.assert_array_equal(total, [2.0 * rows] * 2)
        assert scanned.shape == mapped.shape == (rows, 2)
