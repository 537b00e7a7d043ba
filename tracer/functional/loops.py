"""`while_loop`: a loop by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from treadle.ir import errors
from treadle.ir.interpreter import state
from treadle.runtime import nest
from treadle.runtime.composites.arrays import known_array
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.eager import EAGER
from treadle.runtime.spec import TensorSpec
from treadle.runtime.tensor import EagerTensor
from treadle.runtime.tensor_shape import TensorShape
from treadle.tracer.functional.common import Held, is_tracing, same_structure, tensors, user_function
from treadle.tracer.staging.block import as_predicate
from treadle.tracer.staging.loops import Iteration, Loop, may_unroll
from treadle.tracer.tensor_array import TensorArray

_MOST_UNROLLED = 10_000


def while_loop(cond: Callable, body: Callable, loop_vars: Any, shape_invariants: Any = None, parallel_iterations: int = 10,
               back_prop: bool = True, swap_memory: bool = False, maximum_iterations: Any = None,
               name: str | None = None) -> Any:
    """`loop_vars = body(*loop_vars)` as long as `cond(*loop_vars)` is true; returns the last ones, nested as they were given.

    Args:
        cond: takes the loop variables and returns a bool scalar.
        body: takes the loop variables and returns the new ones, of the same structure and dtypes.
        loop_vars: a list or tuple of tensors, numbers, `TensorArray`s and structures of them.
        shape_invariants: shapes, nested as `loop_vars`, with None for sizes that change. Without it shapes stay. Compiled, a
            loop whose shapes change is unrolled, so the number of its iterations must not depend on arguments.
        maximum_iterations: the most iterations that there are (None: no limit).
        parallel_iterations, back_prop, swap_memory: accepted for compatibility.

    Raises:
        DtypeError: `cond` or `body` cannot be called, or a dtype changes.
        InvalidArgumentError: no loop variables, or the body returns another structure or other shapes.

    >>> import treadle as tf
    >>> i, total = tf.while_loop(lambda i, s: i < 5, lambda i, s: (i + 1, s + i), (tf.constant(0), tf.constant(0)))
    >>> total.numpy()
    np.int32(10)
    """
    cond, body = user_function(cond, "cond"), user_function(body, "body")
    if not isinstance(loop_vars, (list, tuple)) or not loop_vars:
        raise errors.InvalidArgumentError(
            f"'loop_vars' must be provided: a list or tuple of what changes. Received: {loop_vars!r}.")
    if not isinstance(parallel_iterations, int) or parallel_iterations < 1:
        raise errors.DtypeError(f"'parallel_iterations' must be a positive integer. Received: {parallel_iterations!r}.")
    limit = _limit(maximum_iterations)
    loop = _WhileLoop(cond, body, tensors(loop_vars), shape_invariants)
    if not is_tracing():
        rounds = 0
        while (limit is None or rounds < limit) and loop.test():
            loop.step()
            rounds += 1
    elif limit != 0:
        _stage(loop, limit)
    return loop.result()


def _limit(maximum_iterations: Any) -> Any:
    """The most iterations as an int, a tensor or None."""
    if maximum_iterations is None:
        return None
    tensor = convert_to_tensor(maximum_iterations)
    if tensor.type.shape or not tensor.dtype.is_integer:
        raise errors.InvalidArgumentError(f"'maximum_iterations' must be an integer scalar. Received: {tensor.type}.")
    known = known_array(tensor)
    return tensor if known is None else max(int(known), 0)


class _WhileLoop:
    """The loop variables, and the user's functions of them."""

    def __init__(self, cond: Callable, body: Callable, loop_vars: Any, shape_invariants: Any):
        self.cond, self.body, self.first = cond, body, loop_vars
        self.held = [Held(f"loop_vars[{i}]", v) for i, v in enumerate(loop_vars)]
        leaves = nest.flatten(loop_vars)
        self.relaxed = shape_invariants is not None
        if shape_invariants is None:
            self.shapes = [None if isinstance(v, TensorArray) else TensorShape(v.type.shape) for v in leaves]
        else:
            self.shapes = _shapes(shape_invariants, loop_vars)

    def variables(self) -> list[Any]:
        return [h.get() for h in self.held]

    def test(self) -> Any:
        return self.cond(*self.variables())

    def step(self) -> None:
        """One iteration."""
        found = self.body(*self.variables())
        if len(self.held) == 1 and (not isinstance(found, (list, tuple)) or isinstance(self.first[0], (list, tuple))
                                    and len(found) != 1):
            found = (found,)
        same_structure(found, self.first, "the body of a loop must return its variables as they were given.")
        for held, before, value in zip(self.held, self.first, found):
            held.set(nest.pack_sequence_as(before, nest.flatten(value)))
        checked = iter([self._checked(*t) for t in zip(nest.flatten(self.variables()), nest.flatten(self.first), self.shapes)])
        for held in self.held:
            held.set(nest.pack_sequence_as(held.get(), [next(checked) for _ in nest.flatten(held.get())]))

    def _checked(self, value: Any, before: Any, shape: TensorShape | None) -> Any:
        if isinstance(before, TensorArray) or isinstance(value, TensorArray):
            return value
        tensor = convert_to_tensor(value, None if hasattr(value, "dtype") else before.dtype)
        if tensor.dtype is not before.dtype:
            raise errors.DtypeError(f"A loop variable keeps its dtype. Received: {tensor.type} from the body in the place of "
                                    f"{before.type}. Cast it.")
        if shape is not None and not shape.is_compatible_with(TensorShape(tensor.type.shape)):
            raise errors.InvalidArgumentError(
                f"A loop variable keeps its shape. Received: shape {tensor.shape} from the body in the place of {shape}. "
                "Pass `shape_invariants` with None for the sizes that change, or collect results in a `tf.TensorArray`.")
        return tensor

    def result(self) -> Any:
        return nest.pack_sequence_as(self.first, nest.flatten(self.variables()))


