"""Calls of public functions whose results are recorded from real TensorFlow (`make_api.py`) and compared with
treadle's (`test_api.py`).

A case is a public name, arguments and keyword arguments. `F(2, 3)` stands for a float32 tensor of shape [2, 3] with
numbers drawn from the case's own fixed seed, `I` for int32, `B` for bool, `Z` for complex64, `D("int8", 2, 3)` for any
dtype; NumPy arrays become tensors; lists and numbers are passed as they are.
"""

import zlib
from collections.abc import Callable

import numpy as np

CASES = {}  # what the call looks like -> (name, args, kwargs)
SHORT = {"float32": "f32", "float64": "f64", "float16": "f16", "int32": "i32", "int64": "i64", "int8": "i8",
         "uint8": "u8", "bool": "bool", "complex64": "c64", "complex128": "c128"}


class Draw:
    """A tensor of random numbers, in the interval [low, high) if given."""

    def __init__(self, dtype, *shape, low=None, high=None):
        self.dtype, self.shape, self.low, self.high = dtype, shape, low, high

    def __repr__(self):
        interval = "" if self.low is None else f" in [{self.low}, {self.high})"
        return f"{SHORT.get(self.dtype, self.dtype)}{list(self.shape)}{interval}".replace(" ", "")

    def array(self, random):
        dtype = np.dtype(self.dtype)
        if dtype.kind == "b":
            return random.integers(0, 2, self.shape).astype(dtype)
        if dtype.kind in "iu":
            low, high = (self.low, self.high) if self.low is not None else (0 if dtype.kind == "u" else -4, 6)
            return random.integers(low, high, self.shape).astype(dtype)
        drawn = random.normal(size=self.shape) if self.low is None else random.uniform(self.low, self.high, self.shape)
        if dtype.kind == "c":
            drawn = drawn + 1j * random.normal(size=self.shape)
        return np.asarray(drawn).astype(dtype)


def D(dtype, *shape, **interval):
    return Draw(dtype, *shape, **interval)


def F(*shape, **interval):
    return Draw("float32", *shape, **interval)


def I(*shape, **interval):  # noqa: E743
    return Draw("int32", *shape, **interval)


def B(*shape):
    return Draw("bool", *shape)


def Z(*shape):
    return Draw("complex64", *shape)


def array(values, dtype="float32"):
    return np.array(values, dtype)


def shown(value):
    if isinstance(value, np.ndarray):
        return f"{SHORT.get(value.dtype.name, value.dtype.name)}:{value.tolist()}".replace(" ", "")
    if isinstance(value, (list, tuple)):
        inside = ",".join(map(shown, value))
        return f"[{inside}]" if isinstance(value, list) else f"({inside})"
    if isinstance(value, dict):
        return "{" + ",".join(f"{k}:{shown(v)}" for k, v in value.items()) + "}"
    return value.__name__ if isinstance(value, Callable) else repr(value)


def case(name, *args, **kwargs):
    """Add a case."""
    parts = [shown(a) for a in args] + [f"{k}={shown(v)}" for k, v in kwargs.items()]
    key = f"{name}({', '.join(parts)})"
    assert key not in CASES, key
    CASES[key] = (name, args, kwargs)


def cases(names, *args, **kwargs):
    """Add the same case for each name."""
    for name in names.split():
        case(name, *args, **kwargs)


def drawn(key):
    """The case's arguments with arrays in place of `Draw`s."""
    _, args, kwargs = CASES[key]
    random = np.random.default_rng(zlib.crc32(key.encode()))

    def replaced(value):
        if isinstance(value, Draw):
            return value.array(random)
        if type(value) in (list, tuple):
            return type(value)(map(replaced, value))
        if isinstance(value, dict):
            return {k: replaced(v) for k, v in value.items()}
        return value
    return replaced(args), replaced(kwargs)


def function(tf, name):
    """The public function of a dotted name."""
    for part in name.split("."):
        tf = getattr(tf, part)
    return tf


def plain(result):
    """A result as a list of arrays and Python values, structures flattened."""
    if isinstance(result, dict):
        return [leaf for key in sorted(result) for leaf in plain(result[key])]
    if isinstance(result, (list, tuple)) and type(result).__name__ != "TensorShape":
        return [leaf for item in result for leaf in plain(item)]
    if hasattr(result, "as_numpy_dtype"):
        return [result.name]
    if hasattr(result, "numpy"):
        return [np.asarray(result.numpy())]
    if hasattr(result, "as_list"):
        return [result.as_list()]
    return [result if isinstance(result, (bool, int, float, str, type(None))) else repr(result)]


# --- element by element ---------------------------------------------------------------------------------------------

UNARY = """abs math.angle math.ceil math.conj cos cosh math.digamma math.erf math.erfc exp math.expm1 floor
math.imag math.is_finite math.is_inf math.is_nan math.lgamma math.log_sigmoid negative math.real math.reciprocal
math.reciprocal_no_nan math.rint round sigmoid sign sin sinh math.softplus math.softsign square tan tanh asinh atan
math.bessel_i0 math.bessel_i0e math.bessel_i1 math.bessel_i1e identity stop_gradient zeros_like ones_like
nn.relu nn.relu6 nn.elu nn.selu nn.silu nn.swish nn.softplus nn.softsign nn.sigmoid nn.tanh nn.gelu nn.leaky_relu"""
for _dtype in ("float32", "float64", "float16", "int32", "complex64", "bool", "uint8"):
    cases(UNARY, D(_dtype, 2, 3))
    cases("sqrt math.rsqrt math.log math.log1p acosh", D(_dtype, 4, low=1, high=5))
    cases("asin acos atanh math.erfinv math.ndtri math.erfcinv", D(_dtype, 4, low=0, high=1))
cases(UNARY, [0.5, -1.5, 2.5])
cases("abs exp negative sign square sqrt round floor math.ceil tanh sigmoid", 4.0)
cases("abs negative sign square identity zeros_like ones_like", -3)
cases("abs exp tanh square reduce_sum", F(0, 3))
cases("round math.rint", array([0.5, 1.5, 2.5, -0.5, -1.5, np.nan, np.inf]))
cases("sign abs sqrt math.log math.rsqrt math.reciprocal math.is_nan math.is_inf math.is_finite exp tanh sigmoid "
      "math.erf math.lgamma math.digamma math.softplus square", array([0.0, -0.0, np.nan, np.inf, -np.inf, 1e30, -1e30]))
case("logical_not", B(3))
cases("logical_not", I(3))
case("bitwise.invert", I(3))
case("bitwise.invert", D("uint8", 3))
case("bitwise.invert", F(3))

