"""The rows of test_keras_ops.py: a name in `keras.ops` and the arguments of one call. Arrays become tensors.

What a call cannot do is marked: "eager" (its result's shape depends on values: not in compiled functions, not symbolic),
"known" (needs all sizes: not with an open batch), "first"
(only the first tensor's batch may be open), "unordered", "nograd", "loose" (1e-4), "values" (dtypes differ on purpose).
"""

import numpy as np

RNG = np.random.default_rng(7)


def f(*shape, dtype=np.float32):
    """Normal numbers."""
    return RNG.normal(size=shape).astype(dtype)


def u(*shape, low=0.05, high=0.95):
    """Uniform numbers, between 0 and 1 if nothing else is said."""
    return RNG.uniform(low, high, shape).astype(np.float32)


def i(*shape, low=-5, high=9, dtype=np.int32):
    """Integers."""
    return RNG.integers(low, high, shape).astype(dtype)


def b(*shape):
    """Truth values."""
    return RNG.random(shape) > 0.5


def c(*shape):
    """Complex numbers."""
    return (f(*shape) + 1j * f(*shape)).astype(np.complex64)


def spd(n):
    """A positive definite matrix."""
    x = f(n, n)
    return x @ x.T + n * np.eye(n, dtype=np.float32)


SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-30, -1e30, 2.5, -2.5, 0.5], np.float32)
HOLES = np.where(RNG.random((3, 4)) > 0.3, f(3, 4), np.float32("nan"))
ROWS: list[tuple] = []


def row(name, *args, mark="", **kwargs):
    """One call."""
    ROWS.append((name, args, kwargs, mark))


# --- element by element -----------------------------------------------------------------------------------------------

for name in ("exp", "exp2", "expm1", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arctan", "arcsinh", "sinc", "deg2rad",
             "rad2deg", "cbrt", "floor", "ceil", "trunc", "round", "sign", "signbit", "negative", "absolute", "abs", "fabs",
             "square", "reciprocal", "isnan", "isinf", "isfinite", "isposinf", "isneginf", "isreal", "nan_to_num", "sqrt",
             "real", "imag", "conj", "conjugate", "angle", "copy", "logical_not",
             "relu", "relu6", "sigmoid", "log_sigmoid", "softplus", "softsign", "silu", "swish", "elu", "selu", "celu", "gelu",
             "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh", "tanh_shrink", "hard_shrink", "soft_shrink",
             "sparse_plus", "sparse_sigmoid", "squareplus", "leaky_relu", "erf",
             "erfc"):
    row(name, f(3, 4) * 2)
    if name not in ("signbit", "elu", "celu", "softsign", "hard_silu", "hard_swish", "sparse_plus", "gelu", "sin", "cos",
                    "tan"):
        row(name, SPECIAL, mark="nograd")
for name in ("exp", "log", "sqrt", "sin", "tanh", "floor", "ceil", "trunc", "round", "sign", "negative", "absolute", "square",
             "isnan", "exp2", "log10", "log2", "log1p", "cbrt", "deg2rad", "reciprocal", "expm1", "sinh", "arctan", "isfinite",
             "nan_to_num", "fabs", "sinc", "i0"):
    row(name, i(3, 4, low=1))
    row(name, i(3, low=1, high=100, dtype=np.uint8))
for name in ("log", "log10", "log2", "log1p", "sqrt", "rsqrt", "arcsin", "arccos", "arctanh", "erfinv", "i0"):
    row(name, u(3, 4))
row("arccosh", u(3, 4) + 1.5)
for name in ("log", "log1p", "arcsin", "arccosh", "erfinv", "log2"):
    row(name, SPECIAL, mark="nograd")
for name in ("exp", "sin", "sqrt", "add", "floor", "tanh", "relu", "sigmoid", "sum", "mean", "max"):
    arguments = (u(3, 4).astype(np.float16),) * (2 if name == "add" else 1)
    row(name, *arguments, mark="loose nograd")
for name in ("real", "imag", "conj", "angle", "absolute", "isreal", "isnan", "isfinite"):
    row(name, c(3))
