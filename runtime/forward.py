"""`ForwardAccumulator`: forward-mode differentiation, alongside the computation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from treadle.ir import errors
from treadle.ir.attributes import attribute_key
from treadle.ir.autodiff import pushforward
from treadle.ir.graph import Graph
from treadle.ir.interpreter import Recorder, bind, recorders, state
from treadle.ir.op import Op
from treadle.ir.operators import TABLE
from treadle.ir.ops.structure import call
from treadle.runtime import nest
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.interpreter import carriers
from treadle.runtime.variable import Variable

_MOST_RULES = 1024
_rules: dict[tuple, Graph] = {}


class ForwardAccumulator(Recorder):
    """Computes Jacobian-vector products of everything that happens inside its `with` block.

    Args:
        primals: a tensor or variable, or a structure of them.
        tangents: the direction, of the same structure, shapes and dtypes.

    >>> import treadle as tf
    >>> x = tf.constant([2.0, 3.0])
    >>> with tf.autodiff.ForwardAccumulator(x, tf.constant([1.0, 0.0])) as acc:
    ...     y = tf.reduce_sum(x * x)
    >>> acc.jvp(y).numpy()
    np.float32(4.0)
    """

    def __init__(self, primals: Any, tangents: Any):
        nest.assert_same_structure(primals, tangents, check_types=False)
        self._tangents: dict[int, Any] = {}
        self._by_variable: dict[int, Any] = {}
        self._alive: list[Any] = []
        for primal, tangent in zip(nest.flatten(primals), nest.flatten(tangents)):
            tangent = convert_to_tensor(tangent, dtype_hint=primal.dtype)
            if tangent.type is not primal.type:
                raise errors.InvalidArgumentError(
                    f"A tangent must have its primal's type, {primal.type}. Received: {tangent.type}.")
            if isinstance(primal, Variable):
                self._by_variable[id(primal)] = tangent
            else:
                for carrier in carriers(primal):
                    self._tangents[id(carrier)] = tangent
                    self._alive.append(carrier)
            self._alive.append(primal)

    def __enter__(self) -> ForwardAccumulator:
        state.recorders = (*state.recorders, self)
        return self

    def __exit__(self, *exception: Any) -> None:
        state.recorders = tuple(r for r in state.recorders if r is not self)

    def watches(self, operands: Sequence[Any]) -> bool:
        return not self._tangents.keys().isdisjoint(map(id, operands))

    def record_read(self, variable: Variable, tensor: Any) -> None:
        """Called when a variable is read inside the block."""
        if id(variable) in self._by_variable:
            self._tangents[id(tensor)] = self._by_variable[id(variable)]
            self._alive.append(tensor)

    def record(self, op: Op, operands: Sequence[Any], attributes: dict[str, Any], results: Sequence[Any]) -> None:
        if op.vjp is None:
            return
        if not isinstance(op, Op):
            raise errors.UnimplementedError(
                "Forward mode does not know the tangent of a function with a custom gradient.")
        found = [self._tangents.get(id(o)) for o in operands]
        varying = tuple(f is not None for f in found)
        graph = _rule(op, [o.type for o in operands], attributes, varying)
        with recorders(tuple(r for r in state.recorders if r is not self)):
            given = [state.interpreter.convert(f) for f in found if f is not None]
            tangents = bind(call, [*operands, *given], {"graph": graph})
        targets = [r for r in results if r.dtype.is_differentiable]
        for result, tangent in zip(targets, tangents):
            self._tangents[id(result)] = tangent
        self._alive.extend(results)

    def jvp(self, primals: Any, unconnected_gradients: str = "none") -> Any:
        """The tangent of each of `primals`: None (or zeros) where it does not depend on the accumulator's primals."""
        def one(primal: Any) -> Any:
            if isinstance(primal, Variable):
                found = self._by_variable.get(id(primal))
            else:
                found = self._tangents.get(id(primal))
            return TABLE["zeros_like"](primal) if found is None and unconnected_gradients == "zero" else found
        return nest.map_structure(one, primals)


def _rule(op: Op, types: Sequence[Any], attributes: dict[str, Any], varying: tuple[bool, ...]) -> Graph:
    """The graph that computes an operation's tangents, kept for the next time."""
    key = (op, *types, *map(attribute_key, attributes.values()), varying)
    if key not in _rules:
        if len(_rules) >= _MOST_RULES:
            del _rules[next(iter(_rules))]
        _rules[key] = pushforward(op, types, attributes, varying)
    return _rules[key]
