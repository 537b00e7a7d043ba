"""`Dense`, and the activations, regularizers and constraints, against Keras."""

import jax.numpy as jnp
import numpy as np
import pytest

import treadle as tf
from keras_tests.oracle import close, ours, same_layer, theirs

X = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)


def same_config(mine, other):
    """Equal configurations, numbers in float32."""
    a, b = mine.get_config(), other.get_config()
    return a.keys() == b.keys() and all(a[k] == b[k] or np.float32(a[k]) == np.float32(b[k]) for k in a)


@pytest.mark.parametrize("config", [
    dict(units=5), dict(units=2, activation="relu"), dict(units=2, use_bias=False), dict(units=3, activation="softmax"),
    dict(units=1, kernel_initializer="he_normal", bias_initializer="ones")])
def test_dense(config):
    same_layer("Dense", config, X)
    same_layer("Dense", config, X.reshape(2, 2, 3))


@pytest.mark.parametrize("name", ["relu", "elu", "selu", "softplus", "softsign", "relu6", "tanh", "sigmoid", "gelu", "silu",
                                  "mish", "hard_sigmoid", "hard_silu", "exponential", "leaky_relu", "softmax",
                                  "log_softmax", "log_sigmoid", "linear"])
def test_activation(name):
    close(getattr(ours.activations, name)(X * 3), getattr(theirs.activations, name)(X * 3), name)


@pytest.mark.parametrize("name,arguments", [
    ("L1", (0.1,)), ("L2", (0.1,)), ("L1L2", (0.1, 0.2)), ("OrthogonalRegularizer", (0.1, "rows")),
    ("OrthogonalRegularizer", (0.1, "columns"))])
def test_regularizer(name, arguments):
    mine, other = getattr(ours.regularizers, name)(*arguments), getattr(theirs.regularizers, name)(*arguments)
    close(mine(tf.constant(X)), other(jnp.asarray(X)), name)
    assert same_config(mine, other)


@pytest.mark.parametrize("name,config", [
    ("MaxNorm", dict(max_value=1.0)), ("NonNeg", {}), ("UnitNorm", dict(axis=1)), ("MinMaxNorm", dict(rate=0.5))])
def test_constraint(name, config):
    mine, other = getattr(ours.constraints, name)(**config), getattr(theirs.constraints, name)(**config)
    close(mine(tf.constant(X)), other(jnp.asarray(X)), name)
    assert same_config(mine, other)
