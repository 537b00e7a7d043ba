"""The passes, one by one and in the pipeline: what they change, what they keep, and that values stay the same."""

import itertools

import ml_dtypes
import numpy as np
import pytest
from random_graphs import evaluate, flushed, fresh_rng, random_array, random_graph, special_values

from treadle.ir import dtypes, errors
from treadle.ir.autodiff import linearize
from treadle.ir.builder import GraphBuilder, append, append_constant, specialise
from treadle.ir.dims import Dim
from treadle.ir.equality import equal, same_array
from treadle.ir.graph import Graph
from treadle.ir.interpreter import interpreting
from treadle.ir.op import REGISTRY, Rest, op
from treadle.ir.ops.arrays import shape
from treadle.ir.ops.elementwise import cast, exp, negative
from treadle.ir.ops.structure import call, call_with_gradient, constant, optimization_barrier
from treadle.ir.parser import parse
from treadle.ir.passes import pipeline
from treadle.ir.passes.algebra import algebra
from treadle.ir.passes.common_subexpressions import attribute_key, common_subexpressions
from treadle.ir.passes.constant_folding import constant_folding
from treadle.ir.passes.dead_code import dead_code
from treadle.ir.passes.inlining import LARGEST_SHARED, inlining
from treadle.ir.passes.pipeline import PIPELINE, operation_count, run_pipeline
from treadle.ir.rewrite import RuleSet, rewrite, rule
from treadle.ir.types import TensorType
from treadle.ir.verifier import verify

F32 = TensorType.of(dtypes.float32, (2,))
SCALAR = TensorType.of(dtypes.float32, ())


@op(infer=lambda *types: (), lower=lambda xp, *x: (), traits="effect", many=True)
def observe(operands: Rest):
    """An effect, for these tests."""


del REGISTRY["observe"]  # not an op of treadle's: tests that list all ops should not see it


def graph_of(function, *types, name="f"):
    graph = Graph(name)
    inputs = [graph.add_input(t, n) for t, n in zip(types or [F32], "xyz")]
    with interpreting(GraphBuilder(graph)):
        result = function(*inputs)
        graph.outputs = list(result) if isinstance(result, (tuple, list)) else [result]
    return graph


def after(function, graph):
    """The graph after a pass; checks what every pass promises."""
    before = str(graph)
    verify(graph)
    result = function(graph)
    verify(result)
    assert str(graph) == before, "a pass changed its input"
    assert result.input_types == graph.input_types
    assert result.output_types == graph.output_types
    assert function(result) is result, "a pass left work for itself"
    return result


def names(graph):
    return [o.op.name for o in graph.operations]


# --- dead code ------------------------------------------------------------------------------------------------------


def test_dead_code_goes_and_effects_stay():
    def function(x):
        exp(exp(x))
        y = -x
        observe([y])
        return x + x
    assert names(after(dead_code, graph_of(function))) == ["negative", "observe", "add"]


def test_dead_calls_go_unless_an_effect_is_inside():
    quiet = graph_of(lambda x: exp(x), name="quiet")
    loud = graph_of(lambda x: [observe([x]), x][1], name="loud")
    outer = graph_of(lambda x: call([x], graph=loud), name="outer")

    def function(x):
        call([x], graph=quiet)
        call([x], graph=outer)
        return x
    result = after(dead_code, graph_of(function))
    assert [o.attributes["graph"].name for o in result.operations] == ["outer"]


def test_dead_code_in_nested_graphs():
    def body(x):
        exp(x)
        return -x
    inner = graph_of(body, name="inner")
    result = after(dead_code, graph_of(lambda x: call([x], graph=inner)[0] + call([x], graph=inner)[0]))
    first, second, _ = result.operations
    assert first.attributes["graph"] is second.attributes["graph"]
    assert names(first.attributes["graph"]) == ["negative"]
    assert names(inner) == ["exp", "negative"]


def test_inputs_and_outputs_stay():
    graph = graph_of(lambda x, y, z: (y, y), F32, F32, F32)
    assert after(dead_code, graph) is graph


# --- common subexpressions ------------------------------------------------------------------------------------------


