"""The gradient and the tangents of `while`, whose number of rounds n is known only once it has run.

The forward loop counts its rounds and keeps nothing else. The gradient goes through the rounds i = n-1 ... 0, and
needs the values carried into each. It has memory for K of them (checkpoints): from the last checkpoint at or before
round i the body is run again up to round i, with new checkpoints on the way, as many as are free:

    while i >= 0:
        state, p = the top checkpoint                        # p <= i
        while p < i:
            target = p + stride(i - p + 1, free checkpoints)
            while p < target: state = body(state)
            push (state, target), unless target is i
        cotangents = vjp of body at state                    # the body once more, and its gradient
        pop the checkpoint if it is that of round i

`stride` is the binomial schedule (Griewank's "revolve"): K checkpoints and at most r runs of each round reach
n = (K + r)! / (K! r!). So n <= K costs one run more; with K = 2048, n up to 2 million costs two more. K is what fits
into 32 MiB, at least 8 and at most 2048. Only those carried values are kept that the gradient needs: a loop that is
linear in what it carries is not run again at all.

Effects in the body happen once, in the forward loop. The gradient's own gradient is that of the tangent loop: with
J the Jacobian of the loop and B(x, g) = J(x)' g, the cotangent u of B gives g the cotangent J(x) u, and x the gradient
of <g, J(x) u>. So it needs no more memory, whatever the order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from treadle.ir import dims, dtypes, errors
from treadle.ir.autodiff import gradient, linearize, without_effects
from treadle.ir.dims import Size
from treadle.ir.gradients.common import dependents, graph_of, inlined, or_zeros, spread, zeros
from treadle.ir.gradients.scan import carried_tangents
from treadle.ir.graph import Graph, Value
from treadle.ir.op import REGISTRY
from treadle.ir.ops.rules import as_operand
from treadle.ir.types import TensorType

MEMORY = 32 << 20  # bytes of checkpoints,
LEAST, MOST = 8, 2048  # but at least and at most so many

_INT = TensorType.of(dtypes.int32)


@dataclass(frozen=True)
class Loop:
    """A while loop; `carried` does not count the counter."""

    condition: Graph
    body: Graph
    carried: int


# --- forward --------------------------------------------------------------------------------------------------------


def residuals(operands: Sequence[Any], attributes: dict[str, Any]) -> tuple[dict[str, Any], int, Sequence[Any]]:
    """`with_residuals` of `while`: the last carried value counts the rounds."""
    condition, body, carried = (attributes[k] for k in ("condition", "body", "carried"))
    if "counts" in body.cache:
        return attributes, carried - 1, operands
    key = ("counted", carried, condition)
    if key not in body.cache:
        body.cache[key] = _counted(Loop(condition, body, carried))
    zero = as_operand(np.zeros((), np.int32))
    return {**body.cache[key], "carried": carried + 1}, carried, [*operands[:carried], zero, *operands[carried:]]


def _counted(loop: Loop) -> dict[str, Graph]:
    """The loop's graphs with a counter."""
    c = loop.carried
    types = [*loop.body.input_types[:c], _INT, *loop.body.input_types[c:]]
    condition = graph_of(loop.condition.name, types, lambda *x: inlined(loop.condition, [*x[:c], *x[c + 1:]]))
    body = graph_of(loop.body.name, types, lambda *x: [*inlined(loop.body, [*x[:c], *x[c + 1:]]), x[c] + 1])
    body.cache["counts"] = loop
    return {"condition": condition, "body": body}


# --- backward -------------------------------------------------------------------------------------------------------


def vjp(g: Sequence[Any], y: Sequence[Any], *operands: Any, condition: Graph, body: Graph, carried: int) -> Any:
    """`vjp` of `while` in the form that counts."""
    loop: Loop = body.cache["counts"]
    c = loop.carried
    result: list[Any] = [None] * len(operands)
    given = frozenset(i for i, cotangent in enumerate(g[:c]) if cotangent is not None)
    if not given:
        return result
    backward = _backward(loop, given)
    x = [*operands[:c], *operands[c + 1:]]
    cotangents = REGISTRY["call_with_gradient"]([*x, y[c], *(or_zeros(g[i], y[i]) for i in backward.moving)],
                                                graph=backward.forward, linearized=backward)
    for i, cotangent in zip([*backward.moving, *backward.summed], cotangents):
        result[i if i < c else i + 1] = cotangent
    return result


