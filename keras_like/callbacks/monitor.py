"""`MonitorCallback`: what callbacks that watch a metric have in common."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.callbacks.callback import Callback


class MonitorCallback(Callback):
    """Base of callbacks that compare a metric with the best so far.

    Args:
        monitor: the metric's name in the logs. Default "val_loss".
        mode: "min" or "max", where better values lie; "auto" (default) asks the metric.
        baseline: what counts as the best before the first value.
        min_delta: how much counts as an improvement. Default 0.

    Values are compared in float32, as metrics are computed.
    """

    def __init__(self, monitor: str = "val_loss", mode: str = "auto", baseline: float | None = None, min_delta: float = 0):
        super().__init__()
        if mode not in ("auto", "min", "max"):
            warnings.warn(f"`mode` is 'auto', 'min' or 'max'. Received: {mode!r}. 'auto' is taken.", stacklevel=3)
            mode = "auto"
        self.monitor, self.mode, self.best, self.min_delta = monitor, mode, baseline, abs(min_delta)

    def maximizes(self) -> bool:
        """True if more is better. Raises InvalidArgumentError where "auto" cannot tell."""
        if self.mode != "auto":
            return self.mode == "max"
        name = self.monitor.removeprefix("val_")
        if name == "loss" or name.endswith("_loss"):
            return False
        for found, metric in self._metrics():
            direction = getattr(metric, "_direction", None)
            if name in (found, metric.name) and direction is not None:
                return direction == "up"
        raise tf.errors.InvalidArgumentError(
            f"{type(self).__name__} cannot tell whether more or less of the metric is better. Received: "
            f"monitor={self.monitor!r}, mode='auto'. Pass mode='max' or mode='min'.")

    def _metrics(self) -> list[tuple[str, Any]]:
        """(name in the logs, metric): those of `compile`, then the model's own."""
        compiled = getattr(self.model, "compiled_metrics", None)
        return [*(compiled.named if compiled is not None else []), *((m.name, m) for m in getattr(self.model, "metrics", []))]

    def is_improvement(self, value: Any, than: Any) -> bool:
        """True if `value` improves on `than` by more than `min_delta`, or if there is nothing to improve on."""
        up = self.maximizes()
        if than is None:
            return True
        if up:
            return bool(np.float32(value - self.min_delta) > np.float32(than))
        return bool(np.float32(value + self.min_delta) < np.float32(than))

    def get_monitor_value(self, logs: Any) -> Any:
        """The metric's value; None, with a warning, if there is none of that name."""
        value = (logs or {}).get(self.monitor)
        if value is None:
            warnings.warn(
                f"{type(self).__name__} watches {self.monitor!r}, which is not measured. Measured: {', '.join(logs or {})}.",
                stacklevel=3)
        return value
