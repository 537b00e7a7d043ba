"""The passes over `cond`, `while` and `scan`, one by one: before and after."""

import numpy as np
import pytest
from control_graphs import BOOL, F32, INT, counting, graph_of, run_compiled

from treadle.ir import autodiff, dtypes
from treadle.ir.dims import Dim
from treadle.ir.op import REGISTRY, Rest, op
from treadle.ir.ops.control import cond, scan, while_
from treadle.ir.ops.structure import constant
from treadle.ir.passes.branches import branches
from treadle.ir.passes.common_subexpressions import common_subexpressions
from treadle.ir.passes.constant_folding import constant_folding
from treadle.ir.passes.counted_loops import counted_loops
from treadle.ir.passes.dead_code import dead_code
from treadle.ir.passes.loop_invariants import loop_invariants
from treadle.ir.passes.loop_sums import loop_sums
from treadle.ir.passes.loop_values import loop_values
from treadle.ir.passes.pipeline import run_pipeline
from treadle.ir.trip_counts import as_scan_if_counted, known_trip_count
from treadle.ir.types import TensorType
from treadle.ir.verifier import verify

sin, exp, less, matmul = (REGISTRY[n] for n in ("sin", "exp", "less", "matmul"))
ROWS = TensorType.of(dtypes.float32, (4,))


@op(infer=lambda *types: types, lower=lambda xp, *x: x, traits="effect", many=True)
def note(operands: Rest):
    """An effect, for these tests."""


@op(infer=lambda x: x, lower=lambda xp, x: x, valid=lambda x: less(x, 100.0))
def small(x):
    """x, which must be below 100."""


del REGISTRY["note"], REGISTRY["small"]  # not ops of treadle's


def names(graph):
    return [o.op.name for o in graph.operations]


def after(function, graph, *arrays, rtol=1e-6):
    """The graph after a pass; checks what every pass promises, and the values for `arrays`."""
    before = str(graph)
    verify(graph)
    result = function(graph)
    verify(result)
    assert str(graph) == before, "a pass changed its input"
    assert result.input_types == graph.input_types and result.output_types == graph.output_types
    assert function(result) is result, "a pass left work for itself"
    if arrays:
        for a, b in zip(run_compiled(graph, arrays), run_compiled(result, arrays)):
            np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)
    return result


def number(value, dtype=np.float32):
    return constant(value=np.asarray(value, dtype))


def loop_of(body, *types, condition=lambda *x: x[0] < 3, carried):
    """A `while` as a function of its operands."""
    return lambda *operands: while_(list(operands), condition=graph_of(condition, *types, name="condition"),
                                    body=graph_of(body, *types, name="body"), carried=carried)


# --- branches -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("predicate, taken", [(np.bool_(True), "sin"), (np.bool_(False), "exp"), (np.int32(0), "sin"),
                                              (np.int32(1), "exp"), (np.int32(-1), "negative"), (np.int32(7), "negative")])
def test_a_constant_choice_is_the_branch(predicate, taken):
    both = [graph_of(sin, F32), graph_of(exp, F32), graph_of(lambda x: -x, F32)][:2 if predicate.dtype == bool else 3]
    graph = graph_of(lambda x: cond([constant(value=np.asarray(predicate)), x], branches=tuple(both)), F32)
    assert names(dead_code(after(branches, graph, np.float32(0.3)))) == [taken]


def test_equal_branches_are_no_choice():
    one = graph_of(sin, F32)
    assert names(after(branches, graph_of(lambda p, x: cond([p, x], branches=(one, one)), BOOL, F32))) == ["sin"]


def test_a_cond_takes_and_returns_what_is_needed():
    first = graph_of(lambda a, b, c, d, e: (sin(a) + b, c, exp(d), e), *[F32] * 5)
    second = graph_of(lambda a, b, c, d, e: (a * 2.0, c, -d, d), *[F32] * 5)
    graph = graph_of(lambda p, x, y: cond([p, x, x, y, y, number(2)], branches=(first, second))[:2], BOOL, F32, F32)
    result = after(branches, graph, True, np.float32(0.3), np.float32(2))
    chosen, = (o for o in result.operations if o.op is cond)
    assert len(chosen.operands) == 2 and len(chosen.results) == 1  # the predicate and x
    assert result.outputs[1] is result.inputs[2]  # both return c as it is


