"""What a graph costs at least: floating point operations, counted over the operations and the rounds of their loops; memory.

    matmul [m, k] [k, n]           2 m k n
    convolution                    2 (elements of the result) (elements of a filter)
    lstm                           2 (elements of the gates) units
    elementwise, reductions        1 for each element
    reshape, gather, pad ...       0
    scan of n rounds               n times its body
    cond                           its most expensive branch

XLA's own estimate counts the body of many a loop once. A `while` whose rounds are not known counts for one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from treadle.ir.graph import Graph, Operation, Value
from treadle.ir.trip_counts import known_trip_count


class Cost(NamedTuple):
    """What one operation costs in a run of the program: `rounds` times `flops`."""

    operation: Operation
    flops: float  # of one round
    rounds: int

    @property
    def total(self) -> float:
        """The floating point operations of all rounds."""
        return self.flops * self.rounds


class Costs(NamedTuple):
    """The costs of a graph's operations, those of nested graphs included; and the loops whose rounds are not known."""

    operations: list[Cost]
    open_loops: list[Operation]

    @property
    def flops(self) -> float:
        """The floating point operations of the whole graph."""
        return sum(c.total for c in self.operations)


def costs(graph: Graph) -> Costs:
    """What a graph of static shapes costs."""
    found = Costs([], [])
    _add(graph, 1, found)
    return found


def _add(graph: Graph, rounds: int, found: Costs) -> None:
    for operation in graph.operations:
        name, attributes = operation.op.name, operation.attributes
        if name == "cond":
            dearest = max(attributes["branches"], key=lambda b: costs(b).flops)
            _add(dearest, rounds, found)
        elif operation.graphs:
            times = 1
            if name == "scan":
                times = attributes["length"]
            elif name == "while":
                known = known_trip_count(operation)
                times = known if isinstance(known, int) else 1
                if not isinstance(known, int):
                    found.open_loops.append(operation)
            elif name == "vectorized_call":
                times = next(o.type.shape[0] for o, mapped in zip(operation.operands, attributes["mapped"]) if mapped)
            # `call_with_gradient` holds graphs for its gradient too, which stand as operations elsewhere.
            for inner in [attributes["graph"]] if "graph" in attributes else operation.graphs:
                _add(inner, rounds * times, found)
        else:
            found.operations.append(Cost(operation, flops(operation), rounds))


def temporary_bytes(graph: Graph) -> int:
    """The most bytes that a run of a static graph's own values take at once, each from its operation to its last use.

    A compiler that fuses operations needs less, one that has to copy more. A loop's values count for one round.
    """
    last = {value: place for place, operation in enumerate(graph.operations) for value in operation.operands}
    ends: dict[int, int] = {}  # what the values of the last use at a place take
    most = now = 0
    for place, operation in enumerate(graph.operations):
        for value in operation.results if operation.op.name != "constant" else ():
            end, bytes = last.get(value, place), _count(value) * value.dtype.size
            ends[end] = ends.get(end, 0) + bytes
            now += bytes
        most = max(most, now + max(map(temporary_bytes, operation.graphs), default=0))
        now -= ends.pop(place, 0)
    return most


def largest_bytes(graph: Graph) -> int:
    """The bytes of the largest value that a static graph takes or makes."""
    return max((_count(value) * value.dtype.size for operation in graph.walk()
                for value in (*operation.operands, *operation.results)), default=0)


def is_contraction(operation: Operation) -> bool:
    """True for what the machine's matrix units do: matrix products and convolutions."""
    return operation.op.name in _CONTRACTIONS


def flops(operation: Operation) -> float:
    """The floating point operations of one operation that holds no graph."""
    rule = _RULES.get(operation.op.name)
    if rule is not None:
        return float(rule(operation))
    return float(_count(operation.results[0])) if "elementwise" in operation.op.traits else 0.0


def _count(value: Value) -> int:
    count = value.type.count
    return count if isinstance(count, int) else 0


def _matmul(o: Operation) -> int:
    return 2 * _count(o.results[0]) * o.operands[0].type.shape[-2 if o.attributes["transpose_a"] else -1]  # type: ignore[return-value]


def _einsum(o: Operation) -> int:
    inputs = o.attributes["equation"].split("->")[0].split(",")
    sizes = {label: size for labels, value in zip(inputs, o.operands) for label, size in zip(labels, value.type.shape)}
    return len(inputs) * math.prod(sizes.values())  # type: ignore[return-value]  # static


def _convolution(results: Value, filters: Any) -> int:
    return 2 * _count(results) * math.prod(filters[:-1])


def _lstm(gates: Value, weights: Value) -> int:
    return 2 * _count(gates) * weights.type.shape[0]  # type: ignore[return-value]  # static


def _fourier(o: Operation) -> float:
    count = max(_count(o.operands[0]), _count(o.results[0]))
    return 5 * count * math.log2(max(2, o.operands[0].type.shape[-1], o.results[0].type.shape[-1]))  # type: ignore[type-var]


def _cubic(factor: float) -> Callable[[Operation], float]:
    """factor n^3 for each matrix."""
    return lambda o: factor * _count(o.operands[0]) * o.operands[0].type.shape[-1]  # type: ignore[operator]


def _of_operand(factor: int = 1) -> Callable[[Operation], int]:
    return lambda o: factor * _count(o.operands[0])


_CONTRACTIONS: dict[str, Callable[[Operation], float]] = {
    "matmul": _matmul,
    "einsum": _einsum,
    "convolution": lambda o: _convolution(o.results[0], o.operands[1].type.shape),
    "convolution_input_gradient": lambda o: _convolution(o.operands[1], o.operands[0].type.shape),
    "convolution_filter_gradient": lambda o: _convolution(o.operands[1], o.attributes["shape"]),
    "lstm": lambda o: _lstm(o.operands[0], o.operands[1]),
    "lstm_gradient": lambda o: _lstm(o.operands[6], o.operands[3]),
}
_RULES: dict[str, Callable[[Operation], float]] = {
    **_CONTRACTIONS,
    **dict.fromkeys(("reduce_sum", "reduce_mean", "reduce_max", "reduce_min", "reduce_prod", "sum_to_shape", "argmax",
                     "argmin", "cumsum", "cumprod", "cumulative_logsumexp", "scatter_rows_add"), _of_operand()),
    **dict.fromkeys(("softmax", "log_softmax", "sparse_softmax_cross_entropy_with_logits"), _of_operand(5)),
    **dict.fromkeys(("avg_pool_op", "max_pool_op", "avg_pool_gradient", "max_pool_gradient"), _of_operand()),
    **dict.fromkeys(("fourier", "fourier_of_real", "fourier_to_real"), _fourier),
    "cholesky": _cubic(1 / 3),
    "inv": _cubic(2),
    "det": _cubic(2 / 3),
    "solve": _cubic(2 / 3),
    "identity": lambda o: 0,
    "stop_gradient": lambda o: 0,
}