row("abs", i(4))
row("abs", b(4))
row("round", f(3, 4) * 100, decimals=1)
row("round", f(3, 4) * 100, decimals=-1)
row("round", i(5, low=-99, high=99), decimals=-1)
row("clip", f(3, 4), -0.5, 0.5)
row("clip", i(3, 4), 0, 3)
row("clip", i(3, 4), 0.5, 3.5)
row("clip", f(3, 4), f(4) - 1, 1)
row("nan_to_num", SPECIAL, nan=1.0, posinf=2.0, neginf=-3.0, mark="nograd")
row("bitwise_invert", i(4))
row("bitwise_not", b(4))
for alpha in (0.5, 2.0):
    row("elu", f(4), alpha=alpha)
    row("celu", f(4), alpha=alpha)
row("leaky_relu", f(5), negative_slope=0.3)
row("gelu", f(5), approximate=False)
row("hard_shrink", f(5), threshold=0.2)
row("soft_shrink", f(5), threshold=0.2)
row("threshold", f(5), 0.1, 7.0)
row("squareplus", f(5), b=2)
row("glu", f(3, 4))
row("glu", f(4, 3), axis=0, mark="known")
for name in ("softmax", "log_softmax"):
    row(name, f(3, 4))
    row(name, f(3, 4), axis=0)
    row(name, f(2, 3, 4), axis=(1, 2))
row("saturate_cast", f(4) * 300, "uint8")
row("cast", f(4) * 9, "int32")
row("cast", i(4), "bool")

# --- two tensors ------------------------------------------------------------------------------------------------------

ARITHMETIC = ("add", "subtract", "multiply", "divide", "true_divide", "maximum", "minimum", "mod", "floor_divide", "fmod")
for name in (*ARITHMETIC, "divide_no_nan", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "hypot",
             "arctan2", "logaddexp", "logaddexp2", "fmax", "fmin", "heaviside", "isclose", "logical_and", "logical_or",
             "logical_xor"):
    row(name, f(3, 4), f(4))
    row(name, i(3, 4, low=1), i(4, low=1))
    row(name, i(3, low=1), f(3))
    row(name, i(3, low=1, dtype=np.int8), 2)
    row(name, i(3, low=1), 0.5)
    row(name, 2, f(3))
    if name not in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "fmod", "mod", "floor_divide",
                    "divide_no_nan", "isclose"):
        row(name, SPECIAL[:, None], SPECIAL, mark="nograd")
for name in ("equal", "less", "greater_equal", "maximum", "minimum", "isclose", "divide_no_nan"):
    row(name, SPECIAL[:, None], SPECIAL, mark="nograd")
for name in ("add", "multiply", "divide", "maximum", "equal"):
    row(name, b(3), b(3))
    row(name, b(3), i(3))
    row(name, b(3), 0.5)
    row(name, i(3, low=0, dtype=np.uint8), i(3, dtype=np.int8))
    row(name, i(3, low=0, dtype=np.uint16), i(3, dtype=np.int16))
    row(name, i(3), u(3).astype(np.float16), mark="loose")
row("power", u(3, 4), f(4))
row("power", i(3, 4, low=1, high=4), 2)
row("power", i(3, low=1, high=4), 0.5)
row("power", f(3), 2)
row("mod", i(6), 3)
row("floor_divide", i(6), 3)
row("fmod", i(6), 3)
row("ldexp", f(4), i(4))
row("gcd", i(3, 4, low=-40, high=40), i(4, low=0, high=40))
row("lcm", i(3, 4, low=-40, high=40), i(4, low=0, high=40))
row("nextafter", f(4), f(4), mark="nograd")
row("allclose", f(3), f(3))
row("isclose", np.array([1.0, 2.0], np.float32), np.array([1.00001, 2.1], np.float32))
row("isclose", SPECIAL, SPECIAL, equal_nan=True, mark="nograd")
for name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
    row(name, i(3, 4), i(4))
    row(name, b(4), b(4))
for name in ("bitwise_left_shift", "left_shift", "bitwise_right_shift", "right_shift"):
    row(name, i(3, 4), i(4, low=0, high=5))
    row(name, i(4), 2)

# --- reductions -------------------------------------------------------------------------------------------------------

for name in ("sum", "prod", "mean", "var", "std", "max", "min", "amax", "amin", "ptp", "all", "any", "logsumexp", "median"):
    row(name, f(2, 3, 4))
    row(name, f(2, 3, 4), axis=1)
    row(name, f(2, 3, 4), axis=(0, 2), keepdims=True)
    row(name, f(2, 3, 4), axis=-1, keepdims=True)
    if name != "logsumexp":
        row(name, i(2, 3))
