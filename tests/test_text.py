"""The text form: what is printed is readable, and reads back as an equal graph."""

import gc
import re

import numpy as np
import pytest
from random_graphs import fresh_rng, random_graph, special_values

from treadle.ir import attributes, dtypes, errors, printer
from treadle.ir.builder import GraphBuilder, append, append_constant
from treadle.ir.dims import Dim
from treadle.ir.equality import equal, same_attribute
from treadle.ir.graph import Graph
from treadle.ir.interpreter import interpreting
from treadle.ir.location import Location
from treadle.ir.op import REGISTRY
from treadle.ir.ops.elementwise import add, multiply
from treadle.ir.ops.structure import call, jax_function
from treadle.ir.parser import parse
from treadle.ir.types import TensorType

F32 = TensorType.of(dtypes.float32, (2,))
N0 = Dim.symbol("n0")


def small_graph(where=None):
    graph = Graph("step")
    x, y = graph.add_input(F32, "x"), graph.add_input(F32, "y")
    with interpreting(GraphBuilder(graph, where)):
        graph.outputs = [(x + y) * 0.5]
    return graph


def round_trip(graph):
    text = str(graph)
    parsed = parse(text)
    assert equal(graph, parsed), text
    assert equal(parsed, graph)
    assert str(parsed) == text
    return parsed


def test_text_of_a_small_graph():
    assert str(small_graph(Location("/home/me/train.py", 12, "step"))) == """\
graph step(%x: f32[2], %y: f32[2]) -> (f32[2]) {
  %0 = add(%x, %y) : f32[2]  @ train.py:12 in step
  %1 = constant() {value=f32[] 0.5} : f32[]  @ train.py:12 in step
  %2 = multiply(%0, %1) : f32[2]  @ train.py:12 in step
  return %2
}
file train.py = "/home/me/train.py\""""


@pytest.mark.parametrize("attempt", range(40))
def test_random_graphs_read_back(attempt):
    rng = fresh_rng(attempt)
    round_trip(random_graph(rng, symbolic=attempt % 2 == 0, special=True))


def test_nested_graphs_are_written_once():
    body = small_graph()
    body.name = "body"
    graph = Graph("body")  # the same name
    x = graph.add_input(F32, "x")
    with interpreting(GraphBuilder(graph)):
        y, = call([x, x], graph=body)
        graph.outputs = list(call([y, x], graph=body))
    text = str(graph)
    assert text.count("graph body.1(") == 1
    assert text.count("{graph=@body.1}") == 2
    parsed = round_trip(graph)
    first, second = parsed.operations
    assert first.attributes["graph"] is second.attributes["graph"]


def test_deeply_shared_graphs_take_linear_text():
    graph = small_graph()
    for _ in range(60):  # 2**60 calls
        outer = Graph("outer")
        x = outer.add_input(F32, "x")
        with interpreting(GraphBuilder(outer)):
            y, = call([x, x], graph=graph) if len(graph.inputs) == 2 else call([x], graph=graph)
            outer.outputs = list(call([y, y], graph=graph) if len(graph.inputs) == 2 else call([y], graph=graph))
        graph = outer
    round_trip(graph)


def test_input_names_are_kept_and_unique():
    graph = Graph("f")
    for name in ["x", "x", "", "dense/kernel:0", "layers.0.bias", "0", 'quote"'] + [f"long_name_{i}" for i in range(9)]:
        graph.add_input(F32, name)
    graph.outputs = [graph.inputs[1]]
    parsed = round_trip(graph)
    names = [v.name for v in parsed.inputs]
    assert names[:7] == ["x", "x.1", "arg2", "dense/kernel:0", "layers.0.bias", "arg0", 'quote"']
    assert len(set(names)) == len(names)


LITERALS = [
    True, False, None, 0, 1, -7, 10**30, 0.0, -0.0, 1.0, 1e300, 5e-324, 0.1, 1e16,
    float("inf"), float("-inf"), float("nan"), complex(1, -0.0), complex(float("nan"), float("inf")), "", "word",
    'quote" \\ new\nline @ %x : é \u2028', "\ud800",
    b"\x00\xff\"", (), (1,), (1, 2.0, "x", None), ((1, 2), (), ((True,),)), dtypes.float32, dtypes.bool_, dtypes.string,
    N0, N0 * 2 + 1, N0 * -1 - 3, (N0 + 1) // 2, (N0, 2), TensorType.of(dtypes.int8, ()),
    TensorType.of(dtypes.bfloat16, (N0, 3)), (F32, F32), "graph", "f32[2]",
]


