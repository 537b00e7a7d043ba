"""Microseconds for the linear-regression step of bench/linear_regression.py."""

import numpy as np

from bench.peers.timing import median_us

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(256, 2)).astype(np.float32), rng.normal(size=(256, 1)).astype(np.float32)


def tensorflow():
    import tensorflow as tf
    w, b = tf.Variable(tf.zeros((2, 1))), tf.Variable(tf.zeros((1,)))
    x, y = tf.constant(X), tf.constant(Y)

    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(y - (tf.matmul(x, w) + b)))
        dw, db = tape.gradient(loss, [w, b])
        w.assign_sub(0.01 * dw)
        b.assign_sub(0.01 * db)
        return loss
    yield f"tf.function ({tf.__version__})", median_us(tf.function(step))
    yield "TensorFlow eager", median_us(step, calls=50)


def torch():
    import torch
    w, b = torch.zeros(2, 1, requires_grad=True), torch.zeros(1, requires_grad=True)
    x, y = torch.from_numpy(X), torch.from_numpy(Y)

    def step():
        loss = torch.mean(torch.square(y - (x @ w + b)))
        dw, db = torch.autograd.grad(loss, [w, b])
        with torch.no_grad():
            w.sub_(0.01 * dw)
            b.sub_(0.01 * db)
        return loss
    yield f"torch eager ({torch.__version__})", median_us(step, calls=200)


def nnx():
    import flax
    import jax.numpy as jnp
    import optax
    from flax import nnx
    model = nnx.Linear(2, 1, rngs=nnx.Rngs(0))
    optimizer = nnx.Optimizer(model, optax.sgd(0.01), wrt=nnx.Param)
    x, y = jnp.asarray(X), jnp.asarray(Y)

    @nnx.jit
    def step(model, optimizer, x, y):
        loss, gradients = nnx.value_and_grad(lambda model: jnp.mean(jnp.square(y - model(x))))(model)
        optimizer.update(model, gradients)
        return loss
    yield f"nnx.jit (flax {flax.__version__})", median_us(lambda: step(model, optimizer, x, y))