for name in ("sum", "prod", "max", "min", "mean"):
    row(name, b(2, 3))
    row(name, i(4, dtype=np.int8))
    row(name, i(4, low=0, dtype=np.uint8))
row("max", f(3, 4), axis=0, initial=0.5)
row("min", i(3, 4), axis=0, initial=0)
row("prod", i(3), dtype="float32")
row("count_nonzero", i(3, 4, low=0, high=2))
row("count_nonzero", f(3, 4), axis=1)
row("average", f(3, 4))
row("average", f(3, 4), axis=1, weights=u(4))
row("average", i(3, 4), axis=0, weights=u(3, 4))
for name in ("cumsum", "cumprod"):
    row(name, f(3, 4))
    row(name, f(3, 4), axis=1)
    row(name, i(4), axis=0)
    row(name, b(4), axis=0)
    row(name, i(4), axis=0, dtype="float32")
for name in ("argmax", "argmin"):
    row(name, f(3, 4))
    row(name, f(3, 4), axis=1)
    row(name, i(3, 4), axis=0, keepdims=True)
    row(name, f(3, 4), keepdims=True)
for name in ("nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmax", "nanmin", "nanmedian"):
    row(name, HOLES, mark="nograd")
    row(name, HOLES, axis=1, keepdims=True, mark="nograd")
    row(name, i(3, 4), axis=0)
for name in ("nanargmax", "nanargmin"):
    row(name, np.nan_to_num(HOLES, nan=-9.0))
    row(name, HOLES, axis=0)
for name in ("nancumsum", "nancumprod"):
    row(name, HOLES, axis=1, mark="nograd")
    row(name, HOLES, mark="nograd")
for method in ("linear", "lower", "higher", "midpoint", "nearest"):
    row("quantile", f(3, 7), 0.3, axis=1, method=method)
row("quantile", f(3, 4), np.array([0.1, 0.5, 1.0], np.float32), axis=0, keepdims=True)
row("quantile", f(3, 4), 0.25)
row("percentile", f(3, 4), np.array([10.0, 90.0], np.float32))
row("nanquantile", HOLES, 0.5, axis=1, mark="nograd")
row("nanpercentile", HOLES, np.array([20.0, 70.0], np.float32), axis=0, mark="nograd")
row("quantile", HOLES, 0.5, axis=1, mark="nograd")
row("corrcoef", f(3, 6), mark="loose known")
row("correlate", f(6), f(3), mark="known")
row("correlate", f(6), f(3), mode="same", mark="known")
row("correlate", f(6), f(3), mode="full", mark="known")
row("correlate", f(3), f(6), mode="full", mark="known")
row("bincount", i(8, low=0, high=5), mark="eager")
row("bincount", i(8, low=0, high=5), minlength=7, mark="eager")
row("bincount", i(8, low=0, high=5), weights=f(8), minlength=5, mark="eager nograd")
row("bincount", i(2, 8, low=0, high=5), minlength=6, mark="eager")
row("histogram", f(20), 5, mark="values known")
row("histogram", f(20), bins=4, range=(-1.0, 1.0), mark="values known nograd")
row("digitize", f(3, 4), np.array([-1.0, 0.0, 1.0], np.float32))
row("searchsorted", np.sort(f(6)), f(2, 3))
row("searchsorted", np.arange(5, dtype=np.int32), i(4, low=0, high=6), side="right")

# --- creation ---------------------------------------------------------------------------------------------------------

for name in ("zeros", "ones", "empty"):
    row(name, (2, 3), mark="values" if name == "empty" else "")
    row(name, (2,), dtype="int32")
for name in ("zeros_like", "ones_like", "empty_like"):
    row(name, f(2, 3))
    row(name, i(2, 3), dtype="float32")
