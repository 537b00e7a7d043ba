"""A digits classifier: an MLP with two hidden layers, Adam and running accuracy, all written with core ops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import treadle as tf
from treadle.keras_like.demo.timing import in_turns, over, progress

BATCH = 64
WIDTHS = (256, 256, 10)
RATE, BETA_1, BETA_2, EPSILON = 1e-3, 0.9, 0.999, 1e-7


def initial_weights(inputs: int, seed: int = 0) -> list[np.ndarray]:
    """Glorot-uniform kernels and zero biases, layer by layer; float32."""
    rng = np.random.default_rng(seed)
    weights = []
    for width in WIDTHS:
        limit = np.sqrt(6.0 / (inputs + width))
        weights += [rng.uniform(-limit, limit, (inputs, width)).astype(np.float32), np.zeros(width, np.float32)]
        inputs = width
    return weights


class Adam:
    """Adam (Kingma and Ba 2015, arXiv:1412.6980), in the form with the corrected step size."""

    def __init__(self, variables: list[Any]):
        self.variables = variables
        self.m = [tf.Variable(tf.zeros_like(v), trainable=False) for v in variables]
        self.v = [tf.Variable(tf.zeros_like(v), trainable=False) for v in variables]
        self.step = tf.Variable(0.0, trainable=False)

    def apply(self, gradients: list[Any]) -> None:
        """One update of all variables."""
        self.step.assign_add(1.0)
        rate = RATE * tf.sqrt(1.0 - tf.pow(BETA_2, self.step)) / (1.0 - tf.pow(BETA_1, self.step))
        for variable, gradient, m, v in zip(self.variables, gradients, self.m, self.v):
            m.assign_add((gradient - m) * (1.0 - BETA_1))
            v.assign_add((tf.square(gradient) - v) * (1.0 - BETA_2))
            variable.assign_sub(rate * m / (tf.sqrt(v) + EPSILON))


class Classifier:
    """relu(relu(x W1 + b1) W2 + b2) W3 + b3, trained on the softmax cross-entropy."""

    def __init__(self, inputs: int):
        self.weights = [tf.Variable(w) for w in initial_weights(inputs)]
        self.optimizer = Adam(self.weights)
        self.seen = tf.Variable(0.0, trainable=False)
        self.right = tf.Variable(0.0, trainable=False)
        self.compiled_step = tf.function(self.train_step, reduce_retracing=False)
        self.compiled_logits = tf.function(self.logits)

    def logits(self, x: Any) -> Any:
        """The unnormalised log-probabilities of the classes."""
        for i in range(0, len(self.weights), 2):
            x = tf.matmul(x, self.weights[i]) + self.weights[i + 1]
            if i + 2 < len(self.weights):
                x = tf.nn.relu(x)
        return x

    def train_step(self, x: Any, y: Any) -> Any:
        """One step of Adam; returns the loss before it and counts right answers."""
        with tf.GradientTape() as tape:
            logits = self.logits(x)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
        self.optimizer.apply(tape.gradient(loss, self.weights))
        right = tf.equal(tf.argmax(logits, axis=-1, output_type=tf.int32), y)
        self.right.assign_add(tf.reduce_sum(tf.cast(right, tf.float32)))
        self.seen.assign_add(tf.cast(tf.size(y), tf.float32))
        return loss

    def running_accuracy(self) -> float:
        """The share of right answers since the last call."""
        accuracy = float(self.right / tf.maximum(self.seen, 1.0))
        self.right.assign(0.0)
        self.seen.assign(0.0)
        return accuracy


def _jax_logits(weights: list, x: Any) -> Any:
    for i in range(0, len(weights), 2):
        x = x @ weights[i] + weights[i + 1]
        if i + 2 < len(weights):
            x = jax.nn.relu(x)
    return x


def _jax_loss(weights: list, x: Any, y: Any) -> tuple[Any, Any]:
    logits = _jax_logits(weights, x)
    picked = jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], axis=-1)
    return -jnp.mean(picked), logits


@partial(jax.jit, donate_argnums=0)
def jax_step(state: dict, x: Any, y: Any) -> tuple[dict, Any]:
    """The same step, written by hand for JAX."""
    (loss, logits), gradients = jax.value_and_grad(_jax_loss, has_aux=True)(state["weights"], x, y)
    step = state["step"] + 1.0
    rate = RATE * jnp.sqrt(1.0 - BETA_2**step) / (1.0 - BETA_1**step)
    m = jax.tree.map(lambda m, g: m + (g - m) * (1.0 - BETA_1), state["m"], gradients)
    v = jax.tree.map(lambda v, g: v + (g * g - v) * (1.0 - BETA_2), state["v"], gradients)
    weights = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + EPSILON), state["weights"], m, v)
    right = state["right"] + jnp.sum((jnp.argmax(logits, -1).astype(jnp.int32) == y).astype(jnp.float32))
    seen = state["seen"] + jnp.float32(y.size)
    return {"weights": weights, "m": m, "v": v, "step": step, "right": right, "seen": seen}, loss


def jax_state(inputs: int) -> dict:
    """The hand-written step's initial state."""
    weights = [jnp.asarray(w) for w in initial_weights(inputs)]
    zeros = jnp.float32(0.0)
    return {"weights": weights, "m": jax.tree.map(jnp.zeros_like, weights), "v": jax.tree.map(jnp.zeros_like, weights),
            "step": zeros, "right": zeros + 0, "seen": zeros + 0}


