"""The rewrite engine, and the proof by trial of every algebraic rule: both sides over special values of every dtype."""

import itertools

import numpy as np
import pytest
from random_graphs import evaluate, flushed, special_values

from treadle.ir import attributes, dtypes, errors
from treadle.ir.builder import GraphBuilder, append, append_constant
from treadle.ir.equality import same_array
from treadle.ir.graph import Graph
from treadle.ir.interpreter import interpreting
from treadle.ir.ops.elementwise import cast, exp, multiply, negative
from treadle.ir.ops.structure import identity
from treadle.ir.passes.algebra import RULES
from treadle.ir.rewrite import Node, Number, RuleSet, Variable, match, node, rewrite, rule
from treadle.ir.types import TensorType
from treadle.ir.verifier import verify

NUMERIC = [d for d in dtypes.BY_NAME.values() if not d.is_string]
F32 = TensorType.of(dtypes.float32, (2,))
# What a variable that stands for an attribute of a kind is tried with.
CANDIDATES = {
    attributes.Dtype: NUMERIC,
    attributes.Shape: [(), (4,), (2, 2), (1, 4)],
    attributes.Bool: [True, False],
    attributes.Int: [0, 1],
    attributes.Ints: [None, (0,), (0, 1), (1, 0), (-1,)],
    attributes.NewAxis: [0, 1, -1],
    attributes.Axes: [(), (0,), None],
    attributes.Axis: [0, -1],
}


def tensor_variables(pattern):
    if isinstance(pattern, Variable):
        return [pattern.name]
    if isinstance(pattern, Number):
        return []
    return list(dict.fromkeys(n for o in pattern.operands for n in tensor_variables(o)))


def name_attributes(pattern, count):
    """The pattern with a variable for each attribute that it leaves open."""
    if not isinstance(pattern, Node):
        return pattern
    operands = [name_attributes(o, count) for o in pattern.operands]
    open_ = {k: Variable(f"attribute{next(count)}") for k in pattern.op.attributes if k not in pattern.attributes}
    return Node(pattern.op, tuple(operands), {**pattern.attributes, **open_})


def attribute_variables(pattern):
    """Pairs of name and kind."""
    if not isinstance(pattern, Node):
        return []
    own = [(v.name, pattern.op.attributes[k]) for k, v in pattern.attributes.items() if isinstance(v, Variable)]
    return list(dict.fromkeys(own + [p for o in pattern.operands for p in attribute_variables(o)]))


def instantiate(graph, pattern, values, attribute_values, dtype):
    """The operations that a pattern describes, for given values of its variables."""
    if isinstance(pattern, Variable):
        return values[pattern.name]
    if isinstance(pattern, Number):
        if isinstance(pattern.value, bool) != dtype.is_bool or isinstance(pattern.value, complex) > dtype.is_complex:
            raise errors.DtypeError("not a number of this dtype")
        array = np.asarray(pattern.value).astype(dtype.numpy)
        if array != pattern.value:
            raise errors.DtypeError("not a number of this dtype")
        return append_constant(graph, array)
    operands = [instantiate(graph, o, values, attribute_values, dtype) for o in pattern.operands]
    given = {k: attribute_values[v.name] if isinstance(v, Variable) else v for k, v in pattern.attributes.items()}
    converted = {k: pattern.op.attributes[k].convert(v, operands) for k, v in given.items()}
    return append(graph, pattern.op, operands, converted).results[0]


