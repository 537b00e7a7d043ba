"""`treadle bench script.py:step`: a script's own compiled function, timed against the same function run eagerly."""

from __future__ import annotations

import argparse
import inspect
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import reduce
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.scripts.aliases import aliases
from treadle.keras_like.scripts.execute import execute

_ROUND = 0.05  # seconds that a round of calls takes at least


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.description = (
        "Times a function that is decorated with @tf.function: its first call, its compiled calls, and the same calls run "
        "eagerly. The script is run without its `if __name__ == \"__main__\"` part. The arguments are what the script's "
        "function `NAME_arguments()` returns (`trainer_step_arguments()` for trainer.step): a tuple, or a dict of keyword "
        "arguments; without it they are random numbers of the shapes in the `input_signature`, or of those with which the "
        "script called it last.")
    parser.add_argument("target", metavar="SCRIPT:NAME", help='such as "train.py:step", or "train.py:trainer.step"')
    parser.add_argument("arguments", nargs="*", default=[], help="the script's own arguments; its options stand behind --")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long to measure (default 5)")
    parser.add_argument("--size", type=int, default=32, help="what open sizes (None) of an input_signature are (default 32)")


def run(target: str, arguments: Sequence[str], seconds: float, size: int) -> int:
    """Time a script's function. Returns the exit status."""
    script, _, name = target.rpartition(":")
    if not script or not all(part.isidentifier() for part in name.split(".")):
        return _refuse(f'name a script and a function in it, as in "train.py:step". Received: {target!r}.')
    if not Path(script).is_file():
        return _refuse(f"there is no such file. Received: {script!r}.")

    def measure(module: ModuleType) -> int:
        try:
            function = reduce(getattr, name.split("."), module)
        except AttributeError:
            compiled = [n for n, f in vars(module).items() if hasattr(f, "get_concrete_function")]
            return _refuse(f"{script} has no {name!r}. Decorated with @tf.function are: {', '.join(compiled) or 'none'}.")
        if not hasattr(function, "get_concrete_function"):
            return _refuse(f"{name!r} is not decorated with @tf.function. Received: {function!r}.")
        given = _arguments(module, name, function, size)
        if isinstance(given, str):
            return _refuse(given)
        print(report(name, function, *given, seconds, events))
        return 0
    with aliases(), tf.debugging.record_compilations() as events:
        return execute(Path(script), arguments, "__bench__", measure)


def _refuse(why: str) -> int:
    print(f"treadle bench: {why}", file=sys.stderr)
    return 2


def _arguments(module: ModuleType, name: str, function: Any, size: int) -> tuple[tuple, dict] | str:
    """What to call the function with, or why that is not known."""
    maker = name.replace(".", "_") + "_arguments"
    made = getattr(module, maker, None)
    if made is not None:
        found = made()
        return ((), found) if isinstance(found, dict) else (tuple(found) if isinstance(found, (tuple, list)) else (found,), {})
    rng = np.random.default_rng(0)

    def made_up(leaf: Any) -> Any:
        return _random(leaf, rng, size) if isinstance(leaf, tf.TensorSpec) else leaf
    if function.input_signature is not None:
        return tf.nest.map_structure(made_up, tuple(function.input_signature)), {}
    if function.experimental_get_tracing_count():
        return tf.nest.map_structure(made_up, function.explain().input_signature)
    needed = [n for n, p in inspect.signature(function.python_function).parameters.items()
              if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) and n != "self"]
    if needed:
        return (f"{name!r} takes {', '.join(needed)}. Write a function `{maker}()` in the script that returns them as a "
                "tuple, give the @tf.function an `input_signature`, or call it in the script.")
    return (), {}


def _random(spec: Any, rng: np.random.Generator, size: int) -> Any:
    """A tensor as a spec says: floats from 0 to 1; integers and bools 0 or 1, which fit as classes and as indices."""
    if spec.shape.rank is None:
        raise tf.errors.InvalidArgumentError(
            f"The `input_signature` leaves the number of axes open, so that no arguments can be made up. Write "
            f"a function that returns them, named as the step with \"_arguments\" behind. Received: {spec}.")
    shape = [size if n is None else n for n in spec.shape]
    values = rng.uniform(size=shape) if spec.dtype.is_floating or spec.dtype.is_complex else rng.integers(0, 2, shape)
    return tf.cast(tf.constant(values), spec.dtype)


def report(name: str, function: Any, args: tuple, kwargs: dict, seconds: float, events: list) -> str:
    """Call the function a first time, then compiled and eagerly in turns for some seconds, and say how long each takes.

    `events` has the compilations so far: the script may have made the first call.
    """
    def call() -> None:
        tf.nest.map_structure(lambda t: t.numpy() if hasattr(t, "numpy") else t, function(*args, **kwargs))

    def eagerly() -> None:
        tf.config.run_functions_eagerly(True)
        try:
            call()
        finally:
            tf.config.run_functions_eagerly(False)

    before, start = len(events), time.perf_counter()
    call()
    first = time.perf_counter() - start
    where = inspect.unwrap(function.python_function).__code__
    parts = {what: sum(e.seconds for e in events[before:] if e.what == what) for what in ("traced", "compiled")}
    if len(events) == before:
        own = {e.what: e.seconds for e in events if e.where and (e.where.file, e.where.line) ==
               (where.co_filename, where.co_firstlineno)}  # the last of each
        parts |= own
        first = sum(own.values())
    ways = {"compiled": call, "eager": eagerly}
    times: dict[str, list[float]] = {way: [] for way in ways}
    calls = {way: _calls(run) for way, run in ways.items()}
    end = time.perf_counter() + seconds
    while len(times["eager"]) < 3 or time.perf_counter() < end:
        for way, run in ways.items():
            start = time.perf_counter()
            for _ in range(calls[way]):
                run()
            times[way].append((time.perf_counter() - start) / calls[way])
    middle = {way: statistics.median(found) for way, found in times.items()}
    saved = middle["eager"] - middle["compiled"]
    return "\n".join([
        f"{name} ({where.co_filename}:{where.co_firstlineno})", "",
        f"{'':10}{'time':>12}{'spread':>9}{'against compiled':>18}",
        f"{'first call':10}{_time(first):>12}{'':9}{first / middle['compiled']:>17,.0f}x  (traced in {_time(parts['traced'])}, "
        f"compiled in {_time(parts['compiled'])})",
        *[f"{way:10}{_time(middle[way]):>12}{_spread(found):>9.0%}{middle[way] / middle['compiled']:>17.2f}x"
          for way, found in times.items()], "",
        f"After {int(first / saved) + 1:,} calls the compiled function has saved what its first call took." if saved > 0 else
        "Compiling does not pay here: eager execution is as fast."])


def _calls(run: Callable[[], None]) -> int:
    """How many calls a round needs; they also warm up."""
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < _ROUND:
        run()
        count += 1
    return count


def _spread(found: list[float]) -> float:
    """The interquartile range over the median."""
    low, middle, high = statistics.quantiles(found, n=4)
    return (high - low) / middle


def _time(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e3)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"
