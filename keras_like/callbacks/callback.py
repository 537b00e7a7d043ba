"""`Callback`: methods that `fit`, `evaluate` and `predict` call as they go; and the list that calls many."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

BATCH_HOOKS = ("on_train_batch_begin", "on_train_batch_end", "on_test_batch_begin", "on_test_batch_end",
               "on_predict_batch_begin", "on_predict_batch_end")
_WITHOUT_INDEX = ("on_train_begin", "on_train_end", "on_test_begin", "on_test_end", "on_predict_begin", "on_predict_end")
HOOKS = (*BATCH_HOOKS, "on_epoch_begin", "on_epoch_end", "on_batch_begin", "on_batch_end", *_WITHOUT_INDEX)


def _batch_hooks(kind: str) -> tuple[str, ...]:
    names = (f"on_{kind}_batch_begin", f"on_{kind}_batch_end")
    return (*names, "on_batch_begin", "on_batch_end") if kind == "train" else names


class Callback:
    """Base of callbacks. `self.model` is the model, `self.params` what `fit` was asked for.

    Attributes of the model that a callback may set: `stop_training`.
    """

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}
        self._model: Any = None

    @property
    def model(self) -> Any:
        """The model that is trained."""
        return self._model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called with `fit`'s arguments before anything else."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Called with the model before anything else."""
        self._model = model

    def needs_batch(self, kind: str) -> bool:
        """Whether this callback looks at single batches of "train", "test" or "predict".

        Where no callback does, the steps of an epoch need not stop for Python after each. Default: whether a method for
        batches is defined.
        """
        return any(getattr(type(self), n, None) is not getattr(Callback, n) or n in vars(self) for n in _batch_hooks(kind))

    def on_progress(self, kind: str, done: int, logs: Any = None) -> None:
        """Called now and then while steps of "train", "test" or "predict" are taken: `done` of the epoch's are.

        Not each step is told of: many may run in one program. `logs` has the metrics, which are read when they are asked for.
        """

    def on_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before a batch of training."""

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        """After a batch of training."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Before an epoch."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """After an epoch, with the metrics, those of the validation as "val_..."."""

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before a batch of training."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """After a batch of training, with the metrics so far."""
        self.on_batch_end(batch, logs=logs)

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before a batch of evaluation."""

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """After a batch of evaluation, with the metrics so far."""

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before a batch of prediction."""

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """After a batch of prediction, with {"outputs": predictions}."""

    def on_train_begin(self, logs: Any = None) -> None:
        """Before training."""

    def on_train_end(self, logs: Any = None) -> None:
        """After training."""

    def on_test_begin(self, logs: Any = None) -> None:
        """Before evaluation."""

    def on_test_end(self, logs: Any = None) -> None:
        """After evaluation."""

    def on_predict_begin(self, logs: Any = None) -> None:
        """Before prediction."""

    def on_predict_end(self, logs: Any = None) -> None:
        """After prediction."""


class CallbackList(Callback):
    """Calls each callback in turn. `needs_batch(kind)` says whether any of them looks at single batches."""

    def __init__(self, callbacks: Iterable[Callback], model: Any = None, params: dict[str, Any] | None = None):
        super().__init__()
        self.callbacks = list(callbacks)
        self.set_params(params or {})
        self.set_model(model)

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model: Any) -> None:
        self._model = model
        for callback in self.callbacks:
            callback.set_model(model)

    def append(self, callback: Callback) -> None:
        """Add a callback at the end."""
        self.callbacks.append(callback)

    def needs_batch(self, kind: str) -> bool:
        """True if one of the callbacks looks at single batches of "train", "test" or "predict"."""
        return any(c.needs_batch(kind) for c in self.callbacks)

    def on_progress(self, kind: str, done: int, logs: Any = None) -> None:
        for callback in self.callbacks:
            callback.on_progress(kind, done, logs)


def _forwarded(name: str) -> Any:
    """The method of a list that calls the same one of each callback. All are handed the same `logs`, which they may add to."""
    if name in _WITHOUT_INDEX:
        def call(self: CallbackList, logs: Any = None) -> None:
            logs = {} if logs is None else logs
            for callback in self.callbacks:
                getattr(callback, name)(logs)
    else:
        def call(self: CallbackList, index: int, logs: Any = None) -> None:  # type: ignore[misc]
            logs = {} if logs is None else logs
            for callback in self.callbacks:
                getattr(callback, name)(index, logs)
    call.__name__ = name
    call.__doc__ = getattr(Callback, name).__doc__
    return call


for _name in HOOKS:
    setattr(CallbackList, _name, _forwarded(_name))


class LambdaCallback(Callback):
    """A callback of functions: `LambdaCallback(on_epoch_end=lambda epoch, logs: print(logs["loss"]))`."""

    def __init__(self, on_epoch_begin: Any = None, on_epoch_end: Any = None, on_train_begin: Any = None,
                 on_train_end: Any = None, on_train_batch_begin: Any = None, on_train_batch_end: Any = None, **kwargs: Any):
        super().__init__()
        given = {"on_epoch_begin": on_epoch_begin, "on_epoch_end": on_epoch_end, "on_train_begin": on_train_begin,
                 "on_train_end": on_train_end, "on_train_batch_begin": on_train_batch_begin,
                 "on_train_batch_end": on_train_batch_end, **kwargs}
        for name, function in given.items():
            if function is not None:
                setattr(self, name, function)


class History(Callback):
    """What `fit` returns: `history` has a list with a value for each epoch for every metric, `epoch` the epochs' numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Any = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
        self.model.history = self
