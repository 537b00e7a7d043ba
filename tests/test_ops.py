"""Runs the table of op tests in `tests/op_cases`: types, values, derivatives, text form, special values of every op."""

from __future__ import annotations

import functools
import importlib
import itertools
import pkgutil
from typing import Any, NamedTuple

import jax
import ml_dtypes
import numpy as np
import pytest
from op_cases import Case, Special, collect, flat

import treadle.ir.ops
import treadle.runtime.eager
from treadle.ir import autodiff, equality, parser, printer
from treadle.ir.builder import GraphBuilder, copy_operations, specialise
from treadle.ir.dims import Dim
from treadle.ir.dtypes import as_dtype
from treadle.ir.graph import Graph
from treadle.ir.interpreter import interpreting
from treadle.ir.op import REGISTRY, Op
from treadle.ir.ops.arrays import concat, reshape
from treadle.ir.ops.elementary import complex as complex_op
from treadle.ir.ops.elementary import imag, real
from treadle.ir.ops.indexing import strided_slice
from treadle.ir.ops.rules import as_operand
from treadle.ir.ops.structure import call, vectorized_call
from treadle.ir.passes.effects import Settings, thread_effects
from treadle.ir.types import TensorType
from treadle.lowering import compat
from treadle.lowering.executable import Executable, as_jax_function, struct
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.tape import GradientTape
from treadle.runtime.tensor import jax_array
from treadle.tracer.func_graph import FuncGraph

for _module in pkgutil.iter_modules(treadle.ir.ops.__path__):
    importlib.import_module(f"treadle.ir.ops.{_module.name}")

CASES: list[Case] = collect("CASES")
SPECIAL: list[Special] = collect("SPECIAL")

# Ops that hold graphs or Python objects, with tests of their own.
STRUCTURAL = {
    "constant", "call", "call_with_gradient", "vectorized_call", "fusion", "jax_function", "optimization_barrier", "cond",
    "while", "scan", "print", "check", "host_function", "host_call",
    "shard", "all_reduce",
}

_TOLERANCE = {"float16": 4e-3, "bfloat16": 3e-2, "float32": 2e-5, "float64": 1e-11, "complex64": 2e-5,
              "complex128": 1e-11}


def each_case(*, gradient: bool = False, second: bool = False, op: bool = False):
    """Parametrise a test over the cases that have the wanted properties."""
    seen: dict[str, int] = {}
    rows = []
    for case in CASES:
        seen[case.name] = seen.get(case.name, -1) + 1
        if (not gradient or _is_differentiable(case)) and (not second or case.second) and (
                not op or isinstance(case.function, Op)):
            rows.append(pytest.param(case, id=f"{case.name}-{seen[case.name]}"))
    return pytest.mark.parametrize("case", rows)


def _type_of(array: np.ndarray, shape: Any = None) -> TensorType:
    return TensorType.of(as_dtype(array.dtype), array.shape if shape is None else shape)


def _build(case: Case, types: Any) -> Graph:
    """The case as a graph: traced, as inside `@function`."""
    trace = FuncGraph(case.name)
    arguments = [trace.add_argument(t, f"x{i}") for i, t in enumerate(types)]
    with interpreting(trace):
        trace.graph.outputs = [trace.convert(r).value for r in case.call(arguments)]
    assert not trace.captures
    return trace.graph


def _is_differentiable(case: Case) -> bool:
    if not case.gradient or not any(o.dtype.kind in "fcV" and o.size for o in case.operands):
        return False
    return not isinstance(case.function, Op) or case.function.vjp is not None


def _close(actual: Any, expected: Any, case: Case, what: str) -> None:
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, f"{what}: shape {actual.shape}, expected {expected.shape}"
    if actual.dtype.kind in "biuO" and not case.tolerance:
        np.testing.assert_array_equal(actual, expected, err_msg=what)
        return
    tolerance = case.tolerance or _TOLERANCE[as_dtype(actual.dtype).name]
    wide = np.complex128 if actual.dtype.kind == "c" or expected.dtype.kind == "c" else np.float64
    np.testing.assert_allclose(actual.astype(wide), expected.astype(wide), rtol=tolerance, atol=tolerance, err_msg=what)


# --- values ---------------------------------------------------------------------------------------------------------


