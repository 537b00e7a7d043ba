"""Choosing between tensors, element by element."""

from typing import Any

from treadle.ir import dtypes
from treadle.ir.op import Operand, op
from treadle.ir.operators import TABLE
from treadle.ir.ops.rules import BOOL, broadcast_shapes, require, same_dtype, unbroadcast
from treadle.ir.types import TensorType


def _infer(condition: TensorType, x: TensorType, y: TensorType) -> TensorType:
    require(condition, BOOL, "condition")
    return TensorType.of(same_dtype(x, y), broadcast_shapes(condition.shape, x.shape, y.shape))


def _gradients(g: Any, z: Any, condition: Any, x: Any, y: Any) -> Any:
    zero = TABLE["zeros_like"](g)
    return None, unbroadcast(select(condition, g, zero), x), unbroadcast(select(condition, zero, g), y)


@op(infer=_infer, lower=lambda xp, condition, x, y: xp.where(condition, x, y), vjp=_gradients,
    traits="elementwise exact")
def select(condition: Operand(dtypes.bool_), x, y):  # type: ignore[valid-type]
    """x where `condition` holds, else y; all three are broadcast."""