@dataclass(frozen=True, eq=False)
class Backward:
    """The gradient of a loop, in the form `call_with_gradient` takes. `forward` is the graph (operands, rounds,
    cotangents of the results `moving`) -> (cotangents of the operands `moving`, and of the invariants `summed`).
    """

    loop: Loop
    moving: list[int]
    summed: list[int]
    forward: Graph

    @property
    def visible(self) -> int:
        return len(self.forward.outputs)

    def cotangents(self, g: Sequence[Any], y: Sequence[Any], operands: Sequence[Any]) -> list[Any]:
        """The gradient of the gradient; see the module's docstring."""
        count = len(self.loop.body.inputs)
        given = {i: u for i, u in zip([*self.moving, *self.summed], g) if u is not None}
        x, cotangents = operands[:count], operands[count + 1:]
        tangent = self._tangent(tuple(i in given for i in range(count)))
        arguments = [*x, *(given[i] for i in sorted(given))]
        of_g = REGISTRY["call"](arguments, graph=tangent)
        of_x = iter(REGISTRY["call"]([*arguments, *cotangents], graph=gradient(tangent)))
        return [*(next(of_x) if v.dtype.is_differentiable else None for v in x), None, *of_g]

    def _tangent(self, varying: tuple[bool, ...]) -> Graph:
        """The graph (operands, tangents of the varying ones) -> tangents of the results `moving`."""
        cache = self.forward.cache
        if varying not in cache:
            body = self.loop.body
            joint = jvp(body.input_types, {"condition": self.loop.condition, "body": body, "carried": self.loop.carried},
                        varying)
            differentiable = [i for i in range(self.loop.carried) if body.inputs[i].dtype.is_differentiable]
            tangents = dict(zip(differentiable, joint.outputs[self.loop.carried:]))
            cache[varying] = Graph(joint.name, joint.inputs, joint.operations, [tangents[i] for i in self.moving])
        return cache[varying]


def _backward(loop: Loop, given: frozenset[int]) -> Backward:
    key = ("while_backward", loop.carried, loop.condition, given)
    if key not in loop.body.cache:
        quiet = Loop(without_effects(loop.condition), without_effects(loop.body), loop.carried)
        for operation in quiet.body.walk():
            if "effect" in operation.op.traits:
                raise errors.UnimplementedError(
                    f"The gradient of a loop whose number of rounds is not known runs the body again; `{operation.op.name}` "
                    "in it has an effect, which would happen again. Take it out of the loop, or give the loop "
                    "`maximum_iterations`.", operation.location)
        loop.body.cache[key] = _Builder(quiet, given).backward()
    return loop.body.cache[key]


