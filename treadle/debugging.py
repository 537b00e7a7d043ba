"""`tf.debugging`: finding out what went wrong."""

from treadle.runtime.tracebacks import (
    disable_traceback_filtering,
    enable_traceback_filtering,
    is_traceback_filtering_enabled,
)
from treadle.tracer.compare import compare, first_difference

__all__ = ["compare", "disable_traceback_filtering", "enable_traceback_filtering", "first_difference",
           "is_traceback_filtering_enabled"]
