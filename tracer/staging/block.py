"""`Block`: the trace of a block of user code, which becomes a nested graph of the trace around it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from treadle.ir import errors
from treadle.ir.graph import Graph, Operation, Value
from treadle.ir.interpreter import interpreting
from treadle.ir.operators import TABLE
from treadle.ir.ops.structure import reread
from treadle.ir.types import TensorType
from treadle.runtime.interpreter import current
from treadle.runtime.variable import Variable
from treadle.tracer.func_graph import FuncGraph, VariableState
from treadle.tracer.staging.places import Place


class BlockEnds(BaseException):
    """Raised where a block that is being traced raises an exception of the user's: nothing after it is reached."""


class Block(FuncGraph):
    """A trace inside a trace. `changed` notes the places that the block changes, with what they held before."""

    is_block = True

    def __init__(self, name: str, outer: FuncGraph):
        super().__init__(name)
        self.outer = outer
        self.changed: dict[tuple, tuple[Place, Any]] = {}
        self.counter: Value | None = None  # in the body of a loop: the number of the iteration
        self.count: Any = None             # the most that there can be, if that is known
        self.runs_all = False              # whether there are that many
        self.limit: Any = None             # the most that `set_loop_options` allows

    # A variable made in a block is made by the function around it.

    @property
    def may_create(self) -> bool:
        return self.outer.may_create  # type: ignore[attr-defined]

    @may_create.setter
    def may_create(self, value: bool) -> None:
        pass

    def variable_created(self, variable: Variable) -> None:
        self.outer.variable_created(variable)  # type: ignore[attr-defined]

    def will_change(self, place: Place) -> None:
        """Note what a place holds, before its first change. What was made inside the block is its own affair."""
        owner = getattr(place, "owner", getattr(place, "container", None))
        if place.key not in self.changed and id(owner) not in self.made:
            self.changed[place.key] = place, place.get()
            self.outer.will_change(place)  # type: ignore[attr-defined]

    def undo(self) -> None:
        """Put back what the places held."""
        for place, value in self.changed.values():
            place.set(value)

    def reread_input(self, known: VariableState, before: Any) -> None:
        """Have what reads the variable's value at the beginning read it as the variable's own: in a loop it is the one that
        the iteration before assigned. `before` is the value in front of the loop.
        """
        users = [o for o in self.graph.operations if known.input in o.operands]
        if users:
            done = Operation(reread, [known.input, self.as_value(before)], {}, [known.input.type], users[0].location)
            for user in users:
                user.operands = tuple(done.results[0] if o is known.input else o for o in user.operands)
            self.graph.operations.insert(0, done)

    def as_value(self, value: Any, hint: Any = None) -> Value:
        """A tensor or number as a value of this block's graph."""
        with interpreting(self):
            return self.convert(value, hint).value


class Operands:
    """The tensors and variables of the trace around that blocks read, each once, as operands that the blocks share."""

    def __init__(self, outer: FuncGraph, blocks: Sequence[Block]):
        self.outer, self.blocks = outer, blocks
        self.captured: dict[int, Any] = {}
        self.variables: dict[int, Variable] = {}
        self.assigned: dict[int, Variable] = {}
        for block in blocks:
            self.captured.update((id(t), t) for t, _ in block.captures)
            for key, known in block.variables.items():
                self.variables[key] = known.variable
                if known.assigned:
                    self.assigned[key] = known.variable

    def tensors(self, skip: dict[int, Any]) -> list[Any]:
        """The operands' values in the trace around: captured tensors, then variables (but those in `skip`)."""
        read = [v._stored() for k, v in self.variables.items() if k not in skip]
        return [self.outer.convert(t) for t in [*self.captured.values(), *read]]

    def inputs(self, block: Block, skip: dict[int, Any]) -> list[Value]:
        """A block's inputs in the order of `tensors`; what it does not read it gets all the same."""
        captured = {id(t): v for t, v in block.captures}
        found: list[Value] = []
        for key, tensor in self.captured.items():
            found.append(captured[key] if key in captured else Value(tensor.type, None, 0, "unused"))
        for key, variable in self.variables.items():
            if key not in skip:
                found.append(self.variable_input(block, key, variable))
        return found

    @staticmethod
    def variable_input(block: Block, key: int, variable: Variable) -> Value:
        """The block's input for a variable."""
        known = block.variables.get(key)
        return known.input if known is not None else Value(variable.type, None, 0, variable._name)

    @staticmethod
    def variable_output(block: Block, key: int, input: Value) -> Value:
        """The variable's value at the end of the block."""
        known = block.variables.get(key)
        return known.now.value if known is not None else input


def closed(block: Block, inputs: Sequence[Value], outputs: Sequence[Value]) -> Graph:
    """The block's graph with its inputs in the given order."""
    graph = Graph(block.name, inputs, block.graph.operations, outputs)
    for place, value in enumerate(graph.inputs):
        value.index = place
    return graph


def as_predicate(value: Any) -> Any:
    """The truth of a tensor as a bool scalar. Raises, as eagerly, for tensors of more than one element."""
    if value.type.count != 1:
        raise errors.InvalidArgumentError(
            f"The truth of a tensor of {value.type.count} elements is ambiguous. Received: shape {value.shape}. "
            "Use `tf.reduce_any` or `tf.reduce_all`.")
    if value.type.shape:
        value = TABLE["reshape"](value, shape=())
    return value if value.dtype.is_bool else TABLE["not_equal"](value, 0)


def blank(type: TensorType) -> Any:
    """Zeros of a type, in the current trace."""
    zero = current().convert(np.zeros((), type.dtype.numpy))
    return TABLE["broadcast_to"](zero, shape=type.shape) if type.shape else zero
