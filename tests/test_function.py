"""`function`: polymorphism, variables, captures, nesting, symbolic sizes, caches and what goes wrong."""

from __future__ import annotations

import collections
import dataclasses
import functools
import gc
import warnings
import weakref

import numpy as np
import pytest

import treadle as tf


def counted(f, **options):
    """The compiled function, and a list that grows with each trace."""
    traces = []

    @functools.wraps(f)
    def traced(*args, **kwargs):
        traces.append(args)
        return f(*args, **kwargs)
    return tf.function(traced, **options), traces


# --- polymorphism ---


def test_one_trace_for_each_type_and_value():
    f, traces = counted(lambda x, n=2: x * n)
    for x in (tf.constant(1.0), tf.constant(2.0), np.float32(3.0)):
        assert float(f(x)) == 2 * float(x)
    assert len(traces) == 1
    f(tf.constant(1))
    f(tf.constant([1.0]))
    f(tf.constant(1.0), 3)
    f(tf.constant(1.0), n=3)
    assert len(traces) == 4


def test_equal_numbers_of_different_types_are_told_apart():
    f, traces = counted(lambda n: tf.constant(n))
    found = [f(n) for n in (1, 1.0, True, 0.0, -0.0)]
    assert [t.dtype.name for t in found] == ["int32", "float32", "bool", "float32", "float32"]
    assert len(traces) == 5 and np.signbit(found[4].numpy())


Pair = collections.namedtuple("Pair", "a b")


@dataclasses.dataclass
class Batch:
    x: object
    name: str


@pytest.mark.parametrize("structure", [
    [tf.constant(1.0), [tf.constant(2.0)]], (tf.constant(1.0), 2.0), {"a": tf.constant(1.0), "b": {"c": 3}},
    Pair(tf.constant(1.0), "label"), Batch(tf.constant(4.0), "train"), None,
])
def test_structures_go_in_and_out(structure):
    f, traces = counted(lambda s: tf.nest.map_structure(lambda t: t + 1.0 if isinstance(t, tf.Tensor) else None, s))
    for _ in range(2):
        found = f(structure)
    assert type(found) is type(structure) and len(traces) == 1
    before = [t for t in tf.nest.flatten(structure) if isinstance(t, tf.Tensor)]
    after = [t for t in tf.nest.flatten(found) if t is not None]
    assert [float(t) for t in after] == [float(t) + 1 for t in before]


def test_attrs_classes():
    attrs = pytest.importorskip("attr")

    @attrs.s
    class Point:
        x = attrs.ib()
        y = attrs.ib()
    found = tf.function(lambda p: Point(p.y, p.x))(Point(tf.constant(1.0), tf.constant(2.0)))
    assert (float(found.x), float(found.y)) == (2.0, 1.0)


def test_results_may_be_numbers_arrays_variables_and_none():
    v = tf.Variable(3.0)
    f = tf.function(lambda: (1, 2.5, np.ones(2), v, None, [tf.constant(1.0)]))
    one, half, ones, value, none, (t,) = f()
    assert none is None and int(one) == 1 and float(half) == 2.5 and float(value) == 3.0 and float(t) == 1.0
    assert ones.dtype == tf.float64


def test_methods_have_a_function_for_each_instance():
    class Model:
        def __init__(self, scale):
            self.scale, self.traces = scale, 0
            self.v = tf.Variable(0.0)

        @tf.function
        def step(self, x):
            self.traces += 1
            self.v.assign_add(x * self.scale)
            return self.v
    a, b = Model(1.0), Model(10.0)
    for _ in range(3):
        a.step(tf.constant(1.0)), b.step(tf.constant(1.0))
    assert (float(a.v), float(b.v), a.traces, b.traces) == (3.0, 30.0, 1, 1)
    alive = weakref.ref(a)
    del a
    gc.collect()
    assert alive() is None, "a compiled method must not keep its instance alive"


def test_static_and_class_methods():
    class C:
        @staticmethod
        @tf.function
        def double(x):
            return x + x

        @classmethod
        @tf.function
        def name_length(cls, x):
            return x + float(len(cls.__name__))
    assert float(C.double(tf.constant(2.0))) == 4.0 and float(C.name_length(tf.constant(0.0))) == 1.0


def test_decorator_with_options_and_call_form():
    @tf.function(autograph=False, jit_compile=True, reduce_retracing=True)
    def f(x):
        return x * 2.0
    assert float(f(tf.constant(2.0))) == 4.0
    assert f.__name__ == "f"
    with pytest.raises(TypeError, match="Received"):
        tf.function(3)


# --- input_signature and symbolic sizes ---


