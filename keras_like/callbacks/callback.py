"""`Callback`: methods that `fit`, `evaluate` and `predict` call as they go."""

from __future__ import annotations

from typing import Any


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
