"""`keras.initializers`: the classes of `tf.initializers`, and `get`."""

from treadle.initializers import *  # noqa: F403
from treadle.initializers import __all__ as _names
from treadle.keras_like.core.initializers import deserialize, get, serialize
from treadle.keras_like.core.registry import publish

__all__ = [*_names, "deserialize", "get", "serialize"]

publish(__name__)