BINARY = """add subtract multiply maximum minimum math.squared_difference math.divide truediv math.floordiv
math.floormod math.mod equal not_equal less less_equal greater greater_equal math.divide_no_nan math.multiply_no_nan
truncatediv truncatemod divide realdiv"""
for _dtype in ("float32", "float64", "int32", "int64", "uint8", "int8", "complex64", "bool"):
    cases(BINARY, D(_dtype, 2, 3), D(_dtype, 3, low=1, high=4))
cases(BINARY, F(2, 1), F(1, 3))
cases(BINARY, F(3), 2)
cases(BINARY, 7, 2)
cases(BINARY, [1.0, -2.0], [3.0, 2.0])
cases(BINARY, x=F(2), y=F(2))
cases(BINARY, F(0, 2), F(2))
cases(BINARY, I(2), D("int64", 2))
cases(BINARY, F(2), F(3))
cases("truediv math.divide math.floordiv math.floormod math.divide_no_nan math.multiply_no_nan",
      array([1.0, -1.0, 0.0, np.inf]), array([0.0, 0.0, 0.0, 2.0]))
cases("math.xlogy math.xdivy math.xlog1py", array([0.0, 1.0, 2.0]), array([0.0, 2.0, 3.0]))
cases("math.xlogy math.xdivy math.xlog1py atan2 math.atan2", F(2, 3), F(3, low=0.1, high=2.0))
cases("math.xlogy math.xdivy math.xlog1py atan2", D("float64", 2), D("float64", 2, low=0.1, high=2.0))
cases("math.xlogy math.xdivy atan2", I(2), I(2))
cases("pow math.pow", F(2, 3, low=0.1, high=3.0), F(3))
cases("pow", I(3), D("int32", 3, low=0, high=4))
case("pow", F(3), 2)
case("pow", 2.0, F(3))
case("pow", Z(3), Z(3))
case("pow", x=F(3, low=1, high=2), y=0.5)
case("pow", array([2, 3], "int32"), array([-1, 2], "int32"))
cases("math.nextafter", F(3), F(3))
cases("math.nextafter", D("float64", 3), D("float64", 3))
cases("logical_and logical_or math.logical_xor", B(2, 3), B(3))
cases("logical_and logical_or math.logical_xor", B(3), True)
cases("logical_and logical_or math.logical_xor", I(3), I(3))
cases("bitwise.bitwise_and bitwise.bitwise_or bitwise.bitwise_xor", I(2, 3), I(3))
cases("bitwise.bitwise_and bitwise.bitwise_or bitwise.bitwise_xor", D("uint8", 3), 5)
cases("bitwise.left_shift bitwise.right_shift", I(4, low=-50, high=50), I(4, low=0, high=5))
cases("bitwise.left_shift bitwise.right_shift", D("uint8", 4, low=0, high=255), D("uint8", 4, low=0, high=7))
cases("equal not_equal", ["a"], ["a"])
case("complex", F(2, 3), F(3))
case("complex", D("float64", 2), D("float64", 2))
case("complex", 1.0, 2.0)
case("complex", I(2), I(2))
case("complex", real=[1.0], imag=[2.0])
cases("math.igamma math.igammac math.zeta", F(2, 3, low=1.1, high=4.0), F(3, low=1.1, high=4.0))
case("math.polygamma", array([0.0, 1.0, 2.0]), F(3, low=1.0, high=3.0))
case("math.betainc", F(3, low=1, high=3), F(3, low=1, high=3), F(3, low=0, high=1))
case("math.lbeta", F(2, 3, low=0.5, high=3.0))
case("math.lbeta", [[1.0, 2.0]])
case("math.polyval", [1.0, 2.0, 3.0], F(3))
case("math.polyval", [2, 3], I(3))
case("scalar_mul", 2.0, F(3))
case("scalar_mul", 3, I(3))
case("scalar_mul", F(2), F(2))
case("add_n", [F(2, 3), F(2, 3), F(2, 3)])
case("add_n", [I(2)])
case("add_n", [])
case("add_n", [F(2), F(3)])
case("math.accumulate_n", [F(2, 3), F(2, 3)])
case("math.accumulate_n", inputs=[I(2), I(2)], shape=[2], tensor_dtype=None)
for _to in ("float32", "int32", "uint8", "bool", "complex64", "float16", "int64"):
    case("cast", F(2, 3, low=0, high=9), _to)
    case("cast", I(3, low=0, high=9), dtype=_to)
    case("cast", B(3), _to)
case("cast", Z(3), "float32")
case("cast", 2.7, "int32")
case("saturate_cast", array([-1e3, 3.7, 1e3]), "uint8")
case("saturate_cast", array([-1000, 3, 1000], "int32"), dtype="int8")
case("saturate_cast", array([1e10, -1e10, 0.5]), "int32")
case("bitcast", F(3), "int32")
case("bitcast", I(3), type="float32")
case("bitcast", F(2, 2), "uint8")
case("bitcast", D("uint8", 3, 4), "uint32")
case("bitcast", D("float64", 2), "float32")
case("bitcast", D("uint8", 3), "uint32")
case("bitcast", Z(2), "float32")
case("identity_n", [F(2), I(3)])
case("identity", [1, 2])

# --- clipping -------------------------------------------------------------------------------------------------------

case("clip_by_value", F(2, 3), -0.5, 0.5)
case("clip_by_value", I(2, 3), clip_value_min=-1, clip_value_max=2)
case("clip_by_value", F(2, 3), F(3, low=-1, high=0), F(3, low=0, high=1))
case("clip_by_value", [1, 5, 9], 2, 6)
case("clip_by_norm", F(2, 3), 1.0)
case("clip_by_norm", F(2, 3), 1.0, axes=[0])
case("clip_by_norm", F(2, 3), 100.0, axes=-1)
case("clip_by_norm", array([0.0, 0.0]), 1.0)
case("clip_by_norm", I(3), 2)
case("clip_by_global_norm", [F(2), F(2, 2)], 1.0)
case("clip_by_global_norm", [F(2), None, F(3)], 100.0)
case("clip_by_global_norm", [F(2)], 1.0, use_norm=2.0)
case("clip_by_global_norm", [array([np.inf, 1.0])], 1.0)
case("linalg.global_norm", [F(2), F(2, 2)])
case("linalg.global_norm", [F(2), None])

# --- reductions -----------------------------------------------------------------------------------------------------

REDUCE = "reduce_sum reduce_mean reduce_max reduce_min reduce_prod"
FLOAT_REDUCE = "reduce_logsumexp math.reduce_std math.reduce_variance math.reduce_euclidean_norm"
for _dtype in ("float32", "float64", "int32", "uint8", "complex64", "bool"):
    cases(f"{REDUCE} {FLOAT_REDUCE}", D(_dtype, 2, 3))