row("full", (2, 3), 1.5)
row("full", (2, 3), 7, dtype="int32")
row("full_like", f(2, 3), 2)
row("array", [1, 2, 3])
row("array", [1.0, 2.0], dtype="int32")
row("eye", 3)
row("eye", 3, 4, k=1, dtype="int32")
row("identity", 3)
row("tri", 3)
row("tri", 3, 4, k=-1)
row("arange", 5)
row("arange", 1, 6, 2)
row("arange", 1.5, 4)
row("arange", 5, dtype="float32")
row("arange", 0, 1, 0.25)
row("linspace", 0.0, 1.0, 5)
row("linspace", 0, 10, 5, endpoint=False)
row("linspace", f(3), f(3), num=4, axis=-1)
row("linspace", 0.0, 1.0, 3, retstep=True)
row("linspace", 0, 9, 4, dtype="int32")
row("linspace", 2.0, 3.0, 1)
row("logspace", 0.0, 2.0, 5, mark="loose")
row("logspace", 0, 3, 4, base=2)
row("geomspace", 1.0, 1000.0, 4, mark="loose")
row("geomspace", u(3) + 0.1, u(3) + 1, num=5, axis=-1, mark="loose")
row("geomspace", -1.0, -8.0, 4, endpoint=False, mark="loose")
row("meshgrid", f(2), f(3))
row("meshgrid", f(2), i(3), f(2), indexing="ij", mark="values")
row("vander", f(3), mark="known")
row("vander", i(3), N=4, increasing=True)
for name in ("hanning", "hamming", "blackman", "bartlett"):
    row(name, 7)
    row(name, 1)
row("kaiser", 6, 8.6)

# --- shapes -----------------------------------------------------------------------------------------------------------

row("reshape", f(4, 6), (2, -1))
row("reshape", f(4, 6), (-1, 3, 2))
row("ravel", f(2, 3))
row("transpose", f(2, 3, 4))
row("transpose", f(2, 3, 4), axes=(1, 0, 2))
row("swapaxes", f(2, 3, 4), 0, -1)
row("moveaxis", f(2, 3, 4), 0, -1)
row("moveaxis", f(2, 3, 4), (0, 1), (2, 0))
row("expand_dims", f(2, 3), 1)
row("expand_dims", f(2, 3), (0, -1))
row("squeeze", f(2, 1, 3, 1), axis=1)
row("squeeze", f(2, 1, 3, 1), axis=(1, 3))
row("squeeze", f(2, 1, 3, 1), mark="known")
row("flip", f(2, 3))
row("flip", f(2, 3), axis=1)
row("fliplr", f(2, 3))
row("flipud", f(2, 3))
for k in range(4):
    row("rot90", f(2, 3), k=k)
row("rot90", f(2, 3, 4), axes=(1, 2))
row("roll", f(2, 3), 2)
row("roll", f(2, 3), 1, axis=1)
row("roll", f(2, 3), (1, 2), axis=(0, 1))
row("tile", f(2, 3), 2)
row("tile", f(2, 3), (2, 1, 2))
row("tile", f(2, 3), (2, 2))
row("repeat", f(2, 3), 2)
row("repeat", f(2, 3), 2, axis=1)
row("broadcast_to", f(3), (2, 3), mark="known")
row("pad", f(2, 3), ((1, 0), (2, 1)))
row("pad", f(2, 3), 1, constant_values=9.0)
for mode in ("reflect", "symmetric", "edge", "wrap"):
    row("pad", f(3, 4), ((1, 2), (0, 3)), mode=mode, mark="known")
row("view", f(2, 3), dtype="int32", mark="nograd")
row("view", i(2, 4), dtype="uint8")
row("view", i(2, 4, dtype=np.int16), dtype="int32")
row("concatenate", [f(2, 3), f(1, 3)], axis=0, mark="known")
row("concatenate", [f(2, 3), i(2, 2)], axis=1)
row("stack", [f(2, 3), f(2, 3)], axis=1)
row("stack", [i(2), f(2)])
row("append", f(2, 3), f(3))
row("append", f(2, 3), f(2, 1), axis=1)
row("hstack", [f(2, 3), f(2, 1)])
row("hstack", [f(2), f(3)])
row("vstack", [f(2, 3), f(1, 3)])
row("vstack", [f(3), f(3)], mark="known")
row("dstack", [f(2, 3), f(2, 3)])
row("dstack", [f(3), f(3)])
row("split", f(4, 6), 2, axis=1)
row("split", f(4, 6), [1, 4], axis=1)
row("split", f(6), [2, 2, 5], mark="known")
row("array_split", f(3, 7), 3, axis=1)
row("hsplit", f(2, 4), 2)
row("hsplit", f(4), 2)
row("vsplit", f(4, 2), 2)
row("dsplit", f(2, 2, 4), 2)
row("unstack", f(2, 3), axis=1)
row("diag", f(3), mark="known")
row("diag", f(3, 4), k=1, mark="known")
row("diag", i(3), k=-2, mark="known")
row("diagflat", f(2, 2), k=1)
row("diagonal", f(3, 4), mark="known")
row("diagonal", f(2, 3, 4), offset=-1, axis1=1, axis2=2)
row("trace", f(3, 4), mark="known")
row("trace", i(2, 3, 3, dtype=np.int8), axis1=1, axis2=2)
for name in ("tril", "triu"):
    row(name, f(3, 4))
    row(name, f(2, 3, 3), k=1)
    row(name, i(3, 3), k=-1)
