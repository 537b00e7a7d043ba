"""How much memory does training take, and does it grow? Peaks of whole processes; many signatures; many models dropped.

`python -m bench.memory --full` takes ten thousand signatures and a thousand models (a quarter of an hour).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence

from bench.measure import Table
from bench.workloads import WORKLOADS

# What a process prints last, in MB; Linux.
_RESIDENT = """
import gc, json
def megabytes(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field)) / 1024
"""
_TRAIN_BY_HAND = _RESIDENT + """
import jax.numpy as jnp
from bench import by_hand
from bench.workloads import WORKLOADS
x, y = [jnp.asarray(a) for a in WORKLOADS[NAME].batches(1)]
step, state = by_hand.training_step(NAME), by_hand.initial_state(NAME)
for _ in range(10):
    state, loss = step(state, x, y)
    loss.block_until_ready()
print(megabytes("VmHWM"))
"""
_TRAIN = _RESIDENT + """
import treadle as tf
from bench.training_steps import treadle_step
from bench.workloads import WORKLOADS
x, y = [tf.constant(a) for a in WORKLOADS[NAME].batches(1)]
step = treadle_step(NAME)
for _ in range(10):
    step(x, y).numpy()
print(megabytes("VmHWM"))
"""
_GROWTH = _RESIDENT + """
import ctypes, warnings
import numpy as np, treadle as tf
warnings.simplefilter("ignore")  # of retracing

class Heap(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks",
                                                     "uordblks", "fordblks", "keepcost")]
libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Heap
found = []
def note():
    gc.collect()
    libc.malloc_trim(0)  # what compiling left free, up to 110 MB, or what was of programs just dropped
    heap = libc.mallinfo2()
    found.append([megabytes("VmRSS"), (heap.uordblks + heap.hblkhd) / 2**20])
SETUP
once = new()
for i in range(WARM):  # what the first programs load stays: code of XLA's, Python's tables
    once(i)
once = new()
note()
for i in range(max(POINTS)):
    once(i)
    if i + 1 in POINTS:
        note()
once = None
note()
print(json.dumps(found))
"""
_SIGNATURES = """
def new():
    @tf.function(reduce_retracing=False)
    def f(x):
        return tf.reduce_sum(x * 2.0 + 1.0)
    return lambda i: f(np.ones(i + 1, np.float32))
"""
_MODELS = """
x, y = np.ones((8, 4), np.float32), np.zeros(8, np.int32)
loss_of = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)

def new():
    return once

def once(i):
    model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(8, "relu"), tf.keras.layers.Dense(3)])
    optimizer = tf.keras.optimizers.Adam()

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = loss_of(y, model(x))
        optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
        return loss
    step(x, y)
"""


def _printed(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          env={**os.environ, "TREADLE_CACHE": ""})
    return done.stdout.splitlines()[-1]


def run_peak(name: str, rounds: int = 3) -> Table:
    """The most that a process of ten training steps held, everything counted: Python, JAX, XLA compiling."""
    codes = {"jax.jit by hand": _TRAIN_BY_HAND, "treadle compiled": _TRAIN}
    found = {way: [float(_printed(f"NAME = {name!r}\n{code}")) for _ in range(rounds)] for way, code in codes.items()}
    rows = {way: statistics.median(peaks) for way, peaks in found.items()}
    return Table(f"Peak memory of a training process: {WORKLOADS[name].title}", "MB", rows, "jax.jit by hand", "at most 1.05x",
                 {way: (max(peaks) - min(peaks)) / rows[way] for way, peaks in found.items()})


def mlp() -> Table:
    return run_peak("mlp")


def conv_net() -> Table:
    return run_peak("conv_net")


def transformer() -> Table:
    return run_peak("transformer")


def _growth(question: str, setup: str, points: Sequence[int], warm: int, target: str) -> Table:
    """Memory before, after some numbers of repetitions, and after all is dropped: what is resident without what is free, and
    how much the C library has handed out (Python's own small blocks are not in that)."""
    code = _GROWTH.replace("SETUP", setup).replace("POINTS", repr(tuple(points))).replace("WARM", str(warm))
    found = json.loads(_printed(code))
    names = ["before", *(f"after {point:,}" for point in points), "when all is dropped"]
    rows = {f"resident {name}": sizes[0] for name, sizes in zip(names, found)}
    rows.update({f"allocated {names[place]}": found[place][1] for place in (0, -2, -1)})
    return Table(question, "MB", rows, "resident before", target)


def signatures(points: Sequence[int] = (300, 600, 900)) -> Table:
    """A function keeps its last 512 traces, a quarter of a megabyte each and more."""
    return _growth("Memory while one function meets ever new signatures", _SIGNATURES, points, 512,
                   "at most 5 MB more than before when the function is dropped; at most 5 MB more after 600 while it is kept")


def models(points: Sequence[int] = (50, 100, 150)) -> Table:
    question = "Memory while models are built, trained for a step and dropped"
    return _growth(question, _MODELS, points, 32, "at most 5 MB more than before")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true")
    full = parser.parse_args().full
    for question in (mlp, conv_net, transformer):
        print(question(), flush=True)
    print(models((100, 400, 700, 1000)) if full else models(), flush=True)
    print(signatures((600, 1000, 2500, 5000, 7500, 10_000)) if full else signatures(), flush=True)
