"""`CallbackList`: many callbacks as one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from treadle.keras_like.callbacks.callback import Callback, History
from treadle.keras_like.callbacks.progress import ProgbarLogger

_WITH_INDEX = ("on_epoch_begin", "on_epoch_end", "on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end",
               "on_test_batch_begin", "on_test_batch_end", "on_predict_batch_begin", "on_predict_batch_end")
_WITHOUT = ("on_train_begin", "on_train_end", "on_test_begin", "on_test_end", "on_predict_begin", "on_predict_end")


class CallbackList(Callback):
    """Calls each callback in turn: for a training loop of your own.

    Args:
        callbacks: the callbacks; one alone, or None.
        add_history: add a `History`, unless there is one. Default False.
        add_progbar: add a `ProgbarLogger`, unless there is one. Default False.
        model: the model that is trained.
        params: what `fit` was asked for, by name: `epochs`, `steps`, `verbose`.

    >>> from treadle import keras
    >>> stop = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs))
    >>> several = keras.callbacks.CallbackList([stop], epochs=2)
    >>> several.on_epoch_end(0, {"loss": 0.5})
    0 {'loss': 0.5}
    """

    def __init__(self, callbacks: Iterable[Callback] | Callback | None = None, add_history: bool = False,
                 add_progbar: bool = False, model: Any = None, **params: Any):
        super().__init__()
        given = [callbacks] if isinstance(callbacks, Callback) else callbacks or []
        self.callbacks: list[Any] = list(given)
        if add_history and not any(isinstance(c, History) for c in self.callbacks):
            self.callbacks.append(History())
        if add_progbar and not any(isinstance(c, ProgbarLogger) for c in self.callbacks):
            self.callbacks.append(ProgbarLogger())
        self.set_model(model)
        self.set_params(params)

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model: Any) -> None:
        self._model = model
        for callback in self.callbacks:
            if isinstance(callback, History) and model is not None:
                model.history = callback
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
    """The method that calls the same one of each callback. All are handed the same `logs`, which they may add to."""
    if name in _WITHOUT:
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


for _name in (*_WITH_INDEX, *_WITHOUT):
    setattr(CallbackList, _name, _forwarded(_name))
