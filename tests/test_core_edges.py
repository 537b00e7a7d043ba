"""Corners of the core that ordinary code reaches sooner or later, each compared with what plain Python or eager gives."""

from __future__ import annotations

import copy
import dataclasses
import enum
import functools
import gc
import pickle
import threading
import warnings
import weakref

import numpy as np
import pytest

import treadle as tf
from treadle.ir import builder
from treadle.ir.interpreter import state
from treadle.runtime import eager
from treadle.tracer import concrete, function

ONE = tf.constant(1.0)
MODES = {"eager": lambda f: f, "compiled": tf.function}
both_modes = pytest.mark.parametrize("mode", MODES.values(), ids=MODES)


# --- open sizes -------------------------------------------------------------------------------------------------------

W = tf.constant(np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32))
KERNEL = tf.constant(np.random.default_rng(1).normal(size=(3, 3, 2, 4)).astype(np.float32))
CELL = tf.constant(np.random.default_rng(2).normal(size=(9, 16)).astype(np.float32))


def _lstm(x):
    h = c = tf.zeros([tf.shape(x)[0], 4])
    for t in range(2):
        i, f, o, g = tf.split(tf.concat([x[:, t], h], 1) @ CELL, 4, axis=1)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        h = tf.sigmoid(o) * tf.tanh(c)
    return h


def _attention(x):
    causal = tf.linalg.band_part(tf.ones([tf.shape(x)[1]] * 2), -1, 0)
    return tf.nn.softmax(tf.matmul(x, x, transpose_b=True) + (1 - causal) * -1e9) @ x


