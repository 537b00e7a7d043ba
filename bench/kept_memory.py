"""What does `tf.config.keep_freed_memory()` give? Steps of the transformer, each way in processes of its own, in turns.

The setting is one of the whole process, so that hand-written code gains by it, too.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

from bench.measure import Table
from bench.workloads import WORKLOADS

_TIME = """
import statistics, time
import numpy as np
import jax.numpy as jnp
import treadle as tf
from bench import by_hand
from bench.training_steps import treadle_step
from bench.workloads import WORKLOADS
KEEP
x, y = [jnp.asarray(a) for a in WORKLOADS[NAME].batches(1)]
STEP
times = []
for _ in range(20):
    start = time.perf_counter()
    np.asarray(once())
    times.append(time.perf_counter() - start)
print(1e3 * statistics.median(times[6:]))
"""
_BY_HAND = """
step, state = by_hand.training_step(NAME), by_hand.initial_state(NAME)
def once():
    global state
    state, loss = step(state, x, y)
    return loss
"""
_COMPILED = """
step, tx, ty = treadle_step(NAME), tf.convert_to_tensor(x), tf.convert_to_tensor(y)
def once():
    return step(tx, ty)
"""


def run(name: str, rounds: int = 3) -> Table:
    ways = {f"{who}{kept}": _TIME.replace("KEEP", keep).replace("STEP", step).replace("NAME", repr(name))
            for kept, keep in (("", ""), (", memory kept", "tf.config.keep_freed_memory()"))
            for who, step in (("jax.jit by hand", _BY_HAND), ("treadle compiled", _COMPILED))}
    found: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, code in ways.items():
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                                  env={**os.environ, "TREADLE_CACHE": ""})
            found[way].append(float(done.stdout.splitlines()[-1]))
    rows = {way: statistics.median(times) for way, times in found.items()}
    question = f"One training step with and without tf.config.keep_freed_memory(): {WORKLOADS[name].title}"
    return Table(question, "ms a step", rows, "jax.jit by hand",
                 spread={way: (max(times) - min(times)) / rows[way] for way, times in found.items()})


def transformer(rounds: int = 3) -> Table:
    return run("transformer", rounds)