def test_a_scalar_constant_moves_into_the_branches():
    both = graph_of(lambda x, c: x + c * c, F32, F32), graph_of(lambda x, c: x - c, F32, F32)
    graph = graph_of(lambda p, x: cond([p, x, number(3)], branches=both), BOOL, F32)
    result = constant_folding(after(branches, graph, False, np.float32(1)))
    true = result.operations[-1].attributes["branches"][0]
    assert names(dead_code(true)) == ["constant", "add"]


def test_a_cond_with_an_effect_stays_and_keeps_its_operands():
    both = graph_of(lambda x, y: [note([x]), sin(y)][1], F32, F32), graph_of(lambda x, y: sin(y), F32, F32)
    graph = graph_of(lambda p, x, y: [cond([p, x, y], branches=both), y][1], BOOL, F32, F32)
    result = dead_code(after(branches, graph))
    kept, = result.operations
    assert len(kept.operands) == 2 and not kept.results
    twice = graph_of(lambda p, x, y: [*cond([p, x, y], branches=both), *cond([p, x, y], branches=both)], BOOL, F32, F32)
    assert names(run_pipeline(twice).graph) == ["cond", "cond"]


# --- loop values ----------------------------------------------------------------------------------------------------


def test_dead_carried_values_go():
    body = lambda i, x, y, z, w: [i + 1, sin(x), y + x, z * w, w]  # z feeds itself, w is unchanged
    graph = graph_of(lambda i, x, y, z, w: loop_of(body, INT, F32, F32, F32, F32, carried=5)(i, x, y, z, w)[1],
                     INT, F32, F32, F32, F32)
    loop, = after(loop_values, graph, np.int32(0), *map(np.float32, [1, 2, 3, 4])).operations
    assert [o.type for o in loop.operands] == [INT, F32] and loop.attributes["carried"] == 2
    assert names(dead_code(loop.attributes["body"])) == ["constant", "add", "sin"]


def test_what_is_unchanged_becomes_an_invariant_also_as_a_result():
    graph = graph_of(lambda i, x, w: loop_of(lambda i, x, w: [i + 1, x * w, w], INT, F32, F32, carried=3)(i, x, w),
                     INT, F32, F32)
    result = after(loop_values, graph, np.int32(0), np.float32(2), np.float32(3))
    assert result.operations[0].attributes["carried"] == 2 and result.outputs[2] is result.inputs[2]


def test_scan_keeps_what_is_used():
    body = graph_of(lambda s, t, a, b, p, q, r: [s + p * a, t * s, s * q, p + b], *[F32] * 7)
    graph = graph_of(lambda s, w, x, y: scan([s, s, w, w, x, x, y], body=body, carried=2, scanned=3, length=4)[0::2],
                     F32, F32, ROWS, ROWS)
    loop, = after(loop_values, graph, np.float32(1), np.float32(2), np.ones(4, np.float32), np.ones(4, np.float32)).operations
    assert (loop.attributes["carried"], loop.attributes["scanned"], len(loop.operands), len(loop.results)) == (1, 1, 3, 2)


def test_a_scalar_constant_moves_into_the_loop():
    loop = loop_of(lambda i, x, k, n: [i + 1, x * k], INT, F32, F32, INT, carried=2, condition=lambda i, x, k, n: i < n)
    graph = graph_of(lambda x: loop(number(0, np.int32), x, number(2), number(5, np.int32)), F32)
    result = after(loop_values, graph, np.float32(1))
    loop = result.operations[-1]
    assert len(loop.operands) == 2
    assert any("constant" in o.op.traits for o in loop.attributes["condition"].operations)


def test_nested_loops_shrink_from_the_outside_in():
    inner = loop_of(lambda i, x, y: [i + 1, sin(x), exp(y)], INT, F32, F32, carried=3)

    def body(i, x, z, w):
        _, x, y = inner(number(0, np.int32), x, w)
        return [i + 1, x, z + y]
    graph = graph_of(lambda i, x, w: loop_of(body, INT, F32, F32, F32, carried=3)(i, x, x, w)[1], INT, F32, F32)
    loop, = after(loop_values, graph, np.int32(0), np.float32(0.3), np.float32(0.2)).operations
    assert len(loop.operands) == 2
    assert "exp" not in [o.op.name for o in run_pipeline(graph).graph.walk()]