def instances(rule, dtype):
    """Graphs that look like the rule's left side: an input for each variable, of `dtype` or bool, of several shapes."""
    pattern = name_attributes(rule.patterns[0], itertools.count())
    names, kinds = tensor_variables(pattern), attribute_variables(pattern)
    flat = all(kind is attributes.Dtype for _, kind in kinds)  # else the rule is about layout
    layouts = [(None,), ()] if flat else [(None,), (), (2, 2)]
    for types in itertools.product({dtype, dtypes.bool_}, repeat=len(names)):
        if dtype not in types and names:
            continue
        for shapes in itertools.product(layouts, repeat=len(names)):
            if flat and (shapes.count(()) > 1 or kinds and () in shapes):
                continue
            for chosen in itertools.product(*[CANDIDATES[kind] for _, kind in kinds]):
                graph = Graph("left")
                arrays = special_arrays(types, shapes)
                inputs = [graph.add_input(TensorType.of(t, a.shape), n) for t, a, n in zip(types, arrays, names)]
                attribute_values = dict(zip([n for n, _ in kinds], chosen))
                try:
                    graph.outputs = [instantiate(graph, pattern, dict(zip(names, inputs)), attribute_values, dtype)]
                except errors.OpError:
                    continue
                yield graph, arrays


def special_arrays(types, shapes):
    """For vectors, every combination of special values; for scalars and matrices, a few."""
    values = [np.asarray(special_values(t), t.numpy) for t in types]
    vectors = [i for i, s in enumerate(shapes) if s == (None,)]
    grid = np.meshgrid(*[np.arange(len(values[i])) for i in vectors], indexing="ij") if vectors else []
    places = {i: g.reshape(-1) for i, g in zip(vectors, grid)}
    return [v[places[i]] if s == (None,) else np.resize(v, s) for i, (v, s) in enumerate(zip(values, shapes))]


@pytest.mark.parametrize("rule", RULES.rules, ids=lambda r: r.text)
def test_both_sides_are_equal(rule):
    applied = 0
    for dtype in NUMERIC:
        for graph, arrays in instances(rule, dtype):
            rewritten = rewrite(graph, RuleSet([rule]))
            if rewritten is graph:
                continue
            verify(rewritten)
            applied += 1
            left, = evaluate(graph, arrays)
            right, = evaluate(rewritten, arrays)
            assert same_array(flushed(left), flushed(right)), (rule, dtype, arrays, left, right)
    assert applied, "the rule never applied"


def graph_of(function, *types):
    graph = Graph("f")
    inputs = [graph.add_input(t, n) for t, n in zip(types or [F32], "xyz")]
    with interpreting(GraphBuilder(graph)):
        result = function(*inputs)
        graph.outputs = list(result) if isinstance(result, tuple) else [result]
    return graph


def simplified(function, rules, *types):
    graph = graph_of(function, *types)
    before = str(graph)
    result = rewrite(graph, RuleSet(rules))
    verify(result)
    assert str(graph) == before, "a pass changed its input"
    return result


DOUBLE = rule("-(-x) -> x", lambda x: negative(negative(x)), lambda x: x)
ONE = rule("x * 1 -> x", lambda x: x * 1, lambda x: x)


def test_chains_collapse_in_one_sweep():
    def many(x):
        for _ in range(101):
            x = -x * 1
        return x
    result = simplified(many, [DOUBLE, ONE])
    assert [o.op.name for o in result.operations if o.results[0] in result.outputs] == ["negative"]
    assert rewrite(result, RuleSet([DOUBLE, ONE])) is result


def test_nothing_to_do_gives_the_same_object():
    graph = graph_of(lambda x: exp(x) + x)
    assert rewrite(graph, RULES) is graph


def test_unchanged_operations_stay_the_same_objects():
    graph = graph_of(lambda x, y: (exp(x), y * 1), F32, F32)
    result = rewrite(graph, RULES)
    assert result.operations[0] is graph.operations[0]


def test_commutative_operands_match_in_both_orders():
    for function in (lambda x: x * 1, lambda x: 1 * x):
        result = simplified(function, [ONE])
        assert result.outputs == result.inputs


def test_a_replacement_of_another_type_is_refused():
    # x * ones(3) is x broadcast, not x.
    wide = graph_of(lambda x: x * np.ones(3, np.float32), TensorType.of(dtypes.float32, ()))
    assert rewrite(wide, RuleSet([ONE])) is wide
    # The refused replacement leaves no operation behind.
    bad = rule("-x -> 0", lambda x: -x, lambda x: identity(x) * 0 + np.zeros(7, np.float32))
    graph = graph_of(lambda x: -x, TensorType.of(dtypes.float32, ()))
    assert rewrite(graph, RuleSet([bad])) is graph


