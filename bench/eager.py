"""What does eager execution cost? One small op, a gradient through the tape, and the notebook's undecorated loop."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

import treadle as tf
from bench.measure import Table, in_turns
from bench.workloads import WORKLOADS
from treadle import keras
from treadle.keras_like.demo.digits_classifier import BATCH, Classifier, jax_state, jax_step


def run_op() -> Table:
    a, b = jnp.ones((4, 4)), jnp.ones((4, 4))
    x, y = tf.convert_to_tensor(a), tf.convert_to_tensor(b)
    rows, spread = in_turns({"jax.numpy": lambda: jnp.add(a, b), "treadle eager": lambda: tf.add(x, y),
                             "treadle eager, x + y": lambda: x + y}, 2000)
    return Table("One small eager op (4 x 4 addition)", "us a call", rows, "jax.numpy", "at most 2x", spread,
                 peers=["eager_op"])


def run_gradient() -> Table:
    a, b = tf.convert_to_tensor(jnp.float32(3.0)), tf.convert_to_tensor(jnp.float32(4.0))
    ja, jb = jnp.float32(3.0), jnp.float32(4.0)
    gradient = jax.grad(lambda a, b: jnp.sqrt(a**2 + b**2), argnums=(0, 1))

    def treadle():
        with tf.GradientTape() as tape:
            tape.watch([a, b])
            c = tf.sqrt(tf.square(a) + tf.square(b))
        return tape.gradient(c, [a, b])

    rows, spread = in_turns({"jax.grad, not jitted": lambda: gradient(ja, jb), "treadle eager tape": treadle}, 100)
    return Table("Eager gradient of sqrt(a^2 + b^2)", "us a call", rows, "jax.grad, not jitted", "under 150 us", spread,
                 peers=["eager_gradient"])


class Loop:
    """The notebook's MNIST loop: forward, tape, Adam and a metric, with nothing decorated."""

    def __init__(self, logits: Callable, weights: list):
        self.logits, self.weights = logits, weights
        self.loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.optimizer = keras.optimizers.Adam(1e-3)
        self.accuracy = keras.metrics.SparseCategoricalAccuracy()

    def step(self, x: np.ndarray, y: np.ndarray) -> tf.Tensor:
        x, y = tf.convert_to_tensor(x), tf.convert_to_tensor(y)
        with tf.GradientTape() as tape:
            logits = self.logits(x)
            loss = self.loss(y, logits)
        gradients = tape.gradient(loss, self.weights)
        self.optimizer.apply_gradients(zip(gradients, self.weights))
        self.accuracy.update_state(y, logits)
        return loss


def run_loop() -> Table:
    (x, y), model = WORKLOADS["mlp"].batches(1), WORKLOADS["mlp"].model(keras)
    of_layers = Loop(model, model.trainable_variables)
    by_hand = Classifier(784)
    of_ops = Loop(by_hand.logits, by_hand.weights)
    compiled = tf.function(Loop(model, model.trainable_variables).step)
    state = jax_state(784)

    def jax_op_by_op():
        nonlocal state
        state, loss = jax_step.__wrapped__(state, jnp.asarray(x), jnp.asarray(y))
        np.asarray(loss)

    def op_by_op():
        tf.config.fuse_eager_calls(False)
        np.asarray(of_layers.step(x, y))
        tf.config.fuse_eager_calls(True)

    rows, spread = in_turns({
        "JAX op by op, by hand": jax_op_by_op, "treadle eager": lambda: np.asarray(of_layers.step(x, y)),
        "treadle eager, layers by hand": lambda: np.asarray(of_ops.step(x, y)),
        "treadle eager, fuse_eager_calls(False)": op_by_op,
        "treadle compiled": lambda: np.asarray(compiled(x, y))}, 20, rounds=31)
    return Table(f"One step of an undecorated loop (MLP 784-256-256-10, Adam, accuracy, batch {BATCH})", "us a step", rows,
                 "JAX op by op, by hand", "at most 2,000 us", spread, peers=["eager_loop"])


if __name__ == "__main__":
    print(run_op())
    print(run_gradient())
    print(run_loop())
