"""Callbacks that set the learning rate: by a schedule over epochs, and when a metric no longer improves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.callbacks.callback import Callback
from treadle.keras_like.callbacks.monitor import MonitorCallback


def optimizers_of(model: Any) -> dict[str, Any]:
    """The model's optimizer under "", or those inside a `MultiOptimizer` under their names."""
    inner = getattr(model.optimizer, "optimizers", None)
    return {"": model.optimizer} if inner is None else {o.name: o for o in inner}


def learning_rates(model: Any) -> dict[str, float]:
    """The learning rates as they are logged."""
    return {f"learning_rate_{name}" if name else "learning_rate": float(optimizer.learning_rate)
            for name, optimizer in optimizers_of(model).items()}


class LearningRateScheduler(Callback):
    """Set the learning rate before each epoch.

    Args:
        schedule: `schedule(epoch, learning_rate)`, or `schedule(epoch)`, returns the new one, a float.
        verbose: 1 prints it. Default 0.

    >>> from treadle import keras
    >>> halved = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0):
        super().__init__()
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        for name, optimizer in optimizers_of(self.model).items():
            try:
                rate = self.schedule(epoch, float(optimizer.learning_rate))
            except TypeError:  # a schedule of one argument
                rate = self.schedule(epoch)
            if not isinstance(rate, (float, np.floating, tf.Tensor)):
                raise tf.errors.DtypeError(f"`schedule` must return a float. Received: {rate!r}.")
            optimizer.learning_rate = float(rate)
            if self.verbose > 0:
                print(f"\nEpoch {epoch + 1}: LearningRateScheduler setting {name + ' ' if name else ''}learning rate to "
                      f"{float(rate)}.")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if logs is not None:
            logs.update(learning_rates(self.model))


class ReduceLROnPlateau(MonitorCallback):
    """Multiply the learning rate by `factor` when a metric has not improved for `patience` epochs.

    Args:
        monitor: default "val_loss".
        factor: less than 1. Default 0.1.
        patience: default 10.
        verbose: 1 prints what is done. Default 0.
        mode: "auto", "min" or "max".
        min_delta: how much counts as an improvement. Default 1e-4.
        cooldown: epochs to wait after a change. Default 0.
        min_lr: the learning rate does not fall below this. Default 0.
    """

    def __init__(self, monitor: str = "val_loss", factor: float = 0.1, patience: int = 10, verbose: int = 0,
                 mode: str = "auto", min_delta: float = 1e-4, cooldown: int = 0, min_lr: float = 0.0, **kwargs: Any):
        super().__init__(monitor, mode, min_delta=min_delta)
        if factor >= 1.0:
            raise tf.errors.InvalidArgumentError(f"`factor` must be less than 1. Received: factor={factor}.")
        self.factor, self.patience, self.verbose, self.cooldown, self.min_lr = factor, patience, verbose, cooldown, min_lr
        self.wait = self.cooldown_counter = 0

    def on_train_begin(self, logs: Any = None) -> None:
        self.wait = self.cooldown_counter = 0
        self.best = None

    def in_cooldown(self) -> bool:
        """True while waiting after a change."""
        return self.cooldown_counter > 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs = {} if logs is None else logs
        logs.update(learning_rates(self.model))
        value = self.get_monitor_value(logs)
        if value is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.is_improvement(value, self.best):
            self.best, self.wait = value, 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduced(epoch):
                self.cooldown_counter, self.wait = self.cooldown, 0

    def _reduced(self, epoch: int) -> bool:
        """Lower the rates that can be lowered; True if there were any."""
        found = False
        for name, optimizer in optimizers_of(self.model).items():
            now = float(optimizer.learning_rate)
            if now > np.float32(self.min_lr):
                rate = max(now * self.factor, self.min_lr)
                optimizer.learning_rate = rate
                found = True
                if self.verbose > 0:
                    print(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing {name + ' ' if name else ''}learning rate to "
                          f"{rate}.")
        return found