@pytest.mark.parametrize("value", LITERALS, ids=repr)
def test_attribute_literals(value):
    graph = small_graph()
    # Any op serves: the text form does not care whether its attribute makes sense there.
    graph.operations[1].attributes["value"] = value
    parsed = round_trip(graph)
    found = parsed.operations[1].attributes["value"]
    assert type(found) is type(value)
    assert repr(found) == repr(value)


@pytest.mark.parametrize("a", LITERALS, ids=repr)
def test_literals_differ(a):
    assert [i for i, b in enumerate(LITERALS) if same_attribute(a, b, [])] == [
        i for i, b in enumerate(LITERALS) if a is b]


@pytest.mark.parametrize("dtype", list(dtypes.BY_NAME.values()), ids=lambda d: d.name)
@pytest.mark.parametrize("shape", [(), (1,), (4,), (2, 3), (0,), (0, 3), (3, 0), (1, 1, 1), (9, 9), (200,)])
@pytest.mark.parametrize("splat", [True, False])
def test_arrays_of_every_dtype(dtype, shape, splat):
    values = np.asarray(special_values(dtype), dtype.numpy)
    count = int(np.prod(shape))
    for start in range(len(values)) if count <= 9 else [0]:
        array = np.resize(values[start:start + 1] if splat else np.roll(values, -start), count).reshape(shape)
        graph = Graph("f")
        graph.outputs = [append_constant(graph, array.astype(dtype.numpy))]
        text = str(graph)
        round_trip(graph)
        if splat and count > 64 and not dtype.is_string:
            assert " all " in text
        elif count > 64 and not dtype.is_string:
            assert "data #0" in text


def test_random_bits_read_back():
    rng = np.random.default_rng()
    seed = int(rng.integers(1 << 60))
    print("seed", seed)
    rng = np.random.default_rng(seed)
    for dtype in dtypes.BY_NAME.values():
        if dtype.is_string or dtype.is_bool:
            continue
        for count in (16, 16, 16, 300):
            array = np.frombuffer(rng.bytes(count * dtype.size), dtype.numpy)
            graph = Graph("f")
            graph.outputs = [append_constant(graph, array)]
            round_trip(graph)


def test_a_large_array_used_twice_is_written_once():
    array = attributes.frozen(np.arange(1000))
    graph = Graph("f")
    graph.outputs = [append_constant(graph, array), append_constant(graph, array)]
    text = str(graph)
    assert text.count("data #") == 1
    assert max(len(line) for line in text.splitlines() if not line.startswith("data")) < 120
    round_trip(graph)


def test_a_hostile_splat_takes_no_memory():
    graph = parse("graph f() -> (f64[1000000000000]) {\n %0 = constant() {value=f64[1000000000000] all 1.5}"
                  " : f64[1000000000000]\n return %0\n}")
    assert graph.operations[0].attributes["value"][-1] == 1.5


def test_python_objects_read_back_while_they_live():
    def double(x):
        return x

    graph = Graph("f")
    x = graph.add_input(F32, "x")
    with interpreting(GraphBuilder(graph)):
        graph.outputs = list(jax_function([x], function=double, types_out=(F32,)))
    parsed = round_trip(graph)
    assert parsed.operations[0].attributes["function"] is double
    text = str(graph)
    assert re.search(r"function=<python double #\d+>", text)
    del graph, parsed, double, x
    gc.collect()
    with pytest.raises(errors.InvalidArgumentError, match="line 2: the Python object <python double #.* is not alive"):
        parse(text)


GOOD = "graph f(%x: f32[2]) -> (f32[2]) {\n  %0 = add(%x, %x) : f32[2]\n  return %0\n}"


