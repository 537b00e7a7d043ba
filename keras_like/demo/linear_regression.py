"""The linear regression of "TensorFlow 2.0 + Keras overview for deep learning researchers", written in its style."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import treadle as tf
from treadle.keras_like.demo.timing import in_turns, over, progress

BATCH = 256
LEARNING_RATE = 0.01


def two_gaussians(count: int = 20_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """`count` points of two Gaussian clouds, and which cloud each is from (0 or 1); float32."""
    rng = np.random.default_rng(seed)
    spread = [[1.0, 0.5], [0.5, 1.0]]
    clouds = [rng.multivariate_normal(mean, spread, count // 2) for mean in ([0.0, 3.0], [3.0, 0.0])]
    labels = np.repeat([0.0, 1.0], count // 2)[:, None]
    return np.concatenate(clouds).astype(np.float32), labels.astype(np.float32)


class LinearRegression:
    """predictions = x w + b, trained by gradient descent on the mean squared error."""

    def __init__(self) -> None:
        tf.random.set_seed(0)
        self.w = tf.Variable(tf.random.uniform((2, 1)), name="w")
        self.b = tf.Variable(tf.zeros((1,)), name="b")
        self.compiled_step = tf.function(self.train_step)

    def predict(self, x: Any) -> Any:
        """x w + b."""
        return tf.matmul(x, self.w) + self.b

    def train_step(self, x: Any, y: Any) -> Any:
        """One step of gradient descent; returns the loss before it."""
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(y - self.predict(x)))
        dw, db = tape.gradient(loss, [self.w, self.b])
        self.w.assign_sub(LEARNING_RATE * dw)
        self.b.assign_sub(LEARNING_RATE * db)
        return loss


def _jax_loss(params: dict, x: Any, y: Any) -> Any:
    return jnp.mean(jnp.square(y - (x @ params["w"] + params["b"])))


@partial(jax.jit, donate_argnums=0)
def jax_step(params: dict, x: Any, y: Any) -> tuple[dict, Any]:
    """The same step, written by hand for JAX."""
    loss, gradient = jax.value_and_grad(_jax_loss)(params, x, y)
    return jax.tree.map(lambda p, g: p - LEARNING_RATE * g, params, gradient), loss


@dataclass
class Result:
    """What the report shows."""

    points: np.ndarray
    labels: np.ndarray
    predictions: np.ndarray
    losses: list[float]
    seconds: dict[str, float]
    steps: int
    concrete: Any


def run(say: Callable[[str], None], epochs: int = 10, timed_epochs: int = 20) -> Result:
    """Train for `epochs`, then time `timed_epochs` epochs each way."""
    points, labels = two_gaussians()
    data = tf.data.Dataset.from_tensor_slices((points, labels)).shuffle(1024, seed=0).batch(BATCH)
    model = LinearRegression()
    losses = []
    for epoch in range(epochs):
        found = [model.compiled_step(x, y) for x, y in progress(data, f"epoch {epoch}")]
        losses.append(float(np.mean([loss.numpy() for loss in found])))
        say(f"  epoch {epoch:2d}  loss {losses[-1]:.4f}")

    # The same batches for everybody, on the device already, so that only the steps are timed.
    batches = [(tf.constant(x.numpy()), tf.constant(y.numpy())) for x, y in data]
    arrays = [(jnp.asarray(x.numpy()), jnp.asarray(y.numpy())) for x, y in batches]
    batches = [(tf.convert_to_tensor(x), tf.convert_to_tensor(y)) for x, y in arrays]
    params = {"w": jnp.asarray(model.w.numpy()), "b": jnp.asarray(model.b.numpy())}

    def hand_step(x: Any, y: Any) -> Any:
        nonlocal params
        params, loss = jax_step(params, x, y)
        return loss

    ways = {"eager": over(model.train_step, batches), "compiled": over(model.compiled_step, batches),
            "jax.jit by hand": over(hand_step, arrays)}
    seconds = in_turns(ways, timed_epochs)
    predictions = model.predict(tf.constant(points)).numpy()
    return Result(points, labels, predictions, losses, seconds, len(batches),
                  model.compiled_step.get_concrete_function(*batches[0]))