@pytest.mark.parametrize("number, array, matches", [
    (1, np.ones((2, 2), np.float32), True),
    (1, np.array([1, 2], np.float32), False),
    (0.0, np.float32(0.0), True),
    (0.0, np.float32(-0.0), False),
    (-0.0, np.float32(0.0), False),
    (-0.0, np.int32(0), True),
    (0.0, np.array([0.0, -0.0], np.float32), False),
    (0.5, np.int32(0), False),
    (-1, np.uint8(255), False),
    (1, np.True_, False),
    (True, np.True_, True),
    (True, np.int32(1), False),
    (1, np.complex64(1), True),
    (1, np.complex64(1 + 1j), False),
    (1j, np.complex64(1j), True),
    (1j, np.float32(0), False),
    (1, np.ones((0,), np.float32), False),
    (float("inf"), np.float64("inf"), True),
])
def test_numbers_match_constants_bit_for_bit(number, array, matches):
    found = rule("x * number", lambda x: multiply(x, number), lambda x: identity(x))
    graph = Graph("f")
    value = append_constant(graph, np.asarray(array))
    pattern = found.patterns[0].operands[1]
    assert match(pattern, value, {}) is matches


def test_a_variable_that_occurs_twice_is_one_value():
    square = rule("x * x -> -x", lambda x: x * x, lambda x: -x)
    assert simplified(lambda x, y: x * x, [square], F32, F32).operations[-1].op is negative
    assert simplified(lambda x, y: x * y, [square], F32, F32).operations[-1].op is multiply


def test_attributes_are_captured_and_compared():
    twice = rule("cast(cast(x, d), d) -> cast(x, d)", lambda x, d: node(cast, node(cast, x, dtype=d), dtype=d),
                 lambda x, d: cast(x, dtype=d))
    same = simplified(lambda x: cast(cast(x, dtype="int32"), dtype="int32"), [twice])
    assert same.outputs[0].producer.operands == tuple(same.inputs)
    other = simplified(lambda x: cast(cast(x, dtype="int32"), dtype="int8"), [twice])
    assert other.outputs[0].producer.operands[0].producer.op is cast


def test_conditions():
    guarded = rule("-x -> exp(x)", lambda x: -x, lambda x: exp(x), when=lambda x: x.type.rank == 1)
    assert simplified(lambda x: -x, [guarded]).operations[-1].op is exp
    assert simplified(lambda x: -x, [guarded], TensorType.of(dtypes.float32, ())).operations[-1].op is negative


def test_replacements_carry_the_location_of_their_root():
    graph = graph_of(lambda x: -x)
    graph.operations[0].location = ("train.py", 3)
    result = rewrite(graph, RuleSet([rule("-x -> x * -1", lambda x: -x, lambda x: x * -1)]))
    assert {o.location for o in result.operations} == {("train.py", 3)}


def test_rules_that_undo_each_other_are_reported():
    there = rule("-x -> exp(x)", lambda x: -x, lambda x: exp(x))
    back = rule("exp(x) -> -x", lambda x: exp(x), lambda x: -x)
    with pytest.raises(errors.InternalError, match="'(-x -> exp|exp)"):
        rewrite(graph_of(lambda x: -x), RuleSet([there, back]))


def test_mistakes_in_rules():
    with pytest.raises(TypeError, match="must be an operation"):
        rule("x -> x", lambda x: x, lambda x: x)
    with pytest.raises(ValueError, match="has no variables"):
        rule("-x -> y", lambda x: -x, lambda y: y)
    with pytest.raises(TypeError, match="must be an operation"):
        rule("1 -> 1", lambda x: 1, lambda x: 1)


def test_ten_thousand_operations():
    def long(x):
        for _ in range(5_000):
            x = negative(-x)
        return x
    result = simplified(long, RULES.rules)
    assert result.outputs == result.inputs