for _axis in (0, -1, [0, 1], [], (1, -3), None):
    cases(f"{REDUCE} {FLOAT_REDUCE}", F(2, 3, 2), axis=_axis)
    cases("reduce_all reduce_any", B(2, 3, 2), axis=_axis)
    case("math.count_nonzero", I(2, 3, 2), axis=_axis)
cases(f"{REDUCE} {FLOAT_REDUCE}", F(2, 3), 1, True)
cases(f"{REDUCE} {FLOAT_REDUCE}", F(0, 3), axis=0)
cases(f"{REDUCE} {FLOAT_REDUCE}", F(0, 3), axis=1)
cases(f"{REDUCE} {FLOAT_REDUCE}", input_tensor=F(2, 3), axis=0, keepdims=True)
cases(f"{REDUCE} {FLOAT_REDUCE}", F())
cases(f"{REDUCE} {FLOAT_REDUCE}", F(2, 3), axis=2)
cases(REDUCE, [[1, 2], [3, 4]], 0)
cases(REDUCE, F(2, 3), axis=[0, 0])
cases(REDUCE, array([1.0, np.nan, 3.0]))
cases("reduce_logsumexp", array([-np.inf, -np.inf]))
cases("reduce_logsumexp", array([1e4, 1e4]))
cases("reduce_all reduce_any", B(2, 3))
cases("reduce_all reduce_any", B(0))
cases("reduce_all reduce_any", I(3))
cases("reduce_all reduce_any", [True, False], keepdims=True)
case("math.count_nonzero", F(2, 3), keepdims=True, dtype="int32")
case("math.count_nonzero", [0, 1, 2])
case("math.count_nonzero", B(3))
case("math.zero_fraction", array([0.0, 1.0, 0.0]))
case("math.zero_fraction", array([0, 1], "int32"))
case("math.zero_fraction", F(0))
cases("argmax argmin", F(2, 3))
cases("argmax argmin", F(2, 3), -1)
cases("argmax argmin", I(2, 3), axis=1, output_type="int32")
cases("argmax argmin", F(2, 3), axis=2)
cases("argmax argmin", array([1.0, np.nan, 3.0]))
cases("argmax argmin", array([2, 5, 5, 2], "int32"))
cases("argmax argmin", B(3))
cases("argmax argmin", F())
cases("argmax argmin", F(0, 2))
cases("cumsum math.cumprod math.cumulative_logsumexp", F(2, 3), 1)
cases("cumsum math.cumprod math.cumulative_logsumexp", F(2, 3), axis=-1, exclusive=True)
cases("cumsum math.cumprod math.cumulative_logsumexp", F(2, 3), axis=0, reverse=True)
cases("cumsum math.cumprod math.cumulative_logsumexp", F(3), 0, True, True)
cases("cumsum math.cumprod math.cumulative_logsumexp", I(3))
cases("cumsum math.cumprod", [1, 2, 3])
cases("cumsum math.cumprod", F(2), axis=1)
cases("math.is_non_decreasing math.is_strictly_increasing", array([1.0, 2.0, 2.0]))
cases("math.is_non_decreasing math.is_strictly_increasing", [1, 2, 3])
cases("math.is_non_decreasing math.is_strictly_increasing", F(0))
cases("math.l2_normalize nn.l2_normalize linalg.l2_normalize", F(2, 3), axis=1)
cases("math.l2_normalize", F(2, 3))
cases("math.l2_normalize", F(2, 3), [0, 1], 1e-3)
cases("math.l2_normalize", Z(3), 0)

# --- order ----------------------------------------------------------------------------------------------------------

cases("sort argsort", I(5, low=0, high=100))
cases("sort argsort", F(3, 4), axis=0)
cases("sort argsort", F(3, 4), -1, "DESCENDING")
cases("sort argsort", [3, 1, 2])
cases("sort argsort", F(3), direction="UP")
cases("sort argsort", array([1.0, np.nan, -np.inf, 2.0]))
cases("sort argsort", D("uint8", 5), direction="DESCENDING")
cases("argsort", array([1, 1, 0, 0], "int32"), stable=True)
cases("argsort", array([1, 1, 0, 0], "int32"), direction="DESCENDING", stable=True)
cases("math.top_k nn.top_k", F(2, 5), 2)
cases("math.top_k nn.top_k", I(5), k=3, sorted=True)
cases("math.top_k", array([1, 1, 2, 2], "int32"), 3)
cases("math.top_k", F(3), 5)
cases("math.top_k", F(3))
cases("math.top_k", F(3), 0)
cases("math.top_k", F(2, 3), 2, index_type="int64")
cases("math.in_top_k nn.in_top_k", array([0, 2], "int32"), F(2, 3), 2)
cases("math.in_top_k", [0, 7], F(2, 3), k=1)
case("searchsorted", array([1.0, 3.0, 5.0]), array([0.0, 3.0, 9.0]))
case("searchsorted", array([1.0, 3.0, 5.0]), array([0.0, 3.0, 9.0]), side="right")
case("searchsorted", array([[1, 3], [2, 4]], "int32"), array([[2], [4]], "int32"), out_type="int64")
case("searchsorted", [1, 3, 5], [2, 3])
case("searchsorted", F(0), F(2))
case("math.invert_permutation", array([2, 0, 1], "int32"))
case("math.invert_permutation", [1, 0])
case("unique", array([3, 1, 3, 2], "int32"))
case("unique", array([1.5, 0.5, 1.5]), out_idx="int64")
case("unique", I(2, 2))
case("unique_with_counts", array([3, 1, 3, 2], "int32"))
case("unique_with_counts", [5, 5], "int64")
case("unravel_index", array([0, 5, 7], "int32"), [2, 4])
case("unravel_index", 5, [2, 4])
case("unravel_index", indices=array([3], "int64"), dims=array([2, 2], "int64"))

# --- counting and segments ------------------------------------------------------------------------------------------

