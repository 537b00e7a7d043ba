"""`keras.dtype_policies`."""

from treadle.keras_like.core.dtype_policies import DTypePolicyMap, deserialize, get, serialize
from treadle.keras_like.core.policy import DTypePolicy
from treadle.keras_like.core.policy import DTypePolicy as FloatDTypePolicy

__all__ = ["DTypePolicy", "DTypePolicyMap", "FloatDTypePolicy", "deserialize", "get", "serialize"]
