"""`keras.optimizers`."""

from treadle.keras.optimizers import legacy, schedules
from treadle.keras_like.core.registry import publish
from treadle.keras_like.optimizers.adadelta import Adadelta
from treadle.keras_like.optimizers.adafactor import Adafactor
from treadle.keras_like.optimizers.adagrad import Adagrad
from treadle.keras_like.optimizers.adam import Adam
from treadle.keras_like.optimizers.adamax import Adamax
from treadle.keras_like.optimizers.adamw import AdamW
from treadle.keras_like.optimizers.base import Optimizer
from treadle.keras_like.optimizers.ftrl import Ftrl
from treadle.keras_like.optimizers.lamb import Lamb
from treadle.keras_like.optimizers.lion import Lion
from treadle.keras_like.optimizers.loss_scale import LossScaleOptimizer
from treadle.keras_like.optimizers.multi_optimizer import MultiOptimizer, OptimizerMap
from treadle.keras_like.optimizers.muon import Muon
from treadle.keras_like.optimizers.nadam import Nadam
from treadle.keras_like.optimizers.registry import deserialize, get, serialize
from treadle.keras_like.optimizers.rmsprop import RMSprop
from treadle.keras_like.optimizers.schedule_free_adamw import ScheduleFreeAdamW
from treadle.keras_like.optimizers.sgd import SGD

__all__ = [
    "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl", "Lamb", "Lion", "LossScaleOptimizer",
    "MultiOptimizer", "Muon", "Nadam", "Optimizer", "OptimizerMap", "RMSprop", "SGD", "ScheduleFreeAdamW", "deserialize",
    "get", "legacy", "schedules", "serialize",
]

publish(__name__)
