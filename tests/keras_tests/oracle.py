"""Real Keras beside ours: the same layer or model in both, with the same weights, on the same inputs."""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "jax"

import jax
import jax.numpy as jnp
import keras as theirs
import numpy as np

import treadle as tf
from treadle import keras as ours

RTOL = 1e-5


def close(a, b, what="", rtol=RTOL):
    """Equal within `rtol` of the largest value."""
    a, b = np.asarray(a), np.asarray(b)
    assert a.shape == b.shape, f"{what}: the shape {a.shape} is not {b.shape}"
    assert a.dtype == b.dtype, f"{what}: the dtype {a.dtype} is not {b.dtype}"
    if a.dtype.kind in "biu":
        np.testing.assert_array_equal(a, b, err_msg=what)
        return
    scale = max(np.max(np.abs(b), initial=0.0), 1e-3)
    np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * scale, err_msg=what)


def leaves(structure):
    """The arrays in a structure, as NumPy."""
    return [np.asarray(x) for x in jax.tree_util.tree_leaves(tf.nest.map_structure(np.asarray, structure))]


def same_layer(name, config, inputs, call=None, rtol=RTOL, gradients=True, compiled=True):
    """Make `layers.<name>(**config)` in both, give both their weights, and compare outputs and gradients.

    `inputs`: an array, or a list of arrays. `call`: keyword arguments of the call. Returns our layer.
    """
    call = call or {}
    mine, other = getattr(ours.layers, name)(**config), getattr(theirs.layers, name)(**config)
    given = inputs if isinstance(inputs, list) else [inputs]
    pack = list if isinstance(inputs, list) else (lambda values: values[0])
    expected = other(pack([jnp.asarray(x) for x in given]), **call)
    mine(pack([tf.constant(x) for x in given]), **call)
    assert [tuple(w.shape) for w in mine.weights] == [tuple(w.shape) for w in other.weights], f"weights of {name}"
    assert [w.name for w in mine.weights] == [w.name for w in other.weights], f"names of the weights of {name}"
    assert [w.trainable for w in mine.weights] == [w.trainable for w in other.weights]
    rng = np.random.default_rng(0)
    values = [(v.numpy() + (rng.normal(size=v.shape) * 0.05 if v.dtype.is_floating else 0)).astype(v.dtype.as_numpy_dtype)
              for v in mine.weights]
    mine.set_weights(values)
    other.set_weights(values)
    expected = other(pack([jnp.asarray(x) for x in given]), **call)
    after_theirs = [np.asarray(v) for v in other.weights]
    found = mine(pack([tf.constant(x) for x in given]), **call)
    for a, b in zip(leaves(found), leaves(expected), strict=True):
        close(a, b, f"{name}{config}: the output", rtol)
    for a, b in zip(mine.get_weights(), after_theirs):
        close(a, b, f"{name}{config}: the weights after the call", rtol)
    mine.set_weights(values)
    other.set_weights(values)
    if compiled:
        step = tf.function(lambda *xs: mine(pack(list(xs)), **call))
        for a, b in zip(leaves(step(*[tf.constant(x) for x in given])), leaves(expected), strict=True):
            close(a, b, f"{name}{config}: the compiled output", rtol)
        mine.set_weights(values)
    if gradients:
        _same_gradients(mine, other, given, pack, call, name, rtol)
    assert _tuples(mine.compute_output_shape(shapes(inputs))) == _tuples(other.compute_output_shape(shapes(inputs))), (
        f"{name}: output shape")
    return mine


def _tuples(shape):
    """Lists as tuples: some of Keras' layers give lists for shapes."""
    return tuple(map(_tuples, shape)) if isinstance(shape, (list, tuple)) else shape


def shapes(inputs):
    """The inputs' shapes as `compute_output_shape` takes them."""
    return [x.shape for x in inputs] if isinstance(inputs, list) else inputs.shape


def _same_gradients(mine, other, given, pack, call, name, rtol):
    floating = [i for i, x in enumerate(given) if x.dtype.kind == "f"]

    def weighted(outputs, np_like):
        total = 0.0
        for i, out in enumerate(outputs):
            if np.dtype(out.dtype.name if hasattr(out.dtype, "name") else out.dtype).kind == "f":
                weight = np.random.default_rng(i).normal(size=tuple(out.shape)).astype(np.float32)
                total = total + np_like(out * weight)
        return total

    trainable = [v.value for v in other.trainable_variables]
    rest = [v.value for v in other.non_trainable_variables]

    def loss(trainable, floats):
        filled = [jnp.asarray(x) for x in given]
        for i, x in zip(floating, floats):
            filled[i] = x
        outputs, _ = other.stateless_call(trainable, rest, pack(filled), **call)
        return weighted(jax.tree_util.tree_leaves(outputs), jnp.sum)

    expected = jax.grad(loss, argnums=(0, 1))(trainable, [jnp.asarray(given[i]) for i in floating])
    tensors = [tf.constant(x) for x in given]
    with tf.GradientTape() as tape:
        tape.watch([tensors[i] for i in floating])
        total = weighted(tf.nest.flatten(mine(pack(tensors), **call)), tf.reduce_sum)
    found = tape.gradient(total, [mine.trainable_variables, [tensors[i] for i in floating]], unconnected_gradients="zero")
    for kind, mine_all, theirs_all in zip(("weight", "input"), found, expected):
        for i, (a, b) in enumerate(zip(mine_all, theirs_all, strict=True)):
            close(a, b, f"{name}: the gradient of {kind} {i}", rtol)
