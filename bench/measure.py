"""Timing two or more ways of doing the same thing, in turns, in one process; and one table for each question."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Table:
    """One question's answer. Ratios are against the row named `against`."""

    question: str
    unit: str
    rows: dict[str, float]
    against: str
    target: str = ""
    spread: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        base = self.rows[self.against]
        lines = [f"### {self.question}", "", f"| way | {self.unit} | ratio to {self.against} | spread |", "|---|---|---|---|"]
        for name, found in self.rows.items():
            spread = f"{self.spread[name]:.0%}" if name in self.spread else ""
            lines.append(f"| {name} | {found:,.3g} | {found / base:.2f} | {spread} |")
        if self.target:
            lines += ["", f"Target: {self.target}"]
        return "\n".join(lines)


def in_turns(ways: Mapping[str, Callable[[], object]], calls: int, rounds: int = 41) -> tuple[dict, dict]:
    """Median microseconds a call of each way, and the spread (interquartile range over median).

    Each round times `calls` calls of every way, one way after the other, so that a disturbance hits all alike.
    """
    for way in ways.values():
        for _ in range(max(3, calls // 10)):
            way()
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            for _ in range(calls):
                way()
            times[name].append((time.perf_counter() - start) / calls * 1e6)
    medians = {n: statistics.median(t) for n, t in times.items()}
    spread = {n: (statistics.quantiles(t, n=4)[2] - statistics.quantiles(t, n=4)[0]) / medians[n]
              for n, t in times.items()}
    return medians, spread


def peers() -> list[str]:
    """The Pythons in $TREADLE_PEERS, with ":" between them: environments that have other libraries."""
    return [python for python in os.environ.get("TREADLE_PEERS", "").split(os.pathsep) if python]


def peer(script: str, *arguments: str) -> dict[str, float]:
    """What a script in bench/peers measured in each of the peers' environments: it prints a dictionary as JSON."""
    found: dict[str, float] = {}
    for python in peers():
        done = subprocess.run([python, "-m", f"bench.peers.{script}", *arguments], cwd=ROOT, capture_output=True, text=True,
                              env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": ""})
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        if lines:
            found |= json.loads(lines[-1])
        else:
            print(f"(peer {script} failed in {python}: {done.stderr.strip().splitlines()[-1:]})", file=sys.stderr)
    return found


def versions() -> str:
    """The machine and the versions, for the head of a report."""
    found = [f"{name} {metadata.version(name)}" for name in ("jax", "jaxlib", "numpy")]
    cpu = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.processor()) if os.path.exists("/proc/cpuinfo") else ""
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    return (f"{os.cpu_count()} cores, {cpu}, Python {platform.python_version()}, {', '.join(found)}, treadle "
            f"{commit or metadata.version('treadle')}")
