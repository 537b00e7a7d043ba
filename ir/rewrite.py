"""Rewriting graphs by rules that look like what they say.

    rule("x * 1 -> x", lambda x: x * 1, lambda x: x)
    rule("cast(x, own dtype) -> x", lambda x, d: node(cast, x, dtype=d), lambda x: x, when=lambda x, d: x.dtype is d)

The first function is called once, with pattern variables, to see its shape; the ops in it are the ops themselves. A
number in it matches a constant all of whose elements are that number, in whatever dtype, bit for bit (`0.0` is not
`-0.0`). `node(op, *operands, **attributes)` is for ops with attributes: a variable there stands for the attribute.
A variable that occurs twice must stand for the same value. Operands of commutative ops match in both orders.

The second function is called for every match, with the matched values and attributes, and builds the replacement;
`when` is called before it. Both name the variables they want. A replacement must have the type of what it replaces:
where it has not (`x * 1` may also broadcast `x`), the rule does not apply.

`rewrite` makes one sweep from the first operation to the last and tries the rules on each operation as it is made,
also on those of replacements. A rule sees only its root and what lies before it, which no later rule changes, so one
sweep reaches the fixed point, in time linear in the size of the graph.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from treadle.ir import errors
from treadle.ir.builder import GraphBuilder, append
from treadle.ir.graph import Graph, Operation, Value
from treadle.ir.interpreter import Interpreter, interpreting
from treadle.ir.op import Op
from treadle.ir.operators import Operators
from treadle.ir.printer import is_splat

_MOST_STEPS = 64  # rewrites that one operation sets off: more means that rules undo each other


# --- patterns -------------------------------------------------------------------------------------------------------


class Pattern(Operators):
    """What a value may look like. Final subclasses: `Variable`, `Number`, `Node`."""

    __slots__ = ()


@dataclass(frozen=True, eq=False, slots=True)
class Variable(Pattern):
    """Matches any value, or any attribute; the same one wherever it occurs."""

    name: str


@dataclass(frozen=True, eq=False, slots=True)
class Number(Pattern):
    """Matches a constant all of whose elements are `value` in the constant's dtype."""

    value: Any


@dataclass(frozen=True, eq=False, slots=True)
class Node(Pattern):
    """Matches the result of an operation."""

    op: Op
    operands: tuple[Pattern, ...]
    attributes: dict[str, Any]


class PatternInterpreter(Interpreter):
    """Turns calls of ops into patterns."""

    def convert(self, value: Any, hint: Any = None) -> Pattern:
        return Number(value)

    def is_operand(self, value: Any) -> bool:
        return isinstance(value, Pattern)

    def execute(self, op: Op, operands: Sequence[Any], attributes: dict[str, Any]) -> tuple[Pattern, ...]:
        return (node(op, *operands, **attributes),)


def node(op: Op, *operands: Any, **attributes: Any) -> Node:
    """A pattern for an op with attributes; those that are not named may be anything."""
    if op.many:
        raise ValueError(f"{op.name} has several results; a pattern has one")
    return Node(op, tuple([o if isinstance(o, Pattern) else Number(o) for o in operands]), attributes)


def _orders(pattern: Pattern) -> Iterator[Pattern]:
    """The pattern with the operands of commutative ops in every order."""
    if not isinstance(pattern, Node):
        yield pattern
        return
    for operands in itertools.product(*[list(_orders(o)) for o in pattern.operands]):
        yield Node(pattern.op, operands, pattern.attributes)
        if "commutative" in pattern.op.traits and len(operands) == 2 and operands[0] is not operands[1]:
            yield Node(pattern.op, operands[::-1], pattern.attributes)


def match(pattern: Pattern, value: Value, found: dict[str, Any]) -> bool:
    """True if `value` looks like `pattern`; what the variables stand for is added to `found`."""
    if isinstance(pattern, Variable):
        return found.setdefault(pattern.name, value) is value
    producer = value.producer
    if isinstance(pattern, Number):
        return producer is not None and "constant" in producer.op.traits and _is_all(
            producer.attributes["value"], pattern.value)
    return producer is not None and match_operation(pattern, producer.op, producer.operands, producer.attributes, found)


def match_operation(pattern: Pattern, op: Op, operands: Sequence[Value], attributes: Mapping[str, Any],
                    found: dict[str, Any]) -> bool:
    """`match` for an operation that is not made yet."""
    assert isinstance(pattern, Node)
    if pattern.op is not op or len(pattern.operands) != len(operands):
        return False
    for name, expected in pattern.attributes.items():
        given = attributes[name]
        if isinstance(expected, Variable):
            before = found.setdefault(expected.name, given)
            if before is not given and before != given:
                return False
        elif type(given) is not type(expected) or given != expected:
            return False
    for operand_pattern, operand in zip(pattern.operands, operands):
        if not match(operand_pattern, operand, found):
            return False
    return True