row("rearrange", f(2, 6, 3), "b (h w) c -> b c h w", h=2)
row("rearrange", f(2, 4, 3), "b h c -> (b h) c")

# --- indexing ---------------------------------------------------------------------------------------------------------

row("where", b(3, 4), f(3, 4), f(4))
row("where", b(3), i(3), 0.5)
row("where", b(4), mark="eager")
row("select", [b(3), b(3)], [f(3), i(3)], default=2)
row("get_item", f(3, 4), 1)
row("get_item", f(3, 4), (slice(None), slice(1, 3)))
row("get_item", f(3, 4), (Ellipsis, None, -1))
row("take", f(3, 4), i(2, 2, low=0, high=4), axis=1)
row("take", f(3, 4), i(3, low=-3, high=3))
row("take", f(3, 4), [0, -1], axis=0)
row("take_along_axis", f(3, 4), i(3, 2, low=-4, high=4), axis=1)
row("take_along_axis", f(3, 4), i(1, 4, low=0, high=3), axis=0, mark="known")
row("take_along_axis", f(3, 4), i(5, low=0, high=12))
row("sort", f(3, 4))
row("sort", i(3, 4), axis=0)
row("argsort", i(3, 4, low=0, high=3))
row("argsort", f(3, 4), axis=0)
row("argsort", f(3, 4), axis=None)
row("argpartition", f(6), 2, mark="unordered")
row("nonzero", i(3, 4, low=0, high=2), mark="eager")
row("isin", i(3, 4), i(3))
row("isin", i(3, 4), i(3), invert=True)
row("unravel_index", i(4, low=0, high=12), (3, 4))
row("unique", i(8, low=0, high=4), mark="eager")
row("unique", i(8, low=0, high=4), return_index=True, return_inverse=True, return_counts=True, mark="eager")
row("unique", i(5, 2, low=0, high=2), axis=0, return_counts=True, mark="eager")
row("unique", i(3, 4, low=0, high=4), return_inverse=True, return_counts=True, return_index=True, size=3)
row("unique", i(8, low=0, high=4), size=6, fill_value=-1, return_counts=True)
row("top_k", f(3, 5), 2)
row("in_top_k", i(4, low=0, high=5), f(4, 5), 2)

# --- products ---------------------------------------------------------------------------------------------------------

row("matmul", f(2, 3), f(3, 4))
row("matmul", f(3), f(3, 4))
row("matmul", f(2, 3), f(3))
row("matmul", f(3), f(3))
row("matmul", f(5, 2, 3), f(3, 4))
row("matmul", i(2, 3), f(3, 2))
row("matmul", i(2, 3, dtype=np.int8), i(3, 2, dtype=np.int8))
for name in ("dot", "inner"):
    row(name, f(3), f(3))
    row(name, f(2, 3), f(3))
    row(name, f(2, 3), f(3, 3))
    row(name, 2.0, f(3))
row("dot", f(2, 3), f(4, 3, 2))
row("outer", f(2), f(3))
row("outer", f(2, 2), i(3))
row("vdot", f(2, 3), f(2, 3))
row("vdot", c(3), c(3))
row("tensordot", f(2, 3, 4), f(3, 4, 5))
row("tensordot", f(2, 3, 4), f(4, 3), axes=([1, 2], [1, 0]))
row("einsum", "ij,jk->ik", f(2, 3), f(3, 4))
row("einsum", "bij,bjk->bik", f(2, 3, 4), i(2, 4, 2))
row("kron", f(2, 2), f(2, 3), mark="known")
row("kron", f(3), f(2, 3), mark="known")
row("cross", f(2, 3), f(2, 3))
row("cross", f(3, 2), f(3, 2), axis=0, mark="known")
row("cross", f(4, 2), f(4, 3))
row("cross", f(4, 2), f(4, 2))
row("diff", f(3, 5))
row("diff", i(5, 3), n=2, axis=0)
row("diff", b(5))
row("trapezoid", f(3, 5))
row("trapezoid", f(3, 5), dx=0.5, axis=0)
row("trapezoid", f(3, 5), np.sort(f(5)))

