"""`keras.callbacks`."""

from treadle.keras_like.callbacks.callback import Callback, CallbackList, History, LambdaCallback
from treadle.keras_like.callbacks.learning_rate import LearningRateScheduler, ReduceLROnPlateau
from treadle.keras_like.callbacks.monitor import MonitorCallback
from treadle.keras_like.callbacks.progress import ProgbarLogger
from treadle.keras_like.callbacks.stopping import EarlyStopping, TerminateOnNaN
from treadle.keras_like.callbacks.tensorboard import TensorBoard

__all__ = [
    "Callback", "CallbackList", "EarlyStopping", "History", "LambdaCallback", "LearningRateScheduler", "MonitorCallback",
    "ProgbarLogger", "ReduceLROnPlateau", "TensorBoard", "TerminateOnNaN",
]