@each_case()
def test_values(case: Case):
    """Inferred type = real type; eager = NumPy."""
    graph = _build(case, [_type_of(o) for o in case.operands])
    eager = case.call([convert_to_tensor(o) for o in case.operands])
    assert [t.type for t in eager] == graph.output_types
    for tensor in eager:
        assert np.asarray(tensor._array).dtype == tensor.dtype.numpy and np.shape(tensor._array) == tensor.type.shape
    if case.reference is not None:
        expected = case.reference(*case.operands, **case.attributes)
        expected = expected if isinstance(expected, (list, tuple)) else [expected]
        assert len(eager) == len(expected)
        for a, e in zip(eager, expected):
            _close(a.numpy(), e, case, "eager against NumPy")


_CHUNK = 50


@pytest.mark.parametrize("first", range(0, len(CASES), _CHUNK))
def test_compiled_values(first: int):
    """Compiled = eager, with many cases in one program."""
    program, inputs, expected = Graph("program"), [], []
    for case in CASES[first:first + _CHUNK]:
        graph = _build(case, [_type_of(o) for o in case.operands])
        operands = [convert_to_tensor(o) for o in case.operands]
        values = {v: program.add_input(v.type) for v in graph.inputs}
        copy_operations(graph.operations, program, values)
        program.outputs += [values[v] for v in graph.outputs]
        inputs += map(jax_array, operands)
        expected += [(case, e.numpy()) for e in case.call(operands)]
    assert len(program.outputs) == len(expected)
    program = thread_effects(program).graph  # checks are threaded through; the last output is then their code
    for actual, (case, e) in zip(Executable(program).call(*inputs), expected):
        _close(actual, e, case, f"{case}: compiled against eager")


@each_case()
def test_symbolic_sizes(case: Case):
    """The type rule on sizes that are not known gives, once they are, the type of the real result."""
    if not case.symbolic:
        pytest.skip("needs known sizes")
    sizes: dict[str, int] = {}

    def symbol(size: int) -> Any:
        if size < 2:
            return size
        sizes[f"s{size}"] = size
        return Dim.symbol(f"s{size}")

    types = [_type_of(o, None if i in case.static else [symbol(s) for s in o.shape])
             for i, o in enumerate(case.operands)]
    graph = _build(case, types)
    real_types = _build(case, [_type_of(o) for o in case.operands]).output_types
    assert [t.substitute(sizes) for t in graph.output_types] == real_types
    assert specialise(graph, [_type_of(o) for o in case.operands]).output_types == real_types


@each_case()
def test_text(case: Case):
    """print(graph) reads back as an equal graph."""
    graph = _build(case, [_type_of(o) for o in case.operands])
    assert equality.equal(parser.parse(printer.to_text(graph)), graph)


# --- derivatives ----------------------------------------------------------------------------------------------------


class Derivatives(NamedTuple):
    """Jacobians [outputs, inputs] of a case, seen as a function of one real vector."""

    differences: np.ndarray         # by central differences
    reverse: np.ndarray             # by `vjp` rules
    second_differences: np.ndarray  # of the gradient, by central differences
    second: np.ndarray              # of the gradient, by `vjp` rules
    tangent: np.ndarray | None      # by forward mode, along `direction`
    direction: np.ndarray


_STEP = 1e-5


def _wide(array: np.ndarray) -> np.ndarray:
    """The array in 64-bit precision, if it has a gradient."""
    if array.dtype.kind == "c":
        return array.astype(np.complex128)
    return array.astype(np.float64) if as_dtype(array.dtype).is_floating else array


class _Flat:
    """The differentiable operands of a case as one real vector, and back."""

    def __init__(self, case: Case):
        self.arrays = [_wide(o) for o in case.operands]
        self.varying = [a.dtype.kind in "fc" for a in self.arrays]
        parts = [a for a, v in zip(self.arrays, self.varying) if v]
        self.vector = np.concatenate([np.stack([a.real, a.imag]).ravel() if a.dtype.kind == "c" else a.ravel()
                                      for a in parts])

    def pieces(self, vector: Any) -> list[Any]:
        """The varying operands, cut out of the vector by ops."""
        found, start = [], 0
        for array, varies in zip(self.arrays, self.varying):
            if varies:
                halves = []
                for _ in range(2 if array.dtype.kind == "c" else 1):
                    piece = strided_slice(vector, begin=[start], end=[start + array.size], strides=[1])
                    halves.append(reshape(piece, array.shape))
                    start += array.size
                found.append(complex_op(*halves) if len(halves) == 2 else halves[0])
        return found

    def operands(self, vector: Any) -> list[Any]:
        """All operands: varying ones from the vector, the others as constants."""
        pieces = iter(self.pieces(vector))
        return [next(pieces) if v else as_operand(a) for a, v in zip(self.arrays, self.varying)]