NUMBERS = array([1, 1, 3, 0], "int32")
case("math.bincount", NUMBERS)
case("math.bincount", NUMBERS, minlength=6)
case("math.bincount", NUMBERS, maxlength=2)
case("math.bincount", NUMBERS, weights=array([1.0, 2.0, 3.0, 4.0]))
case("math.bincount", NUMBERS, dtype="float32")
case("math.bincount", NUMBERS, minlength=4, maxlength=4)
case("math.bincount", NUMBERS, binary_output=True, axis=0)
case("math.bincount", array([[1, 1], [0, 2]], "int32"), axis=-1)
case("math.bincount", array([[1, 1], [0, 2]], "int32"))
case("math.bincount", array([[1, 1], [0, 2]], "int32"), axis=-1, binary_output=True)
case("math.bincount", array([[1, 1], [0, 2]], "int32"), weights=F(2, 2), axis=-1)
case("math.bincount", array([], "int32"))
case("math.bincount", array([-1, 1], "int32"))
case("math.confusion_matrix", [0, 1, 1], [0, 1, 0])
case("math.confusion_matrix", [0, 1, 1], [0, 1, 0], num_classes=3)
case("math.confusion_matrix", [0, 1, 1], [0, 1, 0], 2, weights=[0.5, 1.0, 2.0], dtype="float32")
case("math.confusion_matrix", [0, 5], [0, 1], num_classes=2)
case("histogram_fixed_width", F(10), [-1.0, 1.0], nbins=4)
case("histogram_fixed_width", I(10), [0, 5], 5, dtype="int64")
case("histogram_fixed_width_bins", F(10), [-1.0, 1.0], nbins=4)
case("histogram_fixed_width_bins", F(2, 3), [-1.0, 1.0])
for _name in "sum mean max min prod".split():
    case(f"math.segment_{_name}", F(4, 2), array([0, 0, 2, 2], "int32"))
    case(f"math.segment_{_name}", I(4), [0, 1, 1, 3])
    case(f"math.segment_{_name}", I(3), [2, 1, 0])
    case(f"math.unsorted_segment_{_name}", F(4, 2), array([2, 0, 2, 0], "int32"), 3)
    case(f"math.unsorted_segment_{_name}", data=F(2, 2), segment_ids=array([[0, 1], [1, -1]], "int32"), num_segments=2)
    case(f"math.unsorted_segment_{_name}", F(3), [0, 1, 1], num_segments=-1)
    case(f"math.unsorted_segment_{_name}", F(3), [0, 1], 2)
case("math.unsorted_segment_sqrt_n", F(4, 2), array([2, 0, 2, 0], "int32"), 3)
case("dynamic_partition", F(4, 2), array([1, 0, 1, 1], "int32"), 3)
case("dynamic_partition", [1, 2, 3], [0, 1, 0], num_partitions=2)
case("dynamic_partition", [1, 2, 3], [0, 5, 0], 2)
case("dynamic_stitch", [array([0, 2], "int32"), array([1], "int32")], [F(2, 3), F(1, 3)])
case("dynamic_stitch", [[0, 1], [1]], [[5, 6], [7]])

# --- making arrays --------------------------------------------------------------------------------------------------

cases("zeros ones", [2, 3])
cases("zeros ones", 3)
cases("zeros ones", [], "int32")
cases("zeros ones", shape=(2,), dtype="bool")
cases("zeros ones", [0, 2], "complex64")
cases("zeros ones", [-1, 2])
cases("zeros_like ones_like", F(2), dtype="int32")
cases("zeros_like ones_like", B(2))
case("fill", [2, 3], 7)
case("fill", [2], 1.5)
case("fill", dims=[], value=True)
case("fill", [2, -1], 0)
case("fill", [2], [1, 2])
case("eye", 3)
case("eye", 2, 3)
case("eye", 2, num_columns=3, batch_shape=[2], dtype="int32")
case("eye", 0)
case("eye", -1)
case("linalg.eye", 2, batch_shape=[1, 2])
case("range", 5)
case("range", 2, 7, 2)
case("range", 5, 0, -2)
case("range", 0.0, 1.0, 0.25)
case("range", 3, dtype="float32")
case("range", start=1, limit=4)
case("range", 3.0)
case("range", 0)
case("range", 5, 2)
case("range", 1, 5, 0)
case("range", 0, 5, 2.0)
case("range", 0.1, 1.0, 0.1)
case("range", array(3, "int64"))
case("linspace", 0.0, 1.0, 5)
case("linspace", 0, 10, 4)
case("linspace", F(2), F(2), 3)
case("linspace", F(2), F(2), num=3, axis=-1)
case("linspace", 1.0, 2.0, 1)
case("linspace", 0.0, 1.0, 0)
case("linspace", 0.0, 1.0, -2)
case("linspace", start=1.0, stop=0.0, num=3)
case("one_hot", [0, 2, -1, 5], 3)
case("one_hot", I(2, 2), 4, axis=0)
case("one_hot", [0, 1], 3, 5, 2)
case("one_hot", [0, 1], depth=2, on_value=True, off_value=False)
case("one_hot", [0, 1], 2, dtype="int32")
case("one_hot", 1, 3)
case("one_hot", [0, 1], 2, 1.0)
case("one_hot", [0, 1], 2, 5, dtype="float32")
case("one_hot", [0, 1], -2)
case("one_hot", [0, 1], 0)
case("one_hot", [0.0], 2)
case("one_hot", D("uint8", 3), 3, axis=1)
case("sequence_mask", [1, 3, 0])
case("sequence_mask", [1, 3], 2)
case("sequence_mask", [[1], [2]], maxlen=3, dtype="float32")
case("sequence_mask", 2, 3)
case("sequence_mask", [1.5], 3)
case("meshgrid", [1, 2], [3, 4, 5])
case("meshgrid", F(2), F(3), F(2), indexing="ij")
case("meshgrid", F(2), F(3), indexing="ab")
case("meshgrid", 1, [2, 3])
case("constant", [1, 2])
case("constant", 1.5, dtype="float64", shape=[2])
case("constant", [1, 2, 3, 4], shape=[2, 2])
case("constant", [[1, 2], [3]])
case("constant", [True, False])
case("constant", [1, 2.5])
case("constant", 2**40)
case("constant", 1.5, "int32")
case("constant", 300, "uint8")
case("constant", 1j)
case("constant", [1, 1j])
case("convert_to_tensor", [1, 2], dtype_hint="float32")
case("convert_to_tensor", [1.5], "float16")
case("convert_to_tensor", [1.5], dtype_hint="int32")
case("convert_to_tensor", F(2), "float64")
case("convert_to_tensor", [F(), 2.0])

# --- shapes and rearranging -----------------------------------------------------------------------------------------