def test_an_input_signature_traces_once_for_all_batch_sizes():
    f, traces = counted(lambda x: tf.reduce_sum(tf.reshape(x, [tf.shape(x)[0], -1]), axis=1),
                        input_signature=[tf.TensorSpec([None, 2, 3], tf.float32)])
    for n in (1, 4, 7):
        x = np.random.default_rng(n).normal(size=(n, 2, 3)).astype(np.float32)
        np.testing.assert_allclose(f(x).numpy(), x.reshape(n, -1).sum(1), rtol=1e-5)
    assert len(traces) == 1
    assert str(f.get_concrete_function().graph.inputs[0].type) == "f32[n0,2,3]"


def test_an_input_signature_makes_tensors_of_python_numbers():
    f, traces = counted(lambda x: x * 2.0, input_signature=[tf.TensorSpec([], tf.float32)])
    for value in (1, 2.0, tf.constant(3.0), 4):
        assert float(f(value)) == 2.0 * float(value)
    assert len(traces) == 1


def test_an_array_may_be_written_to_while_the_step_runs():
    buffer = np.ones((400, 400), np.float32)
    f = tf.function(lambda x: tf.reduce_sum(tf.matmul(tf.matmul(x, x), tf.matmul(x, x))))
    f(buffer)
    found = []
    for i in range(1, 4):
        buffer[:] = i
        found.append(f(buffer))
    np.testing.assert_allclose([float(t) / float(found[0]) for t in found], [1.0, 16.0, 81.0], rtol=1e-5)


@pytest.mark.parametrize("bad", [np.zeros((2, 2), np.float32), tf.zeros((1, 2, 3), tf.int32), "text"])
def test_arguments_that_do_not_fit_the_signature(bad):
    f = tf.function(lambda x: x, input_signature=[tf.TensorSpec([None, 2, 3], tf.float32)])
    with pytest.raises(TypeError):
        f(bad)
    with pytest.raises(TypeError, match="1 arguments"):
        f(np.zeros((1, 2, 3), np.float32), 1.0)


def test_an_inner_function_with_open_sizes_may_capture_a_tensor_with_open_sizes():
    spec = tf.TensorSpec([None], tf.float32)

    @tf.function(input_signature=[spec])
    def outer(x):
        @tf.function(input_signature=[spec])
        def inner(y):
            return tf.reduce_sum(x) + y
        return inner(tf.concat([x, x], 0))
    assert outer(tf.ones(3)).numpy().tolist() == [4.0] * 6
    assert outer(tf.ones(2)).numpy().tolist() == [3.0] * 4


def test_sizes_that_do_not_fit_are_found_when_they_are_known():
    f = tf.function(lambda x, y: x + y, input_signature=[tf.TensorSpec([None], tf.float32)] * 2)
    assert f(tf.ones(3), tf.ones(1)).shape == [3]
    with pytest.raises(ValueError, match="test_function.py"):
        f(tf.ones(3), tf.ones(2))


def test_gradients_with_symbolic_sizes():
    w = tf.Variable([[1.0], [2.0]])

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32)])
    def gradient(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(tf.matmul(x, w)))
        return tape.gradient(loss, w)
    for n in (2, 5):
        x = np.random.default_rng(n).normal(size=(n, 2)).astype(np.float32)
        expected = 2 * x.T @ (x @ w.numpy()) / n
        np.testing.assert_allclose(gradient(x).numpy(), expected, rtol=1e-4)


def test_reduce_retracing_leaves_sizes_open():
    f, traces = counted(lambda x: x * 2.0, reduce_retracing=True)
    for n in range(1, 8):
        assert f(tf.ones([n, 3])).shape == [n, 3]
    assert len(traces) <= 3


def test_concrete_functions():
    v = tf.Variable(2.0)
    f = tf.function(lambda x, flag: {"y": x * v} if flag else x)
    concrete = f.get_concrete_function(tf.TensorSpec([None], tf.float32), True)
    assert concrete.structured_input_signature[0][0] == tf.TensorSpec([None], tf.float32, "x")
    assert concrete.structured_outputs == {"y": tf.TensorSpec([None], tf.float32)}
    assert [id(x) for x in concrete.variables] == [id(v)] == [id(x) for x in concrete.captured_inputs]
    assert concrete(tf.constant([1.0, 2.0]))["y"].numpy().tolist() == [2.0, 4.0]
    assert concrete(tf.constant([1.0]), True)["y"].numpy().tolist() == [2.0]
    assert "stablehlo" in concrete.stablehlo(tf.ones(3)) and concrete.cost(tf.ones(3))["flops"] > 0
    with pytest.raises(ValueError, match="open sizes"):
        concrete.stablehlo()
    with pytest.raises(TypeError, match="Received"):
        concrete(tf.constant([1]))