@dataclass
class Result:
    """What the report shows."""

    losses: list[float]
    accuracies: list[float]
    test_accuracy: float
    seconds: dict[str, float]
    steps: int
    concrete: Any


def load(name: str) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """The data as float32 rows in [0, 1] and int32 classes. `name`: "digits", "mnist", or the path of an mnist.npz."""
    if name == "digits":
        (x_train, y_train), (x_test, y_test) = tf.keras.datasets.digits.load_data()
        top = 16.0
    else:
        (x_train, y_train), (x_test, y_test) = tf.keras.datasets.mnist.load_data(
            "mnist.npz" if name == "mnist" else Path(name).absolute())
        top = 255.0

    def rows(x: np.ndarray) -> np.ndarray:
        return (x.reshape(len(x), -1) / top).astype(np.float32)
    return (rows(x_train), y_train.astype(np.int32)), (rows(x_test), y_test.astype(np.int32))


def run(say: Callable[[str], None], data_name: str = "digits", epochs: int = 10, timed_rounds: int = 10) -> Result:
    """Train for `epochs`, then time `timed_rounds` rounds of up to 200 steps each way."""
    (x_train, y_train), (x_test, y_test) = load(data_name)
    data = tf.data.Dataset.from_tensor_slices((x_train, y_train)).shuffle(len(x_train), seed=0).batch(BATCH)
    model = Classifier(x_train.shape[1])
    losses, accuracies = [], []
    for epoch in range(epochs):
        found = [model.compiled_step(x, y) for x, y in progress(data, f"epoch {epoch}")]
        losses.append(float(np.mean([loss.numpy() for loss in found])))
        accuracies.append(model.running_accuracy())
        say(f"  epoch {epoch:2d}  loss {losses[-1]:.4f}  accuracy {accuracies[-1]:.4f}")
    predicted = model.compiled_logits(tf.constant(x_test)).numpy().argmax(-1)
    test_accuracy = float((predicted == y_test).mean())
    say(f"  accuracy on {len(y_test)} unseen digits: {test_accuracy:.4f}")

    whole = [(jnp.asarray(x.numpy()), jnp.asarray(y.numpy())) for x, y in data if len(y) == BATCH][:200]
    batches = [(tf.convert_to_tensor(x), tf.convert_to_tensor(y)) for x, y in whole]
    state = jax_state(x_train.shape[1])

    def hand_step(x: Any, y: Any) -> Any:
        nonlocal state
        state, loss = jax_step(state, x, y)
        return loss

    ways = {"eager": over(model.train_step, batches[:20]), "compiled": over(model.compiled_step, batches),
            "jax.jit by hand": over(hand_step, whole)}
    seconds = in_turns(ways, timed_rounds)
    seconds["eager"] *= len(batches) / len(batches[:20])
    return Result(losses, accuracies, test_accuracy, seconds, len(batches),
                  model.compiled_step.get_concrete_function(*batches[0]))