cases("shape size rank", F(2, 3))
cases("shape size", F(2, 3), out_type="int64")
cases("shape size rank", 5)
cases("shape size rank", [[1, 2]])
cases("shape size rank", F(0, 3))
case("shape_n", [F(2), F(3, 1)])
case("shape_n", [F(2)], out_type="int64")
case("reshape", F(2, 3), [3, 2])
case("reshape", F(2, 3), [-1])
case("reshape", F(2, 3), -1)
case("reshape", tensor=F(4), shape=(2, -1))
case("reshape", F(2, 3), [4, -1])
case("reshape", F(2, 3), [-1, -1])
case("reshape", F(2, 3), [-2, 3])
case("reshape", F(0, 3), [-1, 3])
case("reshape", F(0, 3), [0, -1])
case("reshape", F(), [1])
case("reshape", F(1), [])
case("expand_dims", F(2, 3), 1)
case("expand_dims", F(2, 3), axis=-1)
case("expand_dims", 5, 0)
case("expand_dims", F(2), 3)
case("squeeze", F(1, 2, 1))
case("squeeze", F(1, 2, 1), axis=[0])
case("squeeze", F(1, 2, 1), -1)
case("squeeze", F(1, 2), axis=1)
case("squeeze", F(2))
case("transpose", F(2, 3))
case("transpose", F(2, 3, 4), [2, 0, 1])
case("transpose", F(2, 3), perm=[-1, 0])
case("transpose", Z(2, 2), conjugate=True)
case("transpose", F(2, 3), [0, 0])
case("transpose", F())
case("broadcast_to", F(3), [2, 3])
case("broadcast_to", 1, shape=[2])
case("broadcast_to", F(2, 1), [2, 0])
case("broadcast_to", F(2), [3])
case("broadcast_to", F(2), [-1, 2])
case("broadcast_static_shape", (2, 1), (3,))
case("broadcast_dynamic_shape", [2, 1], [3])
case("broadcast_dynamic_shape", [2], [3])
case("ensure_shape", F(2, 3), [None, 3])
case("ensure_shape", F(2, 3), [2, 2])
case("concat", [F(2, 3), F(1, 3)], 0)
case("concat", [F(2, 3), F(2, 1)], axis=-1)
case("concat", values=[[1, 2], [3]], axis=0)
case("concat", [F(2)], 0)
case("concat", [F(2), F(0)], 0)
case("concat", [], 0)
case("concat", [F(2), I(2)], 0)
case("concat", [F(2), F(2, 2)], 0)
case("concat", [F(2), F(2)], 1)
case("concat", [1, 2], 0)
case("stack", [F(2), F(2)])
case("stack", [F(2), F(2)], axis=-1)
case("stack", [1, 2, 3])
case("stack", F(3, 2), axis=1)
case("stack", [])
case("stack", [F(2), F(3)])
case("stack", values=[F(), 2.0], axis=0)
case("unstack", F(2, 3))
case("unstack", F(2, 3), axis=-1)
case("unstack", F(2, 3), num=2)
case("unstack", F(2, 3), num=3)
case("unstack", F())
case("split", F(4, 2), 2)
case("split", F(2, 5), [2, -1], axis=1)
case("split", F(2, 6), num_or_size_splits=3, axis=-1)
case("split", F(5), 2)
case("split", F(5), [2, 2])
case("split", F(5), [-1, -1])
case("split", F(5), 0)
case("split", F(5), -1)
case("split", F(5), [6, -1])
case("split", F(4), [4, 0])
case("tile", F(2, 3), [2, 1])
case("tile", [1, 2], [2])
case("tile", F(2), multiples=[0])
case("tile", F(2), [-1])
case("tile", F(2, 3), [2])
case("repeat", [1, 2], 2)
case("repeat", F(2, 3), 2, axis=0)
case("repeat", F(2, 3), [1, 2], axis=0)
case("repeat", F(2, 3), repeats=[1, 0, 2], axis=-1)
case("repeat", F(2, 3), 2)
case("repeat", 5, 3)
case("repeat", F(2), -1)
case("repeat", F(2), [1, -1])
case("repeat", F(2), [1, 2, 3])
case("reverse", F(2, 3), [1])
case("reverse", F(2, 3), axis=[0, -1])
case("reverse", I(3), [0])
case("reverse", F(2, 3), [0, 0])
case("reverse", F(2, 3), [])
case("reverse", F(2, 3), [2])
case("reverse_sequence", F(3, 4), [2, 4, 0], seq_axis=1, batch_axis=0)
case("reverse_sequence", F(4, 3, 2), array([1, 4, 3], "int64"), seq_axis=0, batch_axis=1)
case("reverse_sequence", input=I(2, 3), seq_lengths=[1, 2], seq_axis=-1)
case("reverse_sequence", F(2, 3), [5, 1], seq_axis=1)
case("roll", F(5), 2, 0)
case("roll", F(2, 3), shift=[1, -1], axis=[0, 1])
case("roll", F(2, 3), -4, axis=-1)
case("roll", I(5), 7, 0)
case("roll", F(5), [1, 2], [0, 0])
case("pad", F(2, 3), [[1, 0], [0, 2]])
case("pad", F(2, 3), [[1, 1], [2, 2]], "REFLECT")
case("pad", F(2, 3), [[1, 1], [2, 2]], mode="symmetric")
case("pad", I(3), [[1, 2]], constant_values=9)
case("pad", F(3), [[3, 0]], "REFLECT")
case("pad", F(3), [[-1, 0]])
case("pad", F(3), [[1, 0], [0, 1]])
case("pad", F(3), [[1, 0]], "EDGE")
case("pad", B(2), [[1, 1]])
case("slice", F(3, 4), [1, 0], [2, -1])
case("slice", input_=F(3), begin=[0], size=[2])
case("slice", F(3), [2], [2])
case("slice", F(3), [0], [-2])
case("slice", F(3), [-1], [1])
case("strided_slice", F(4, 4), [0, 0], [4, 4], [2, 1])
case("strided_slice", F(4, 4), [3, 0], [0, 2], [-1, 1])
case("strided_slice", F(4, 4), [1], [2], shrink_axis_mask=1)
case("strided_slice", F(4, 4), [0, 1], [0, 3], begin_mask=1, end_mask=1)
case("strided_slice", F(4), [0], [4], [0])
case("strided_slice", F(2, 3), [0, 0], [2, 1], new_axis_mask=1)
case("where", B(2, 3), F(2, 3), F(2, 3))
case("where", B(3), F(2, 3), 0.0)
case("where", array([True, False, True], "bool"))
case("where", array([[1, 0], [0, 2]], "int32"))
case("where", [True, False], [1, 2], [3, 4])
case("where", condition=B(2, 1), x=1.0, y=F(2))
case("where", B(2), F(2), I(2))
case("where", B(2), F(2))
case("boolean_mask", F(3, 2), [True, False, True])
case("boolean_mask", [1, 2, 3], array([False, True, True], "bool"))
case("boolean_mask", F(2, 3), [True, False, True], axis=1)
case("boolean_mask", F(2, 3), B(2, 3))
case("boolean_mask", F(2), B(3))
case("gather", F(4, 2), [0, 3])
case("gather", F(2, 4), [[0, 1], [2, 3]], axis=1)
case("gather", F(2, 4), array([[0], [3]], "int32"), axis=1, batch_dims=1)
case("gather", [5, 6, 7], 1)
case("gather", params=F(3, 2), indices=array([2], "int64"), axis=-2)
case("gather", F(2, 4), array([[0], [3]], "int32"), batch_dims=1)
case("gather", F(2, 3), [0], axis=2)
case("gather", F(2, 3), [0.0])
case("gather_nd", F(2, 3), [[0, 1], [1, 2]])
case("gather_nd", F(2, 3), [[1]])
case("gather_nd", F(2, 3, 2), array([[[0]], [[2]]], "int32"), batch_dims=1)
case("gather_nd", params=[1, 2], indices=[[0]])
case("gather_nd", F(2), [[0, 1]])
case("scatter_nd", [[0], [2]], [1.0, 2.0], [4])
case("scatter_nd", array([[1], [1]], "int32"), F(2, 3), shape=[3, 3])
case("scatter_nd", [[0]], [1.0, 2.0], [4])
for _name in "add max min sub update".split():
    case(f"tensor_scatter_nd_{_name}", F(4), [[0], [2]], F(2))
    case(f"tensor_scatter_nd_{_name}", tensor=I(3, 2), indices=[[1]], updates=I(1, 2))
    case(f"tensor_scatter_nd_{_name}", F(3), [[0]], F(2))