def _shapes(invariants: Any, loop_vars: Any) -> list[TensorShape | None]:
    """The invariants in the order of the leaves."""
    found: list[TensorShape | None] = []

    def visit(invariant: Any, value: Any) -> None:
        parts = nest.children(value)
        if isinstance(invariant, TensorShape) or invariant is None or parts is None:
            shape = invariant.shape if isinstance(invariant, TensorSpec) else TensorShape(invariant)
            found.append(None if isinstance(value, TensorArray) else shape)
            return
        given = nest.children(invariant)
        if given is None or len(given) != len(parts):
            raise errors.InvalidArgumentError(
                f"`shape_invariants` must be nested like `loop_vars`. Received: {invariants!r} for {loop_vars!r}.")
        for i, v in zip(given, parts):
            visit(i, v)

    visit(list(invariants) if isinstance(invariants, (list, tuple)) else invariants, list(loop_vars))
    return found


def _stage(loop: _WhileLoop, limit: Any) -> None:
    first = as_predicate(convert_to_tensor(loop.test()))
    names = [h.name for h in loop.held]
    try:
        Loop(loop.held, names, names).run(Iteration(lambda _: loop.step(), loop.test, limit, first=first))
    except errors.StagingError as error:
        if not may_unroll(error) or not loop.relaxed:
            raise
        _unroll(loop, limit)


def _unroll(loop: _WhileLoop, limit: Any) -> None:
    """Trace every iteration, as long as the condition can be told."""
    known: dict[Any, EagerTensor] = {}
    for _ in range(limit if isinstance(limit, int) else _MOST_UNROLLED):
        truth = _evaluated(convert_to_tensor(loop.test()), known)
        if truth is None or not isinstance(limit, (int, type(None))):
            raise errors.StagingError(
                "A loop whose shapes change must have a number of iterations that is known while tracing: XLA's shapes are "
                "fixed, so it is unrolled. Received: a condition that depends on the arguments of the function. Pad the "
                "variable to its largest shape, or collect results in a `tf.TensorArray`.")
        if not truth.any():
            return
        loop.step()
    if limit is None:
        raise errors.StagingError(f"A loop whose shapes change is unrolled, {_MOST_UNROLLED} iterations at most. "
                                  "Pass `maximum_iterations`.")


def _evaluated(tensor: Any, known: dict[Any, EagerTensor]) -> np.ndarray | None:
    """The value of a tensor that depends on nothing but constants, computed now. `known` keeps what was found."""
    if isinstance(tensor, EagerTensor):
        return tensor.numpy()
    captured: dict[Any, Any] = {v: t for t, v in state.interpreter.captures if isinstance(t, EagerTensor)}  # type: ignore[attr-defined]
    pending: list[Any] = [tensor.value]
    while pending:
        value = pending[-1]
        if value in known:
            pending.pop()
        elif value in captured:
            known[value] = captured[value]
        elif value.producer is None or "effect" in value.producer.op.traits:
            return None
        else:
            missing = [o for o in value.producer.operands if o not in known]
            if missing:
                pending += missing
            else:
                operation = value.producer
                results = EAGER.execute(operation.op, [known[o] for o in operation.operands], operation.attributes)
                known.update(zip(operation.results, results))
    return known[tensor.value].numpy()


