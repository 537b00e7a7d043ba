"""`ReplicaContext`: what the code of one replica knows and may ask for."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

import numpy as np

from treadle.ir import errors
from treadle.ir.ops.distribution import all_reduce
from treadle.runtime import nest
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.interpreter import current
from treadle.tracer.distribute import context


class ReduceOp(enum.Enum):
    """How values of several replicas become one."""

    SUM = "SUM"
    MEAN = "MEAN"


def as_reduction(value: Any) -> str:
    """"sum" or "mean" from a `ReduceOp` or its name. Raises InvalidArgumentError for anything else."""
    name = str(getattr(value, "value", value)).upper()
    if name not in ReduceOp.__members__:
        raise errors.InvalidArgumentError(f"A reduction is `tf.distribute.ReduceOp.SUM` or MEAN. Received: {value!r}.")
    return name.lower()


class ReplicaContext:
    """Given by `tf.distribute.get_replica_context()` inside `Strategy.run`.

    >>> import treadle as tf
    >>> replica = tf.distribute.get_replica_context()  # that of the default strategy, which has one replica
    >>> replica.num_replicas_in_sync, replica.all_reduce("SUM", tf.constant(2.0)).numpy()
    (1, np.float32(2.0))
    """

    def __init__(self, strategy: Any, number: Any = None):
        self.strategy, self._number = strategy, number

    @property
    def num_replicas_in_sync(self) -> int:
        """How many replicas there are."""
        return self.strategy.num_replicas_in_sync

    @property
    def replica_id_in_sync_group(self) -> Any:
        """The replica's number, from 0: an int32 scalar."""
        return current().convert(np.int32(0)) if self._number is None else self._number

    @property
    def devices(self) -> tuple[str, ...]:
        """The replica's device; with several replicas one program stands for all, and these are all of theirs."""
        return self.strategy.devices

    def all_reduce(self, reduce_op: Any, value: Any, options: Any = None) -> Any:
        """The sum or mean over all replicas of each tensor of a structure: y = sum_r x_r. Each replica gets it."""
        reduction = as_reduction(reduce_op)
        if self.num_replicas_in_sync == 1:
            return nest.map_structure(convert_to_tensor, value)
        return nest.map_structure(lambda v: all_reduce(convert_to_tensor(v), reduction=reduction), value)

    def merge_call(self, merge_fn: Callable, args: tuple = (), kwargs: dict[str, Any] | None = None) -> Any:
        """`merge_fn(strategy, *args)` outside the replicas. With several replicas use `all_reduce` in its place."""
        if self.num_replicas_in_sync > 1:
            raise errors.UnimplementedError(
                "`merge_call` is there for one replica only. Received: a strategy with "
                f"{self.num_replicas_in_sync} replicas. Use `all_reduce`, which returns the same to each replica.")
        with context.entered(self.strategy, None, True):
            return merge_fn(self.strategy, *args, **(kwargs or {}))