@pytest.mark.parametrize("old, new, line, message", [
    ("graph f", "grph f", 1, "expected 'graph', found 'grph f(%x"),
    ("add", "ad", 2, "there is no op called 'ad'"),
    ("(%x, %x)", "(%x, %y)", 2, "%y is used before it is defined"),
    (" : f32[2]", "", 2, "1 results, but 0 types"),
    ("%0 = add", "%x = add", 2, "%x is defined twice"),
    ("return %0", "return %1", 3, "%1 is used before it is defined"),
    ("\n}", "", 3, "expected ',', found the end"),
    ("return %0\n}", "", 3, "expected an op's name, found the end"),
    ("%x: f32[2]", "%x: f33[2]", 1, "expected a type, found 'f33[2]) -> (f32[2]) {'"),
    ("%x: f32[2]", "%x: f32[2?]", 1, "expected a size, found '2?'"),
    ("%x: f32[2]", "%x: f32", 1, "expected '['"),
    ("-> (f32[2])", "-> (f32[3])", 4, "returns [f32[2]], not [f32[3]] as its head says"),
    ("add(%x, %x)", "add(%x, %x) {a=}", 2, "expected a size, found ''"),
    ("add(%x, %x)", "add(%x, %x) {a=f32[2] [1.0]}", 2, "expected a list of 2, found 1"),
    ("add(%x, %x)", "add(%x, %x) {a=u8[1] [256]}", 2, "not elements of u8[1]"),
    ("add(%x, %x)", "add(%x, %x) {a=f32[2] #3}", 2, "there is no row `data #3`"),
    ("add(%x, %x)", "add(%x, %x) {a=@g}", 4, "the graph @g is used but not written out"),
    ("}", "}\nhello", 5, "expected 'graph', found 'hello'"),
    ("}", "}\n" + GOOD, 5, "two graphs are called @f"),
    ("}", "}\ndata #0 = \"AAAA\"\nhello", 6, "expected a row of a table, found 'hello'"),
    ("(%x: f32[2])", "(%x: f32[2], %x: f32[2])", 1, "two inputs are called %x"),
])
def test_errors_name_the_line(old, new, line, message):
    text = GOOD.replace(old, new, 1)
    assert text != GOOD
    with pytest.raises(errors.InvalidArgumentError) as raised:
        parse(text)
    assert f"line {line}: " in str(raised.value)
    assert message in str(raised.value)


def test_data_that_does_not_fill_its_type():
    text = GOOD.replace("add(%x, %x)", "add(%x, %x) {a=f32[2] #0}") + '\ndata #0 = "AAAA"'
    with pytest.raises(errors.InvalidArgumentError, match="3 bytes, which do not fill"):
        parse(text)


@pytest.mark.parametrize("attempt", range(3))
def test_broken_text_never_escapes(attempt):
    """Whatever is done to the text, the answer is a graph or an InvalidArgumentError."""
    rng = fresh_rng(attempt)
    for _ in range(60):
        text = str(random_graph(rng, operations=6, symbolic=True))
        for _ in range(10):
            at = rng.randrange(len(text))
            inserted = rng.choice("%@(){}[],:=\"#0af ")
            cut = rng.choice([text[:at], text[:at] + text[at + 1:], text[:at] + inserted + text[at:]])
            try:
                parse(cut)
            except errors.InvalidArgumentError:
                pass


def test_equal_notices_differences():
    graph = small_graph()
    assert equal(graph, small_graph())
    for change in [
        lambda g: g.operations.pop(1),
        lambda g: g.operations[0].__setattr__("location", Location("a.py", 1)),
        lambda g: g.operations[0].__setattr__("operands", g.operations[0].operands[::-1]),
        lambda g: g.operations[0].__setattr__("op", multiply),
        lambda g: g.operations[1].attributes.update(value=np.float32(-0.5)),
        lambda g: g.operations[1].attributes.update(value=np.asarray(0.5, np.float64)),
        lambda g: g.outputs.__setitem__(0, g.inputs[0]),
        lambda g: g.outputs.append(g.outputs[0]),
        lambda g: g.add_input(F32, "z"),
    ]:
        other = small_graph()
        change(other)
        assert not equal(graph, other)
        assert not equal(other, graph)


def test_results_and_effects_without_any():
    graph = small_graph()
    operation = append(graph, REGISTRY["optimization_barrier"], [], {})
    assert operation.results == ()
    assert "\n  optimization_barrier()\n" in str(graph)
    round_trip(graph)


def test_ten_thousand_operations():
    graph = Graph("long")
    value = graph.add_input(F32, "x")
    with interpreting(GraphBuilder(graph, Location("a.py", 1))):
        for _ in range(10_000):
            value = add(value, value)
    graph.outputs = [value]
    assert len(round_trip(graph)) == 10_000


def test_operation_text_for_errors():
    graph = small_graph()
    assert printer.operation_text(graph.operations[0]) == "%2 = add(%x, %y) : f32[2]"
