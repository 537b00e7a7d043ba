"""`keras.initializers`: the classes of `tf.initializers`, and `get`."""

from treadle.initializers import *  # noqa: F403
from treadle.initializers import __all__ as _names
from treadle.keras_like.core.initializers import deserialize, get, serialize
from treadle.keras_like.core.registry import publish
from treadle.keras_like.core.windows import STFT

# Other names of the same classes.
IdentityInitializer, OrthogonalInitializer, STFTInitializer, stft = Identity, Orthogonal, STFT, STFT  # noqa: F405

__all__ = [*_names, "IdentityInitializer", "OrthogonalInitializer", "STFT", "STFTInitializer", "deserialize", "get",
           "serialize", "stft"]

publish(__name__)
