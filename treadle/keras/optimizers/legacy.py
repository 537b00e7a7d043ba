"""`keras.optimizers.legacy`: the same classes; there is one generation here."""

from treadle.keras_like.optimizers.adadelta import Adadelta
from treadle.keras_like.optimizers.adagrad import Adagrad
from treadle.keras_like.optimizers.adam import Adam
from treadle.keras_like.optimizers.adamax import Adamax
from treadle.keras_like.optimizers.base import Optimizer
from treadle.keras_like.optimizers.ftrl import Ftrl
from treadle.keras_like.optimizers.nadam import Nadam
from treadle.keras_like.optimizers.rmsprop import RMSprop
from treadle.keras_like.optimizers.sgd import SGD

__all__ = [
    "Adadelta", "Adagrad", "Adam", "Adamax", "Ftrl", "Nadam", "Optimizer", "RMSprop", "SGD",
]
