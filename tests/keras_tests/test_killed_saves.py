"""`kill -9` at any moment of `model.save` and `model.save_weights`: the file is one that was saved, to the last bit."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np

from treadle import keras

VERSIONS = 4


def model(number: int):
    """A compiled model all of whose weights, and its optimizer's state, hold one number."""
    layers = [keras.layers.Dense(64, activation="relu", name=f"dense_{i}") for i in range(4)]
    made = keras.Sequential([keras.Input((64,)), *layers], name=f"model_{number}")
    made.compile(keras.optimizers.Adam(), "mse")
    made.optimizer.build(made.trainable_variables)
    for variable in [*made.weights, *made.optimizer.variables]:
        variable.assign(np.full(variable.shape, number, variable.dtype.as_numpy_dtype))
        np.asarray(variable)
    return made


def paths(folder) -> tuple[str, str]:
    return os.path.join(folder, "a.keras"), os.path.join(folder, "a.weights.h5")


def numbers(made) -> set:
    """What the weights and the optimizer's state hold."""
    return {v for variable in [*made.weights, *made.optimizer.variables] for v in np.unique(np.asarray(variable)).tolist()}


def test_killed_at_any_moment(tmp_path, long, seed):
    """One interpreter forks the processes that save over the files, again and again; each is killed."""
    draw = random.Random(seed)
    whole, weights = paths(tmp_path)
    into = model(0)
    into.save(whole)
    into.save_weights(weights)
    found: set[tuple] = set()
    with subprocess.Popen([sys.executable, __file__, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}) as parent:
        for turn in range(1000 if long else 12):
            before = os.stat(whole).st_ino
            print(file=parent.stdin, flush=True)
            child = int(parent.stdout.readline())
            until = time.monotonic() + 10
            while turn % 2 and os.stat(whole).st_ino == before and time.monotonic() < until:
                time.sleep(0.001)  # half of the kills come after a save that ended, however slow the machine is
            time.sleep(draw.random() * 0.15)
            os.kill(child, signal.SIGKILL)
            parent.stdout.readline()  # it is gone
            loaded = keras.models.load_model(whole)
            into.load_weights(weights)
            first, second = numbers(loaded), numbers(into)
            assert len(first) == len(second) == 1, (first, second)
            assert loaded.name == f"model_{int(next(iter(first)))}"
            found |= {("whole", *first), ("weights", *second)}
        parent.stdin.close()
    assert len(found) > 2, "no save ever ended: the kills came too early to test anything"
    for name in os.listdir(tmp_path):  # what was killed leaves its temporary file; the next save after a minute removes it
        os.utime(tmp_path / name, (0, 0))
    into.save(whole)
    into.save_weights(weights)
    assert sorted(os.listdir(tmp_path)) == ["a.keras", "a.weights.h5"]


def serve(folder: str) -> None:
    """For each line of input: fork a process that saves one version after the other, say its id, and when it has ended."""
    whole, weights = paths(folder)
    models = [model(number) for number in range(VERSIONS)]  # made here: a forked process has none of XLA's threads
    turns = itertools.count(1)
    for _ in sys.stdin:
        start = next(turns)
        child = os.fork()
        if not child:
            for turn in itertools.count(start):
                models[turn % VERSIONS].save(whole)
                models[turn % VERSIONS].save_weights(weights)
        print(child, flush=True)
        os.waitpid(child, 0)
        print("gone", flush=True)


if __name__ == "__main__":
    serve(sys.argv[1])