# --- linear algebra ---------------------------------------------------------------------------------------------------

row("cholesky", spd(3))
row("cholesky", spd(3), upper=True)
row("cholesky_inverse", np.linalg.cholesky(spd(3)))
row("cholesky_inverse", np.linalg.cholesky(spd(3)).T.copy(), upper=True)
row("det", spd(3))
row("slogdet", spd(3))
row("logdet", spd(3))
row("inv", spd(3))
row("eig", spd(3), mark="unordered nograd")
row("eigh", spd(3), mark="loose nograd known")
row("svd", f(4, 3), mark="loose nograd known")
row("svd", f(2, 3, 4), full_matrices=False, mark="loose nograd known")
row("svd", f(4, 3), compute_uv=False, mark="loose known")
row("qr", f(4, 3), mark="loose known")
row("qr", f(4, 3), mode="complete", mark="loose nograd known")
row("lu_factor", f(4, 4), mark="nograd known")
row("lu_factor", f(2, 3, 3), mark="nograd known")
row("solve", spd(3), f(3, 2))
row("solve", spd(3), f(3))
row("solve_triangular", spd(3), f(3, 2))
row("solve_triangular", spd(3), f(3), lower=True)
row("lstsq", f(5, 3), f(5, 2), mark="loose known")
row("lstsq", f(5, 3), f(5), mark="loose known")
row("pinv", f(4, 3), mark="loose known")
row("matrix_rank", np.array([[1, 2], [2, 4]], np.float32), mark="known")
row("matrix_rank", f(2, 3, 4), mark="known")
for order in (None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf):
    row("norm", f(3, 4), ord=order, axis=(0, 1), mark="loose known")
for order in (None, 0, 1, 2, 3, 0.5, np.inf, -np.inf):
    row("norm", f(3, 4), ord=order, axis=1, keepdims=True)
row("norm", f(3, 4))
row("norm", i(3, 4), axis=0)

# --- segments, Fourier, others ----------------------------------------------------------------------------------------

for name in ("segment_sum", "segment_max", "segment_min", "segment_prod"):
    row(name, f(5), np.array([0, 2, 2, 0, 1], np.int32), num_segments=4)
    row(name, f(5, 2), np.array([0, 0, 1, 2, 2], np.int32), num_segments=3)
row("segment_sum", i(5), np.array([0, 2, 9, 0, 1], np.int32), num_segments=3)
row("cdist", f(3, 2), f(4, 2))
row("extract_sequences", f(2, 9), 4, 2)
row("view_as_complex", f(3, 2))
row("view_as_real", c(3))
row("fft", (f(2, 4), f(2, 4)))
row("fft2", (f(2, 4, 3), f(2, 4, 3)))
row("ifft2", (f(2, 4, 3), f(2, 4, 3)))
row("rfft", f(2, 6))
row("rfft", f(2, 6), fft_length=8)
row("irfft", (f(2, 4), f(2, 4)))
row("irfft", (f(2, 4), f(2, 4)), fft_length=5)
row("stft", f(2, 32), 8, 4, 8)
row("stft", f(2, 32), 6, 4, 8, window="hamming", center=False)
row("stft", f(32), 8, 4, 16, window=None, mark="known")
row("istft", (f(2, 9, 5), f(2, 9, 5)), 8, 4, 8)
row("istft", (f(2, 9, 5), f(2, 9, 5)), 6, 2, 8, length=16, window="hamming")
row("polar", u(3), f(3))
row("psnr", u(2, 4), u(2, 4), 1.0)

# --- neural networks --------------------------------------------------------------------------------------------------

row("one_hot", i(2, 3, low=-1, high=5), 4)
row("one_hot", i(3, low=0, high=4), 4, axis=0, dtype="int32")
row("multi_hot", i(2, 3, low=0, high=5), 5)
row("multi_hot", i(3, low=0, high=5), 5)
PROBABILITIES, TARGETS = u(3, 4), u(3, 4)
for logits in (False, True):
    row("categorical_crossentropy", TARGETS, PROBABILITIES, from_logits=logits)
    row("sparse_categorical_crossentropy", i(3, low=0, high=4), PROBABILITIES, from_logits=logits)
    row("binary_crossentropy", TARGETS, PROBABILITIES, from_logits=logits)