cases("space_to_batch", F(1, 4, 4, 1), [2, 2], [[0, 0], [0, 0]])
cases("space_to_batch nn.space_to_batch", F(1, 3, 4, 1), block_shape=[2, 2], paddings=[[1, 0], [0, 0]])
cases("space_to_batch_nd", F(1, 4, 2), [2], [[0, 2]])
cases("space_to_batch", F(1, 3, 4, 1), [2, 2], [[0, 0], [0, 0]])
cases("batch_to_space", F(4, 2, 2, 1), [2, 2], [[0, 0], [0, 0]])
cases("batch_to_space", input=F(4, 2, 2, 1), block_shape=[2, 2], crops=[[1, 0], [0, 1]])
cases("batch_to_space", F(3, 2, 2, 1), [2, 2], [[0, 0], [0, 0]])

# --- linear algebra -------------------------------------------------------------------------------------------------

SQUARE = array([[4.0, 1.0, 0.5], [1.0, 3.0, 0.2], [0.5, 0.2, 2.0]])
cases("matmul linalg.matmul", F(2, 3), F(3, 4))
case("matmul", F(2, 3), F(4, 3), transpose_b=True)
case("matmul", F(3, 2), F(3, 4), True)
case("matmul", Z(3, 2), Z(3, 4), adjoint_a=True)
case("matmul", F(2, 2, 3), F(3, 4))
case("matmul", F(2, 1, 2, 3), F(3, 3, 2))
case("matmul", I(2, 3), I(3, 2))
case("matmul", [[1, 2]], [[3], [4]])
case("matmul", a=F(2, 0), b=F(0, 3))
case("matmul", F(2, 3), F(2, 3))
case("matmul", D("int8", 2, 3), D("int8", 3, 2), output_type="int32")
case("linalg.matvec", F(2, 3), F(3))
case("linalg.matvec", F(3, 2), F(3), transpose_a=True)
case("linalg.matvec", a=F(2, 2, 3), b=F(2, 3))
cases("tensordot", F(2, 3), F(3, 4), 1)
cases("tensordot linalg.tensordot", F(2, 3), F(3, 2), [[0, 1], [1, 0]])
cases("tensordot", F(2), F(3), axes=0)
cases("tensordot", F(2, 3), F(4, 3), axes=[[1], [1]])
cases("tensordot", F(2, 3), F(4, 3), axes=[-1, -1])
cases("einsum linalg.einsum", "ij,jk->ik", F(2, 3), F(3, 4))
cases("einsum", "...ij->...ji", F(2, 3, 4))
cases("einsum", "ii->i", F(3, 3))
cases("einsum", "i,j", F(2), F(3))
cases("einsum", "bij,bjk->bk", F(2, 3, 2), F(2, 2, 3))
cases("einsum", "i->", I(3))
cases("norm linalg.norm", F(2, 3))
for _order in ("euclidean", 1, 2, np.inf, "fro", 3):
    case("norm", F(2, 3), _order, axis=1)
case("norm", F(2, 3), ord=1, axis=[0, 1])
case("norm", F(2, 3), ord=2, axis=[0, 1])
case("norm", F(2, 3), "fro", [-2, -1], True)
case("norm", Z(3))
case("norm", I(3))
case("linalg.normalize", F(2, 3))
case("linalg.normalize", F(2, 3), 1, axis=1)
case("linalg.adjoint", Z(2, 3))
case("linalg.matrix_transpose", F(2, 3, 4))
case("linalg.matrix_transpose", Z(2, 3), conjugate=True)
case("linalg.matrix_transpose", F(3))
case("linalg.cross", F(2, 3), F(2, 3))
case("linalg.cross", [1, 0, 0], [0, 1, 0])
case("linalg.band_part", F(3, 4), 1, 0)
case("linalg.band_part", F(2, 3, 3), -1, 1)
case("linalg.band_part", I(3, 3), num_lower=0, num_upper=-1)
case("linalg.diag", F(3))
case("linalg.diag", I(2, 2), k=1)
case("linalg.diag", F(2), k=-1, padding_value=9.0)
case("linalg.diag", F(2), num_rows=2, num_cols=4)
case("linalg.diag", F(2, 3), k=(-1, 0))
case("linalg.diag_part", F(3, 4))
case("linalg.diag_part", F(2, 3, 3), k=1)
case("linalg.diag_part", I(3, 3), k=-2)
case("linalg.diag_part", F(3, 3), k=(0, 1))
case("linalg.set_diag", F(3, 3), F(3))
case("linalg.set_diag", F(3, 4), F(3), k=1)
case("linalg.set_diag", input=I(2, 2), diagonal=[7, 8])
case("linalg.tensor_diag", F(2, 2))
case("linalg.tensor_diag_part", F(2, 3, 2, 3))
case("linalg.trace", F(3, 3))
case("linalg.trace", I(2, 3, 4))
for _name in "det inv cholesky expm logdet slogdet eigvalsh pinv sqrtm matrix_rank".split():
    case(f"linalg.{_name}", SQUARE)
    case(f"linalg.{_name}", np.stack([SQUARE, 2 * SQUARE]).astype("float64"))
    case(f"linalg.{_name}", I(2, 2))
    case(f"linalg.{_name}", F(2))
