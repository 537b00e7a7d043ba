"""Callbacks that watch a metric: stop early, lower the learning rate, stop at NaN."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.callbacks.callback import Callback

_MAXIMISED = ("accuracy", "acc", "auc", "precision", "recall", "iou", "f1", "r2", "sensitivity", "specificity")


class Watching(Callback):
    """Base: compares the metric `monitor` with the best so far. `mode`: "min", "max", or "auto" (by the name)."""

    def __init__(self, monitor: str, mode: str, min_delta: float = 0.0):
        super().__init__()
        if mode not in ("auto", "min", "max"):
            raise tf.errors.InvalidArgumentError(f"`mode` is 'auto', 'min' or 'max'. Received: {mode!r}.")
        self.monitor, self.mode, self.min_delta = monitor, mode, abs(min_delta)
        self.best: float | None = None

    def maximises(self) -> bool:
        """True if more is better."""
        return self.mode == "max" or self.mode == "auto" and any(n in self.monitor.lower() for n in _MAXIMISED)

    def is_better(self, value: float, than: float | None) -> bool:
        """True if `value` improves on `than` by more than `min_delta`."""
        if than is None:
            return not math.isnan(value)
        return value - self.min_delta > than if self.maximises() else value + self.min_delta < than

    def value(self, logs: Any) -> float | None:
        """The metric's value; None, with a warning, if there is none of that name."""
        found = (logs or {}).get(self.monitor)
        if found is None:
            warnings.warn(
                f"{type(self).__name__} watches {self.monitor!r}, which is not measured. Measured: "
                f"{', '.join(logs or {})}.", stacklevel=3)
        return None if found is None else float(found)


class EarlyStopping(Watching):
    """Stop training when a metric has not improved for `patience` epochs.

    Args:
        monitor: default "val_loss".
        min_delta: how much counts as an improvement. Default 0.
        patience: default 0.
        mode: "auto", "min" or "max".
        baseline: a value that must be beaten.
        restore_best_weights: go back to the weights of the best epoch. Default False.
        start_from_epoch: epochs to let pass first. Default 0.
    """

    def __init__(self, monitor: str = "val_loss", min_delta: float = 0, patience: int = 0, verbose: int = 0,
                 mode: str = "auto", baseline: float | None = None, restore_best_weights: bool = False,
                 start_from_epoch: int = 0):
        super().__init__(monitor, mode, min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best_weights: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best, self.best_weights = None, None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        value = self.value(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if self.is_better(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self.is_better(value, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        if self.stopped_epoch > 0 and self.verbose > 0:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose > 0:
                print(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


class TerminateOnNaN(Callback):
    """Stop training at the first loss that is not finite."""

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is not None and not np.isfinite(float(loss)):
            print(f"Batch {batch}: Invalid loss, terminating training")
            self.model.stop_training = True


class LearningRateScheduler(Callback):
    """Set the learning rate before each epoch: `schedule(epoch, lr)`, or `schedule(epoch)`, returns the new one."""

    def __init__(self, schedule: Any, verbose: int = 0):
        super().__init__()
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        now = float(self.model.optimizer.learning_rate)
        try:
            rate = self.schedule(epoch, now)
        except TypeError:
            rate = self.schedule(epoch)
        if not isinstance(rate, (float, np.floating, np.ndarray, tf.Tensor)):
            raise tf.errors.DtypeError(f"The schedule must return a float. Received: {rate!r}.")
        self.model.optimizer.learning_rate = float(rate)
        if self.verbose > 0:
            print(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {float(rate)}.")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)


class ReduceLROnPlateau(Watching):
    """Multiply the learning rate by `factor` when a metric has not improved for `patience` epochs.

    Args:
        monitor: default "val_loss".
        factor: less than 1. Default 0.1.
        patience: default 10.
        mode: "auto", "min" or "max".
        min_delta: how much counts as an improvement. Default 1e-4.
        cooldown: epochs to wait after a change. Default 0.
        min_lr: default 0.
    """

    def __init__(self, monitor: str = "val_loss", factor: float = 0.1, patience: int = 10, verbose: int = 0,
                 mode: str = "auto", min_delta: float = 1e-4, cooldown: int = 0, min_lr: float = 0.0, **kwargs: Any):
        super().__init__(monitor, mode, min_delta)
        if factor >= 1.0:
            raise tf.errors.InvalidArgumentError(f"`factor` must be less than 1. Received: factor={factor}.")
        self.factor, self.patience, self.verbose, self.cooldown, self.min_lr = factor, patience, verbose, cooldown, min_lr
        self.wait = self.cooldown_counter = 0

    def on_train_begin(self, logs: Any = None) -> None:
        self.wait = self.cooldown_counter = 0
        self.best = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)
        value = self.value(logs)
        if value is None:
            return
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.wait = 0
        if self.is_better(value, self.best):
            self.best, self.wait = value, 0
        elif self.cooldown_counter <= 0:
            self.wait += 1
            now = float(np.float32(float(self.model.optimizer.learning_rate)))
            if self.wait >= self.patience and now > np.float32(self.min_lr):
                rate = max(now * self.factor, self.min_lr)
                self.model.optimizer.learning_rate = rate
                if self.verbose > 0:
                    print(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {rate}.")
                self.cooldown_counter, self.wait = self.cooldown, 0