def _as_vector(results: Any) -> Any:
    """The differentiable results as one real vector, by ops."""
    rows = []
    for result in results:
        if result.dtype.is_complex:
            rows += [reshape(real(result), [-1]), reshape(imag(result), [-1])]
        elif result.dtype.is_floating:
            rows.append(reshape(result, [-1]))
    return concat(rows, axis=0)


@functools.cache
def _derivatives(case: Case) -> Derivatives:
    inputs = _Flat(case)
    n = inputs.vector.size
    vector_type = TensorType.of(as_dtype("float64"), (n,))

    trace = FuncGraph("function")
    v = trace.add_argument(vector_type, "v")
    with interpreting(trace):
        results = case.call(inputs.operands(v))
        called = next((o for o in reversed(trace.graph.operations) if o.op is case.function), None)
        if not any(r.dtype.is_differentiable for r in results):
            pytest.skip("no result has a gradient")
        trace.graph.outputs = [_as_vector(results).value]
    function = trace.graph
    m = function.outputs[0].type.shape[0]
    cotangent = np.random.default_rng(1).uniform(0.5, 1.5, m)
    direction = np.random.default_rng(2).uniform(-1, 1, n)

    gradient_of_function = autodiff.gradient(function)
    gradient = Graph("gradient")
    v = gradient.add_input(vector_type, "v")
    with interpreting(GraphBuilder(gradient)):
        gradient.outputs = list(call([v, as_operand(cotangent)], graph=gradient_of_function))

    points = inputs.vector + _STEP * np.concatenate([np.eye(n), -np.eye(n)])
    program = Graph("program")
    with interpreting(GraphBuilder(program)):
        values = [program.add_input(_type_of(a)) for a in (points, inputs.vector, np.eye(m), np.eye(n), direction)]
        at, v, basis_m, basis_n, along = values
        outputs = [*vectorized_call([at], graph=function, mapped=(True,)),
                   *vectorized_call([v, basis_m], graph=gradient_of_function, mapped=(False, True))]
        if case.second:
            outputs += vectorized_call([at], graph=gradient, mapped=(True,))
            outputs += vectorized_call([v, basis_n], graph=autodiff.gradient(gradient), mapped=(False, True))
        if isinstance(case.function, Op):
            types = [o.type for o in called.operands]
            pushed = autodiff.pushforward(called.op, types, called.attributes, tuple(inputs.varying))
            outputs.append(_as_vector(call([*inputs.operands(v), *inputs.pieces(along)], graph=pushed)))
    program.outputs = outputs
    found = _run_once(program, [points, inputs.vector, np.eye(m), np.eye(n), direction])

    def differences(values: np.ndarray) -> np.ndarray:
        return ((values[:n] - values[n:]) / (2 * _STEP)).T

    second = (differences(found[2]), found[3]) if case.second else (np.zeros(0), np.zeros(0))
    tangent = found[-1] if isinstance(case.function, Op) else None
    return Derivatives(differences(found[0]), found[1], *second, tangent, direction)


def _run_once(graph: Graph, arrays: list[np.ndarray]) -> list[np.ndarray]:
    """The graph's outputs, compiled for a single run: without the optimisations that cost most of the time."""
    count = len(graph.outputs)
    graph = thread_effects(graph, settings=Settings(checks=False)).graph
    with compat.enable_x64(True):
        program = jax.jit(as_jax_function(graph)).lower(*[struct(t) for t in graph.input_types])
        compiled = program.compile(compiler_options={"xla_backend_optimization_level": 0})
        return [np.asarray(a) for a in compiled(*arrays)[:count]]