class _Builder:
    """Builds the graphs of one loop's gradient."""

    def __init__(self, loop: Loop, given: frozenset[int]):
        c, body = loop.carried, loop.body
        self.loop, self.types = loop, body.input_types
        linearized = linearize(body)
        made_of = dependents(linearized)
        self.moving = spread(set(given), lambda s: {
            i for i, outputs in made_of.items() if i < c and not outputs.isdisjoint(s)})
        self.part = linearized.restricted(self.moving)
        self.summed = [i for i in self.part.inputs if i >= c]
        used = _inputs_used(self._step(), len(self.types))
        depends = [_inputs_used(Graph("", body.inputs, body.operations, [v]), len(self.types)) for v in body.outputs]
        # The carried values that the gradient of a round needs, and those that they are made of.
        self.state = spread({i for i in used if i < c}, lambda s: {i for j in s for i in depends[j] if i < c})
        self.slots = _slots([self.types[i] for i in self.state])

    def _step(self) -> Graph:
        """(operands, cotangents of `moving`) -> (cotangents of `moving`, of `summed`): the gradient of one round."""
        def step(*x: Value) -> list[Value]:
            x, g = x[:len(self.types)], dict(zip(self.moving, x[len(self.types):]))
            kept = inlined(self.part.forward, x)[self.part.visible:]
            arguments = [*(x[i] for i in self.part.kept_inputs), *kept, *(g[i] for i in self.part.outputs)]
            found = dict(zip(self.part.inputs, inlined(self.part.backward, arguments)))
            return [found[i] if i in found else zeros(self.types[i]) for i in [*self.moving, *self.summed]]
        return without_effects(graph_of(f"{self.loop.body.name}_gradient", [
            *self.types, *(self.types[i] for i in self.moving)], step))

    def _advance(self) -> Graph:
        """(operands) -> the next `state`: as much of the body as it takes."""
        body = self.loop.body
        return without_effects(Graph(body.name, body.inputs, body.operations, [body.outputs[i] for i in self.state]))

    def backward(self) -> Backward:
        """The whole gradient; see `Backward`."""
        count = len(self.types)

        def whole(*x: Value) -> Sequence[Value]:
            x, rounds, g = x[:count], x[count], x[count + 1:]
            sums = [REGISTRY["zeros_like"](x[i]) for i in self.summed]
            return self._rounds(x, rounds, [*g, *sums])
        forward = graph_of(f"{self.loop.body.name}_backward", [
            *self.types, _INT, *(self.types[i] for i in self.moving)], whole)
        return Backward(self.loop, self.moving, self.summed, forward)

    def _rounds(self, x: Sequence[Value], rounds: Value, totals: Sequence[Value]) -> Sequence[Value]:
        """The outer loop over rounds, from the last. `totals`: the cotangents of `moving` and the sums for `summed`."""
        step, c, n, m = self._step(), self.loop.carried, len(self.state), len(self.moving)

        def stepped(state: Sequence[Value], invariants: Sequence[Value], totals: Sequence[Value]) -> list[Value]:
            found = inlined(step, [*self._filled(state), *invariants, *totals[:m]])
            return [*found[:m], *(REGISTRY["add"](a, b) for a, b in zip(totals[m:], found[m:]))]

        def body(i: Value, *x: Value) -> list[Value]:
            stack, totals, invariants = x[:n + 2], x[n + 2:n + 2 + len(self.moving + self.summed)], x[-n_invariants:]
            invariants = invariants if n_invariants else ()
            top, positions, *buffers = stack
            position = REGISTRY["dynamic_row"](positions, top)
            state = [REGISTRY["dynamic_row"](b, top) for b in buffers]
            _, top, *found = while_([position, *stack, *state, i, *invariants], self._segment_condition,
                                    self._segment, 3 + 2 * n)
            last = REGISTRY["cast"](REGISTRY["equal"](position, i), dtype=dtypes.int32)
            return [i - 1, top - last, *found[:n + 1], *stepped(found[n + 1:], invariants, totals)]

        def body_without_state(i: Value, *x: Value) -> list[Value]:
            totals, invariants = x[:len(self.moving + self.summed)], x[len(self.moving + self.summed):]
            return [i - 1, *stepped([], invariants, totals)]

        n_invariants = len(self.types) - c
        positive = lambda i, *x: [REGISTRY["greater_equal"](i, 0)]
        if not n:
            results = while_([rounds - 1, *totals, *x[c:]], positive, body_without_state, 1 + len(totals))
            return results[1:]
        start = as_operand(np.zeros((), np.int32))
        positions = zeros(_INT.with_shape((self.slots + 1,)))
        buffers = [REGISTRY["dynamic_update"](zeros(x[i].type.with_shape((self.slots + 1, *x[i].type.shape))), x[i], start)
                   for i in self.state]
        results = while_([rounds - 1, start, positions, *buffers, *totals, *x[c:]], positive, body, 3 + n + len(totals))
        return results[3 + n:]

    def _filled(self, state: Sequence[Any]) -> list[Any]:
        """The carried values of which those in `state` are known; the others are never looked at."""
        known = dict(zip(self.state, state))
        return [known.get(i) for i in range(self.loop.carried)]

    # --- from a checkpoint to a round: (position, top, positions, buffers, state), invariants (round, invariants) ---

    def _segment_condition(self, position: Value, *x: Value) -> list[Value]:
        return [REGISTRY["less"](position, x[2 + 2 * len(self.state)])]

    def _segment(self, position: Value, top: Value, positions: Value, *x: Value) -> list[Value]:
        """Run up to the next checkpoint, or to the round itself, and push it in the former case."""
        n = len(self.state)
        buffers, state, i, invariants = x[:n], x[n:2 * n], x[2 * n], x[2 * n + 1:]
        most = as_size(self.slots)
        target = position + stride(i - position + 1, most - 1 - top)
        target = REGISTRY["minimum"](target, i)
        advance = self._advance()

        def body(position: Value, *x: Value) -> list[Value]:
            state, invariants = x[:n], x[n + 1:]
            return [position + 1, *inlined(advance, [*self._filled(state), *invariants])]
        _, *reached = while_([position, *state, target, *invariants],
                             lambda position, *x: [REGISTRY["less"](position, x[n])], body, 1 + n)
        # What is not kept goes to a place of its own behind the others: a choice between buffers would copy them.
        push = REGISTRY["less"](target, i)
        place = REGISTRY["select"](push, top + 1, most)
        update = REGISTRY["dynamic_update"]
        return [target, REGISTRY["select"](push, top + 1, top), update(positions, target, place),
                *(update(b, s, place) for b, s in zip(buffers, reached)), *reached]


