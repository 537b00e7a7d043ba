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

PEERS = Path(__file__).parent / "peers"


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


def peer(script: str) -> dict[str, float]:
    """What a peer's script (in bench/peers) measured, run by the Python in $TREADLE_PEERS; nothing without one."""
    python = os.environ.get("TREADLE_PEERS")
    if not python:
        return {}
    done = subprocess.run([python, str(PEERS / script)], capture_output=True, text=True,
                          env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": ""})
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        print(f"(peer {script} failed: {done.stderr.strip().splitlines()[-1:]})", file=sys.stderr)
        return {}
    return json.loads(lines[-1])


def versions() -> str:
    """The machine and the versions, for the head of a report."""
    found = [f"{name} {metadata.version(name)}" for name in ("jax", "jaxlib", "numpy")]
    cpu = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.processor()) if os.path.exists("/proc/cpuinfo") else ""
    return f"{os.cpu_count()} cores, {cpu}, Python {platform.python_version()}, {', '.join(found)}"