def test_common_subexpressions_merge_up_to_order():
    result = after(common_subexpressions, graph_of(lambda x, y: (exp(x + y) - exp(y + x), x - y, y - x), F32, F32))
    assert names(result) == ["add", "exp", "subtract", "subtract", "subtract"]


def test_equal_constants_and_attributes_merge():
    def function(x):
        return x * 2.0 + 2.0, cast(x, dtype="int32"), cast(x, dtype="int32"), cast(x, dtype="int8")
    assert names(after(common_subexpressions, graph_of(function))) == ["constant", "multiply", "add", "cast", "cast"]


def test_constants_that_differ_in_bits_or_dtype_stay_apart():
    arrays = [np.float32(0.0), np.float32(-0.0), np.int32(0), np.zeros(1, np.float32), np.float64(0), np.False_]
    graph = graph_of(lambda x: [constant(value=a) for a in arrays])
    assert after(common_subexpressions, graph) is graph


@pytest.mark.parametrize("a, b", list(itertools.combinations(
    [1, 1.0, True, 0.0, -0.0, 0, False, None, "1", (1,), (1.0,), (True,), ((1,),), 1j, complex(0, -0.0), F32,
     np.float32(1).reshape(()), np.float64(1).reshape(()), dtypes.int8], 2)), ids=repr)
def test_attribute_keys_differ(a, b):
    assert attribute_key(a) != attribute_key(b)


def test_effects_and_barriers_are_never_merged():
    inner = graph_of(lambda x: optimization_barrier([x]), name="inner")

    def function(x):
        observe([x])
        observe([x])
        a, = optimization_barrier([x])
        b, = optimization_barrier([x])
        return a + b, *call([x], graph=inner), *call([x], graph=inner)
    graph = graph_of(function)
    assert after(common_subexpressions, graph) is graph


def test_calls_of_the_same_graph_merge():
    inner = graph_of(lambda x: (exp(x), -x), name="inner")
    result = after(common_subexpressions, graph_of(lambda x: (*call([x], graph=inner), *call([x], graph=inner))))
    assert names(result) == ["call"]
    assert result.outputs == [*result.operations[0].results] * 2


def test_symbolic_sizes_in_either_order_are_one_type():
    x, y = (TensorType.of(dtypes.float32, (Dim.symbol(n),)) for n in ("n0", "n1"))
    assert names(after(common_subexpressions, graph_of(lambda x, y: (x + y) * (y + x), x, y))) == ["add", "multiply"]


# --- constant folding -----------------------------------------------------------------------------------------------


def folded_value(graph):
    """The value of the only output if it became a constant, else None."""
    result = after(constant_folding, graph)
    producer = result.outputs[0].producer
    return producer.attributes["value"] if producer.op is constant else None


def constants(function, *arrays):
    graph = Graph("f")
    with interpreting(GraphBuilder(graph)):
        graph.outputs = [function(*[append_constant(graph, np.asarray(a)) for a in arrays])]
    return graph


def test_constants_fold():
    found = folded_value(constants(lambda a, b: -(a + b) * 2, np.arange(3, dtype=np.int32), np.int32(5)))
    assert found.tolist() == [-10, -12, -14]
    assert not found.flags.writeable


@pytest.mark.parametrize("array", [np.full(2, 1e-40, np.float32), np.full(2, 1e-310), np.full(2, 1e-7, np.float16),
                                   np.full(2, 1e-40, ml_dtypes.bfloat16), np.full(2, 1 + 1j, np.complex64)])
def test_subnormal_and_complex_numbers_do_not_fold(array):
    assert folded_value(constants(lambda x: x + x, array)) is None


def test_subnormal_results_do_not_fold():
    assert folded_value(constants(lambda x: x * x, np.float32(1e-20))) is None
    assert folded_value(constants(lambda x: x * x, np.float32(1e-10))) == np.float32(1e-10) * np.float32(1e-10)


def test_inexact_ops_and_large_arrays_do_not_fold():
    assert folded_value(constants(lambda x: exp(x), np.float32(1))) is None
    assert folded_value(constants(lambda x: x + x, np.ones(1024, np.float32))) is not None
    assert folded_value(constants(lambda x: x + x, np.ones(1025, np.float32))) is None
    assert folded_value(constants(lambda x, y: x + y, np.ones((64, 1), np.int8), np.ones(64, np.int8))) is None