row("categorical_crossentropy", TARGETS, PROBABILITIES, axis=0)
row("sparse_categorical_crossentropy", i(3, 1, low=0, high=4), PROBABILITIES)
row("moments", f(3, 4), axes=(0,))
row("moments", f(3, 4), axes=[0, 1], keepdims=True)
row("batch_normalization", f(3, 4), f(4), u(4), -1, f(4), f(4))
row("batch_normalization", f(3, 4, 2), f(4), u(4), 1)
row("layer_normalization", f(3, 4), f(4), f(4))
row("layer_normalization", f(2, 3, 4), axis=(1, 2), epsilon=0.01)
row("layer_normalization", f(2, 3, 4), f(3, 4), f(3, 4), axis=(1, 2))
row("rms_normalization", f(3, 4), f(4))
row("rms_normalization", f(3, 4), axis=(0, 1), epsilon=0.1)
row("normalize", f(3, 4))
row("normalize", f(3, 4), axis=0, order=3)
row("dot_product_attention", f(2, 3, 2, 4), f(2, 5, 2, 4), f(2, 5, 2, 4))
row("dot_product_attention", f(2, 3, 4, 2), f(2, 3, 2, 2), f(2, 3, 2, 2), is_causal=True, scale=0.3)
row("dot_product_attention", f(2, 3, 2, 4), f(2, 5, 2, 4), f(2, 5, 2, 4), f(2, 2, 3, 5), b(2, 1, 3, 5))
row("conv", f(2, 6, 3), f(3, 3, 4))
row("conv", f(2, 6, 6, 4), f(3, 3, 2, 4), strides=2, padding="same")
row("conv", f(2, 3, 6, 6), f(3, 3, 3, 2), data_format="channels_first", dilation_rate=2)
row("conv", f(1, 4, 4, 4, 2), f(2, 2, 2, 2, 3))
row("depthwise_conv", f(2, 6, 6, 3), f(3, 3, 3, 2), padding="same", mark="first")
row("depthwise_conv", f(2, 6, 3), f(3, 3, 2), strides=2, mark="first")
row("separable_conv", f(2, 6, 6, 3), f(3, 3, 3, 2), f(1, 1, 6, 4), mark="first")
row("conv_transpose", f(2, 4, 3), f(3, 2, 3), strides=2, mark="first")
row("conv_transpose", f(2, 4, 4, 3), f(3, 3, 2, 3), strides=2, padding="same", mark="first")
row("conv_transpose", f(2, 4, 4, 3), f(3, 3, 2, 3), strides=2, padding="same", output_padding=1, mark="first")
row("max_pool", f(2, 6, 3), (2,), (2,))
row("max_pool", f(2, 5, 5, 3), (2, 3), strides=2, padding="same")
row("average_pool", f(2, 5, 5, 3), 2, 1, padding="same")
row("average_pool", f(2, 3, 6, 6), 3, 2, data_format="channels_first")
row("adaptive_average_pool", f(2, 6, 6, 3), (2, 3), mark="")
row("adaptive_max_pool", f(2, 6, 3), 3)
row("unfold", f(2, 3, 5, 6), 2, stride=2)
row("unfold", f(2, 3, 5, 6), (2, 3), padding=1, dilation=(2, 1))
row("fold", f(2, 12, 4), (4, 4), 2, stride=2)
row("fold", f(2, 12, 20), (5, 6), 2)
row("fold", f(2, 12, 30), (5, 6), 2, padding=1, dilation=2, mark="known")
for order in ("channels_last", "channels_first"):
    row("depth_to_space", f(2, 4, 4, 8) if order == "channels_last" else f(2, 8, 4, 4), 2, data_format=order)
    row("space_to_depth", f(2, 4, 4, 2) if order == "channels_last" else f(2, 2, 4, 4), 2, data_format=order)
row("ctc_loss", i(2, 3, low=1, high=5), f(2, 8, 6), np.array([3, 2], np.int32), np.array([8, 6], np.int32),
    mark="loose")
row("ctc_loss", i(2, 3, low=0, high=5), f(2, 8, 6), np.array([3, 1], np.int32), np.array([7, 8], np.int32), mask_index=5,
    mark="loose")
