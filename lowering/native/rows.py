"""Programs on the rows of a matrix, for the interpreter of rows.c: what is computed of a product while its rows are in the
cache, or of a matrix by itself.

Each value of a program is one element for each place of the matrix (`WHOLE`), for each place with a period, as a bias has one
(`PERIODIC`; `MASK`: of bools), for each row (`PER_ROW`), or for all of it (`SINGLE`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from treadle.ir.graph import Graph, Operation, Value

WHOLE, PERIODIC, PER_ROW, SINGLE, MASK = range(5)
# No comparisons, and not `reduce_max`, whose gradient compares: what they find must not depend on where a value is rounded.
ELEMENTWISE = ("negative", "abs", "square", "sqrt", "rsqrt", "reciprocal", "exp", "erf", "tanh", "sigmoid", "relu",
               "zeros_like", "add", "subtract", "multiply", "divide_float", "maximum", "minimum", "squared_difference",
               "relu_grad", "select")
ALONG_ROWS = {"reduce_sum": "sum", "sum_to_shape": "sum", "reduce_mean": "mean", "softmax": "softmax"}
SAME = ("reshape", "identity", "stop_gradient")  # the elements as they are
_CODES = {name: i for i, name in enumerate(("broadcast_to", *ELEMENTWISE, "sum", "mean", "softmax"))}
_MOST_OPERANDS, _MOST_RESULTS, _MOST_REGISTERS, _MOST_STEPS = 24, 8, 64, 96  # as in rows.h


def encoded_nothing(width: int) -> list[int]:
    """The program that leaves the matrix as it is."""
    return [width, 0, 0, 0, 0]


def encoded(graph: Graph, operands: Mapping[Value, tuple[int, int]], kinds: Mapping[Value, int], width: int,
            matrix: Value | None) -> tuple[list[int], int] | None:
    """What the interpreter is told of a graph on rows, and in which of its results' places `matrix`, a product, lies at first.

    `operands` says the kind and the period of each, `kinds` those of all other values. None: the interpreter has no room.
    """
    same: dict[Value, Value] = {}
    steps: list[Operation] = []
    for operation in graph.operations:
        if operation.op.name in SAME:
            same[operation.results[0]] = same.get(operation.operands[0], operation.operands[0])
        elif matrix is None or operation is not matrix.producer:
            steps.append(operation)
    reads = [[same.get(v, v) for v in step.operands] for step in steps]
    results = [same.get(v, v) for v in graph.outputs]
    last = {v: i for i, read in enumerate(reads) for v in read}
    made = {step.results[0]: i for i, step in enumerate(steps)}
    places = {v: i for i, v in enumerate([*operands, *results])}
    held = 0
    if matrix is not None and matrix not in places:
        # A result that is written when the matrix is no longer read.
        free = [i for i, v in enumerate(results) if kinds[v] == WHOLE and made[v] >= last.get(matrix, 0)]
        if not free:
            return None
        held = free[0]
        places[matrix] = len(operands) + held
    elif matrix is not None:
        held = places[matrix] - len(operands)
    code, temporaries = _steps(steps, reads, places, last, kinds, len(operands) + len(results))
    if (len(operands) > _MOST_OPERANDS or len(results) > _MOST_RESULTS or len(steps) > _MOST_STEPS
            or len(operands) + len(results) + temporaries > _MOST_REGISTERS or len(set(results)) < len(results)):
        return None
    told = [width, len(operands), len(results), temporaries, len(steps)]
    told += [number for pair in operands.values() for number in pair]
    told += [int(kinds[v] == PER_ROW) for v in results]
    return told + code, held


def _steps(steps: Sequence[Operation], reads: Sequence[Sequence[Value]], places: dict[Value, int], last: Mapping[Value, int],
           kinds: Mapping[Value, int], first: int) -> tuple[list[int], int]:
    """The instructions, and how many registers they need beside those of operands and results."""
    code: list[int] = []
    free: list[int] = []
    count = 0
    for i, (step, read) in enumerate(zip(steps, reads)):
        result = step.results[0]
        if result not in places:
            if not free:
                free.append(first + count)
                count += 1
            places[result] = free.pop()
        registers = [places[v] for v in read]
        name = step.op.name
        code += [_CODES[ALONG_ROWS.get(name, name)], places[result], int(kinds[result] == PER_ROW),
                 *registers, *[registers[0]] * (3 - len(registers))]
        # An operand's register is free for later steps only: a vector of this one may be read again.
        free += [places[v] for v in set(read) if last[v] == i and first <= places[v]]
    return code, count


def fusion(xp: Any, *operands: Any, graph: Graph, how: tuple[str, tuple[int, ...]]) -> Any:
    """The results of a graph that `treadle.lowering.fusion` made, by the kernel it named."""
    target, told = how
    results = [jax.ShapeDtypeStruct(v.type.shape, np.float32) for v in graph.outputs]
    return jax.ffi.ffi_call(target, results)(*operands, how=np.array(told, np.int64))
