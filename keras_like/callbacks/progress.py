"""The progress bar: one line that is written over on a terminal, and plain lines anywhere else."""

from __future__ import annotations

import math
import sys
import time
from typing import Any

import numpy as np

from treadle.keras_like.callbacks.callback import Callback


class Progbar:
    """Shows how far something has got, and what it measures.

    Args:
        target: how many steps there are, None if that is not known.
        width: of the bar, in characters. Default 20.
        verbose: 0 nothing, 1 a bar, 2 a line at the end.
        interval: seconds between two updates of the terminal. Default 0.05.
        stateful_metrics: names of values to show as they are; others are averaged over the steps.
        unit_name: default "step".
    """

    def __init__(self, target: int | None, width: int = 20, verbose: int = 1, interval: float = 0.05,
                 stateful_metrics: Any = None, unit_name: str = "step"):
        self.target, self.width, self.verbose, self.interval, self.unit_name = target, width, verbose, interval, unit_name
        self.stateful = set(stateful_metrics or [])
        self._dynamic = (hasattr(sys.stdout, "isatty") and sys.stdout.isatty()) or "ipykernel" in sys.modules
        self._values: dict[str, list[float]] = {}
        self._start = time.time()
        self._last, self._seen, self._length = 0.0, 0, 0

    def update(self, current: int, values: Any = None, finalize: bool | None = None) -> None:
        """Show that `current` steps are done; `values` are (name, value) of the latest step."""
        finalize = finalize if finalize is not None else self.target is not None and current >= self.target
        for name, value in values or []:
            if name in self.stateful:
                self._values[name] = [float(value), 1.0]
            else:
                total = self._values.setdefault(name, [0.0, 0.0])
                steps = max(current - self._seen, 1)
                total[0] += float(value) * steps
                total[1] += steps
        self._seen = current
        now = time.time()
        if self.verbose == 0 or not finalize and (self.verbose == 2 or not self._dynamic or now - self._last < self.interval):
            return
        self._last = now
        passed = now - self._start
        line = self._bar(current) + self._timing(current, now, finalize)
        if self.verbose != 1:
            line = f"{current}/{current} - {_duration(passed)} - {_each(passed, current, self.unit_name)}"
        line += "".join(f" - {name}: {_number(total / max(count, 1))}" for name, (total, count) in self._values.items())
        if self._dynamic and self.verbose == 1:
            padding = " " * max(self._length - len(line), 0)
            self._length = len(line)
            sys.stdout.write("\r" + line + padding + ("\n" if finalize else ""))
        else:
            sys.stdout.write(line + "\n")
        sys.stdout.flush()

    def _bar(self, current: int) -> str:
        if self.target is None:
            return f"{current:>7}/Unknown"
        digits = int(math.log10(max(self.target, 1))) + 1
        done = int(self.width * min(current / max(self.target, 1), 1.0))
        return f"{current:>{digits}}/{self.target} {'━' * done}{'─' * (self.width - done)}"

    def _timing(self, current: int, now: float, finalize: bool) -> str:
        each = (now - self._start) / max(current, 1)
        if self.target is None or finalize:
            return f" {_duration(now - self._start)} {_each(now - self._start, current, self.unit_name)}"
        return f" {_duration(each * (self.target - current))} {_each(now - self._start, current, self.unit_name)}"

    def add(self, n: int, values: Any = None) -> None:
        """`update` by n more steps."""
        self.update(self._seen + n, values)


def _duration(seconds: float) -> str:
    if seconds >= 3600:
        return f"{int(seconds // 3600)}:{int(seconds % 3600 // 60):02d}:{int(seconds % 60):02d}"
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}" if seconds >= 60 else f"{int(seconds)}s"


def _each(seconds: float, count: int, unit: str) -> str:
    each = seconds / max(count, 1)
    text = f"{each:.0f}s" if each >= 1 else f"{each * 1e3:.0f}ms" if each >= 1e-3 else f"{each * 1e6:.0f}us"
    return f"{text}/{unit}"


def _number(value: float) -> str:
    return f"{value:.4f}" if abs(value) > 1e-3 or value == 0 else f"{value:.4e}"


class ProgbarLogger(Callback):
    """Shows training and evaluation on the terminal: what `verbose=1` and `verbose=2` add."""

    def __init__(self, verbose: int | None = None) -> None:
        super().__init__()
        self.bar: Progbar | None = None
        self.verbose = verbose
        self._done = 0
        self._in_fit = False  # where an evaluation is part of the epoch's line

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        if self.verbose is None:
            self.verbose = params.get("verbose", 1)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if self.verbose and self.params.get("epochs", 1) > 1:
            print(f"Epoch {epoch + 1}/{self.params['epochs']}")
        self._begin()

    def on_train_begin(self, logs: Any = None) -> None:
        self._in_fit = True

    def on_test_begin(self, logs: Any = None) -> None:
        if not self._in_fit:
            self._begin()

    on_predict_begin = on_test_begin

    def _begin(self) -> None:
        self.bar, self._done = None, 0
        self._started = time.time()

    def _bar(self) -> Progbar:
        if self.bar is None:
            self.bar = Progbar(self.params.get("steps"), verbose=self.verbose or 0,
                               stateful_metrics=_Everything())
            self.bar._start = self._started
        return self.bar

    def _step(self, batch: int, logs: Any) -> None:
        self._done = batch + 1
        if self.verbose == 1:
            bar = self._bar()
            if bar._dynamic and time.time() - bar._last >= bar.interval:  # reading the metrics waits for the device
                bar.update(self._done, _values(logs), finalize=False)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._step(batch, logs)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        if not self._in_fit:
            self._step(batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        self._step(batch, None)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._finish(logs)

    def on_test_end(self, logs: Any = None) -> None:
        if not self._in_fit:
            self._finish(logs)

    on_predict_end = on_test_end

    def _finish(self, logs: Any) -> None:
        if self.verbose:
            bar = self._bar()
            bar.target = self._done or bar.target
            bar.update(self._done or bar.target or 0, _values(logs), finalize=True)


class _Everything(set):
    def __contains__(self, item: object) -> bool:
        return True

    def __iter__(self) -> Any:
        return iter(())


def _values(logs: Any) -> list[tuple[str, float]]:
    return [(k, float(np.asarray(v))) for k, v in (logs or {}).items() if np.ndim(v) == 0]


