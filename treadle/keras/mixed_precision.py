"""`keras.mixed_precision`: computing in 16 bits, with weights in 32."""

from treadle.keras_like.core.policy import DTypePolicy, dtype_policy, set_dtype_policy
from treadle.keras_like.core.policy import DTypePolicy as Policy
from treadle.keras_like.core.policy import dtype_policy as global_policy
from treadle.keras_like.core.policy import set_dtype_policy as set_global_policy
from treadle.keras_like.optimizers.loss_scale import LossScaleOptimizer

__all__ = [
    "DTypePolicy", "LossScaleOptimizer", "Policy", "dtype_policy", "global_policy", "set_dtype_policy",
    "set_global_policy",
]
