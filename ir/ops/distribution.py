"""Ops for programs that run on several devices. A mesh is ((("replica", 4),), (0, 1, 2, 3)): named axes with their sizes, and
the devices' numbers in row-major order. Where a program runs on one device, `shard` does nothing.
"""

from typing import Any

from treadle.ir import errors
from treadle.ir.attributes import Any_, Str
from treadle.ir.op import Operand, on_sizes, op
from treadle.ir.types import TensorType

REDUCTIONS = ("sum", "mean")


def _shard_infer(x: TensorType, *, mesh: Any, spec: Any) -> TensorType:
    sizes = dict(mesh[0])
    if len(spec) > len(x.shape):
        raise errors.InvalidArgumentError(f"A tensor of type {x} cannot be split along {len(spec)} axes. Received: {spec}.")
    for size, name in zip(x.shape, spec):
        if name is not None and (name not in sizes or isinstance(size, int) and size % sizes[name]):
            raise errors.InvalidArgumentError(
                f"An axis of size {size} cannot be split evenly along {name!r} of the mesh {sizes}. Received: a tensor of type "
                f"{x}. Choose a size that is a multiple of it.")
    return x


@op(infer=_shard_infer, lower=lambda xp, x, *, mesh, spec: xp.shard(x, mesh, spec),
    vjp=(lambda g, y, x, *, mesh, spec: shard(g, mesh=mesh, spec=spec),),
    sizes=on_sizes(lambda x, *, mesh, spec: x))
def shard(input: Operand(), *, mesh: Any_, spec: Any_):  # type: ignore[valid-type]
    """The tensor itself, split over the devices of `mesh`: its i-th axis along the mesh's axis `spec[i]`, not at all where that
    is None or missing."""


def _all_reduce_infer(x: TensorType, *, reduction: str) -> TensorType:
    if reduction not in REDUCTIONS:
        raise errors.InvalidArgumentError(f"`reduction` is 'sum' or 'mean'. Received: {reduction!r}.")
    return x


@op(infer=_all_reduce_infer, lower=lambda xp, x, *, reduction: xp.all_reduce(x, reduction),
    vjp=(lambda g, y, x, *, reduction: all_reduce(g, reduction=reduction),))
def all_reduce(input: Operand(), *, reduction: Str):  # type: ignore[valid-type]
    """y = sum_r x_r (or their mean) over the rows r of the `vectorized_call` that this stands in: each row gets the same."""