def _compare(actual: np.ndarray, expected: np.ndarray, case: Case) -> None:
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=2e-6)


@each_case(gradient=True)
def test_gradient(case: Case):
    """The full Jacobian by the `vjp` rules is that by finite differences."""
    found = _derivatives(case)
    _compare(found.reverse, found.differences, case)


@each_case(gradient=True, second=True)
def test_second_gradient(case: Case):
    """The gradient's own gradient is that by finite differences."""
    found = _derivatives(case)
    _compare(found.second, found.second_differences, case)


@each_case(gradient=True, op=True)
def test_forward_mode(case: Case):
    """The tangent by forward mode is the Jacobian's product with the direction."""
    found = _derivatives(case)
    _compare(found.tangent, found.differences @ found.direction, case)


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("function, at, expected", [
    (lambda x, y: REGISTRY["maximum"](x, y), [1.0, 1.0], [1.0, 0.0]),
    (lambda x, y: REGISTRY["minimum"](x, y), [1.0, 1.0], [1.0, 0.0]),
    (lambda x: abs(x), [0.0], [0.0]),
    (lambda x: REGISTRY["sqrt"](x), [0.0], [INF]),
    (lambda x: REGISTRY["sign"](x), [2.0], [0.0]),
    (lambda x: REGISTRY["floor"](x), [2.5], [None]),
    (lambda x, y: x // y, [7.0, 3.0], [None, None]),
    (lambda x, y: x % y, [7.0, 3.0], [1.0, -2.0]),
    (lambda x, y: x**y, [0.0, 0.0], [NAN, 0.0]),
    (lambda x, y: x**y, [0.0, 2.0], [0.0, 0.0]),
    (lambda x, y: x**y, [-2.0, 2.0], [-4.0, 0.0]),
    (lambda x, y: REGISTRY["xlogy"](x, y), [0.0, 0.0], [0.0, 0.0]),
    (lambda x, y: REGISTRY["divide_no_nan"](x, y), [1.0, 0.0], [0.0, 0.0]),
    (lambda x, y: REGISTRY["multiply_no_nan"](x, y), [1.0, 0.0], [0.0, 1.0]),
    (lambda x: REGISTRY["reduce_max"](x), [[1.0, 1.0, 0.0]], [[0.5, 0.5, 0.0]]),
    (lambda x: REGISTRY["reduce_prod"](x), [[0.0, 2.0, 3.0]], [[6.0, 0.0, 0.0]]),
    (lambda x: REGISTRY["cumprod"](x), [[0.0, 2.0, 3.0]], [[9.0, 0.0, 0.0]]),  # TensorFlow: 0, 0, 0
    (lambda x: REGISTRY["asin"](x), [1.0], [INF]),
])
def test_gradients_at_special_points(function: Any, at: list, expected: list):
    """At kinks and poles the gradients are TensorFlow's, but for cumulative products with a 0, where TensorFlow's is 0."""
    tensors = [convert_to_tensor(a) for a in at]
    with GradientTape() as tape:
        tape.watch(tensors)
        result = function(*tensors)
    for gradient, e in zip(tape.gradient(result, tensors), expected):
        assert (gradient is None) == (e is None)
        if e is not None:
            np.testing.assert_array_equal(gradient.numpy(), np.float32(e))


# --- special values -------------------------------------------------------------------------------------------------


def _special_values(dtype: Any) -> np.ndarray:
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return np.array([False, True])
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        values = [info.min, info.min + 1, info.max, info.max - 1, 0, 1, 2, 3, 5, 7, 8, 100]
        return np.array(values + ([-1, -2, -3, -5, -7, -100] if dtype.kind == "i" else []), dtype)
    if dtype.kind == "c":
        parts = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 30.0]
        return np.array([complex(a, b) for a, b in itertools.product(parts, parts)], dtype)
    info = ml_dtypes.finfo(dtype)
    tiny = float(info.smallest_normal)
    magnitudes = [0.0, tiny / 4, tiny, float(info.eps), 0.1, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 7.0, 11.5, 80.0, 100.0,
                  float(info.max), np.inf]
    return np.array([s * m for m in magnitudes for s in (1, -1)] + [np.nan], np.float64).astype(dtype)


