"""What a `TensorArray` holds before it is a buffer, and how it reads sizes and indices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from treadle.ir import dims, errors
from treadle.ir.ops import arrays
from treadle.runtime.composites.arrays import known_array, stack
from treadle.tracer.staging.places import Place

_MOST_AT_ONCE = 64


class Elements:
    """Elements by number; those not written are zeros. Never changed in place."""

    __slots__ = ("trace", "size", "items")

    def __init__(self, trace: Any, size: Any, items: dict[int, Any]):
        self.trace, self.size, self.items = trace, size, items


class Contents(Place):
    """What a `TensorArray` holds, for control flow to carry."""

    name = "a `tf.TensorArray`"

    def __init__(self, owner: Any):
        self.owner, self.key = owner, (Contents, id(owner))

    def get(self) -> Any:
        return self.owner._contents

    def set(self, value: Any) -> None:
        self.owner._contents = value


def stack_many(parts: Sequence[Any]) -> Any:
    """`stack`, of many tensors in pieces: a program for each number of operands would take long to compile."""
    if len(parts) <= _MOST_AT_ONCE:
        return stack(list(parts))
    pieces = [stack(list(parts[i:i + _MOST_AT_ONCE])) for i in range(0, len(parts), _MOST_AT_ONCE)]
    while len(pieces) > 1:
        pieces = [arrays.concat(pieces[i:i + _MOST_AT_ONCE], axis=0) for i in range(0, len(pieces), _MOST_AT_ONCE)]
    return pieces[0]


def outside(k: int, size: int, doing: str) -> errors.OutOfRangeError:
    resize = "array is not resizeable and size is" if doing == "write to" else "array size is"
    return errors.OutOfRangeError(f"Tried to {doing} index {k} but {resize}: {size}")


def known_size(size: Any) -> Any:
    """A size as an int or a symbolic size."""
    known = getattr(size, "known", None)
    if known is not None and known.dtype == object and known.shape == ():
        found = known.item()
        return int(found) if dims.is_known(found) else found
    array = known_array(size)
    if array is None:
        raise errors.StagingError("The size of a TensorArray must be known while tracing: XLA's shapes are fixed. "
                                  f"Received: {size!r}. Pass a Python number, for instance the most that there can be.")
    return max(int(array), 0)


def known_index(index: Any) -> int | None:
    array = known_array(index)
    return None if array is None else int(array)