def _is_all(array: np.ndarray, number: Any) -> bool:
    if array.dtype.kind == "O" or array.size == 0 or isinstance(number, bool) != (array.dtype.kind == "b"):
        return False
    if isinstance(number, complex) and array.dtype.kind != "c":
        return False
    with np.errstate(all="ignore"):
        expected = np.asarray(number).astype(array.dtype)
    if expected != number:  # the dtype cannot hold it: 0.5 among integers
        return False
    return array[(0,) * array.ndim].tobytes() == expected.tobytes() and is_splat(array)


# --- rules ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rule:
    """`text` says what the rule does; the patterns are the orders of one pattern."""

    text: str
    patterns: tuple[Node, ...]
    replacement: Callable[..., Any]
    when: Callable[..., bool] | None
    replacement_names: tuple[str, ...]
    when_names: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<rule {self.text}>"


def rule(text: str, pattern: Callable[..., Any], replacement: Callable[..., Any],
         when: Callable[..., bool] | None = None) -> Rule:
    """A rule from three functions; see the module's docstring."""
    names = _names(pattern)
    with interpreting(PatternInterpreter()):
        root = pattern(*map(Variable, names))
    if not isinstance(root, Node):
        raise TypeError(f"the pattern of {text!r} must be an operation")
    wanted = {*_names(replacement), *(_names(when) if when else ())}
    if not wanted <= set(names):
        raise ValueError(f"{text!r}: the pattern has no variables {sorted(wanted - set(names))}")
    patterns = tuple([p for p in _orders(root) if isinstance(p, Node)])
    return Rule(text, patterns, replacement, when, _names(replacement), _names(when) if when else ())


def _names(function: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)


class RuleSet:
    """Rules, to be tried in order, found by the op at their root."""

    def __init__(self, rules: Sequence[Rule]):
        self.rules = tuple(rules)
        self.by_op: dict[Op, list[tuple[Rule, Node]]] = {}
        for rule in rules:
            for pattern in rule.patterns:
                self.by_op.setdefault(pattern.op, []).append((rule, pattern))


# --- the sweep ------------------------------------------------------------------------------------------------------


def rewrite(graph: Graph, rules: RuleSet) -> Graph:
    """The graph with all rules applied (not in nested graphs); the graph itself if none does."""
    if not any(o.op in rules.by_op for o in graph.operations):
        return graph
    return _Sweep(graph, rules).run()


class _Sweep(GraphBuilder):
    """Copies a graph; operations that stay as they are keep their identity."""

    def __init__(self, graph: Graph, rules: RuleSet):
        super().__init__(Graph(graph.name, graph.inputs))
        self.old = graph
        self.rules = rules
        self.values: dict[Value, Value] = {}  # old to new, where they differ
        self.changed = False
        self.steps = 0

    def run(self) -> Graph:
        new, values, by_op = self.graph, self.values, self.rules.by_op
        for operation in self.old.operations:
            operands = operation.operands
            if values and not values.keys().isdisjoint(operands):
                operands = tuple([values.get(o, o) for o in operands])
            if operation.op in by_op:
                self.where, self.steps = operation.location, 0
                found = self.replaced(operation.op, operands, operation.attributes, operation.results[0].type)
                if found is not None:
                    values[operation.results[0]] = found
                    self.changed = True
                    continue
            if operands is not operation.operands:
                operation = with_operands(operation, operands, values)
            new.operations.append(operation)
        if not self.changed:
            return self.old
        new.outputs = [values.get(v, v) for v in self.old.outputs]
        return new

    def execute(self, op: Op, operands: Sequence[Any], attributes: dict[str, Any]) -> tuple[Value, ...]:
        """An operation of a replacement: it is simplified in its turn."""
        if op in self.rules.by_op:
            type, = op.infer_types([o.type for o in operands], attributes)
            found = self.replaced(op, operands, attributes, type)
            if found is not None:
                return (found,)
        return append(self.graph, op, operands, attributes, self.where).results

    def replaced(self, op: Op, operands: Sequence[Value], attributes: Mapping[str, Any], type: Any) -> Value | None:
        """What stands for the operation by the first rule that applies, or None."""
        for rule, pattern in self.rules.by_op[op]:
            found: dict[str, Any] = {}
            if not match_operation(pattern, op, operands, attributes, found):
                continue
            if rule.when is not None and not rule.when(*[found[n] for n in rule.when_names]):
                continue
            self.steps += 1
            if self.steps > _MOST_STEPS:
                raise errors.InternalError(f"The rule {rule.text!r} and others undo each other's work.", self.where)
            before = len(self.graph.operations)
            with interpreting(self):
                value = rule.replacement(*[found[n] for n in rule.replacement_names])
                if not isinstance(value, Value):
                    value = self.convert(value, type.dtype)
            if value.type is type:
                return value
            del self.graph.operations[before:]
        return None


def with_operands(operation: Operation, operands: Sequence[Value], values: dict[Value, Value],
                  attributes: Mapping[str, Any] | None = None) -> Operation:
    """The operation on other operands of the same types. Its results are entered in `values`."""
    copied = Operation(operation.op, operands, operation.attributes if attributes is None else attributes,
                       [r.type for r in operation.results], operation.location)
    for old, new in zip(operation.results, copied.results):
        new.known, new.name = old.known, old.name
        values[old] = new
    return copied
