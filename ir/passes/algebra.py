"""Algebra: identities that hold for every value, NaN, infinities, -0.0 and integer overflow included.

    graph f(%x: f32[2]) -> (f32[2]) {
      %0 = constant() {value=f32[] 1.0} : f32[]
      %1 = multiply(%x, %0) : f32[2]                  graph f(%x: f32[2]) -> (f32[2]) {
      %2 = negative(%1) : f32[2]                ->      return %x
      %3 = negative(%2) : f32[2]                      }
      return %3                                       (the constant is dead code now)
    }

Each rule is one line of mathematics; `treadle.ir.rewrite` explains the notation. A rule is here only if both its
sides are equal bit for bit on special values of every dtype (`tests/test_rewrites.py` runs them all). Therefore
`x + 0` is missing (it turns -0.0 into 0.0), and so is `x * 0`. Subnormal numbers are the exception: the target
treats them as zero in arithmetic, or not, as it sees fit.

It runs after differentiation: `stop_gradient` and `reread` have done their work.
"""

from __future__ import annotations

import ml_dtypes

from treadle.ir.dtypes import DType
from treadle.ir.graph import Graph
from treadle.ir.ops.activations import relu
from treadle.ir.ops.arrays import broadcast_to, expand_dims, reshape, reverse, squeeze, sum_to_shape, transpose
from treadle.ir.ops.elementary import ceil, complex, floor, imag, real
from treadle.ir.ops.elementwise import abs_, cast, conj_, divide_float, maximum, minimum, negative, square
from treadle.ir.ops.logic import (
    bitwise_and,
    bitwise_or,
    equal,
    invert,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    not_equal,
)
from treadle.ir.ops.select import select
from treadle.ir.ops.structure import identity, reread, stop_gradient
from treadle.ir.passes.nested import everywhere
from treadle.ir.rewrite import Rule, RuleSet, node, rewrite, rule

# --- arithmetic -----------------------------------------------------------------------------------------------------


def is_real(x):
    """Complex numbers multiply part by part: inf * (1 + 0j) has a NaN in it."""
    return not x.dtype.is_complex


def is_signed_real(x):
    """Unsigned integers have no `negative`."""
    return is_real(x) and not x.dtype.is_unsigned


ARITHMETIC: list[Rule] = [
    rule("x * 1 -> x", lambda x: x * 1, lambda x: x, when=is_real),
    rule("x * -1 -> -x", lambda x: x * -1, lambda x: -x, when=is_real),
    rule("x / 1 -> x", lambda x: divide_float(x, 1), lambda x: x, when=is_real),
    rule("x - 0 -> x", lambda x: x - 0, lambda x: x),
    rule("x + -0.0 -> x", lambda x: x + -0.0, lambda x: x, when=is_real),
    rule("-0.0 - x -> -x", lambda x: -0.0 - x, lambda x: -x, when=is_signed_real),
    rule("-(-x) -> x", lambda x: negative(negative(x)), lambda x: x),
    rule("x + -y -> x - y", lambda x, y: x + -y, lambda x, y: x - y),
    rule("x - -y -> x + y", lambda x, y: x - -y, lambda x, y: x + y),
    rule("-x * -y -> x * y", lambda x, y: -x * -y, lambda x, y: x * y),
    rule("square(-x) -> square(x)", lambda x: square(-x), lambda x: square(x)),
    rule("abs(-x) -> abs(x)", lambda x: abs_(-x), lambda x: abs_(x)),
    rule("abs(abs(x)) -> abs(x)", lambda x: abs_(abs_(x)), lambda x: abs_(x)),
    rule("relu(relu(x)) -> relu(x)", lambda x: relu(relu(x)), lambda x: relu(x)),
    rule("floor(floor(x)) -> floor(x)", lambda x: floor(floor(x)), lambda x: floor(x)),
    rule("ceil(ceil(x)) -> ceil(x)", lambda x: ceil(ceil(x)), lambda x: ceil(x)),
    rule("maximum(x, x) -> x", lambda x: maximum(x, x), lambda x: x),
    rule("minimum(x, x) -> x", lambda x: minimum(x, x), lambda x: x),
    rule("conj(conj(x)) -> x", lambda x: conj_(conj_(x)), lambda x: x),
    rule("real(complex(x, y)) -> x", lambda x, y: real(complex(x, y)), lambda x: x),
    rule("imag(complex(x, y)) -> y", lambda x, y: imag(complex(x, y)), lambda y: y),
]

# --- logic and bits -------------------------------------------------------------------------------------------------

