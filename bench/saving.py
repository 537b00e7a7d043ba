"""How long do saving and loading a model take? Keras beside treadle, in processes of their own, in turns.

A file by treadle has a digest of each tensor, is read again before it takes the old one's place, and is brought to the disk:
Keras does none of this. What the last of it costs is seen from the way without.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass

from bench.measure import ROOT

CALLS = ("save", "load_model", "save_weights", "load_weights")
SIZES = {"100 K weights": 112, "8 M weights": 1000}  # 8 layers of so many units
KERAS, OURS, NO_FSYNC = "Keras on JAX", "treadle", "treadle without fsync"


@dataclass
class Files:
    """Milliseconds: (size, call) -> way -> median."""

    found: dict[tuple[str, str], dict[str, float]]

    def __str__(self) -> str:
        ways = list(next(iter(self.found.values())))
        head = f"| ms a call | {' | '.join(ways)} | ratio to {ways[0]} |"
        lines = ["### Saving and loading a model (8 dense layers)", "", head, "|---|" + "---|" * (len(ways) + 1)]
        for (size, call), row in self.found.items():
            numbers = " | ".join(f"{row[way]:.3g}" for way in ways)
            lines.append(f"| {call}, {size} | {numbers} | {row[OURS] / row[ways[0]]:.2f} |")
        return "\n".join([*lines, "", "Target: no slower than Keras"])


def _milliseconds(python: str, library: str, units: int, *options: str) -> dict[str, float]:
    script = ROOT / "bench" / "peers" / "saving.py"
    done = subprocess.run([python, str(script), library, str(units), "9", *options], capture_output=True, text=True, check=True,
                          env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT) if library == "treadle" else ""})
    return json.loads(done.stdout.splitlines()[-1])


def run(rounds: int = 3) -> Files | None:
    """The table; None without an environment that has Keras (in $TREADLE_PEERS)."""
    peers = os.environ.get("TREADLE_PEERS")
    if not peers:
        return None
    ways = {KERAS: (peers, "keras"), OURS: (sys.executable, "treadle"), NO_FSYNC: (sys.executable, "treadle", "no-fsync")}
    found: dict[tuple[str, str], dict[str, float]] = {}
    for size, units in SIZES.items():
        times: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
        for _ in range(rounds):
            for way, (python, library, *options) in ways.items():
                times[way].append(_milliseconds(python, library, units, *options))
        for call in CALLS:
            found[size, call] = {way: statistics.median(one[call] for one in times[way]) for way in ways}
    return Files(found)


if __name__ == "__main__":
    print(run())