# --- variables ---


def test_variables_are_read_and_assigned_in_order():
    v = tf.Variable(1.0)

    @tf.function
    def f(x):
        before = v + 0.0
        v.assign(x)
        v.assign_add(1.0)
        return before, v * 1.0, v.assign_sub(0.5)
    before, after, last = f(tf.constant(5.0))
    assert (float(before), float(after), float(last), float(v)) == (1.0, 6.0, 5.5, 5.5)


def test_variables_are_created_on_the_first_call_only():
    class Lazy:
        w = None

        @tf.function
        def __call__(self, x):
            if self.w is None:
                self.w = tf.Variable(tf.random.normal([2, 2], seed=1))
                self.b = tf.Variable(lambda: tf.zeros([2]))
            return tf.matmul(x, self.w) + self.b
    layer = Lazy()
    x = tf.ones([1, 2])
    first = layer(x)
    np.testing.assert_allclose(first.numpy(), x.numpy() @ layer.w.numpy(), rtol=1e-6)
    np.testing.assert_array_equal(layer(x).numpy(), first.numpy())

    made = []

    @tf.function
    def always(x):
        made.append(tf.Variable(1.0))
        return x
    with pytest.raises(RuntimeError, match="created a variable"):
        always(tf.constant(1.0))


def test_an_initial_value_must_not_depend_on_an_argument():
    made = []

    @tf.function
    def f(x):
        if not made:
            made.append(tf.Variable(x * 2.0))
        return x
    with pytest.raises(TypeError, match="must not depend on the arguments"):
        f(tf.constant(1.0))


def test_a_tensor_read_from_a_variable_outlives_the_step_that_donates_its_buffer():
    v = tf.Variable(np.arange(5000, dtype=np.float32))  # too large to be packed
    step = tf.function(lambda: v.assign_add(tf.ones(5000)))
    kept, view = v.value(), np.asarray(v.value())
    twin = tf.Variable(v)
    for _ in range(3):
        step()
    np.testing.assert_array_equal(kept.numpy(), np.arange(5000))
    np.testing.assert_array_equal(view, np.arange(5000))
    np.testing.assert_array_equal(twin.numpy(), np.arange(5000))
    np.testing.assert_array_equal(v.numpy(), np.arange(5000) + 3)


def test_two_functions_share_small_variables():
    vs = [tf.Variable(float(i)) for i in range(5)]
    up = tf.function(lambda: [v.assign_add(1.0) for v in vs])
    down = tf.function(lambda: [v.assign_sub(1.0) for v in vs[:3]])
    total = tf.function(lambda: tf.add_n([v.value() for v in vs]))
    for i in range(70):  # beyond the point where packing is given up
        up()
        down()
        assert float(total()) == 10.0 + 2 * (i + 1)
        vs[0].assign(vs[0] - 0.0)
    assert [float(v) for v in vs] == [0.0, 1.0, 2.0, 73.0, 74.0]


@pytest.mark.parametrize("size", [3, 3000])
def test_variables_may_be_swapped_and_returned(size):
    a, b = tf.Variable(np.zeros(size, np.float32)), tf.Variable(np.ones(size, np.float32))

    @tf.function
    def swap(x):
        first = a.value()
        a.assign(b)
        b.assign(first)
        return a.value(), b.value(), x
    for i in range(1, 4):
        ra, rb, rx = swap(tf.ones([2]))
        assert (a.numpy() == i % 2).all() and (b.numpy() == 1 - i % 2).all()
        assert (ra.numpy() == i % 2).all() and (rb.numpy() == 1 - i % 2).all() and rx.shape == [2]


def test_an_exception_while_tracing_leaves_variables_as_they_were():
    v = tf.Variable(1.0)

    @tf.function
    def f(x):
        v.assign(100.0)
        return tf.matmul(x, x)
    with pytest.raises(ValueError, match=r"test_function\.py:\d+, in f"):
        f(tf.ones([2, 3]))
    assert float(v) == 1.0


# --- nesting and captures ---


def test_functions_call_functions():
    v = tf.Variable(0.0)
    inner, traces = counted(lambda x: v.assign_add(x) * 2.0)
    outer = tf.function(lambda x: inner(x) + inner(x) + v)
    assert float(outer(tf.constant(1.0))) == 2.0 + 4.0 + 2.0
    assert float(v) == 2.0 and len(traces) == 1
    assert [o.op.name for o in outer.get_concrete_function(tf.constant(1.0)).graph.operations].count("call") == 2
    assert "call" not in {o.op.name for o in outer.get_concrete_function(tf.constant(1.0)).pipeline().graph.operations}