LOGIC: list[Rule] = [
    rule("not (not x) -> x", lambda x: logical_not(logical_not(x)), lambda x: x),
    rule("not (x == y) -> x != y", lambda x, y: logical_not(equal(x, y)), lambda x, y: not_equal(x, y)),
    rule("not (x != y) -> x == y", lambda x, y: logical_not(not_equal(x, y)), lambda x, y: equal(x, y)),
    rule("x and x -> x", lambda x: logical_and(x, x), lambda x: x),
    rule("x or x -> x", lambda x: logical_or(x, x), lambda x: x),
    rule("x and true -> x", lambda x: logical_and(x, True), lambda x: x),
    rule("x or false -> x", lambda x: logical_or(x, False), lambda x: x),
    rule("x xor false -> x", lambda x: logical_xor(x, False), lambda x: x),
    rule("x xor true -> not x", lambda x: logical_xor(x, True), lambda x: logical_not(x)),
    rule("~(~x) -> x", lambda x: invert(invert(x)), lambda x: x),
    rule("x & x -> x", lambda x: bitwise_and(x, x), lambda x: x),
    rule("x | x -> x", lambda x: bitwise_or(x, x), lambda x: x),
    rule("x | 0 -> x", lambda x: bitwise_or(x, 0), lambda x: x),
    rule("select(c, x, x) -> x", lambda c, x: select(c, x, x), lambda x: x),
    rule("select(true, x, y) -> x", lambda x, y: select(True, x, y), lambda x: x),
    rule("select(false, x, y) -> y", lambda x, y: select(False, x, y), lambda y: y),
    rule("select(not c, x, y) -> select(c, y, x)", lambda c, x, y: select(logical_not(c), x, y),
         lambda c, x, y: select(c, y, x)),
]

# --- the same tensor under another name or dtype --------------------------------------------------------------------


def holds_all(wide: DType, narrow: DType) -> bool:
    """True if every value of `narrow` is one of `wide`, and casts from `wide` treat it as casts from `narrow` do."""
    if narrow.is_bool:
        return not wide.is_complex
    if narrow.kind != wide.kind and not (narrow.is_integer and wide.is_integer):
        return False
    if narrow.is_integer:
        return wide.min <= narrow.min and narrow.max <= wide.max
    a, b = ml_dtypes.finfo(wide.real_dtype.numpy), ml_dtypes.finfo(narrow.real_dtype.numpy)
    return a.nmant >= b.nmant and a.maxexp >= b.maxexp and a.minexp <= b.minexp


NAMES: list[Rule] = [
    rule("identity(x) -> x", lambda x: identity(x), lambda x: x),
    rule("stop_gradient(x) -> x", lambda x: stop_gradient(x), lambda x: x),
    rule("reread(x, y) -> x", lambda x, y: reread(x, y), lambda x, y: x),
    rule("cast(x, dtype of x) -> x", lambda x, d: node(cast, x, dtype=d), lambda x: x, when=lambda x, d: x.dtype is d),
    rule("cast(cast(x, wide), d) -> cast(x, d)", lambda x, wide, d: node(cast, node(cast, x, dtype=wide), dtype=d),
         lambda x, d: cast(x, dtype=d), when=lambda x, wide, d: holds_all(wide, x.dtype) and not (
             d.is_bool and x.dtype.is_floating)),  # a cast to bool may notice that one before it flushed to zero
]

# --- layout ---------------------------------------------------------------------------------------------------------


def order(x, p) -> tuple[int, ...]:
    """The permutation that `transpose(x, perm=p)` applies: all axes reversed by default."""
    axes = range(x.type.rank)
    return tuple(reversed(axes)) if p is None else tuple([axes[i] for i in p])


# Where a replacement's type is not that of its root a rule does not apply: "shape of x" needs no condition.
LAYOUT: list[Rule] = [
    rule("transpose(x, no change) -> x", lambda x, p: node(transpose, x, perm=p, conjugate=False), lambda x: x,
         when=lambda x, p: order(x, p) == tuple(range(x.type.rank))),
    rule("transpose(transpose(x, p), q) -> transpose(x, p[q])",
         lambda x, p, q: node(transpose, node(transpose, x, perm=p, conjugate=False), perm=q, conjugate=False),
         lambda x, p, q: transpose(x, perm=[order(x, p)[i] for i in order(x, q)])),
    rule("reshape(x, shape of x) -> x", lambda x: node(reshape, x), lambda x: x),
    rule("reshape(reshape(x, s), t) -> reshape(x, t)", lambda x, t: node(reshape, node(reshape, x), shape=t),
         lambda x, t: reshape(x, shape=t)),
    rule("reshape(expand_dims(x), t) -> reshape(x, t)", lambda x, t: node(reshape, node(expand_dims, x), shape=t),
         lambda x, t: reshape(x, shape=t)),
    rule("reshape(squeeze(x), t) -> reshape(x, t)", lambda x, t: node(reshape, node(squeeze, x), shape=t),
         lambda x, t: reshape(x, shape=t)),
    rule("squeeze(expand_dims(x)) -> x", lambda x: node(squeeze, node(expand_dims, x)), lambda x: x),
    rule("broadcast_to(x, shape of x) -> x", lambda x: node(broadcast_to, x), lambda x: x),
    rule("broadcast_to(broadcast_to(x, s), t) -> broadcast_to(x, t)",
         lambda x, t: node(broadcast_to, node(broadcast_to, x), shape=t), lambda x, t: broadcast_to(x, shape=t)),
    rule("sum_to_shape(x, shape of x) -> x", lambda x: node(sum_to_shape, x), lambda x: x),
    rule("reverse(reverse(x, a), a) -> x", lambda x, a: node(reverse, node(reverse, x, axis=a), axis=a), lambda x: x),
]

RULES = RuleSet([*ARITHMETIC, *LOGIC, *NAMES, *LAYOUT])


@everywhere
def algebra(graph: Graph) -> Graph:
    """The graph with `RULES` applied."""
    return rewrite(graph, RULES)