def test_what_is_carried_twice_is_carried_once():
    def body(i, x, y, z):
        new = sin(x) + y * z
        return [i + 1, new, new, new]
    loop = loop_of(body, INT, F32, F32, F32, carried=4, condition=lambda i, x, y, z: y + z + number(0) * x < 3.0)
    graph = graph_of(lambda i, x, z: loop(i, x, x, z)[1:], INT, F32, F32)  # x and y are the same, z begins elsewhere
    result = after(loop_values, graph, np.int32(0), np.float32(0.5), np.float32(0.7))
    assert result.operations[0].attributes["carried"] == 2 and result.outputs[0] is result.outputs[1] is not result.outputs[2]
    loop = loop_of(lambda i, x, y, z: [i + 1, x, x, z + y], INT, F32, F32, F32, carried=4)  # y is x, which is unchanged
    graph = graph_of(lambda i, x, z: loop(i, x, x, z)[1:], INT, F32, F32)
    after(loop_values, graph, np.int32(0), np.float32(0.5), np.float32(0.7))
    rows = graph_of(lambda s, t, r: [(new := s * t + r), new, s], F32, F32, F32)
    graph = graph_of(lambda s, r: scan([s, s, r], body=rows, carried=2, scanned=1, length=4), F32, ROWS)
    loop, = after(loop_values, graph, np.float32(2), np.ones(4, np.float32)).operations
    assert (loop.attributes["carried"], len(loop.operands), len(loop.results)) == (1, 2, 2)


def test_effects_keep_what_they_look_at():
    body = lambda i, x, y: [note([y]), i + 1, sin(x), y * 2.0][1:]
    graph = graph_of(lambda i, x, y: [loop_of(body, INT, F32, F32, carried=3)(i, x, y), i][1], INT, F32, F32)
    loop, = dead_code(after(loop_values, graph)).operations
    assert [o.type for o in loop.operands] == [INT, F32]  # the counter and y
    assert [o.op.name for o in run_pipeline(graph).graph.walk()].count("note") == 1


# --- loop invariants ------------------------------------------------------------------------------------------------


def test_invariants_leave_loops():
    loop = loop_of(lambda i, x, w: [i + 1, x * sin(exp(w)) + 9.0], INT, F32, F32, carried=2,
                   condition=lambda i, x, w: REGISTRY["logical_and"](x < exp(w) * 9.0, i < 5))
    graph = graph_of(lambda i, x, w: loop(i, x, w), INT, F32, F32)
    result = after(loop_invariants, graph, np.int32(0), np.float32(1), np.float32(1.2))
    assert sorted(names(result)) == ["constant", "exp", "exp", "multiply", "sin", "while"]
    loop = dead_code(result).operations[-1]
    assert names(loop.attributes["condition"]) == ["less", "constant", "less", "logical_and"]
    assert "sin" not in names(loop.attributes["body"])


def test_invariants_leave_nested_loops_and_scans():
    inner = loop_of(lambda i, x, w: [i + 1, x * exp(w)], INT, F32, F32, carried=2)
    body = graph_of(lambda s, w, r: inner(number(0, np.int32), s, w)[1] + r, F32, F32, F32)
    graph = graph_of(lambda s, w, x: scan([s, w, x], body=body, carried=1, scanned=1, length=4), F32, F32, ROWS)
    assert names(after(loop_invariants, graph, np.float32(1), np.float32(1), np.ones(4, np.float32))) == ["exp", "scan"]


@pytest.mark.parametrize("shape", [(3, 3), (2, 3, 3)])
def test_matrices_are_transposed_before_the_loop(shape):
    def body(i, x, w):
        return [i + 1, matmul(matmul(x, w, transpose_b=True), w * 0.5, transpose_b=True) + matmul(w, x, transpose_a=True)]
    matrix = TensorType.of(dtypes.float32, shape)
    graph = graph_of(loop_of(body, INT, matrix, matrix, carried=2), INT, matrix, matrix)
    array = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    result = common_subexpressions(after(loop_invariants, graph, np.int32(0), array, array[::-1]))
    assert sorted(names(result)) == ["constant", "multiply", "transpose", "transpose", "while"]
    inner = [o for o in result.operations[-1].attributes["body"].operations if o.op is matmul]
    assert len(inner) == 3 and not any(o.attributes["transpose_a"] or o.attributes["transpose_b"] for o in inner)


def test_constants_broadcasts_effects_and_possible_errors_stay():
    def body(i, x, w):
        note([w])
        return [i + 1, x * REGISTRY["broadcast_to"](w, shape=(4,)) * small(w)]
    graph = graph_of(loop_of(body, INT, ROWS, F32, carried=2), INT, ROWS, F32)
    assert after(loop_invariants, graph) is graph


