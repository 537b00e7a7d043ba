"""How a variable takes the values that several replicas assign to it."""

from __future__ import annotations

import enum
from typing import Any

from treadle.ir import errors


class VariableAggregation(enum.Enum):
    """What becomes of the values that replicas assign to a variable.

    NONE: they must be equal. SUM: what each replica adds is added up. MEAN: their mean. ONLY_FIRST_REPLICA: that of replica 0.
    """

    NONE = 0
    SUM = 1
    MEAN = 2
    ONLY_FIRST_REPLICA = 3


class VariableSynchronization(enum.Enum):
    """When replicas bring a variable's value together. Accepted; treadle always does it at once."""

    AUTO = 0
    NONE = 1
    ON_WRITE = 2
    ON_READ = 3


# Of a variable that holds the state of random numbers: its seed is at place 0 or 1, and another one in each replica.
STREAMS = ("stream_0", "stream_1")


def as_aggregation(value: Any) -> str:
    """`None`, a member of `VariableAggregation`, or its name, as a word in small letters; one of `STREAMS` as it is."""
    name = "none" if value is None else str(getattr(value, "name", value)).lower()
    if name not in STREAMS and name.upper() not in VariableAggregation.__members__:
        raise errors.InvalidArgumentError(
            f"`aggregation` is 'none', 'sum', 'mean' or 'only_first_replica'. Received: {value!r}.")
    return name
