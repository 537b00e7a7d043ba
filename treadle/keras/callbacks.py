"""`keras.callbacks`."""

from treadle.keras_like.callbacks.averages import SwapEMAWeights
from treadle.keras_like.callbacks.backup import BackupAndRestore
from treadle.keras_like.callbacks.callback import Callback, History, LambdaCallback
from treadle.keras_like.callbacks.callback_list import CallbackList
from treadle.keras_like.callbacks.checkpoint import ModelCheckpoint, OrbaxCheckpoint
from treadle.keras_like.callbacks.learning_rate import LearningRateScheduler, ReduceLROnPlateau
from treadle.keras_like.callbacks.monitor import MonitorCallback
from treadle.keras_like.callbacks.progress import ProgbarLogger
from treadle.keras_like.callbacks.reporting import CSVLogger, RemoteMonitor
from treadle.keras_like.callbacks.stopping import EarlyStopping, TerminateOnNaN
from treadle.keras_like.callbacks.tensorboard import TensorBoard

__all__ = [
    "BackupAndRestore", "CSVLogger", "Callback", "CallbackList", "EarlyStopping", "History", "LambdaCallback",
    "LearningRateScheduler", "ModelCheckpoint", "MonitorCallback", "OrbaxCheckpoint", "ProgbarLogger", "ReduceLROnPlateau",
    "RemoteMonitor", "SwapEMAWeights", "TensorBoard", "TerminateOnNaN",
]
