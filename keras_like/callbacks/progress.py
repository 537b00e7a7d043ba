"""The progress bar: one line that is written over on a terminal, and one plain line an epoch anywhere else."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Iterable
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.callbacks.callback import Callback

_BOLD, _GREEN, _WHITE, _PLAIN = "\x1b[1m", "\x1b[32m", "\x1b[37m", "\x1b[0m"


def on_terminal() -> bool:
    """True where a line can be written over: on a terminal, in a notebook, in PyCharm."""
    return (hasattr(sys.stdout, "isatty") and sys.stdout.isatty()) or "ipykernel" in sys.modules \
        or "PYCHARM_HOSTED" in os.environ


class Progbar:
    """Shows how far something has got, and what it measures.

    On a terminal the line is written over as it goes; anywhere else only the last state is printed, without colours.

    Args:
        target: how many steps there are, None if that is not known.
        width: of the bar, in characters. Default 20.
        verbose: 0 nothing, 1 a bar, 2 a line at the end.
        interval: seconds between two updates of the terminal. Default 0.05.
        stateful_metrics: names of values to show as they are; others are averaged over the steps.
        stateless_metrics: the other way round: names of values to average. One of the two can be given.
        unit_name: default "step".

    >>> from treadle import keras
    >>> bar = keras.utils.Progbar(3, width=6)
    >>> for step in range(3):
    ...     bar.update(step + 1, [("loss", 1.0 - step / 4)])
    3/3 ━━━━━━ 0s ...s/step - loss: 0.5...
    """

    def __init__(self, target: int | None, width: int = 20, verbose: int = 1, interval: float = 0.05,
                 stateful_metrics: Iterable[str] | None = None, stateless_metrics: Iterable[str] | None = None,
                 unit_name: str = "step"):
        if stateful_metrics is not None and stateless_metrics is not None:
            raise tf.errors.InvalidArgumentError(
                "Only one of `stateful_metrics` and `stateless_metrics` can be given. Received: both.")
        self.target, self.width, self.verbose, self.interval, self.unit_name = target, width, verbose, interval, unit_name
        self.stateful_metrics = None if stateless_metrics is not None else set(stateful_metrics or ())
        self.stateless_metrics = None if stateless_metrics is None else set(stateless_metrics)
        self._over = on_terminal()
        self._values: dict[str, list[Any]] = {}  # name -> [sum, number of steps]
        self._start = time.time()
        self._after_first: float | None = None
        self._last = 0.0
        self._seen = self._length = 0

    def is_due(self) -> bool:
        """True if an update now would be shown."""
        return self.verbose == 1 and self._over and time.time() - self._last >= self.interval

    def update(self, current: int, values: Iterable[tuple[str, Any]] | None = None, finalize: bool | None = None) -> None:
        """Show that `current` steps are done; `values` are (name, value) of the latest step.

        `finalize` says that this is the last update; by default it is when `current` reaches the target.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        for name, value in values or ():
            self._take(name, value, max(current - self._seen, 1), finalize)
        self._seen = current
        now = time.time()
        each = self._each(current, now)
        if self.verbose == 1 and (finalize or self.is_due()):
            self._write(*self._bar(current, now, each, finalize), finalize)
            self._last = now
        elif self.verbose == 2 and finalize and self.target:
            line = f"{self._count(current)} - {now - self._start:.0f}s - {_duration(each)}/{self.unit_name}"
            sys.stdout.write(line + self._measured() + "\n")
            sys.stdout.flush()

    def add(self, n: int, values: Iterable[tuple[str, Any]] | None = None) -> None:
        """`update` by n more steps."""
        self.update(self._seen + n, values)

    def _take(self, name: str, value: Any, steps: int, finalize: bool) -> None:
        averaged = name not in self.stateful_metrics if self.stateful_metrics is not None else name in (
            self.stateless_metrics or ())
        if not averaged or finalize or name not in self._values:
            steps = 1 if not averaged or finalize else steps
            self._values[name] = [value * steps, steps]
        else:
            self._values[name][0] += value * steps
            self._values[name][1] += steps

    def _each(self, current: int, now: float) -> float:
        """Seconds a step. The first one, which compiles, does not count once there are more."""
        if not current:
            return 0.0
        first = self._after_first
        each = (now - first) / (current - 1) if first is not None and current > 1 else (now - self._start) / current
        if current == 1:
            self._after_first = now
        return each

    def _count(self, current: int) -> str:
        return f"{current:{int(math.log10(self.target or 1)) + 1}d}/{self.target}"

    def _bar(self, current: int, now: float, each: float, finalize: bool) -> tuple[str, str]:
        """The line, with colours and without."""
        spent = f"{now - self._start:.0f}s"
        if self.target:
            done = int(self.width * current / self.target)
            full, empty = "━" * done, "━" * (self.width - done)
            colored = f"{_BOLD}{self._count(current)}{_PLAIN} " + (
                f"{_GREEN}{full}{_PLAIN}" if done > 0 else "") + f"{_WHITE}{empty}{_PLAIN}"
            plain = f"{self._count(current)} {full}{empty}"
            spent = spent if finalize else _remaining(each * (self.target - current))
        else:
            colored = plain = f"{current:7d}/Unknown"
        rest = f" {_duration(each)}/{self.unit_name}{self._measured()}"
        return f"{colored} {_BOLD}{spent}{_PLAIN}{rest}", f"{plain} {spent}{rest}"

    def _measured(self) -> str:
        found = ""
        for name, (total, count) in self._values.items():
            mean = float(np.mean(total)) / max(1, count)
            found += f" - {name}: {mean:.4f}" if abs(mean) > 1e-3 else f" - {name}: {mean:.4e}"
        return found

    def _write(self, colored: str, plain: str, finalize: bool) -> None:
        if self._over:
            blank = " " * max(self._length - len(plain), 0)
            sys.stdout.write("\b" * self._length + "\r" + colored + blank + "\n" * finalize)
            self._length = len(plain)
        else:
            sys.stdout.write(plain + "\n")
        sys.stdout.flush()


