"""The tape: gradients, structures, persistence, higher orders, Jacobians, custom gradients, forward mode.

Everything runs eagerly, inside a compiled function, and with the tape outside a compiled function.
"""

from __future__ import annotations

import numpy as np
import pytest

import treadle as tf


def eagerly(f):
    return f


def compiled(f):
    return tf.function(f)


MODES = pytest.mark.parametrize("mode", [eagerly, compiled])


def cube_gradients(order, x):
    if order == 0:
        return x * x * x
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = cube_gradients(order - 1, x)
    return tape.gradient(y, x)


@MODES
@pytest.mark.parametrize("order", range(5))
def test_nested_tapes_give_higher_orders(mode, order):
    x = tf.constant([2.0, -3.0])
    expected = [x.numpy()**3, 3 * x.numpy()**2, 6 * x.numpy(), np.full(2, 6.0), np.zeros(2)][order]
    found = mode(lambda x: cube_gradients(order, x))(x)
    if order == 4:
        assert found is None or np.array_equal(found.numpy(), expected)
    else:
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_tapes_across_the_border_of_a_compiled_function(order):
    f = tf.function(lambda x: tf.exp(x) * tf.sin(x))

    def nth(order, x):
        if order == 0:
            return f(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = nth(order - 1, x)
        return tape.gradient(y, x)
    x = tf.constant(0.7)
    values = [np.exp(0.7) * np.sin(0.7), np.exp(0.7) * (np.sin(0.7) + np.cos(0.7)), 2 * np.exp(0.7) * np.cos(0.7),
              2 * np.exp(0.7) * (np.cos(0.7) - np.sin(0.7))]
    np.testing.assert_allclose(nth(order, x).numpy(), values[order], rtol=1e-5)


@MODES
def test_structures_and_unconnected_sources(mode):
    v, u = tf.Variable(2.0), tf.Variable(5.0)

    def f(x):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            y = {"a": v * x["p"], "b": x["q"] * x["q"]}
        none = tape.gradient(y, {"v": v, "u": u, "x": x})
        zero = tape.gradient(y, [v, u], unconnected_gradients="zero")
        weighted = tape.gradient(y, x, output_gradients={"a": tf.constant(10.0), "b": tf.constant(0.0)})
        return none, zero, weighted
    none, zero, weighted = mode(f)({"p": tf.constant(3.0), "q": tf.constant(4.0)})
    assert none["u"] is None and float(none["v"]) == 3.0
    assert float(none["x"]["p"]) == 2.0 and float(none["x"]["q"]) == 8.0
    assert [float(z) for z in zero] == [3.0, 0.0]
    assert float(weighted["p"]) == 20.0 and float(weighted["q"]) == 0.0


def test_a_tape_that_is_not_persistent_is_used_once():
    x = tf.constant(1.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * x
    tape.gradient(y, x)
    with pytest.raises(RuntimeError, match="persistent=True"):
        tape.gradient(y, x)


def test_watching_is_explicit_for_tensors_and_automatic_for_trainable_variables():
    x, v, fixed = tf.constant(3.0), tf.Variable(2.0), tf.Variable(2.0, trainable=False)
    with tf.GradientTape(persistent=True) as tape:
        y = x * v * fixed
    assert tape.gradient(y, x) is None and tape.gradient(y, fixed) is None
    assert float(tape.gradient(y, v)) == 6.0
    assert tape.watched_variables() == (v,) or [id(w) for w in tape.watched_variables()] == [id(v)]
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch(fixed)
        y = v * fixed
    assert tape.gradient(y, v) is None and float(tape.gradient(y, fixed)) == 2.0


def test_stop_recording_and_reset():
    x = tf.constant(3.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = x * x
        with tape.stop_recording():
            z = y * x
        w = y + z
    assert float(tape.gradient(w, x)) == 6.0
    assert tape.gradient(z, x) is None
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * x
        tape.reset()
        tape.watch(x)
        z = x * 5.0
    assert float(tape.gradient(z, x)) == 5.0


def test_reading_a_variable_twice_adds_up_also_after_an_assignment():
    v = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = v * v
        v.assign(10.0)
        y = y + 2.0 * v
    assert float(tape.gradient(y, v)) == 6.0 + 2.0


@MODES
def test_gradient_of_an_input_that_is_the_target(mode):
    def f(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
        return tape.gradient(x, x)
    np.testing.assert_array_equal(mode(f)(tf.constant([1.0, 2.0])).numpy(), [1.0, 1.0])


@MODES
def test_integers_have_no_gradient(mode):
    def f(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.cast(tf.cast(x, tf.int32), tf.float32) * x
        return tape.gradient(y, x)
    assert float(mode(f)(tf.constant(2.5))) == 2.0


@MODES
def test_jacobians(mode):
    a = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)

    def f(x):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            y = tf.matmul(tf.constant(a), tf.square(x))
        return tape.jacobian(y, x), tape.jacobian(y, [x])[0]
    x = np.random.default_rng(1).normal(size=(4, 2)).astype(np.float32)
    expected = np.einsum("ij,jk,kl->iljk", a, 2 * x, np.eye(2))
    expected = np.zeros((3, 2, 4, 2), np.float32)
    for k in range(2):
        expected[:, k, :, k] = a * (2 * x[:, k])
    for found in mode(f)(tf.constant(x)):
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=1e-6)


@MODES
def test_batch_jacobian_and_hessian(mode):
    def f(x):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = tf.reduce_sum(x * x * x)
            g = inner.gradient(y, x)
        return outer.batch_jacobian(g, x)
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_allclose(mode(f)(tf.constant(x)).numpy(), np.stack([np.diag(6 * r) for r in x]), rtol=1e-5)


@MODES
def test_jacobian_through_a_compiled_function(mode):
    inner = tf.function(lambda x: tf.sin(x) * tf.reduce_sum(x))

    def f(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = inner(x)
        return tape.jacobian(y, x)
    x = np.array([0.1, 0.2, 0.3], np.float32)
    expected = np.diag(np.cos(x) * x.sum()) + np.sin(x)[:, None]
    np.testing.assert_allclose(mode(f)(tf.constant(x)).numpy(), expected, rtol=1e-5)


@MODES
def test_custom_gradient(mode):
    @tf.custom_gradient
    def clipped(x):
        return x * x, lambda g: tf.clip_by_value(g, -1.0, 1.0) * 100.0

    def f(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = clipped(x) * 5.0
        return y, tape.gradient(y, x)
    y, g = mode(f)(tf.constant(3.0))
    assert float(y) == 45.0 and float(g) == 100.0


def test_custom_gradient_under_a_tape_outside_a_compiled_function():
    @tf.custom_gradient
    def seven(x):
        return x * x, lambda g: g * 7.0
    f = tf.function(lambda x: seven(x) + x)
    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    assert float(tape.gradient(y, x)) == 8.0


@MODES
def test_custom_gradient_with_variables_and_several_results(mode):
    v = tf.Variable(2.0)

    @tf.custom_gradient
    def f(x, y):
        def gradient(ga, gb, variables=None):
            return [ga * 10.0, gb * 20.0], [ga * 30.0 for _ in variables]
        return (x * v, y + 1.0), gradient

    def g(x, y):
        with tf.GradientTape() as tape:
            tape.watch([x, y])
            a, b = f(x, y)
            loss = a + 2.0 * b
        return tape.gradient(loss, [x, y, v])
    assert [float(c) for c in mode(g)(tf.constant(1.0), tf.constant(1.0))] == [10.0, 40.0, 30.0]


@MODES
def test_second_order_through_a_custom_gradient(mode):
    @tf.custom_gradient
    def square(x):
        return x * x, lambda g: g * 2.0 * x

    def f(x):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = square(x) * x
            g = inner.gradient(y, x)
        return outer.gradient(g, x)
    # In a trace the user's rule is differentiated again; eagerly too, since it is recorded by the outer tape.
    np.testing.assert_allclose(float(mode(f)(tf.constant(3.0))), 18.0, rtol=1e-6)


@MODES
def test_recompute_grad_gives_the_same_gradients(mode):
    w = tf.Variable([[1.0, -2.0], [0.5, 3.0]])

    def block(x):
        return tf.tanh(tf.matmul(x, w))

    def f(x, wrap):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(wrap(block)(wrap(block)(x)))
        return tape.gradient(y, [x, w])
    x = tf.constant([[0.1, 0.2]])
    plain = mode(lambda x: f(x, lambda b: b))(x)
    again = mode(lambda x: f(x, tf.recompute_grad))(x)
    for a, b in zip(plain, again):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-6)


def test_recompute_grad_keeps_fewer_residuals():
    def block(x):
        for _ in range(6):
            x = tf.tanh(tf.sin(x))
        return x

    def residuals(f):
        graph = tf.function(f).get_concrete_function(tf.TensorSpec([8], tf.float32)).graph
        return len(tf.ir.autodiff.linearize(graph).forward.outputs)
    assert residuals(tf.recompute_grad(block)) < residuals(block) / 3


@MODES
def test_forward_accumulator_agrees_with_the_jacobian(mode):
    def f(x, t):
        with tf.autodiff.ForwardAccumulator(x, t) as acc:
            y = tf.exp(x) * tf.reduce_sum(tf.sin(x))
        return acc.jvp(y)
    x, t = np.array([0.1, 0.5, -0.3], np.float32), np.array([1.0, -2.0, 0.5], np.float32)
    jacobian = np.diag(np.exp(x) * np.sin(x).sum()) + np.exp(x)[:, None] * np.cos(x)
    np.testing.assert_allclose(mode(f)(tf.constant(x), tf.constant(t)).numpy(), jacobian @ t, rtol=1e-5, atol=1e-6)


def test_forward_over_reverse_is_a_hessian_vector_product():
    v = tf.Variable([1.0, 2.0])
    with tf.autodiff.ForwardAccumulator(v, tf.constant([1.0, 0.0])) as acc:
        with tf.GradientTape() as tape:
            y = v[0] * v[0] * v[1]
        g = tape.gradient(y, v)
    np.testing.assert_allclose(acc.jvp(g).numpy(), [4.0, 2.0])


def test_forward_accumulator_through_a_compiled_function():
    f = tf.function(lambda x: tf.sin(x) * 2.0)
    x = tf.constant(0.5)
    with tf.autodiff.ForwardAccumulator(x, tf.constant(1.0)) as acc:
        y = f(x)
    np.testing.assert_allclose(float(acc.jvp(y)), 2 * np.cos(0.5), rtol=1e-6)


def test_gradient_of_a_captured_tensor_through_a_compiled_function():
    x = tf.constant(3.0)
    f = tf.function(lambda y: x * x * y)
    with tf.GradientTape() as tape:
        tape.watch(x)
        z = f(tf.constant(2.0))
    assert float(tape.gradient(z, x)) == 12.0


def test_complex_gradients_follow_tensorflow():
    x = tf.constant(2.0 + 1.0j)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.math.real(x * x)
    # TensorFlow gives conj(dy/dx) for holomorphic parts: conj(2 x).
    np.testing.assert_allclose(tape.gradient(y, x).numpy(), 4.0 - 2.0j)


@pytest.mark.parametrize("bad", [1.0, "x", None])
def test_targets_and_sources_are_checked(bad):
    x = tf.constant(1.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = x * x
    with pytest.raises(TypeError, match="Received"):
        tape.gradient(y, bad)
    with pytest.raises(TypeError, match="Received"):
        tape.watch(bad)
