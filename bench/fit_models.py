"""Is a step of `fit` as fast as Keras'? A conv net, an LSTM, a transformer: each library in processes of its own, in turns."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path

from bench.measure import PEERS, Table

NAMES = ("conv net (32x32x3, batch 32)", "LSTM(128), 64 steps, batch 32", "transformer (2 layers, d 128, 64 tokens, batch 16)")


def _milliseconds(python: str, library: str, backend: str, name: str) -> float | None:
    """What one process measured; None if its environment has no such library or backend."""
    done = subprocess.run([python, str(PEERS / "fit_models.py"), library, name], capture_output=True, text=True, env={
        **os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONPATH": str(Path(__file__).parent.parent) if library == "treadle" else ""})
    return float(done.stdout.split()[-1]) if done.returncode == 0 else None


def run(name: str, rounds: int = 3) -> Table | None:
    """One model; None without an environment that has Keras (in $TREADLE_PEERS)."""
    peers = os.environ.get("TREADLE_PEERS")
    if not peers:
        return None
    ways = {"Keras on JAX": (peers, "keras", "jax"), "Keras on TensorFlow": (peers, "keras", "tensorflow"),
            "treadle": (sys.executable, "treadle", "")}
    times: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, (python, library, backend) in ways.items():
            found = _milliseconds(python, library, backend, name)
            if found is not None:
                times[way].append(found)
    rows = {way: statistics.median(found) for way, found in times.items() if found}
    against = "Keras on JAX" if "Keras on JAX" in rows else "treadle"
    return Table(f"One step of `fit`: {name}", "ms a step", rows, against, "no slower than Keras on JAX")


def conv_net() -> Table | None:
    return run(NAMES[0])


def lstm() -> Table | None:
    return run(NAMES[1])


def transformer() -> Table | None:
    return run(NAMES[2])


if __name__ == "__main__":
    for name in NAMES:
        print(run(name))