def test_inner_functions_may_close_over_outer_tensors():
    @tf.function
    def outer(x):
        @tf.function
        def inner(y):
            return x * y
        return inner(x + 1.0)
    assert float(outer(tf.constant(2.0))) == 6.0
    assert float(outer(tf.constant(3.0))) == 12.0
    assert float(outer(tf.constant([3.0]))[0]) == 12.0


def test_an_inner_function_that_closes_over_outer_tensors_is_traced_anew_in_each():
    held = {}
    inner = tf.function(lambda y: held["x"] * y)

    @tf.function
    def outer(x):
        held["x"] = x * 1.0
        return inner(x)
    assert float(outer(tf.constant(2.0))) == 4.0
    assert outer(tf.constant([3.0])).numpy().tolist() == [9.0]


def test_captured_tensors_are_inputs_of_the_graph():
    big = tf.constant(np.ones((100, 100), np.float32))
    f = tf.function(lambda x: x + big)
    concrete = f.get_concrete_function(tf.TensorSpec([100], tf.float32))
    assert concrete.captured_inputs[0] is big
    assert not any(o.op.name == "constant" for o in concrete.graph.operations)


def test_a_tensor_must_not_be_used_after_its_trace():
    leaked = []

    @tf.function
    def f(x):
        leaked.append(x * 2.0)
        return x
    f(tf.constant(1.0))
    with pytest.raises(TypeError, match="after the trace .* had ended") as caught:
        leaked[0] + 1.0
    assert "tracing `f`" in str(caught.value) and "test_function.py" in str(caught.value)
    with pytest.raises(TypeError, match="outside the trace it belongs to"):
        tf.function(lambda y: y + leaked[0])(tf.constant(1.0))


@pytest.mark.parametrize("use", [bool, int, float, lambda x: [1, 2, 3][x], lambda x: x.numpy(), np.sin,
                                 lambda x: np.asarray(x)])
def test_python_needs_values_that_a_symbolic_tensor_does_not_have(use):
    def f(x):
        use(x)
        return x
    with pytest.raises(TypeError, match="inside `@function`|Use `tf") as caught:
        tf.function(f, autograph=False)(tf.constant(1))
    assert "test_function.py" in str(caught.value)


# --- caches, warnings, settings ---


def test_retracing_too_often_is_reported_with_the_argument():
    f = tf.function(lambda count: tf.constant(0.0) + count)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for i in range(6):
            f(i)
    text = str(caught[0].message)
    assert "`count`" in text and "Pass it as a tensor" in text and caught[0].filename == __file__


def test_the_caches_are_bounded(monkeypatch):
    monkeypatch.setattr(tf.tracer.function, "_MOST_TRACES", 8)
    f = tf.function(lambda n: tf.constant(n))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for i in range(30):
            assert int(f(i)) == i
    assert len(f._concrete) <= 8 and len(f._fast) <= 8


def test_run_functions_eagerly():
    f, traces = counted(lambda x: x + 1.0)
    tf.config.run_functions_eagerly(True)
    try:
        assert tf.config.functions_run_eagerly()
        for _ in range(3):
            f(tf.constant(1.0))
        assert len(traces) == 3
    finally:
        tf.config.run_functions_eagerly(False)


def test_executing_eagerly_and_init_scope():
    seen = []

    def f(x):
        seen.append(tf.executing_eagerly())
        with tf.init_scope():
            seen.append(tf.executing_eagerly())
            seen.append(float(tf.constant(2.0) * 2.0))
        return x
    tf.function(f)(tf.constant(1.0))
    assert seen == [False, True, 4.0] and tf.executing_eagerly()


@pytest.mark.parametrize("call", [lambda f: f(), lambda f: f(1, 2, 3), lambda f: f(1.0, y=2.0), lambda f: f(1.0, x=1.0)])
def test_wrong_arguments_name_the_signature(call):
    with pytest.raises(TypeError, match="`f"):
        def f(x):
            return x
        call(tf.function(f))


def test_a_result_that_is_no_tensor():
    with pytest.raises(TypeError, match="must return tensors"):
        tf.function(lambda: object())()


def test_64_bit_dtypes_leave_jax_alone():
    jax = pytest.importorskip("jax")
    before = jax.config.jax_enable_x64
    v = tf.Variable(np.float64(1.0))
    f = tf.function(lambda x: v.assign_add(x) * 2.0)
    found = f(np.float64(0.1))
    assert found.dtype == tf.float64 and found.numpy() == 2 * (1.0 + 0.1)
    assert (tf.constant(2**40) + 1).dtype == tf.int64
    assert jax.config.jax_enable_x64 == before
