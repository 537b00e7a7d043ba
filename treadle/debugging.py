"""`tf.debugging`: finding out what went wrong."""

from treadle.ir.errors import filter_traceback
from treadle.runtime.checks import (
    checks_enabled,
    disable_check_numerics,
    disable_checks,
    enable_check_numerics,
    enable_checks,
)
from treadle.runtime.composites.debugging import (
    Assert,
    assert_all_finite,
    assert_equal,
    assert_greater,
    assert_greater_equal,
    assert_integer,
    assert_less,
    assert_less_equal,
    assert_near,
    assert_negative,
    assert_non_negative,
    assert_non_positive,
    assert_none_equal,
    assert_positive,
    assert_proper_iterable,
    assert_rank,
    assert_rank_at_least,
    assert_rank_in,
    assert_same_float_dtype,
    assert_scalar,
    assert_shapes,
    assert_type,
    check_numerics,
    is_numeric_tensor,
)
from treadle.runtime.devices import set_log_device_placement
from treadle.runtime.tracebacks import (
    disable_traceback_filtering,
    enable_traceback_filtering,
    is_traceback_filtering_enabled,
)
from treadle.tracer.compare import compare, first_difference
from treadle.tracer.journal import record_compilations

__all__ = [
    "Assert", "assert_all_finite", "assert_equal", "assert_greater", "assert_greater_equal", "assert_integer",
    "assert_less", "assert_less_equal", "assert_near", "assert_negative", "assert_non_negative", "assert_non_positive",
    "assert_none_equal", "assert_positive", "assert_proper_iterable", "assert_rank", "assert_rank_at_least",
    "assert_rank_in", "assert_same_float_dtype", "assert_scalar", "assert_shapes", "assert_type", "check_numerics",
    "checks_enabled", "compare", "disable_check_numerics", "disable_checks", "disable_traceback_filtering",
    "enable_check_numerics", "enable_checks", "enable_traceback_filtering", "filter_traceback", "first_difference",
    "is_numeric_tensor", "is_traceback_filtering_enabled", "record_compilations",
    "set_log_device_placement",
]
