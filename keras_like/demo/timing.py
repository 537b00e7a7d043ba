"""Timing several ways of doing the same work, in turns, so that a noisy machine disturbs all of them alike."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")


def in_turns(ways: Mapping[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """Median seconds of each way over `rounds` rounds; every round runs each way once, after one run that does not count."""
    for warm_up in ways.values():
        warm_up()
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in progress(range(rounds), "timing"):
        for name, run in ways.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(found) for name, found in times.items()}


def over(step: Callable[[Any, Any], Any], batches: Iterable[tuple[Any, Any]]) -> Callable[[], None]:
    """A run of `step` over all batches, which waits for the last result."""
    def run() -> None:
        for x, y in batches:
            result = step(x, y)
        np.asarray(result)
    return run


def progress(items: Iterable[T], label: str) -> Iterator[T]:
    """The items, with a counter on the terminal; silent where the output is not a terminal."""
    found = list(items)
    show = sys.stderr.isatty()
    for i, item in enumerate(found):
        if show:
            print(f"\r  {label} {i + 1}/{len(found)} ", end="", file=sys.stderr, flush=True)
        yield item
    if show:
        print("\r" + " " * (len(label) + 20) + "\r", end="", file=sys.stderr, flush=True)
