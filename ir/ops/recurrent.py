"""Recurrent networks over a whole sequence, as one operation each: what a platform may have a kernel for.

    lstm(x, w, h, c)                                 -> all h, the last h, the last c
    lstm_gradient(g, gh, gc, w, c, carries, gates)   -> the gradients of x, of the first h and of the first c

Each stands for the `scan` that `_forward` or `_backward` builds: by default it is lowered as that, and what has no shorter
rule, the gradient of the gradient, is that scan's.
"""

import functools
from typing import Any

from treadle.ir import dims, errors
from treadle.ir.attributes import Bool
from treadle.ir.autodiff import gradient
from treadle.ir.dtypes import DType, as_dtype
from treadle.ir.gradients.common import graph_of, or_zeros, zeros
from treadle.ir.graph import Graph
from treadle.ir.op import op
from treadle.ir.ops.arrays import concat, expand_dims, split
from treadle.ir.ops.control import lower_scan, scan
from treadle.ir.ops.elementary import sigmoid, tanh
from treadle.ir.ops.elementwise import square
from treadle.ir.ops.indexing import strided_slice
from treadle.ir.ops.linalg import einsum, matmul
from treadle.ir.ops.rules import FLOATS, require, same_dtype, show
from treadle.ir.ops.structure import call
from treadle.ir.types import TensorType

_VISIBLE = 3  # of lstm's results; the others are residuals


def _require_shapes(x: TensorType, w: TensorType, **states: TensorType) -> Any:
    """The dtype, and the sizes of time, batch and units; `x` is [time, batch, 4 units], `w` [units, 4 units]."""
    dtype = same_dtype(x, w, *states.values())
    require(x, FLOATS, "inputs")
    for name, type, rank in (("inputs", x, 3), ("recurrent_kernel", w, 2), *((name, type, 2) for name, type in states.items())):
        if type.rank != rank:
            raise errors.InvalidArgumentError(f"`lstm`: `{name}` must have rank {rank}. Received: shape {show(type.shape)}.")
    (time, batch, width), units = x.shape, w.shape[0]
    expected = [("inputs", width, 4 * units), ("recurrent_kernel", w.shape[1], 4 * units)]
    for name, type in states.items():
        expected += [(name, type.shape[0], batch), (name, type.shape[1], units)]
    for name, size, wanted in expected:
        if dims.is_known(size, wanted) and size != wanted:
            raise errors.InvalidArgumentError(
                "`lstm` takes inputs [time, batch, 4 units], a recurrent kernel [units, 4 units] and states [batch, units]. "
                f"Received: {size} where `{name}` should have {wanted}; inputs of shape {show(x.shape)}, a recurrent kernel of "
                f"shape {show(w.shape)}.")
    return dtype, time, batch, units


def _rows_before(first: Any, rows: Any) -> Any:
    """What each round found: the first state, then the rows but the last."""
    return strided_slice(concat([expand_dims(first, axis=0), rows], axis=0), begin=(0, 0, 0), end=rows.type.shape,
                         strides=(1, 1, 1))


# --- forward --------------------------------------------------------------------------------------------------------
# The gates are put together after the loop: in it, that makes a step 1.2 times as slow (2 CPU cores, jax 0.10.2).


def _round(h: Any, c: Any, w: Any, row: Any) -> Any:
    i, f, g, o = split(row + matmul(h, w), sizes=(w.type.shape[0],) * 4, axis=1)
    i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
    c = f * c + i * g
    h = o * tanh(c)
    return h, c, h, c, i, f, g, o


@functools.lru_cache(maxsize=64)
def _body(round: Any, dtype: DType, batch: Any, units: int) -> Graph:
    """The body of the scan, `_round` or `_round_back`."""
    state, gates = TensorType.of(dtype, (batch, units)), TensorType.of(dtype, (batch, 4 * units))
    rows = [gates] if round is _round else [state] * 7
    return graph_of("lstm_round", (state, state, TensorType.of(dtype, (units, 4 * units)), *rows), round)


@functools.lru_cache(maxsize=64)
def _forward(x: TensorType, w: TensorType, h: TensorType, c: TensorType) -> Graph:
    """The graph of `lstm` with its residuals."""
    body = _body(_round, x.dtype, x.shape[1], w.shape[0])

    def whole(x: Any, w: Any, h: Any, c: Any) -> Any:
        h, c, every, carries, *gates = scan([h, c, w, x], body=body, carried=2, scanned=1, length=x.type.shape[0])
        return every, h, c, carries, concat(gates, axis=2)
    return graph_of("lstm", (x, w, h, c), whole)


def _infer(x: TensorType, w: TensorType, h: TensorType, c: TensorType, *, residuals: bool) -> list[TensorType]:
    _, time, batch, units = _require_shapes(x, w, h=h, c=c)
    every = x.with_shape((time, batch, units))
    return [every, h, c, *([every, x] if residuals else [])]


