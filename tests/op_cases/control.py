"""The rows of a buffer, and `check_numerics`. (`cond`, `while` and `scan` have tests of their own.)"""

import numpy as np

from op_cases import Case, integers, normal
from treadle.ir.ops.control import dynamic_row, dynamic_update
from treadle.ir.ops.effects import check_numerics


def _row(buffer, index):
    return buffer[int(np.clip(index + (len(buffer) if index < 0 else 0), 0, len(buffer) - 1))]


def _update(buffer, row, index):
    result = buffer.copy()
    result[int(np.clip(index + (len(buffer) if index < 0 else 0), 0, len(buffer) - 1))] = row
    return result


CASES = [
    *[Case(dynamic_row, normal(4, 3), np.int32(i), reference=_row) for i in (0, 3, -1, 9, -9)],
    Case(dynamic_row, integers(3), np.int64(1), reference=_row),
    *[Case(dynamic_update, normal(4, 3), normal(3), np.int32(i), reference=_update) for i in (0, 3, -1, 9, -9)],
    Case(dynamic_update, normal(3), normal(), np.int32(1), reference=_update),
    Case(check_numerics, normal(3, 2), attributes={"message": "x"}, reference=lambda x, message: x),
]
