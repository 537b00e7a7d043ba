"""`keras.callbacks`."""

from treadle.keras_like.callbacks.callback import Callback, CallbackList, History, LambdaCallback
from treadle.keras_like.callbacks.progress import ProgbarLogger
from treadle.keras_like.callbacks.stopping import (
    EarlyStopping,
    LearningRateScheduler,
    ReduceLROnPlateau,
    TerminateOnNaN,
)

__all__ = [
    "Callback", "CallbackList", "EarlyStopping", "History", "LambdaCallback", "LearningRateScheduler", "ProgbarLogger",
    "ReduceLROnPlateau", "TerminateOnNaN",
]