# --- counted loops --------------------------------------------------------------------------------------------------


def counted(relation, start, limit, step, swap=False, dtype=np.int32, subtract=False):
    type = TensorType.of(dtypes.as_dtype(dtype))
    compare = REGISTRY[relation]

    def body(i, x, n):
        return [i - number(-step, dtype) if subtract else i + number(step, dtype), x * 1.5]
    loop = loop_of(body, type, F32, type, carried=2,
                   condition=lambda i, x, n: compare(n, i) if swap else compare(i, n))
    return graph_of(lambda x: loop(number(start, dtype), x, number(limit, dtype)), F32)


@pytest.mark.parametrize("relation, start, limit, step, rounds", [
    ("less", 0, 10, 1, 10), ("less", 0, 10, 3, 4), ("less", 5, 5, 1, 0), ("less", 7, 5, -1, 0), ("less_equal", 0, 10, 5, 3),
    ("greater", 10, 0, -1, 10), ("greater", 10, 0, -4, 3), ("greater_equal", 10, 0, -5, 3), ("not_equal", 0, 6, 2, 3),
    ("not_equal", 0, 5, 2, None), ("less", 0, 10, -1, None), ("less", 0, 10, 0, None), ("greater", 1, 0, 1, None),
    ("less_equal", 0, 2**31 - 1, 1, None), ("not_equal", 3, 3, 1, 0), ("greater_equal", 3, 3, -1, 1)])
def test_trip_counts(relation, start, limit, step, rounds):
    mirrored = {"less": "greater", "less_equal": "greater_equal", "greater": "less", "greater_equal": "less_equal"}
    for graph in (counted(relation, start, limit, step), counted(relation, start, limit, step, subtract=True),
                  counted(mirrored.get(relation, relation), start, limit, step, swap=True)):
        loop = graph.operations[-1]
        assert known_trip_count(loop) == rounds
        result = after(counted_loops, graph, *[np.float32(1)] if rounds is not None else [])
        assert names(result)[-1] == ("while" if rounds is None else "scan")
        if rounds is not None:
            assert result.operations[-1].attributes["length"] == rounds
            assert as_scan_if_counted(loop.operands, **loop.attributes)["length"] == rounds


def test_a_narrow_counter_that_would_overflow_is_not_counted():
    assert known_trip_count(counted("less_equal", 0, 127, 1, dtype=np.int8).operations[-1]) is None
    assert known_trip_count(counted("less", 0, 127, 1, dtype=np.int8).operations[-1]) == 127


def test_a_bound_from_a_shape_is_a_size():
    rows = TensorType.of(dtypes.float32, (Dim.symbol("n0"),))
    loop = counting(lambda x: [x[0] * 2.0])
    graph = graph_of(lambda x, r: loop([x], [], REGISTRY["size"](r), number(0, np.int32)), F32, rows)
    assert known_trip_count(graph.operations[-1]) == Dim.symbol("n0")


def test_what_changes_in_the_loop_is_no_count():
    changing = loop_of(lambda i, x, n: [i + 1, x, n - 1], INT, F32, INT, carried=3, condition=lambda i, x, n: i < n)
    graph = graph_of(lambda x: changing(number(0, np.int32), x, number(9, np.int32)), F32)
    assert known_trip_count(graph.operations[-1]) is None
    noted = loop_of(lambda i, x: [i + 1, x], INT, F32, carried=2, condition=lambda i, x: [note([x]), i < 3][1])
    assert after(counted_loops, graph_of(lambda x: noted(number(0, np.int32), x), F32)).operations[-1].op is while_


def test_the_gradient_of_a_counted_loop_stacks():
    graph = counted("less", 0, 10, 1)
    found = names(autodiff.linearize(graph).forward)
    assert "scan" in found and "while" not in found


# --- the others -----------------------------------------------------------------------------------------------------


def test_equal_loops_merge_unless_they_have_an_effect():
    quiet = graph_of(lambda s, w: s * w, F32, F32)
    loud = graph_of(lambda s, w: [note([s]), s * w][1], F32, F32)
    for body, count in ((quiet, 1), (loud, 2)):
        graph = graph_of(lambda s, w, body=body: [*scan([s, w], body=body, carried=1, scanned=0, length=3),
                                                  *scan([s, w], body=body, carried=1, scanned=0, length=3)], F32, F32)
        assert names(common_subexpressions(graph)).count("scan") == count
        assert names(run_pipeline(graph).graph).count("scan") == count


