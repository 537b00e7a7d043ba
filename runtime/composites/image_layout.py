"""Reading `data_format`, `strides` and `padding` as TensorFlow spells them, for convolution and pooling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from treadle.ir import errors
from treadle.ir.attributes import as_shape
from treadle.ir.dims import Size
from treadle.ir.ops.arrays import reshape
from treadle.ir.types import product
from treadle.runtime.tensor import Tensor

_CHANNELS_LAST = {1: "NWC", 2: "NHWC", 3: "NDHWC"}
_CHANNELS_FIRST = {1: "NCW", 2: "NCHW", 3: "NCDHW"}


def is_channels_first(data_format: str | None, rank: int) -> bool:
    """Whether channels come before the spatial axes; None means they come last."""
    last, first = _CHANNELS_LAST.get(rank), _CHANNELS_FIRST.get(rank)
    if data_format is None or data_format == last:
        return False
    if data_format == first:
        return True
    raise errors.InvalidArgumentError(f"`data_format` must be {last!r} or {first!r}. Received: {data_format!r}.")


def per_axis(value: Any, rank: int, channels_first: bool, what: str) -> tuple[int, ...]:
    """One positive integer for each spatial axis, from 1, `rank` or `rank` + 2 (batch and channels: 1) of them."""
    given = (1,) if value is None else as_shape(value)
    if len(given) == 1:
        given = given * rank
    elif len(given) == rank + 2:
        at = 1 if channels_first else -1
        if given[0] != 1 or given[at] != 1:
            raise errors.UnimplementedError(
                f"`{what}` of the batch and channel axes must be 1. Received: {what}={value!r}.")
        given = given[2:] if channels_first else given[1:-1]
    if len(given) != rank:
        raise errors.InvalidArgumentError(
            f"`{what}` must be an integer or a list of 1, {rank} or {rank + 2} integers. Received: {what}={value!r}.")
    if any(not isinstance(n, int) or n < 1 for n in given):
        raise errors.InvalidArgumentError(f"`{what}` must be positive. Received: {what}={value!r}.")
    return given


def as_padding(value: Any, rank: int, channels_first: bool) -> Any:
    """"SAME", "VALID", or a (before, after) pair for each spatial axis from a list of pairs for every axis."""
    if isinstance(value, str):
        if value.upper() not in ("SAME", "VALID"):
            raise errors.InvalidArgumentError(
                f"`padding` must be 'SAME', 'VALID' or a list of pairs. Received: padding={value!r}.")
        return value.upper()
    pairs = tuple(as_shape(pair) for pair in value)
    if len(pairs) != rank + 2 or any(len(p) != 2 for p in pairs):
        raise errors.InvalidArgumentError(
            f"An explicit `padding` has one [before, after] for each of the {rank + 2} axes. Received: {value!r}.")
    if any(n != 0 for n in (*pairs[0], *pairs[1 if channels_first else -1])):
        raise errors.InvalidArgumentError(
            f"`padding` of the batch and channel axes must be [0, 0]. Received: padding={value!r}.")
    middle = pairs[2:] if channels_first else pairs[1:-1]
    if any(not isinstance(n, int) or n < 0 for p in middle for n in p):
        raise errors.InvalidArgumentError(f"`padding` must not be negative. Received: padding={value!r}.")
    return middle


def over_images(function: Callable[[Tensor], Tensor], x: Tensor, rank: int) -> Tensor:
    """`function` of a tensor of rank `rank` + 2; the extra leading axes of one of higher rank count as its batch."""
    extra = x.type.rank - (rank + 2)
    if extra <= 0:
        return function(x)
    batch: tuple[Size, ...] = x.type.shape[:extra + 1]
    result = function(reshape(x, (product(batch), *x.type.shape[extra + 1:])))
    return reshape(result, (*batch, *result.type.shape[1:]))


errors.shield(globals())
