"""Seconds that importing a library takes."""

import statistics
import subprocess
import sys


def _rows(*packages, rounds=3):
    for package in packages:
        code = f"import time; s = time.perf_counter(); import {package}; print(time.perf_counter() - s)"
        found = [float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
                       .stdout.splitlines()[-1]) for _ in range(rounds)]
        yield f"import {package}", statistics.median(found)


def tensorflow():
    yield from _rows("tensorflow")


def keras_jax():
    for name, seconds in _rows("keras"):
        yield f"{name} (on jax)", seconds


def torch():
    yield from _rows("torch")


def nnx():
    for _, seconds in _rows("flax.nnx"):
        yield "import flax.nnx", seconds