OPEN = {
    "matmul": (lambda x: tf.matmul(x @ W, x @ W, transpose_b=True), [None, 5]),
    "conv": (lambda x: tf.nn.conv2d(x, KERNEL, 2, "SAME"), [None, None, None, 2]),
    "max_pool": (lambda x: tf.nn.max_pool2d(x, 2, 2, "SAME"), [None, None, 4, 2]),
    "avg_pool": (lambda x: tf.nn.avg_pool2d(x, 3, 2, "SAME"), [None, 4, None, 2]),
    "cross_entropy": (lambda x: tf.nn.sparse_softmax_cross_entropy_with_logits(tf.range(tf.shape(x)[0]) % 5, x), [None, 5]),
    "batch_norm": (lambda x: tf.nn.batch_normalization(x, *tf.nn.moments(x, [0]), None, None, 1e-3), [None, 5]),
    "gather": (lambda x: tf.gather(x, tf.zeros([tf.shape(x)[0], 2], tf.int32), batch_dims=1), [None, 5]),
    "gather_nd": (lambda x: tf.gather_nd(x, tf.range(tf.shape(x)[0])[:, None]) * x, [None, 5]),
    "concat, split": (lambda x: tf.split(tf.concat([x, x * x], 0), 2)[1], [None, 5]),
    "pad": (lambda x: tf.pad(x, [[0, tf.shape(x)[0]], [1, 0]]), [None, 5]),
    "slices": (lambda x: x[:tf.shape(x)[0] // 2 + 1, ::-2] * x[:1, :3], [None, 5]),
    "broadcast": (lambda x: tf.broadcast_to(x[:, None], [tf.shape(x)[0]] * 2 + [5]) + x[None], [None, 5]),
    "where, cumsum": (lambda x: tf.where(x > 0, x, tf.cumsum(x, 0)), [None, 5]),
    "one_hot": (lambda x: tf.one_hot(tf.range(tf.shape(x)[0]) % 5, 5) * x, [None, 5]),
    "einsum": (lambda x: tf.einsum("bti,bsi->bts", x, x), [None, None, 5]),
    "lstm": (_lstm, [None, 2, 5]),
    "attention": (_attention, [None, None, 5]),
    "reshape": (lambda x: tf.reshape(x * x, [tf.shape(x)[0] * 2, 5]), [None, 2, 5]),
    "tile, repeat": (lambda x: tf.repeat(tf.tile(x * x, [2, 1]), 2, axis=0), [None, 5]),
    "range": (lambda x: tf.cast(tf.range(2 * tf.shape(x)[0]), tf.float32) * x[:, :1], [None, 5]),
    "mean": (lambda x: tf.reduce_sum(x * x) / tf.cast(tf.size(x), tf.float32), [None, None]),
    "scatter_nd": (lambda x: tf.scatter_nd(tf.range(tf.shape(x)[0])[:, None], x * x, tf.shape(x)), [None, 5]),
}


@pytest.mark.parametrize("name", OPEN)
def test_values_and_gradients_with_open_sizes(name, seed):
    f, shape = OPEN[name]

    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
            loss = tf.reduce_sum(y * tf.sin(y))
        return y, tape.gradient(loss, x)
    compiled = tf.function(step, input_signature=[tf.TensorSpec(shape, tf.float32)])
    for sizes in [(3, 6, 4), (1, 2, 3), (0, 4, 4)]:
        left = iter(sizes)
        x = np.random.default_rng(seed).normal(size=[next(left) if s is None else s for s in shape])
        x = tf.constant(x.astype(np.float32))
        for a, b in zip(step(x), compiled(x)):
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)
    assert compiled.experimental_get_tracing_count() == 1


def test_functions_with_open_sizes_call_one_another():
    double = tf.function(lambda x: tf.concat([x, x], 0), input_signature=[tf.TensorSpec([None, None])])
    table = tf.function(lambda x, y: tf.ones([tf.shape(y)[0], tf.shape(x)[0]]),
                        input_signature=[tf.TensorSpec([None]), tf.TensorSpec([None])])

    @tf.function(input_signature=[tf.TensorSpec([None, 3])])
    def quadruple(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = double(double(x))
        return y, tape.gradient(y, x)

    @tf.function(input_signature=[tf.TensorSpec([None]), tf.TensorSpec([None])])
    def swapped(a, b):
        return table(a, b), table(b, a), table(a[:1], tf.concat([a, b], 0))
    for n in (2, 1, 0):
        y, g = quadruple(tf.ones([n, 3]))
        assert y.shape == (4 * n, 3) and g.numpy().tolist() == [[4.0] * 3] * n
    assert [t.shape for t in swapped(tf.ones([2]), tf.ones([5]))] == [(5, 2), (2, 5), (7, 1)]


@pytest.mark.parametrize("what", ["jacobian", "batch_jacobian"])
def test_jacobians_with_an_open_batch(what):
    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.sin(x) @ tf.ones([3, 2]) * x[:, :2]
        return getattr(tape, what)(y, x)
    compiled = tf.function(run, input_signature=[tf.TensorSpec([None, 3])])
    for n in (4, 1, 0):
        x = tf.constant(np.linspace(0, 1, 3 * n).reshape(n, 3).astype(np.float32))
        assert run(x).shape == compiled(x).shape
        np.testing.assert_allclose(run(x), compiled(x), rtol=1e-5)


def test_an_unknown_rank_is_known_at_the_call():
    f = tf.function(lambda x: x * 2.0, input_signature=[tf.TensorSpec(None, tf.float32)])
    assert f(ONE).numpy() == 2.0 and f(tf.ones([2])).shape == (2,)
    with pytest.raises(ValueError, match="rank"):
        f.get_concrete_function()


# --- tapes ------------------------------------------------------------------------------------------------------------

def test_tapes_and_accumulators_inside_a_function_watch_tensors_from_outside():
    x = tf.constant(3.0)

    @tf.function
    def derivatives():
        with tf.GradientTape() as tape, tf.autodiff.ForwardAccumulator(x, ONE) as accumulator:
            tape.watch(x)
            y = x * x
        return tape.gradient(y, x), accumulator.jvp(y)

    @tf.function
    def outer(z):
        z = z * 2.0

        @tf.function
        def inner():
            with tf.GradientTape() as tape:
                tape.watch(z)
                y = z * z
            return tape.gradient(y, z)
        return inner()
    assert [g.numpy() for g in derivatives()] == [6.0, 6.0]
    assert outer(tf.constant(3.0)).numpy() == 12.0


def test_a_persistent_tape_goes_on_recording():
    x = tf.constant(3.0)
    tape = tf.GradientTape(persistent=True)
    with tape:
        tape.watch(x)
        y = x * x
    assert tape.gradient(y, x).numpy() == 6.0
    with tape:
        z = y * x
    assert tape.gradient(z, x).numpy() == 27.0


@both_modes
def test_custom_gradients_under_a_jacobian(mode):
    @tf.custom_gradient
    def square(x):
        return x * x, lambda g: g * 5.0

    @mode
    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = square(x)
        return tape.jacobian(y, x)
    assert run(tf.constant([1.0, 2.0])).numpy().tolist() == [[5.0, 0.0], [0.0, 5.0]]


@both_modes
def test_a_custom_gradient_of_the_identity(mode):
    reverse = tf.custom_gradient(lambda x: (x, lambda g: -g))

    @mode
    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = reverse(x) * 5.0
        return tape.gradient(y, x)
    assert run(ONE).numpy() == -5.0


@both_modes
def test_methods_with_a_custom_gradient(mode):
    class Layer:
        by = 2.0

        @tf.custom_gradient
        def apply(self, x):
            return x * self.by, lambda g: g * self.by * 10.0

    @mode
    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = Layer().apply(x)
        return y, tape.gradient(y, x)
    assert [t.numpy() for t in run(ONE)] == [2.0, 20.0]


@both_modes
def test_custom_gradients_nest(mode):
    @tf.custom_gradient
    def inner(x):
        return x * x, lambda g: g * 10.0 * x

    @tf.custom_gradient
    def outer(x):
        def gradient(g):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = inner(x)
            return g * tape.gradient(y, x)
        return inner(x), gradient

    @mode
    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = outer(x) * 2.0
        return tape.gradient(y, x)
    assert run(tf.constant(3.0)).numpy() == 60.0


@both_modes
def test_recompute_grad_with_several_results_flags_and_none(mode):
    v = tf.Variable(2.0)

    def layer(x, pair, mask, training, scale=1.0):
        a = x * pair["y"] * scale * v
        return {"a": a, "b": (x + a * a if training is True else a, a if mask is None else a * mask)}

    def run_with(layer):
        @mode
        def run(x, y):
            with tf.GradientTape() as tape:
                tape.watch([x, y])
                r = layer(x, {"y": y}, None, True, scale=3.0)
                z = r["a"] + r["b"][0] * r["b"][1]
            return tape.gradient(z, [x, y, v])
        return [g.numpy() for g in run(tf.constant(2.0), tf.constant(5.0))]
    np.testing.assert_allclose(run_with(tf.recompute_grad(layer)), run_with(layer))


@both_modes
@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16, tf.float64, tf.complex64, tf.complex128],
                         ids=lambda d: d.name)
