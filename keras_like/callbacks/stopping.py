"""Callbacks that stop training: when a metric no longer improves, and at NaN."""

from __future__ import annotations

from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.callbacks.callback import Callback
from treadle.keras_like.callbacks.monitor import MonitorCallback


class EarlyStopping(MonitorCallback):
    """Stop training when a metric has not improved for `patience` epochs.

    Args:
        monitor: default "val_loss".
        min_delta: how much counts as an improvement. Default 0.
        patience: default 0.
        verbose: 1 prints what is done. Default 0.
        mode: "auto", "min" or "max".
        baseline: a value that must be beaten too.
        restore_best_weights: go back to the weights of the best epoch. Default False.
        start_from_epoch: epochs to let pass first. Default 0.

    >>> import numpy as np
    >>> from treadle import keras
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> stop = keras.callbacks.EarlyStopping("loss", patience=2, min_delta=1e9)
    >>> history = model.fit(np.ones((4, 1)), np.ones((4, 1)), epochs=10, verbose=0, callbacks=[stop])
    >>> len(history.epoch)
    3
    """

    def __init__(self, monitor: str = "val_loss", min_delta: float = 0, patience: int = 0, verbose: int = 0,
                 mode: str = "auto", baseline: float | None = None, restore_best_weights: bool = False,
                 start_from_epoch: int = 0):
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best_weights: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best, self.best_weights = None, None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        value = self.get_monitor_value(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if self.is_improvement(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self.is_improvement(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
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
    """Stop training at the first loss that is not finite.

    It reads the loss after each batch, which makes each batch wait for the device.

    Args:
        raise_error: raise FailedPreconditionError (a RuntimeError) in place of stopping. Default False.
    """

    def __init__(self, raise_error: bool = False):
        super().__init__()
        self.raise_error = raise_error

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or np.all(np.isfinite(loss)):
            return
        if self.raise_error:
            raise tf.errors.FailedPreconditionError(
                f"The loss is not finite after batch {batch}. Received: {float(loss)}. A smaller learning rate or gradient "
                "clipping may help.")
        print(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True