def _remaining(seconds: float) -> str:
    if seconds > 3600:
        return f"{int(seconds // 3600)}:{int(seconds % 3600 // 60):02d}:{int(seconds % 60):02d}"
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}" if seconds > 60 else f"{int(seconds)}s"


def _duration(seconds: float) -> str:
    if seconds >= 1 or seconds == 0:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"


class ProgbarLogger(Callback):
    """Shows training, evaluation and prediction: what `verbose=1` (a bar) and `verbose=2` (a line an epoch) add.

    On a terminal the bar moves, and the metrics are read, 20 times a second at most.
    """

    def __init__(self) -> None:
        super().__init__()
        self.verbose, self.epochs = 1, 1
        self.target: int | None = None
        self.bar: Progbar | None = None
        self._done = 0
        self._in_fit = False  # where an evaluation is part of the epoch's line

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        verbose = params.get("verbose", 1)
        self.verbose, self.epochs = 1 if verbose == "auto" else int(verbose), params.get("epochs") or 1
        self.target = params.get("steps")

    def on_train_begin(self, logs: Any = None) -> None:
        self._in_fit = True

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._begin()
        if self.verbose and self.epochs > 1:
            print(f"Epoch {epoch + 1}/{self.epochs}")

    def on_test_begin(self, logs: Any = None) -> None:
        if not self._in_fit:
            self._begin()

    def on_predict_begin(self, logs: Any = None) -> None:
        self._begin()

    def on_progress(self, kind: str, done: int, logs: Any = None) -> None:
        if kind == "test" and self._in_fit:
            return
        self._done = done
        if self.bar is not None and self.verbose == 1:
            self.bar.update(done, (logs or {}).items() if self.bar.is_due() else None, finalize=False)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._finish(logs)

    def on_test_end(self, logs: Any = None) -> None:
        if not self._in_fit:
            self._finish(logs)

    def on_predict_end(self, logs: Any = None) -> None:
        self._finish(None)

    def _begin(self) -> None:
        self._done = 0
        self.bar = Progbar(self.target, verbose=self.verbose, stateless_metrics=())

    def _finish(self, logs: Any) -> None:
        if self.bar is not None:
            if self.target is None:
                self.target = self._done or self.params.get("steps")
            self.bar.target = self.target
            self.bar.update(self.target or 0, (logs or {}).items(), finalize=True)