def test_the_shape_of_a_tensor_folds_once_it_is_known():
    symbolic = graph_of(lambda x: shape(x) + 1, TensorType.of(dtypes.float32, (Dim.symbol("n0"), 3)))
    assert after(constant_folding, symbolic) is symbolic
    assert folded_value(specialise(symbolic, [TensorType.of(dtypes.float32, (5, 3))])).tolist() == [6, 4]


EXACT = [o for o in REGISTRY.values() if {"exact", "elementwise"} <= o.traits and not o.attributes and not o.variadic]


@pytest.mark.parametrize("op", EXACT, ids=lambda o: o.name)
def test_folding_gives_what_the_target_gives(op):
    """Every exact elementwise op, on special values (but subnormal ones) of every dtype."""
    tried = folded = 0
    for dtype in dtypes.BY_NAME.values():
        if dtype.is_string or dtype.is_complex:
            continue
        for types in set(itertools.product({dtype, dtypes.bool_}, repeat=op.arity)):
            values = [np.asarray(special_values(t), t.numpy) for t in types]
            values = [v if t.kind in "bool int uint" else v[np.isnan(v) | (v == 0) | (np.abs(v.astype(float)) > 1e-3)]
                      for v, t in zip(values, types)]
            grid = np.meshgrid(*[np.arange(len(v)) for v in values], indexing="ij")
            graph = Graph("f")
            operands = [append_constant(graph, v[g.reshape(-1)]) for v, g in zip(values, grid)]
            try:
                graph.outputs = list(append(graph, op, operands, {}).results)
            except errors.OpError:
                continue
            tried += 1
            value = folded_value(graph)
            if value is None:
                continue
            folded += 1
            expected, = evaluate(graph, [])
            assert same_array(value, expected), (op, types, [o.producer.attributes for o in operands], value, expected)
    assert tried == 0 or folded, "never folded"


# --- inlining -------------------------------------------------------------------------------------------------------


def test_calls_are_inlined():
    inner = graph_of(lambda x, y: (y, x + y), F32, F32, name="inner")
    middle = graph_of(lambda x: [-v for v in call([x, x], graph=inner)], name="middle")
    graph = graph_of(lambda x: [exp(v) for v in call([x], graph=middle)])
    result = after(inlining, graph)
    assert names(result) == ["add", "negative", "negative", "exp", "exp"]
    total, minus_x, minus_total = result.operations[0], *result.operations[1:3]
    assert minus_x.operands == tuple(result.inputs)
    assert minus_total.operands == total.results


def test_a_gradient_of_ones_own_is_forgotten():
    body = graph_of(lambda x: x * x, name="body")
    graph = graph_of(lambda x: call_with_gradient([x], graph=body, linearized=linearize(body)))
    assert names(after(inlining, graph)) == ["multiply"]


def test_calls_with_other_sizes_stay():
    symbolic = graph_of(lambda x: exp(x), TensorType.of(dtypes.float32, (Dim.symbol("n0"),)))
    graph = Graph("f")
    x = graph.add_input(F32, "x")
    graph.outputs = list(append(graph, call, [x], {"graph": symbolic}).results)
    assert inlining(graph) is graph


def test_shared_graphs_do_not_grow_without_end():
    graph = graph_of(lambda x: -x, name="leaf")
    for _ in range(40):  # 2**40 calls
        graph = graph_of(lambda x, g=graph: call(call([x], graph=g), graph=g), name="twice")
    result = after(inlining, graph)
    assert operation_count(result) < 40 * 2 * LARGEST_SHARED


def test_large_graphs_with_one_caller_are_inlined():
    def body(x):
        for _ in range(LARGEST_SHARED + 1):
            x = -x
        return x
    inner = graph_of(body, name="inner")
    assert names(after(inlining, graph_of(lambda x: call([x], graph=inner)))) == ["negative"] * (LARGEST_SHARED + 1)
    twice = graph_of(lambda x: call(call([x], graph=inner), graph=inner))
    assert after(inlining, twice) is twice


# --- the pipeline ---------------------------------------------------------------------------------------------------