row("ctc_decode", f(2, 8, 5), np.array([8, 5], np.int32), mark="nograd")
row("ctc_decode", f(2, 8, 5), np.array([8, 5], np.int32), merge_repeated=False, mask_index=None, mark="nograd")
row("ctc_decode", f(2, 5, 4), np.array([5, 4], np.int32), strategy="beam_search", beam_width=30, top_paths=2,
    mark="loose nograd known")

# --- core -------------------------------------------------------------------------------------------------------------

row("convert_to_tensor", [1.5, 2], dtype="float32")
row("slice", f(4, 5), (1, 2), (2, 3))
row("slice_update", f(4, 5), (1, 2), f(2, 3), mark="known")
row("scatter", i(4, 1, low=0, high=5), f(4), (5,))
row("scatter", i(4, 2, low=0, high=3), i(4), (3, 3))
for reduction in (None, "add", "max", "min", "mul"):
    row("scatter_update", f(4, 3), np.array([[0, 1], [2, 2], [3, 0]], np.int32), f(3), reduction=reduction, mark="known nograd")
row("scatter_update", f(4, 3), np.array([[1], [3]], np.int32), f(2, 3), mark="known nograd")
row("scatter_update", f(4, 3), np.array([[1], [1]], np.int32), f(2, 3), reduction="mul", mark="known nograd")
row("stop_gradient", f(3), mark="nograd")

# --- images -----------------------------------------------------------------------------------------------------------

row("image.rgb_to_grayscale", u(2, 4, 4, 3), mark="loose")
row("image.rgb_to_hsv", u(2, 4, 4, 3), mark="nograd")
row("image.hsv_to_rgb", u(2, 4, 4, 3), mark="nograd")
row("image.resize", u(2, 4, 6, 3), (8, 3))
row("image.resize", u(2, 4, 6, 3), (3, 3), interpolation="nearest")
row("image.resize", u(4, 6, 3), (5, 7), interpolation="bicubic", mark="known")
row("image.crop_images", u(2, 6, 7, 3), 1, 2, target_height=3, target_width=4)
row("image.crop_images", u(6, 7, 3), bottom_cropping=1, right_cropping=2, target_height=3, target_width=4, mark="known")
row("image.crop_images", u(2, 3, 6, 7), 1, 2, 1, 1, data_format="channels_first")
row("image.pad_images", u(2, 6, 7, 3), 1, 2, target_height=9, target_width=10)
row("image.pad_images", u(2, 3, 6, 7), 1, 0, 2, 3, data_format="channels_first")
row("image.extract_patches", u(2, 8, 8, 3), 4)
row("image.extract_patches", u(2, 8, 8, 3), (3, 2), strides=2, padding="same")
row("image.extract_patches", u(8, 8, 3), 3, dilation_rate=2, strides=1, mark="known")
row("image.extract_patches_3d", u(1, 4, 4, 4, 2), 2)
row("image.sobel_edges", u(2, 5, 6, 3))
row("image.ssim", u(2, 12, 13, 2), u(2, 12, 13, 2), mark="loose")
row("image.ssim", u(12, 13, 2), u(12, 13, 2), max_val=2.0, filter_size=5, mark="loose known")
row("image.gaussian_blur", u(2, 6, 6, 3), (3, 5), (1.0, 2.0), data_format="channels_last")
row("image.affine_transform", u(2, 5, 6, 3), np.array([[1, 0.1, -1, 0, 1, 0.5, 0, 0]] * 2, np.float32),
    mark="loose known nograd")
row("image.map_coordinates", u(5, 6), np.stack([u(4) * 4, u(4) * 5]), 1, mark="known nograd")
row("image.perspective_transform", u(2, 6, 6, 3), np.array([[[0, 0], [0, 5], [5, 0], [5, 5]]] * 2, np.float32),
    np.array([[[0, 1], [1, 5], [4, 0], [5, 5]]] * 2, np.float32), mark="loose known nograd")
SCALE, SHIFT = np.array([0.7, 1.3], np.float32), np.array([0.5, -1.0], np.float32)
for method in ("linear", "cubic", "lanczos3"):
    row("image.scale_and_translate", u(1, 6, 8, 3), (1, 4, 9, 3), SCALE, SHIFT, (1, 2), method, mark="loose known nograd")
row("image.scale_and_translate", u(1, 6, 8, 3), (1, 4, 9, 3), SCALE, SHIFT, (1, 2), "linear", antialias=False,
    mark="loose known nograd")
