"""`PerReplica`: a value for each replica, in one tensor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from treadle.ir.operators import TABLE
from treadle.runtime import nest


class PerReplica(NamedTuple):
    """Values of one type, one for each replica, stacked along a new first axis. `values` has them one by one.

    A structure of one tensor, so that it passes through functions, loops and data sets as tensors do.
    """

    stacked: Any

    @property
    def values(self) -> tuple[Any, ...]:
        """The replicas' values."""
        return tuple(TABLE["unstack"](self.stacked))

    def __repr__(self) -> str:
        if not hasattr(self.stacked, "numpy"):
            return f"PerReplica({self.stacked!r})"
        return "PerReplica:{\n" + ",\n".join(f"  {i}: {v!r}" for i, v in enumerate(self.values)) + "\n}"


def map_values(function: Callable[[Any], Any], structure: Any) -> Any:
    """`function` of each leaf of a structure; a `PerReplica` is a leaf."""
    if isinstance(structure, PerReplica):
        return function(structure)
    parts = nest.children(structure)
    return function(structure) if parts is None else nest.rebuild(structure, [map_values(function, p) for p in parts])
