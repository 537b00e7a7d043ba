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

It runs after differentiation: `stop_gradient` has done its work.
"""

from __future__ import annotations

from treadle.ir.graph import Graph
from treadle.ir.ops.elementwise import cast, divide_float, negative
from treadle.ir.ops.structure import identity, stop_gradient
from treadle.ir.passes.nested import everywhere
from treadle.ir.rewrite import Rule, RuleSet, node, rewrite, rule


def is_real(x):
    """Complex numbers multiply part by part: inf * (1 + 0j) has a NaN in it."""
    return not x.dtype.is_complex


def is_signed_real(x):
    """Unsigned integers have no `negative`."""
    return is_real(x) and not x.dtype.is_unsigned


# --- arithmetic -----------------------------------------------------------------------------------------------------

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
]

# --- the same tensor under another name -----------------------------------------------------------------------------

NAMES: list[Rule] = [
    rule("identity(x) -> x", lambda x: identity(x), lambda x: x),
    rule("stop_gradient(x) -> x", lambda x: stop_gradient(x), lambda x: x),
    rule("cast(x, dtype of x) -> x", lambda x, d: node(cast, x, dtype=d), lambda x: x, when=lambda x, d: x.dtype is d),
]

RULES = RuleSet([*ARITHMETIC, *NAMES])


@everywhere
def algebra(graph: Graph) -> Graph:
    """The graph with `RULES` applied."""
    return rewrite(graph, RULES)
