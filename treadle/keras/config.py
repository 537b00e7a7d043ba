"""`keras.config`: settings."""

from treadle.debugging import disable_traceback_filtering, enable_traceback_filtering, is_traceback_filtering_enabled
from treadle.keras_like.core.descriptions import enable_unsafe_deserialization
from treadle.keras_like.core.epsilon import epsilon, set_epsilon
from treadle.keras_like.core.image_format import image_data_format, set_image_data_format
from treadle.keras_like.core.policy import dtype_policy, floatx, set_dtype_policy, set_floatx
from treadle.keras_like.core.settings import (
    backend,
    disable_flash_attention,
    disable_interactive_logging,
    enable_flash_attention,
    enable_interactive_logging,
    is_flash_attention_enabled,
    is_interactive_logging_enabled,
    is_nnx_enabled,
    max_epochs,
    max_steps_per_epoch,
    set_backend,
    set_max_epochs,
    set_max_steps_per_epoch,
)

__all__ = [
    "backend", "disable_flash_attention", "disable_interactive_logging", "disable_traceback_filtering", "dtype_policy",
    "enable_flash_attention", "enable_interactive_logging", "enable_traceback_filtering",
    "enable_unsafe_deserialization", "epsilon", "floatx",
    "image_data_format", "is_flash_attention_enabled", "is_interactive_logging_enabled", "is_nnx_enabled",
    "is_traceback_filtering_enabled", "max_epochs", "max_steps_per_epoch", "set_backend", "set_dtype_policy",
    "set_epsilon", "set_floatx", "set_image_data_format", "set_max_epochs", "set_max_steps_per_epoch",
]