case("matrix_square_root", SQUARE)
case("linalg.sqrtm", array([[2, 1j], [1, 3]], "complex64"))
case("linalg.inv", SQUARE, adjoint=True)
case("linalg.inv", array([[1.0, 2.0], [2.0, 4.0]]))
case("linalg.det", array([[1 + 1j, 2], [3, 4]], "complex64"))
case("linalg.det", F(0, 0))
case("linalg.solve", SQUARE, F(3, 2))
case("linalg.solve", SQUARE, F(3, 2), adjoint=True)
case("linalg.solve", matrix=SQUARE, rhs=F(3))
case("linalg.triangular_solve", SQUARE, F(3, 1))
case("linalg.triangular_solve", SQUARE, F(3, 1), lower=False)
case("linalg.triangular_solve", SQUARE, F(3, 1), adjoint=True)
case("linalg.cholesky_solve", array([[2.0, 0.0], [1.0, 1.0]]), F(2, 1))
case("linalg.lstsq", F(4, 2), F(4, 1))
case("linalg.lstsq", F(4, 2), F(4, 1), l2_regularizer=0.1)
case("linalg.lstsq", F(2, 4), F(2, 1))
case("linalg.lstsq", F(4, 2), F(4, 1), fast=False)
case("linalg.lu", SQUARE)
case("linalg.lu", F(2, 3, 3), output_idx_type="int64")
case("linalg.lu_solve", array([[2.0, 1.0], [0.5, 1.0]]), [0, 1], F(2, 1))
case("linalg.lu_matrix_inverse", array([[2.0, 1.0], [0.5, 1.0]]), [1, 0])
case("linalg.lu_reconstruct", array([[2.0, 1.0], [0.5, 1.0]]), [1, 0])
case("linalg.svd", F(3, 2), compute_uv=False)
case("linalg.svd", F(2, 2, 3), False, False)
case("linalg.pinv", F(3, 2))
case("linalg.matrix_rank", array([[1.0, 2.0], [2.0, 4.0]]))


def reassembled(tf, name, x, *args, **kwargs):
    """The product of the factors: the factors themselves may differ by signs or order."""
    result = function(tf, name)(x, *args, **kwargs)
    if name == "linalg.qr":
        return tf.matmul(result.q, result.r)
    if name == "linalg.svd":
        if not isinstance(result, tuple):
            return result
        s, u, v = result
        return s, tf.matmul(u * tf.expand_dims(s, -2), v, adjoint_b=True)
    values, vectors = result
    if name == "linalg.eigh":
        return values, tf.matmul(vectors * tf.expand_dims(values, -2), vectors, adjoint_b=True)
    return tf.matmul(tf.cast(x, values.dtype), vectors) - vectors * tf.expand_dims(values, -2) + 1.0


SPECIAL = {"linalg.qr": reassembled, "linalg.svd": reassembled, "linalg.eigh": reassembled, "linalg.eig": reassembled,
           "eig": reassembled}
case("linalg.qr", F(3, 2))
case("linalg.qr", F(2, 3, 3), full_matrices=True)
case("linalg.svd", F(3, 2))
case("linalg.eigh", SQUARE)
case("linalg.eig", array([[1.0, 2.0], [3.0, 4.0]]))
case("eig", array([[0.0, 1.0], [-1.0, 0.0]]))


def symmetric_functions(tf, name, x):
    """Sum and product of the eigenvalues, whose order may differ."""
    values = function(tf, name)(x)
    return tf.reduce_sum(values), tf.reduce_prod(values)


SPECIAL.update({"linalg.eigvals": symmetric_functions, "eigvals": symmetric_functions})
cases("linalg.eigvals eigvals", array([[1.0, 2.0], [3.0, 4.0]]))
case("linalg.eigvals", array([[0, 1j], [1, 0]], "complex64"))


def window_values(tf, name, *args, **kwargs):
    """`inverse_stft_window_fn` makes a window function: the window."""
    return function(tf, name)(*args, **kwargs)(8, tf.float32)


SPECIAL["signal.inverse_stft_window_fn"] = window_values
case("signal.inverse_stft_window_fn", 4)

# --- signals --------------------------------------------------------------------------------------------------------

for _name in "fft ifft".split():
    case(f"signal.{_name}", Z(2, 4))
    case(f"signal.{_name}", D("complex128", 5))
    case(f"signal.{_name}", F(4))
    case(f"signal.{_name}2d", Z(2, 3, 4))
    case(f"signal.{_name}3d", Z(2, 3, 4))
    case(f"signal.{_name}shift", F(2, 5))
    case(f"signal.{_name}shift", F(2, 5), axes=[1])
    case(f"signal.{_name}shift", F(4), axes=0)
case("signal.rfft", F(2, 6))
case("signal.rfft", F(2, 6), fft_length=[4])
case("signal.rfft", D("float64", 5), [8])
case("signal.rfft", I(4))
case("signal.rfft2d", F(4, 6))
case("signal.rfft2d", F(4, 6), [4, 4])
case("signal.rfft3d", F(2, 4, 6))
case("signal.irfft", Z(2, 4))
case("signal.irfft", Z(2, 4), fft_length=[5])
case("signal.irfft2d", Z(4, 4))
case("signal.irfft2d", Z(4, 4), fft_length=[4, 5])
case("signal.irfft3d", Z(2, 4, 4))
for _type in (1, 2, 3, 4):
    case("signal.dct", F(2, 5), type=_type)
    case("signal.idct", F(2, 5), type=_type)
case("signal.dct", F(2, 5), norm="ortho")
case("signal.idct", F(2, 5), norm="ortho")
case("signal.dct", F(5), 2, 3)
case("signal.dct", F(5), n=8)
case("signal.dct", F(5), type=5)
for _name in "hann hamming kaiser vorbis".split():
    case(f"signal.{_name}_window", 6)
    case(f"signal.{_name}_window", window_length=5, dtype="float64")
    case(f"signal.{_name}_window", 1)
case("signal.hann_window", 6, periodic=False)
case("signal.hamming_window", 5, False)
case("signal.kaiser_window", 6, beta=5.0)
case("signal.frame", F(10), 4, 2)
case("signal.frame", F(2, 9), 4, 3, pad_end=True, pad_value=1.5)
case("signal.frame", F(10, 2), frame_length=4, frame_step=4, axis=0)
case("signal.frame", F(3), 4, 2)
case("signal.overlap_and_add", F(2, 4, 3), 2)
case("signal.overlap_and_add", F(4, 2), frame_step=3)
case("signal.stft", F(20), 8, 4)
case("signal.stft", F(2, 20), frame_length=6, frame_step=3, fft_length=8, pad_end=True)
case("signal.stft", F(20), 8, 4, window_fn=None)
case("signal.inverse_stft", Z(4, 5), 8, 4)
case("signal.inverse_stft", Z(4, 5), frame_length=6, frame_step=3, fft_length=8, window_fn=None)
case("signal.linear_to_mel_weight_matrix", 4, 9, 8000, 100.0, 3800.0)
case("signal.linear_to_mel_weight_matrix")
case("signal.mfccs_from_log_mel_spectrograms", F(3, 8))

# --- neural networks (the others: nn_cases.py) ----------------------------------------------------------------------

