"""The IR: a `Graph` of `Operation`s in SSA form, each producing typed `Value`s.

A graph is pure: a variable's value enters as an input and leaves as an output. Control flow and calls are operations
that hold closed sub-graphs as attributes. `print(graph)` gives text that `treadle.ir.parser.parse` reads back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from treadle.ir import printer
from treadle.ir.location import Location
from treadle.ir.operators import Operators
from treadle.ir.types import TensorType

if TYPE_CHECKING:
    from treadle.ir.op import Op


class Value(Operators):
    """One SSA value: an input of a graph (`producer` is None) or the `index`-th result of an operation.

    `known` holds the value itself as far as it is made of sizes: an object array of ints and `Dim`s. It lets
    `tf.reshape(x, [tf.shape(x)[0], -1])` compile although the batch size is not known while tracing.
    """

    __slots__ = ("type", "producer", "index", "known", "name")

    def __init__(self, type: TensorType, producer: Operation | None = None, index: int = 0, name: str = ""):
        self.type = type
        self.producer = producer
        self.index = index
        self.known: Any = None
        self.name = name

    @property
    def dtype(self):
        return self.type.dtype

    def __repr__(self) -> str:
        origin = f"{self.producer.op.name}#{self.index}" if self.producer else f"input {self.name}"
        return f"<Value {self.type} of {origin}>"


class Operation:
    """One application of an `Op` to operands, with its attributes, results and the user's source line."""

    __slots__ = ("op", "operands", "attributes", "graphs", "results", "location")

    def __init__(self, op: Op, operands: Sequence[Value], attributes: Mapping[str, Any],
                 types: Sequence[TensorType], location: Location | None = None):
        self.op = op
        self.operands = tuple(operands)
        self.attributes = dict(attributes)
        # The sub-graphs among the attributes, in order. Passes ask ten times as often as operations are made.
        self.graphs = [a for v in attributes.values() for a in (v if isinstance(v, tuple) else (v,)) if isinstance(a, Graph)]
        self.results = tuple(Value(t, self, i) for i, t in enumerate(types))
        self.location = location

    def __repr__(self) -> str:
        return f"<Operation {self.op.name} : {', '.join(str(r.type) for r in self.results)}>"


class Graph:
    """A closed function in SSA form: `inputs`, `operations` in a valid order, `outputs`."""

    __slots__ = ("name", "inputs", "operations", "outputs", "cache", "__weakref__")

    def __init__(self, name: str, inputs: Sequence[Value] = (), operations: Sequence[Operation] = (),
                 outputs: Sequence[Value] = ()):
        self.name = name
        self.inputs = list(inputs)
        self.operations = list(operations)
        self.outputs = list(outputs)
        # Derived graphs and programs (the gradient, the specialisations) live and die with the graph.
        self.cache: dict[Any, Any] = {}

    @property
    def input_types(self) -> list[TensorType]:
        return [v.type for v in self.inputs]

    @property
    def output_types(self) -> list[TensorType]:
        return [v.type for v in self.outputs]

    @property
    def is_static(self) -> bool:
        """True if no type holds a symbolic size."""
        return all(v.type.is_static for v in self.inputs) and all(
            r.type.is_static for o in self.operations for r in o.results)

    def walk(self) -> Iterator[Operation]:
        """Every operation, those of nested graphs included."""
        for operation in self.operations:
            yield operation
            for graph in operation.graphs:
                yield from graph.walk()

    def nested(self) -> list[Graph]:
        """This graph and every graph nested in it, each once, inner ones before those that hold them."""
        found: dict[int, Graph] = {}
        stack = [(self, False)]
        while stack:
            graph, entered = stack.pop()
            if entered:
                found[id(graph)] = graph
            elif id(graph) not in found:
                stack.append((graph, True))
                for operation in reversed(graph.operations):
                    stack.extend((g, False) for g in reversed(operation.graphs))
        return list(found.values())

    def add_input(self, type: TensorType, name: str = "") -> Value:
        """Append an input."""
        value = Value(type, None, len(self.inputs), name)
        self.inputs.append(value)
        return value

    def __len__(self) -> int:
        return len(self.operations)

    def __bool__(self) -> bool:
        return True

    def __str__(self) -> str:
        return printer.to_text(self)

    def __repr__(self) -> str:
        return f"<Graph {self.name}: {len(self.inputs)} inputs, {len(self.operations)} operations, {len(self.outputs)} outputs>"
