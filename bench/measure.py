"""Timing two or more ways of doing the same thing, in turns, in one process; and one table for each question."""

from __future__ import annotations

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
    missing: dict[str, str] = field(default_factory=dict)  # ways without a figure, and why
    peers: list[str] = field(default_factory=list)  # the script in bench/peers that asks other libraries, and its arguments

    def __str__(self) -> str:
        base = self.rows[self.against]
        lines = [f"### {self.question}", "", f"| way | {self.unit} | ratio to {self.against} | spread |", "|---|---|---|---|"]
        for name, found in self.rows.items():
            spread = f"{self.spread[name]:.0%}" if name in self.spread else ""
            lines.append(f"| {name} | {_number(found)} | {found / base:.2f} | {spread} |")
        lines += [f"| {name} | none: {why.replace('|', '/')} | | |" for name, why in self.missing.items()]
        if self.target:
            lines += ["", f"Target: {self.target}"]
        return "\n".join(lines)


def _number(value: float) -> str:
    """Three digits that say something, and no exponents: 0.00123, 12.3, 12,300."""
    return f"{float(f'{value:.3g}'):,.0f}" if abs(value) >= 100 else f"{value:.3g}"


class Patience:
    """How long `in_turns` goes on: at least so many rounds, and no new one after so many seconds."""

    rounds, seconds = 7, 12.0


def in_turns(ways: Mapping[str, Callable[[], object]], calls: int, rounds: int = 41) -> tuple[dict, dict]:
    """Median microseconds a call of each way, and the spread (interquartile range over median).

    Each round times `calls` calls of every way, one way after the other, so that a disturbance hits all alike. There are
    fewer rounds than `rounds` where they take longer than `Patience` allows.
    """
    for way in ways.values():
        for _ in range(max(3, calls // 10)):
            way()
    times: dict[str, list[float]] = {name: [] for name in ways}
    end = time.perf_counter() + Patience.seconds
    for done in range(rounds):
        if done >= Patience.rounds and time.perf_counter() > end:
            break
        for name, way in ways.items():
            start = time.perf_counter()
            for _ in range(calls):
                way()
            times[name].append((time.perf_counter() - start) / calls * 1e6)
    medians = {n: statistics.median(t) for n, t in times.items()}
    spread = {n: (statistics.quantiles(t, n=4)[2] - statistics.quantiles(t, n=4)[0]) / medians[n]
              for n, t in times.items()}
    return medians, spread


def device() -> str:
    """What JAX computes on. Asked in another process, as one that asks takes most of a GPU's memory."""
    code = "import jax; d = jax.devices(); print(len(d), jax.default_backend(), d[0].device_kind, sep='|')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if done.returncode:
        return "unknown device"
    count, backend, kind = done.stdout.splitlines()[-1].split("|")
    return "CPU" if backend == "cpu" else f"{backend.upper()}: {count} x {kind}"


def processor() -> str:
    """The host's, by name."""
    if os.path.exists("/proc/cpuinfo"):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":")[1].strip()
    return platform.processor() or platform.machine()


def code() -> str:
    """The commit that is measured, and whether files differ from it (the report itself does not count)."""
    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    commit = git("rev-parse", "--short", "HEAD")
    changed = git("status", "--porcelain", "-uno", "--", ".", ":!bench/README.md", ":!bench/results.svg")
    return (commit or metadata.version("treadle")) + (" with uncommitted changes" if changed else "")


def versions() -> str:
    """The machine and the versions, for the head of a report."""
    found = [f"{name} {metadata.version(name)}" for name in ("jax", "jaxlib", "numpy")]
    return (f"{device()} ({os.cpu_count()} cores, {processor()}), Python {platform.python_version()}, {', '.join(found)}, "
            f"treadle {code()}")