def _lower(xp: Any, x: Any, w: Any, h: Any, c: Any, *, residuals: bool) -> Any:
    h, c, every, carries, *gates = lower_scan(xp, h, c, w, x, body=_body_for(_round, x), carried=2, scanned=1,
                                              length=x.shape[0], reverse=False)
    return [every, h, c, *([carries, xp.concatenate(gates, 2)] if residuals else [])]


def _body_for(round: Any, gates: Any) -> Graph:
    batch = gates.shape[1] if isinstance(gates.shape[1], int) else 1  # open where JAX exports; the body does not depend on it
    return _body(round, as_dtype(gates.dtype), batch, gates.shape[2] // 4)


def _residuals(operands: Any, attributes: dict[str, Any]) -> tuple[dict[str, Any], int, Any]:
    return {"residuals": True}, _VISIBLE + (2 if attributes["residuals"] else 0), operands


def _lstm_vjp(given: Any, y: Any, x: Any, w: Any, h: Any, c: Any, *, residuals: bool) -> Any:
    if not residuals or any(g is not None for g in given[_VISIBLE:]):
        graph = _forward(x.type, w.type, h.type, c.type)
        missing = graph.outputs[len(given):]
        cotangents = [or_zeros(g, r) for g, r in zip(given, y)] + [zeros(v.type) for v in missing]
        return call([x, w, h, c, *cotangents], graph=gradient(graph))
    g, gh, gc = [or_zeros(g, r) for g, r in zip(given[:_VISIBLE], y)]
    every, carries, gates = y[0], y[_VISIBLE], y[_VISIBLE + 1]
    of_x, of_h, of_c = lstm_gradient(g, gh, gc, w, c, carries, gates)
    return of_x, einsum([_rows_before(h, every), of_x], equation="tbu,tbv->uv"), of_h, of_c


@op(infer=_infer, lower=_lower, vjp=_lstm_vjp, with_residuals=_residuals, many=True)
def lstm(x, w, h, c, *, residuals: Bool = False):
    """Long short-term memory over x [time, batch, 4 units], the inputs' part of the gates; all h, the last h, the last c.

    For each row of x: i, f, g, o = row + h w; c = sigmoid(f) c + sigmoid(i) tanh(g); h = sigmoid(o) tanh(c).
    """


# --- backward -------------------------------------------------------------------------------------------------------


def _round_back(gh: Any, gc: Any, w: Any, g: Any, c: Any, before: Any, i: Any, f: Any, a: Any, o: Any) -> Any:
    gh, t = gh + g, tanh(c)
    gc = gc + gh * o * (1 - square(t))
    row = concat([gc * a * i * (1 - i), gc * before * f * (1 - f), gc * i * (1 - square(a)), gh * t * o * (1 - o)], axis=1)
    return matmul(row, w, transpose_b=True), gc * f, row


@functools.lru_cache(maxsize=64)
def _backward(*types: TensorType) -> Graph:
    """The graph of `lstm_gradient`."""
    gates = types[-1]
    body = _body(_round_back, gates.dtype, gates.shape[1], types[3].shape[0])

    def whole(g: Any, gh: Any, gc: Any, w: Any, c: Any, carries: Any, gates: Any) -> Any:
        rows = [g, carries, _rows_before(c, carries), *split(gates, sizes=(w.type.shape[0],) * 4, axis=2)]
        gh, gc, every = scan([gh, gc, w, *rows], body=body, carried=2, scanned=7, length=g.type.shape[0], reverse=True)
        return every, gh, gc
    return graph_of("lstm_gradient", types, whole)


def _gradient_lower(xp: Any, g: Any, gh: Any, gc: Any, w: Any, c: Any, carries: Any, gates: Any) -> Any:
    rows = [g, carries, xp.concatenate([c[None], carries])[:g.shape[0]], *xp.split(gates, 4, 2)]
    gh, gc, every = lower_scan(xp, gh, gc, w, *rows, body=_body_for(_round_back, gates), carried=2, scanned=7,
                               length=g.shape[0], reverse=True)
    return every, gh, gc


def _gradient_infer(g: TensorType, gh: TensorType, gc: TensorType, w: TensorType, c: TensorType, carries: TensorType,
                    gates: TensorType) -> list[TensorType]:
    same_dtype(gates, g, carries)
    _require_shapes(gates, w, gh=gh, gc=gc, c=c)
    return [gates, gh, gc]


def _gradient_vjp(given: Any, y: Any, *operands: Any) -> Any:
    return call([*operands, *given], graph=gradient(_backward(*[o.type for o in operands])))


@op(infer=_gradient_infer, lower=_gradient_lower, vjp=_gradient_vjp, many=True)
def lstm_gradient(g, gh, gc, w, c, carries, gates):
    """The gradients of x, h and c of `lstm`, for those of its results; `carries` and `gates` are its residuals."""