cases("nn.softmax nn.log_softmax", F(2, 3))
cases("nn.softmax nn.log_softmax math.softmax math.log_softmax", F(2, 3), axis=0)
cases("nn.softmax nn.log_softmax", D("float64", 2, 3), -1)
cases("nn.softmax nn.log_softmax", I(3))
cases("nn.softmax nn.log_softmax", array([1e4, 0.0, -np.inf]))
cases("nn.softmax nn.log_softmax", F())
case("nn.leaky_relu", F(3), alpha=0.3)
case("nn.leaky_relu", I(3))
case("nn.gelu", F(3), True)
case("nn.silu", F(3), 2.0)
case("nn.crelu", F(2, 3), axis=0)
case("nn.crelu", I(3))
case("nn.l2_loss", F(2, 3))
case("nn.l2_loss", I(3))
case("nn.zero_fraction", array([0.0, 1.0]))
case("nn.bias_add", F(2, 3), F(3))
case("nn.bias_add", F(2, 3, 4, 4), F(3), data_format="NCHW")
case("nn.bias_add", I(2, 3), I(3))
case("nn.moments", F(2, 3, 4), [0, 1])
case("nn.moments", F(2, 3), axes=[0], keepdims=True)
case("nn.weighted_moments", F(2, 3), axes=[0], frequency_weights=F(2, 1, low=0.1, high=1))
case("nn.sufficient_statistics", F(2, 3), [0])
case("nn.sufficient_statistics", F(2, 3), [1], shift=0.5, keepdims=True)
case("nn.normalize_moments", array(4.0), F(3), F(3, low=5, high=9), None)
case("nn.batch_normalization", F(2, 3), F(3), F(3, low=0.1, high=1), None, None, 1e-3)
case("nn.batch_normalization", F(2, 3), F(3), F(3, low=0.1, high=1), F(3), F(3), variance_epsilon=1e-3)
case("nn.batch_norm_with_global_normalization", F(1, 2, 2, 3), F(3), F(3, low=0.1, high=1), F(3), F(3), 1e-3, True)
cases("nn.local_response_normalization nn.lrn", F(1, 2, 2, 8), depth_radius=2, alpha=0.1)
case("nn.compute_average_loss", F(4), global_batch_size=8)
case("nn.compute_average_loss", F(4), sample_weight=[1.0, 0.0, 2.0, 1.0], global_batch_size=4)
case("nn.scale_regularization_loss", F())
case("nn.log_poisson_loss", F(3, low=0, high=5), F(3))
case("nn.log_poisson_loss", targets=F(3, low=0, high=5), log_input=F(3), compute_full_loss=True)
case("nn.sigmoid_cross_entropy_with_logits", labels=F(3, low=0, high=1), logits=F(3))
case("nn.softmax_cross_entropy_with_logits", labels=F(2, 3, low=0, high=1), logits=F(2, 3))
case("nn.softmax_cross_entropy_with_logits", array([[0.0, 1.0]]), F(2, 2))
case("nn.sparse_softmax_cross_entropy_with_logits", [0, 2], F(2, 3))
case("nn.sparse_softmax_cross_entropy_with_logits", labels=array(1, "int64"), logits=F(3))
case("nn.weighted_cross_entropy_with_logits", F(3, low=0, high=1), F(3), 2.0)
case("nn.embedding_lookup", F(4, 2), [1, 3, 1])
case("nn.embedding_lookup", F(4, 2), array([[0], [2]], "int32"), max_norm=0.5)
case("nn.depth_to_space", F(1, 2, 2, 4), 2)
case("nn.depth_to_space", F(1, 2, 2, 3), 2)
case("nn.space_to_depth", F(1, 4, 4, 1), block_size=2)
case("nn.conv2d", F(1, 5, 5, 2), F(3, 3, 2, 1), 2, "SAME")
case("nn.conv2d", F(1, 5, 5, 2), filters=F(3, 3, 2, 1), strides=[1, 1], padding=[[0, 0], [1, 1], [2, 0], [0, 0]])
case("nn.conv_transpose", F(1, 3, 2), F(2, 1, 2), [1, 6, 1], 2)
case("nn.conv_transpose", F(1, 3, 3, 2), F(2, 2, 1, 2), output_shape=[1, 4, 4, 1], strides=1, padding="VALID")
case("nn.atrous_conv2d_transpose", F(1, 5, 5, 2), F(3, 3, 1, 2), [1, 5, 5, 1], rate=2, padding="SAME")
case("nn.max_pool", F(1, 4, 4, 1), 2, 2, "VALID")
case("nn.avg_pool", F(1, 5, 1), [3], [2], "SAME")

# --- structures -----------------------------------------------------------------------------------------------------

STRUCTURE = {"b": [1, (2, 3)], "a": 4}
case("nest.flatten", STRUCTURE)
case("nest.flatten", 5)
case("nest.flatten", [])
case("nest.flatten", [1, None, [2]])
case("nest.flatten", "text")
case("nest.is_nested", [1])
case("nest.is_nested", "text")
case("nest.is_nested", {})
case("nest.pack_sequence_as", STRUCTURE, [10, 20, 30, 40])
case("nest.pack_sequence_as", [1, 2], [1])
case("nest.pack_sequence_as", 1, [7])
case("nest.assert_same_structure", [1, (2, 3)], [4, (5, 6)])
case("nest.assert_same_structure", [1, (2, 3)], [4, 5])
case("nest.assert_same_structure", [1, 2], (1, 2))
case("nest.assert_same_structure", [1, 2], (1, 2), check_types=False)
case("nest.map_structure", sum, [[1, 2], [3]])
case("nest.map_structure", max, {"a": 1, "b": [2]}, {"a": 5, "b": [0]})
case("nest.map_structure", max, [1], [1, 2])

# --- questions about tensors ----------------------------------------------------------------------------------------

case("is_tensor", F(2))
case("is_tensor", [1])
case("get_static_value", array([1, 2], "int32"))
case("executing_eagerly")
case("as_dtype", "float32")
case("as_dtype", "nonsense")


def run(tf, key, arguments=None):
    """The case's result, from `arguments` (args, kwargs) or from constants."""
    name = CASES[key][0]
    if arguments is None:
        arguments = tensors(tf, drawn(key))
    args, kwargs = arguments
    if name in SPECIAL:
        return SPECIAL[name](tf, name, *args, **kwargs)
    return function(tf, name)(*args, **kwargs)


def tensors(tf, value):
    """A structure with its arrays made tensors."""
    if isinstance(value, np.ndarray):
        return tf.constant(value)
    if type(value) in (list, tuple):
        return type(value)(tensors(tf, v) for v in value)
    if isinstance(value, dict):
        return {k: tensors(tf, v) for k, v in value.items()}
    return value