def test_the_pipeline_simplifies():
    def body(x):
        y = (x * (constant(value=np.float32(3)) - 2)) + (x * 1)
        exp(y)
        return -(-1 * y), -y * -1
    inner = graph_of(body, name="inner")
    result = run_pipeline(graph_of(lambda x: call([x], graph=inner)))
    assert str(result.graph) == """\
graph f(%x: f32[2]) -> (f32[2], f32[2]) {
  %0 = add(%x, %x) : f32[2]
  return %0, %0
}"""
    assert result.counts[0] == ("input", 1 + len(inner))
    assert result.counts[-1][1] == 1
    assert result["inlining"] is not result.graph
    assert names(result["inlining"]) == names(inner)
    assert result["algebra 2"] is result.graph


def test_stages_are_kept_and_printable():
    result = run_pipeline(graph_of(lambda x: x * 1))
    assert [name for name, _ in result.stages][:1 + len(PIPELINE)] == ["input", *[name for name, _ in PIPELINE]]
    for _, graph in result.stages:
        assert equal(parse(str(graph)), graph)
    assert "algebra" in str(result)
    with pytest.raises(errors.NotFoundError, match="There was no pass of that name"):
        result["fusion"]


def test_the_pipeline_stops_when_nothing_changes():
    graph = graph_of(lambda x: exp(x))
    result = run_pipeline(graph)
    assert result.graph is graph
    assert len(result.stages) == 1 + len(PIPELINE)


def test_a_user_adds_a_pass():
    rules = RuleSet([rule("exp(x) -> x", lambda x: exp(x), lambda x: x)])
    result = run_pipeline(graph_of(lambda x: exp(x) * 1), [*PIPELINE, ("no exp", lambda g: rewrite(g, rules))])
    assert result.graph.outputs == result.graph.inputs
    assert result["no exp"] is result.graph


def test_a_pass_that_breaks_the_graph_is_named():
    def broken(graph):
        return Graph(graph.name, graph.inputs, graph.operations[1:], graph.outputs)
    graph = graph_of(lambda x: exp(-x))
    with pytest.raises(errors.InternalError, match="After the pass 'broken': Graph @f is not well formed: operand 0"):
        run_pipeline(graph, [("broken", broken)])
    assert len(run_pipeline(graph, [("broken", broken)], verify=False).graph) == 1
    with pytest.raises(errors.InternalError, match="After the pass 'input'"):
        run_pipeline(broken(graph))


@pytest.mark.parametrize("attempt", range(25))
def test_random_graphs_keep_their_values(attempt):
    rng = fresh_rng(attempt)
    graph = random_graph(rng, operations=20, special=True)
    arrays = [random_array(rng, t, special=True) for t in graph.input_types]
    expected = evaluate(graph, arrays)
    before = str(graph)
    for name, function in [*PIPELINE, ("pipeline", lambda g: run_pipeline(g).graph)]:
        result = function(graph)
        verify(result)
        assert result.input_types == graph.input_types
        for a, b in zip(expected, evaluate(result, arrays), strict=True):
            assert same_array(flushed(a), flushed(b)), f"{name} changed a value:\n{graph}\n{result}\n{arrays}"
    assert str(graph) == before


@pytest.mark.parametrize("attempt", range(10))
def test_random_symbolic_graphs_stay_well_formed(attempt):
    run_pipeline(random_graph(fresh_rng(attempt), symbolic=True, special=True))


def chain(count):
    def function(x):
        for i in range(count // 5):
            x = negative(-(x * 1)) + (i % 7)
        return x
    return graph_of(function)


def wide(count):
    return graph_of(lambda x, y: [(x + y) * (y + x) - exp(x) for _ in range(count // 5)], F32, F32)


@pytest.mark.parametrize("graph", [chain(10_000), wide(10_000)], ids=["chain", "wide"])
def test_ten_thousand_operations(graph):
    assert len(graph) >= 10_000
    result = run_pipeline(graph)
    assert len(result.graph) < len(graph) / 4


def test_the_pipeline_is_a_list_of_named_passes():
    assert pipeline.PIPELINE is PIPELINE
    assert dict(PIPELINE)["algebra"] is algebra
    assert all(callable(function) for _, function in PIPELINE)