def stride(rounds: Value, free: Value) -> Value:
    """How far to go before the next checkpoint, with `rounds` to reverse from here and `free` checkpoints: (s + r - 1
    over s) for s = free + 1 and the smallest r for which (s + r over s) is enough; all the way if none is free.
    """
    wanted = REGISTRY["cast"](rounds, dtype=dtypes.float32)
    s = REGISTRY["cast"](free + 1, dtype=dtypes.float32)
    one = as_operand(np.ones((), np.float32))
    _, before, _ = while_([one, one, s + 1.0, wanted, s],
                          lambda r, before, reach, wanted, s: [REGISTRY["logical_and"](reach < wanted, s > 1.0)],
                          lambda r, before, reach, wanted, s: [r + 1.0, reach, reach * (s + r + 1.0) / (r + 1.0)], 3)
    return REGISTRY["select"](free > 0, REGISTRY["cast"](before, dtype=dtypes.int32), rounds)


def while_(operands: Sequence[Value], condition: Callable, body: Callable, carried: int) -> Sequence[Value]:
    """A `while` of two functions of values."""
    types = [o.type for o in operands]
    return REGISTRY["while"](list(operands), condition=graph_of("condition", types, condition),
                             body=graph_of("body", types, body), carried=carried)


def as_size(size: Size) -> Value:
    """A size as an int32 scalar."""
    return as_operand(np.int32(size)) if dims.is_known(size) else REGISTRY["from_size"](size=size, dtype=dtypes.int32)


def _slots(types: Sequence[TensorType]) -> Size:
    """How many checkpoints of values of these types there is memory for."""
    bytes_ = sum((t.count * t.dtype.size for t in types), start=1)
    return dims.maximum(LEAST, dims.minimum(MOST, dims.floordiv(MEMORY, bytes_)))


def _inputs_used(graph: Graph, count: int) -> set[int]:
    """Which of the first `count` inputs the outputs depend on."""
    needed = set(graph.outputs)
    for operation in reversed(graph.operations):
        if not needed.isdisjoint(operation.results):
            needed.update(operation.operands)
    return {i for i, v in enumerate(graph.inputs[:count]) if v in needed}


# --- forward mode ---------------------------------------------------------------------------------------------------


def jvp(types: Sequence[TensorType], attributes: dict[str, Any], varying: Sequence[bool]) -> Graph:
    """`jvp` of `while`: a loop that carries values and tangents together."""
    condition, body, carried = (attributes[k] for k in ("condition", "body", "carried"))
    tangent, moves = carried_tangents(body, carried, varying)
    count = len(types)
    moving = [i for i in range(carried) if moves[i]]
    fixed = [i for i in range(carried, count) if moves[i]]
    end = carried + len(moving)  # operands: carried values, their tangents, invariants, their tangents

    def sorted_out(x: Sequence[Value]) -> tuple[list[Value], list[Value]]:
        """(operands of the loop, tangents)."""
        last = end + count - carried
        return [*x[:carried], *x[end:last]], [*x[carried:end], *x[last:]]

    def round_(*x: Value) -> list[Value]:
        values, tangents = sorted_out(x)
        outputs = inlined(tangent.graph, [*values, *tangents])
        found = dict(zip(tangent.outputs, outputs[carried:]))
        return [*outputs[:carried], *(or_zeros(found.get(i), outputs[i]) for i in moving)]

    def loop(*x: Value) -> list[Value]:
        given = dict(zip([i for i in range(count) if varying[i]], x[count:]))
        operands = [*x[:carried], *(or_zeros(given.get(i), x[i]) for i in moving),
                    *x[carried:count], *(given[i] for i in fixed)]
        results = while_(operands, lambda *x: inlined(condition, sorted_out(x)[0]), round_, end)
        found = dict(zip(moving, results[carried:]))
        return [*results[:carried],
                *(or_zeros(found.get(i), r) for i, r in enumerate(results[:carried]) if r.dtype.is_differentiable)]

    return graph_of("while_tangents", [*types, *(t for t, moves in zip(types, varying) if moves)], loop)