def test_order_and_count_of_effects_stay():
    def function(p, x):
        note([x])
        y, = cond([p, x], branches=(graph_of(lambda x: [note([x]), x][1], F32), graph_of(lambda x: x, F32)))
        loop_of(lambda i, x: [note([x]), i + 1, x][1:], INT, F32, carried=2)(number(0, np.int32), x)
        note([y])
        return y
    result = run_pipeline(graph_of(function, BOOL, F32)).graph
    assert [n for n in names(result) if n not in ("constant",)] == ["note", "cond", "scan", "note"]
    assert [o.op.name for o in result.walk()].count("note") == 4


# --- loop_sums ------------------------------------------------------------------------------------------------------

matmul, sum_to_shape, transpose = (REGISTRY[n] for n in ("matmul", "sum_to_shape", "transpose"))
A, B, SUM = (TensorType.of(dtypes.float32, s) for s in ((5, 2, 3), (5, 2, 4), (3, 4)))


def of_rows(*types):
    return [t.with_shape(t.shape[1:]) for t in types]


def test_products_are_summed_after_the_scan():
    body = graph_of(lambda total, a, b: [matmul(a, b, transpose_a=True) + total], SUM, *of_rows(A, B))
    graph = graph_of(lambda total, a, b: [*scan([total, a, b], body=body, carried=1, scanned=2, length=5)], SUM, A, B)
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=t.shape).astype(np.float32) for t in (SUM, A, B)]
    result = after(loop_sums, graph, *arrays, rtol=1e-5)
    assert names(result) == ["scan", "reshape", "reshape", "matmul", "add"]
    np.testing.assert_allclose(run_compiled(result, arrays)[0], arrays[0] + np.einsum("tbm,tbn->mn", *arrays[1:]), rtol=1e-5)


@pytest.mark.parametrize("reverse", [False, True])
def test_what_a_sum_needs_is_returned_by_the_scan(reverse):
    """Of a recurrence: its state before the round, and a gradient that the round computes; a bias is summed from the same."""
    def round(state, kernel_sum, bias_sum, w, row):
        new = sin(matmul(state, w) + row)
        return [new, kernel_sum + matmul(state, new, transpose_a=True), bias_sum + sum_to_shape(new, shape=(3,))]
    state, row = TensorType.of(dtypes.float32, (2, 3)), TensorType.of(dtypes.float32, (2, 3))
    square, vector = TensorType.of(dtypes.float32, (3, 3)), TensorType.of(dtypes.float32, (3,))
    body = graph_of(round, state, square, vector, square, row)
    rows = TensorType.of(dtypes.float32, (5, 2, 3))
    graph = graph_of(lambda *x: [*scan([*x], body=body, carried=3, scanned=1, length=5, reverse=reverse)],
                     state, square, vector, square, rows)
    rng = np.random.default_rng(1)
    result = after(loop_sums, graph, *[rng.normal(size=t.shape).astype(np.float32) for t in graph.input_types],
                   rtol=1e-5)
    loop, = [o for o in result.operations if o.op is scan]
    assert loop.attributes["carried"] == 1 and [r.type.shape for r in loop.results[1:]] == [(5, 2, 3), (5, 2, 3)]


@pytest.mark.parametrize("round, what", [
    (lambda total, a, b: [total + matmul(a, b, transpose_a=True), total], "read"),
    (lambda total, a, b: [total * 0.5 + matmul(a, b, transpose_a=True)], "changed"),
    (lambda total, a, b: [total + sin(matmul(a, b, transpose_a=True))], "not a product"),
    (lambda total, a, b: [total + matmul(transpose(a, perm=(1, 0)), b)], "not of rows"),
])
def test_a_sum_stays_in_the_scan_if_it_is(round, what):
    body = graph_of(round, SUM, *of_rows(A, B))
    graph = graph_of(lambda total, a, b: [*scan([total, a, b], body=body, carried=1, scanned=2, length=5)], SUM, A, B)
    assert loop_sums(graph) is graph, what


def test_a_sum_stays_in_the_scan_if_its_rows_are_more_to_write():
    large, one = TensorType.of(dtypes.float32, (64, 1)), TensorType.of(dtypes.float32, (1, 1))
    body = graph_of(lambda total, w: [total + matmul(sin(w), w, transpose_a=True)], one, large)
    graph = graph_of(lambda total, w: [*scan([total, w], body=body, carried=1, scanned=0, length=5)], one, large)
    assert loop_sums(graph) is graph
