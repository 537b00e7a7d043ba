"""The verifier finds whatever a broken pass might leave behind, and says where."""

import pytest
from random_graphs import fresh_rng, random_graph

from treadle.ir import dtypes, errors
from treadle.ir.builder import GraphBuilder, append
from treadle.ir.graph import Graph, Operation, Value
from treadle.ir.interpreter import interpreting
from treadle.ir.location import Location
from treadle.ir.op import REGISTRY
from treadle.ir.ops.structure import call
from treadle.ir.passes.inlining import inlining
from treadle.ir.types import TensorType
from treadle.ir.verifier import verify

F32 = TensorType.of(dtypes.float32, (2,))
I32 = TensorType.of(dtypes.int32, (2,))


def good_graph():
    graph = Graph("step")
    x, y = graph.add_input(F32, "x"), graph.add_input(F32, "y")
    with interpreting(GraphBuilder(graph, Location(__file__, 28, "good_graph"))):
        graph.outputs = [(x + y) * 0.5]
    return graph


@pytest.mark.parametrize("attempt", range(10))
def test_random_graphs_are_well_formed(attempt):
    verify(random_graph(fresh_rng(attempt), symbolic=attempt % 2 == 0))


def swap_operations(g):
    g.operations[0], g.operations[2] = g.operations[2], g.operations[0]


def foreign_operand(g):
    g.operations[0].operands = (g.inputs[0], Value(F32, name="stranger"))


def twice(g):
    g.operations.append(g.operations[0])


def wrong_type(g):
    g.operations[0] = Operation(REGISTRY["add"], g.inputs, {}, [I32], g.operations[0].location)
    g.outputs = list(g.operations[0].results)
    g.operations[1:] = []


def mixed_dtypes(g):
    z = g.add_input(I32, "z")
    g.operations[0].operands = (g.inputs[0], z)


def extra_attribute(g):
    g.operations[0].attributes["axis"] = 1


def missing_attribute(g):
    g.operations[1].attributes.clear()


def too_many_operands(g):
    g.operations[0].operands = (*g.inputs, g.inputs[0])


def stolen_result(g):
    g.operations[0].results = g.operations[1].results


@pytest.mark.parametrize("damage, message, operation", [
    (swap_operations, "operand 0 (<Value f32[2] of add#0>) is not defined before it", "multiply("),
    (foreign_operand, "operand 1 (<Value f32[2] of input stranger>) is not defined before it", "add(%x, %stranger)"),
    (twice, "it stands in the graph twice", "add(%x, %y)"),
    (wrong_type, "its results have the types [i32[2]]; `add` infers [f32[2]]", "add(%x, %y) : i32[2]"),
    (mixed_dtypes, "its operands do not fit: `add`: Tensors of different dtypes do not mix", "add(%x, %z)"),
    (extra_attribute, "its attributes are ['axis']; `add` has []", "add(%x, %y) {axis=1}"),
    (missing_attribute, "its attributes are []; `constant` has ['value']", "constant()"),
    (too_many_operands, "it has 3 operands; `add` takes 2", "add(%x, %y, %x)"),
    (stolen_result, "result 0 does not know it as its producer", "add(%x, %y)"),
], ids=lambda p: getattr(p, "__name__", ""))
@pytest.mark.parametrize("nested", [False, True])
def test_damage_is_found(damage, message, operation, nested):
    graph = good_graph()
    verify(graph)
    if nested:
        outer = Graph("outer")
        x = outer.add_input(F32, "x")
        with interpreting(GraphBuilder(outer)):
            outer.outputs = list(call([x, x], graph=graph))
        verify(outer)
    damage(graph)
    with pytest.raises(errors.InternalError) as raised:
        verify(outer if nested else graph)
    text = str(raised.value)
    assert text.startswith("Graph @step is not well formed: ")
    assert message in text
    assert operation in text
    assert f"at {__file__}:28, in good_graph" in text


def test_a_nested_graph_sees_nothing_of_the_graph_around_it():
    outer, inner = Graph("outer"), Graph("inner")
    x = outer.add_input(F32, "x")
    inner.outputs = [append(inner, REGISTRY["negative"], [x], {}).results[0]]
    append(outer, call, [], {"graph": inner})
    with pytest.raises(errors.InternalError, match="Graph @inner is not well formed: operand 0"):
        verify(outer)


def test_inputs_and_outputs():
    graph = good_graph()
    graph.outputs = [Value(F32, name="stranger")]
    with pytest.raises(errors.InternalError, match="output 0 .* is not defined"):
        verify(graph)
    graph = good_graph()
    graph.inputs.append(graph.inputs[0])
    with pytest.raises(errors.InternalError, match="the same input twice"):
        verify(graph)
    graph = good_graph()
    graph.inputs.append(graph.operations[0].results[0])
    with pytest.raises(errors.InternalError, match="an input that an operation produces"):
        verify(graph)


def test_operations_verified_before_are_still_checked_for_their_place():
    graph = good_graph()
    checked = set()
    verify(graph, checked)
    assert checked == set(graph.operations)
    swap_operations(graph)
    with pytest.raises(errors.InternalError, match="is not defined before it"):
        verify(graph, checked)


def test_ten_thousand_operations_and_deep_nesting():
    graph = Graph("long")
    value = graph.add_input(F32, "x")
    with interpreting(GraphBuilder(graph)):
        for _ in range(10_000):
            value = value + value
    graph.outputs = [value]
    verify(graph)
    for _ in range(3_000):  # deeper than Python's stack
        outer = Graph("outer")
        x = outer.add_input(F32, "x")
        outer.outputs = list(append(outer, call, [x], {"graph": graph}).results)
        graph = outer
    verify(graph)
    assert len(inlining(graph)) == 10_000