def test_gradients_keep_the_dtype(mode, dtype):
    v = tf.Variable(tf.cast([1.0, 2.0], dtype))

    @mode
    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_mean(x * x * v) + tf.reduce_sum(tf.sqrt(tf.stack([x, v])) * 2)
        return tape.gradient(y, [x, v])
    assert [g.dtype for g in run(tf.cast([4.0, 9.0], dtype))] == [dtype, dtype]


def test_accumulators_nest_to_any_order():
    x = tf.constant(2.0)
    with tf.autodiff.ForwardAccumulator(x, ONE) as third:
        with tf.autodiff.ForwardAccumulator(x, ONE) as second:
            with tf.autodiff.ForwardAccumulator(x, ONE) as first:
                y = x ** 4
            dy = first.jvp(y)
        ddy = second.jvp(dy)
    np.testing.assert_allclose([dy, ddy, third.jvp(ddy)], [32.0, 48.0, 48.0], rtol=1e-5)


def test_exceptions_leave_tapes_and_traces_as_they_were():
    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        with pytest.raises(KeyError), tape.stop_recording():
            raise KeyError
        y = x * x
    assert tape.gradient(y, x).numpy() == 6.0

    @tf.function
    def bad(x):
        raise KeyError("x")

    @tf.function
    def middle(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            return bad(x * 2.0)

    @tf.function
    def top(x):
        try:
            with tf.init_scope():
                middle(x)
        except KeyError:
            pass
        return x * 3.0
    with pytest.raises(KeyError):
        middle(ONE)
    assert tf.executing_eagerly() and state.recorders == ()
    assert middle.experimental_get_tracing_count() == 0
    assert tf.function(lambda x: x * 3.0)(ONE).numpy() == 3.0


def test_second_order_steps_on_packed_variables():
    vs = [tf.Variable(float(i)) for i in (1, 2, 3, 4)]

    @tf.function
    def step():
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                loss = vs[0] ** 3 * vs[1] + vs[2] * vs[3] ** 2
            total = tf.add_n(inner.gradient(loss, vs))
        second = outer.gradient(total, vs)
        for v, g in zip(vs, second):
            v.assign_sub(0.001 * g)
        return second
    now = [1.0, 2.0, 3.0, 4.0]
    for _ in range(3):
        a, b, c, d = now
        expected = [6 * a * b + 3 * a * a, 3 * a * a, 2 * d, 2 * d + 2 * c]
        np.testing.assert_allclose(step(), expected, rtol=1e-5)
        now = [v - 0.001 * g for v, g in zip(now, expected)]
        np.testing.assert_allclose(vs[0], now[0], rtol=1e-6)


# --- functions and methods --------------------------------------------------------------------------------------------

class Scale:
    """Named at the top of the module, so that it can be pickled."""

    def __init__(self, by=2.0):
        self.v = tf.Variable(by)
        self.step = tf.function(self._step)

    def _step(self, x):
        return x * self.v

    @tf.function
    def apply(self, x):
        return x * self.v


@tf.function
def named(x):
    return x * 7.0


def test_a_bound_method_keeps_its_instance():
    assert Scale(3.0).apply(ONE).numpy() == 3.0
    apply = Scale(4.0).apply
    gc.collect()
    assert apply(ONE).numpy() == apply(ONE).numpy() == 4.0
    assert apply.experimental_get_tracing_count() == 1

    class Sum(Scale):
        @tf.function
        def apply(self, x):
            return super().apply(x) + 1.0
    assert Sum(3.0).apply(ONE).numpy() == 4.0
    once_more = Scale(5.0)
    assert once_more.apply == once_more.apply and once_more.apply != apply
    assert tf.function(once_more.apply)(ONE).numpy() == 5.0


def test_copies_have_functions_of_their_own():
    scale = Scale()
    scale.kept = scale.apply
    scale.apply(ONE), scale.step(ONE)
    for copied in (copy.deepcopy(scale), pickle.loads(pickle.dumps(scale))):
        copied.v.assign(10.0)
        assert [f(ONE).numpy() for f in (copied.apply, copied.step, copied.kept)] == [10.0] * 3
        assert [f(ONE).numpy() for f in (scale.apply, scale.step, scale.kept)] == [2.0] * 3
    assert pickle.loads(pickle.dumps(named)) is named and copy.deepcopy(named) is named
    with pytest.raises(Exception, match="lambda"):
        pickle.dumps(tf.function(lambda x: x))


def test_methods_of_unusual_classes():
    class Slots:
        __slots__ = ("by",)

        def __init__(self, by):
            self.by = by

        @tf.function
        def apply(self, x):
            return x * self.by

    class Incomparable(Slots):
        def __eq__(self, other):
            raise RuntimeError("compared")
        __hash__ = None
    for kind in (Slots, Incomparable):
        assert [kind(float(i)).apply(ONE).numpy() for i in range(5)] == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_all_kinds_of_callables_and_parameters():
    d = tf.constant(3.0)

    def f(a, b=d, *rest, c=2.0, **more):
        return tf.add_n([a, b, *rest]) * c + sum(more.values())
    compiled = tf.function(f)
    for args, kwargs in [((ONE,), {}), ((ONE, ONE, ONE), {"c": ONE}), ((ONE,), {"z": ONE, "y": d}),
                         ((ONE,), {"y": d, "z": ONE}), ((ONE,), {"b": 5.0, "c": 1.0})]:
        assert compiled(*args, **kwargs).numpy() == f(*args, **kwargs).numpy()
    assert compiled.experimental_get_tracing_count() == 4
    assert tf.function(functools.partial(f, c=3.0))(ONE).numpy() == 12.0
    assert functools.partial(compiled, ONE)(ONE).numpy() == 4.0
    countdown = tf.function(lambda x, n: x if n == 0 else countdown(x * 2.0, n - 1))
    assert countdown(ONE, 3).numpy() == 8.0


@pytest.mark.filterwarnings("ignore:.*traced")
def test_structures_of_slots_and_empty_ones():
    @dataclasses.dataclass(slots=True)
    class Pair:
        a: object
        b: object = None
    identity = tf.function(lambda x: x)
    result = tf.function(lambda p: Pair(p.a * 2.0, p.b))(Pair(ONE))
    assert result.a.numpy() == 2.0 and result.b is None
    for empty in ((), [], {}, None, [[], ()], {"a": {}}, [None, [None]]):
        assert identity(empty) == empty


def test_an_input_signature_has_one_trace_and_takes_defaults():
    traces = []

    @tf.function(input_signature=[tf.TensorSpec([None]), tf.TensorSpec([])])
    def f(x, k=3.0):
        traces.append(x)
        return x * k
    f.get_concrete_function()
    assert f(tf.ones([1])).numpy() == 3.0 and f(k=2.0, x=tf.ones([1])).numpy() == 2.0
    assert f(tf.ones([1]), 4.0).numpy() == 4.0 and len(traces) == 1
    for bad in (lambda: f(), lambda: f(tf.ones([1]), 1.0, 2.0), lambda: f(tf.ones([1]), z=1.0)):
        with pytest.raises(TypeError, match="input_signature"):
            bad()


class Mode(enum.IntEnum):
    A = 1
    B = 2


@both_modes
def test_numbers_of_subclasses_are_numbers(mode):
    class Rate(float):
        pass
    assert mode(lambda x, s: x * s)(ONE, Rate(2.0)).numpy() == 2.0
    assert mode(lambda x, s: x + s)(tf.constant(1), Mode.B).numpy() == 3
    pair = mode(lambda: tf.constant([Mode.A, Mode.B]))()
    assert pair.dtype == tf.int32 and pair.numpy().tolist() == [1, 2]
    assert tf.constant(Mode.B).dtype == tf.int32 and tf.constant([Rate(0.5)]).dtype == tf.float32


def test_arrays_of_the_other_byte_order():
    x = np.arange(3, dtype=">f4")
    assert tf.constant(x).dtype == tf.float32 and (tf.constant(x) + 1.0).numpy().tolist() == [1.0, 2.0, 3.0]
    assert tf.function(lambda a: a * 2)(np.arange(2, dtype=">i8")).dtype == tf.int64


def test_a_string_argument_is_refused_clearly():
    with pytest.raises(tf.errors.UnimplementedError, match="`s`"):
        tf.function(lambda s: s)(tf.constant("a"))


def test_the_retrace_warning_names_the_callers_line():
    class Model:
        @tf.function
        def apply(self, x, n):
            return x * n
    model, f, g = Model(), tf.function(lambda x: x * 2.0), tf.function(lambda x: x * 2.0)

    def line_of_warning(call):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for i in range(5):
                call(i)
        return {(w.filename, w.lineno) for w in caught}
    here = test_the_retrace_warning_names_the_callers_line.__code__
    for call in (lambda i: model.apply(ONE, n=i), lambda i: f(tf.ones([i])), lambda i: g.get_concrete_function(i)):
        assert line_of_warning(call) == {(here.co_filename, call.__code__.co_firstlineno)}


def test_threads_call_one_function_with_different_types():
    v, failures = tf.Variable(0.0), []

    @tf.function
    def f(x):
        v.assign_add(1.0)
        return tf.reduce_sum(x) * 2.0

    def work(n):
        try:
            assert all(f(tf.ones([n])).numpy() == 2.0 * n for _ in range(5))
        except BaseException as error:
            failures.append(error)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        threads = [threading.Thread(target=work, args=(n,)) for n in range(1, 7)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    assert not failures and v.numpy() == 30.0


# --- eager ------------------------------------------------------------------------------------------------------------

def test_zero_sized_pooling_has_gradients():
    x = tf.zeros([0, 4, 4, 2])
    for pool in (tf.nn.max_pool2d, tf.nn.avg_pool2d):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = pool(x, 2, 2, "VALID")
        assert y.shape == (0, 2, 2, 2) and tape.gradient(y, x).shape == x.shape


def test_iteration_is_recorded():
    x, v = tf.constant([1.0, 2.0, 3.0]), tf.Variable([1.0, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        a, b = v
        y = sum(e * e for e in x) + max(x) * 2.0 + a * b
    gx, gv = tape.gradient(y, [x, v])
    assert (gx.numpy().tolist(), gv.numpy().tolist()) == ([2.0, 4.0, 8.0], [2.0, 1.0])


# --- memory -----------------------------------------------------------------------------------------------------------

def test_many_shapes_do_not_grow_memory(monkeypatch):
    for module, name, limit in [(eager, "_MOST_KERNELS", 8), (function, "_MOST_TRACES", 4),
                                (concrete, "_MOST_PROGRAMS", 4), (builder, "_MOST_SPECIALISED", 4)]:
        monkeypatch.setattr(module, name, limit)
    monkeypatch.setattr(eager.EAGER, "_kernels", {})
    monkeypatch.setattr(eager.EAGER, "_pullbacks", {})
    static = tf.function(lambda x: x * x)
    opened = tf.function(lambda x: x * x, input_signature=[tf.TensorSpec([None])])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for f in (lambda x: x * x, static, opened):
            for n in [*range(7), *range(7)]:
                x = tf.ones([n])
                with tf.GradientTape() as tape:
                    tape.watch(x)
                    y = f(x)
                assert tape.gradient(y, x).numpy().tolist() == [2.0] * n
                assert f(x).numpy().tolist() == [1.0] * n
    assert len(eager.EAGER._kernels) <= 8 and len(eager.EAGER._pullbacks) <= 8
    assert len(static._concrete) <= 4 and len(static._fast) <= 4 and len(opened._fast) <= 4
    (trace,), = opened._concrete.values()
    assert len(trace._compiled) <= 4
    assert len(trace.graph.cache["specialised"]) <= 4 and len(trace.graph.cache) <= 4


def test_models_dropped_in_a_loop_free_their_variables():
    alive = []
    for _ in range(3):
        model = Scale()
        model.apply(ONE), model.step(ONE)
        with tf.GradientTape() as tape:
            y = model.apply(ONE) + model.step(ONE)
        assert tape.gradient(y, model.v).numpy() == 2.0
        alive += [weakref.ref(model), weakref.ref(model.v)]
    del model, tape, y
    gc.collect()  # the models, and with them what their class keeps for each
    gc.collect()  # that, with the variables
    assert [r() for r in alive] == [None] * 6
