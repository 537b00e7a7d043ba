"""Median microseconds a call, for scripts that run in a peer's environment."""

import statistics
import time


def median_us(call, calls=500, rounds=15):
    """The median over `rounds` of the mean over `calls`."""
    for _ in range(min(50, calls)):
        call()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(calls):
            call()
        times.append((time.perf_counter() - start) / calls * 1e6)
    return statistics.median(times)
