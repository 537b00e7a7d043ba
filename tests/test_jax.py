"""Between treadle and JAX: functions as JAX functions, JAX functions as ops, arrays both ways."""

from __future__ import annotations

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import treadle as tf


def make_step():
    w, b = tf.Variable([[1.0], [2.0]], name="w"), tf.Variable([0.5], name="b")

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(tf.matmul(x, w) + b - y))
        dw, db = tape.gradient(loss, [w, b])
        w.assign_sub(0.1 * dw)
        b.assign_sub(0.1 * db)
        return {"loss": loss}
    return step, w, b


def test_to_jax_is_pure_and_equal_to_the_function():
    step, w, b = make_step()
    x, y = np.ones((4, 2), np.float32), np.zeros((4, 1), np.float32)
    pure = step.to_jax(x, y)
    state = pure.state()
    before = w.numpy()
    result, after = jax.jit(pure)(state, x, y)
    np.testing.assert_array_equal(w.numpy(), before)
    expected = step(x, y)
    np.testing.assert_allclose(result["loss"], expected["loss"].numpy(), rtol=1e-6)
    assert [np.allclose(a, v.numpy()) for a, v in zip(after, pure.variables)] == [True, True]


def test_to_jax_without_arguments_is_that_of_the_only_trace():
    f = tf.function(lambda x: x * 2.0)
    f(tf.constant(1.0))
    assert float(f.to_jax()([], np.float32(3.0))[0]) == 6.0
    f(tf.constant([1.0]))
    with pytest.raises(TypeError):
        f.to_jax()


def test_to_jax_composes_with_grad_and_vmap():
    v = tf.Variable(3.0)
    f = tf.function(lambda x: tf.reduce_sum(tf.sin(x) * v))
    pure = f.to_jax(tf.TensorSpec([2], tf.float32))
    state = pure.state()
    x = np.array([0.1, 0.2], np.float32)
    gradient = jax.grad(lambda s, x: pure(s, x)[0], argnums=(0, 1))(state, x)
    np.testing.assert_allclose(gradient[0][0], np.sin(x).sum(), rtol=1e-6)
    np.testing.assert_allclose(gradient[1], np.cos(x) * 3, rtol=1e-6)
    batch = np.stack([x, x + 1, x + 2])
    np.testing.assert_allclose(jax.vmap(lambda r: pure(state, r)[0])(batch), (np.sin(batch) * 3).sum(1), rtol=1e-6)


def test_jax_call_is_an_op_with_a_gradient():
    def g(a, scale):
        return {"y": jnp.sinc(a["x"]) * scale, "n": jnp.arange(3)}

    def f(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            result = tf.jax_call(g, {"x": x}, 2.0)
            y = result["y"]
        return y, result["n"], tape.gradient(y, x)
    x = tf.constant([0.3, 0.7])
    expected = jax.grad(lambda a: (jnp.sinc(a) * 2).sum())(x.numpy())
    for way in (f, tf.function(f)):
        y, n, gradient = way(x)
        np.testing.assert_allclose(y.numpy(), np.sinc(x.numpy()) * 2, rtol=1e-6)
        assert n.dtype == tf.int32 and n.numpy().tolist() == [0, 1, 2]
        np.testing.assert_allclose(gradient.numpy(), expected, rtol=1e-5)


def test_jax_call_to_second_order():
    x = tf.constant(0.4)

    @tf.function
    def f(x):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = tf.jax_call(jnp.sin, x)
            g = inner.gradient(y, x)
        return outer.gradient(g, x)
    np.testing.assert_allclose(float(f(x)), -np.sin(0.4), rtol=1e-5)


def test_arrays_both_ways():
    t = tf.constant([1.0, 2.0])
    assert jnp.sum(jnp.asarray(t)) == 3.0
    assert isinstance(t.__jax_array__(), jax.Array)
    np.testing.assert_array_equal(np.from_dlpack(t), [1.0, 2.0])
    assert (tf.convert_to_tensor(jnp.ones(3)) + 1.0).numpy().tolist() == [2.0, 2.0, 2.0]
    v = tf.Variable([1.0, 2.0])
    assert float(jnp.sum(jnp.asarray(v))) == 3.0


def test_a_jax_function_must_not_be_called_directly_on_symbolic_tensors():
    with pytest.raises(TypeError, match="jax_call"):
        tf.function(lambda x: jnp.asarray(x))(tf.constant(1.0))


def test_arrays_on_another_device_are_refused():
    code = """
import jax, jax.numpy as jnp, treadle as tf
there = jax.device_put(jnp.ones(3), jax.devices()[1])
for use in (lambda: tf.Variable(there), lambda: tf.ones(3) + there, lambda: tf.function(lambda x: x)(there)):
    try:
        use()
    except ValueError as error:
        print("refused" if "Move it" in str(error) and "<string>" in str(error) else error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          env={**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"})
    assert done.stdout.split() == ["refused"] * 3, done.stdout + done.stderr


def test_a_tracer_is_refused_with_the_way_out():
    with pytest.raises(TypeError, match="to_jax"):
        jax.jit(lambda x: tf.add(x, 1.0))(1.0)