def _flushed(x: np.ndarray) -> np.ndarray:
    """The numbers with subnormal ones replaced by 0, as XLA does on CPUs."""
    if x.dtype.kind in "biuc":
        return x
    tiny = np.asarray(ml_dtypes.finfo(x.dtype).smallest_normal, x.dtype)
    return np.where(np.abs(x) < tiny, x * np.asarray(0, x.dtype), x)


def _widened(x: np.ndarray) -> np.ndarray:
    if x.dtype.kind in "biu":
        return x
    return x.astype(np.complex128 if x.dtype.kind == "c" else np.longdouble if x.dtype == np.float64 else np.float64)


@pytest.mark.parametrize("row", [pytest.param(r, id=getattr(r.function, "__name__", "")) for r in SPECIAL])
def test_special_values(row: Special):
    """NaN, infinities, both zeros, subnormals and integer extremes, in every dtype of the op."""
    problems = []
    for dtype in row.dtypes:
        values = _special_values(dtype)
        operands = [np.asarray(g).ravel() for g in np.meshgrid(*[values] * row.arity, indexing="ij")]
        if row.where is not None:
            kept = row.where(*operands)
            operands = [o[kept] for o in operands]
        result = row.function(*[convert_to_tensor(o) for o in operands])
        actual = result.numpy()
        with np.errstate(all="ignore"):
            expected = [np.asarray(row.reference(*map(_widened, xs))).astype(actual.dtype)
                        for xs in (operands, [_flushed(o) for o in operands])]
            good = np.zeros(actual.shape, bool)
            for e in expected:
                good |= _agrees(actual, e, row.ulps) | _agrees(actual, _flushed(e), row.ulps)
        for i in np.flatnonzero(~good)[:3]:
            problems.append(f"{np.dtype(dtype)}: f({', '.join(repr(o[i]) for o in operands)}) = {actual[i]!r}, "
                            f"expected {expected[0][i]!r}")
    assert not problems, "\n".join(problems)


def _agrees(a: np.ndarray, e: np.ndarray, ulps: float) -> np.ndarray:
    if a.dtype.kind in "biu":
        return a == e
    if a.dtype.kind == "c":
        return (np.abs(a - e) <= ulps * np.finfo(a.dtype).eps * (np.abs(e) + 1e-3)) | ((a != a) & (e != e)) | (
            ~np.isfinite(a) & ~np.isfinite(e))
    info = ml_dtypes.finfo(a.dtype)
    a, e = a.astype(np.float64), e.astype(np.float64)
    # In float16 subnormal numbers are kept.
    near_zero = ulps * float(info.smallest_subnormal) if info.bits == 16 and info.nexp == 5 else 2 * float(
        info.smallest_normal)
    allowed = np.maximum(ulps * float(info.eps) * np.abs(e), near_zero)
    with np.errstate(invalid="ignore"):
        return (a == e) | (np.isnan(a) & np.isnan(e)) | (np.abs(a - e) <= allowed)


# --- the table itself -----------------------------------------------------------------------------------------------


def _ops_of(cases: list[Case]) -> set[str]:
    """The names of the ops that the cases call."""
    return {o.op.name for c in cases for o in _build(c, [_type_of(o) for o in c.operands]).walk()}


def test_every_op_has_a_case():
    """Adding an op means adding a row."""
    covered = _ops_of(CASES) | {s.function.name for s in SPECIAL}
    missing = REGISTRY.keys() - covered - STRUCTURAL
    assert not missing, f"ops without a row in tests/op_cases: {sorted(missing)}"


def test_every_differentiable_op_has_a_checked_gradient():
    """An op with a `vjp` rule has a case that runs it."""
    checked = _ops_of([c for c in CASES if _is_differentiable(c)])
    # The first two are the gradients of max_pool_op, whose second derivative checks them; that of a gamma sample is
    # random_gamma_grad, which has a case of its own; that of `reread` is no derivative (test_variable_gradients.py).
    elsewhere = {"max_pool_gradient", "max_pool_select", "random_gamma", "reread"}
    missing = {name for name, op in REGISTRY.items() if op.vjp is not None} - checked - STRUCTURAL - elsewhere
    assert not missing, f"ops whose gradient no case checks: {sorted(missing)}"


def test_flat():
    assert flat([1, (2, [3]), None]) == [1, 2, 3]
