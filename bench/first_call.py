"""How long until the first result? From the decorator to the first step's end, in fresh processes; and the import."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile

from bench.measure import Table

_SETUP = """
import time, numpy as np, jax, jax.numpy as jnp
from treadle.keras_like.demo.digits_classifier import BATCH, Classifier, jax_state, jax_step
import treadle as tf
x = np.ones((BATCH, 784), np.float32); y = np.zeros(BATCH, np.int32)
jx, jy = jnp.asarray(x), jnp.asarray(y)
(jx + 1).block_until_ready()
"""
_JAX = _SETUP + """
state = jax_state(784)
start = time.perf_counter()
state, loss = jax_step(state, jx, jy); loss.block_until_ready()
print(time.perf_counter() - start)
"""
_TREADLE = _SETUP + """
model = Classifier(784)
tx, ty = tf.convert_to_tensor(jx), tf.convert_to_tensor(jy)
start = time.perf_counter()
model.compiled_step(tx, ty).numpy()
print(time.perf_counter() - start)
"""
_CHAIN_SETUP = """
import time, numpy as np, jax, jax.numpy as jnp
import treadle as tf
rng = np.random.default_rng(0)
layers = [(rng.normal(size=(64, 64)).astype(np.float32) / 8, np.zeros(64, np.float32)) for _ in range(200)]
x = jnp.ones((32, 64))
(x + 1).block_until_ready()
"""
_CHAIN_JAX = _CHAIN_SETUP + """
def loss(layers, x):
    for w, b in layers:
        x = jnp.tanh(x @ w + b)
    return jnp.mean(x * x)

def step(layers, x):
    value, gradients = jax.value_and_grad(loss)(layers, x)
    return jax.tree.map(lambda p, g: p - 0.01 * g, layers, gradients), value

layers = jax.tree.map(jnp.asarray, layers)
start = time.perf_counter()
layers, value = jax.jit(step, donate_argnums=0)(layers, x); value.block_until_ready()
print(time.perf_counter() - start)
"""
_CHAIN_TREADLE = _CHAIN_SETUP + """
layers = [(tf.Variable(w), tf.Variable(b)) for w, b in layers]
flat = [v for layer in layers for v in layer]

@tf.function
def step(x):
    with tf.GradientTape() as tape:
        for w, b in layers:
            x = tf.tanh(x @ w + b)
        value = tf.reduce_mean(x * x)
    for v, g in zip(flat, tape.gradient(value, flat)):
        v.assign_sub(0.01 * g)
    return value

tx = tf.convert_to_tensor(x)
start = time.perf_counter()
step(tx).numpy()
print(time.perf_counter() - start)
"""
# As deep as real ones, but narrow: compiling takes as long, and the step itself no time. Sizes are set before others read them.
_DEEP_SETUP = """
import dataclasses, time, numpy as np, jax, jax.numpy as jnp
from bench import workloads
workloads.LAYERS, workloads.WIDTH, workloads.HEADS, workloads.TOKENS, workloads.VOCABULARY = {layers}, 32, 2, 16, 64
workloads.WORKLOADS["transformer"] = dataclasses.replace(
    workloads.WORKLOADS["transformer"], shapes=workloads._transformer_shapes(), inputs=(4, 16), targets=(4, 16), classes=64,
    words=64)
from bench import by_hand, training_steps
import treadle as tf
x, y = [jnp.asarray(a) for a in workloads.WORKLOADS["transformer"].batches(1)]
(x + 1).block_until_ready()
"""
_DEEP_JAX = _DEEP_SETUP + """
step, state = by_hand.training_step("transformer"), by_hand.initial_state("transformer")
start = time.perf_counter()
state, loss = step(state, x, y); loss.block_until_ready()
print(time.perf_counter() - start)
"""
_DEEP_TREADLE = _DEEP_SETUP + """
step, x, y = training_steps.treadle_step("transformer"), tf.convert_to_tensor(x), tf.convert_to_tensor(y)
start = time.perf_counter()
step(x, y).numpy()
print(time.perf_counter() - start)
"""
_IMPORTS = {"import jax": "import jax, jax.numpy", "import treadle": "import treadle"}


def _seconds(code: str, cache: str = "", **environment: str) -> float:
    """What the code printed last; `cache` is the folder of compiled programs (none: each process compiles)."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          env={**os.environ, "TREADLE_CACHE": cache, **environment})
    return float(done.stdout.strip().splitlines()[-1])


def run(rounds: int = 5) -> Table:
    again, once = "treadle, in a later process", "treadle, on a machine for the first time (compiles the C kernels)"
    times: dict[str, list[float]] = {"jax.jit by hand": [], "treadle": [], again: [], once: []}
    with tempfile.TemporaryDirectory() as cache:
        _seconds(_TREADLE, cache)
        _seconds(_TREADLE)
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as bare:
                times[once].append(_seconds(_TREADLE, TMPDIR=bare))
            times["jax.jit by hand"].append(_seconds(_JAX))
            times["treadle"].append(_seconds(_TREADLE))
            times[again].append(_seconds(_TREADLE, cache))
    return Table("From decorator to first result: the MLP step (784-256-256-10, Adam)", "s",
                 {n: statistics.median(t) for n, t in times.items()}, "jax.jit by hand",
                 "at most 1.1x; in a later process at most 0.25x of the first", peers=["first_call"])


def run_chain(rounds: int = 5) -> Table:
    times: dict[str, list[float]] = {"jax.jit by hand": [], "treadle": []}
    for _ in range(rounds):
        times["jax.jit by hand"].append(_seconds(_CHAIN_JAX))
        times["treadle"].append(_seconds(_CHAIN_TREADLE))
    return Table("From decorator to first result: a chain of 200 layers (tanh(x @ w + b), 64 x 64) with its update", "s",
                 {n: statistics.median(t) for n, t in times.items()}, "jax.jit by hand", "at most 0.5x: the chain is rolled")


def run_deep(rounds: int = 1) -> Table:
    """By hand once, and not for 48 layers: 12 take JAX 19 s, 24 take it 67 s."""
    jax = _seconds(_DEEP_JAX.format(layers=24))
    times = {n: statistics.median(_seconds(_DEEP_TREADLE.format(layers=n)) for _ in range(rounds)) for n in (24, 48)}
    return Table("From decorator to first result: transformers of 24 and 48 layers (d 32, 2 heads, 16 tokens, Adam)", "s",
                 {"jax.jit by hand, 24 layers": jax, **{f"treadle, {layers} layers": t for layers, t in times.items()}},
                 "jax.jit by hand, 24 layers", "at most 0.5x: the layers are rolled")


def run_import(rounds: int = 5) -> Table:
    times: dict[str, list[float]] = {name: [] for name in _IMPORTS}
    for _ in range(rounds):
        for name, code in _IMPORTS.items():
            times[name].append(_seconds(f"import time; s = time.perf_counter(); {code}; print(time.perf_counter() - s)"))
    return Table("Import", "s", {n: statistics.median(t) for n, t in times.items()}, "import jax",
                 "treadle at most 0.3 s beyond jax", peers=["imports"])


if __name__ == "__main__":
    print(run())
    print(run_chain())
    print(run_deep())
    print(run_import())
