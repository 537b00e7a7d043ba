"""Ops on symbolic tensors in files: which of Keras' operations each op is, and what to call for one that a file names.

A table of ops and one of their attributes. An op that is in neither is no part of a file: it belongs into a layer.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import treadle as tf
from treadle.keras_like.core.deferred import is_deferred
from treadle.keras_like.core.descriptions import describe
from treadle.keras_like.core.naming import auto_name, to_snake_case
from treadle.keras_like.core.registry import built_in, unknown_name

Config = Callable[[Any, dict[str, Any]], dict[str, Any]]  # (the call, its op's attributes) -> Keras' configuration


def _none(call: Any, attributes: dict[str, Any]) -> dict[str, Any]:
    return {}


def _same(*names: str) -> Config:
    return lambda call, attributes: {name: _plain(attributes[name]) for name in names}


def _axes(more: dict[str, Any] | None = None) -> Config:
    return lambda call, attributes: {**_same("axis", "keepdims")(call, attributes), **(more or {})}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value.name if isinstance(value, tf.DType) else value


def _shape(name: str, most: int = 1) -> Config:
    """A shape; so many sizes of it may be open."""

    def config(call: Any, attributes: dict[str, Any]) -> dict[str, Any]:
        sizes = [s if isinstance(s, int) else -1 for s in attributes["shape"]]
        if sizes.count(-1) > most:
            raise _indescribable(call.name, "a shape with several open sizes" if most else "a shape with open sizes")
        return {name: sizes}

    return config


def _untransposed(call: Any, attributes: dict[str, Any]) -> dict[str, Any]:
    if attributes["transpose_a"] or attributes["transpose_b"]:
        raise _indescribable(call.name, "a transposed operand")
    return {}


def _running(call: Any, attributes: dict[str, Any]) -> dict[str, Any]:
    if attributes["exclusive"] or attributes["reverse"]:
        raise _indescribable(call.name, "`exclusive` or `reverse`")
    return {"axis": attributes["axis"]}


def _rows(call: Any, attributes: dict[str, Any]) -> dict[str, Any]:
    if attributes["batch_dims"]:
        raise _indescribable(call.name, "`batch_dims`")
    return {"axis": attributes["axis"]}


# op -> (module of Keras, class, configuration)
TABLE: dict[str, tuple[str, str, Config]] = {
    **{op: ("numpy", name, _none) for op, name in {
        "add": "Add", "subtract": "Subtract", "multiply": "Multiply", "truediv": "TrueDivide", "divide_float": "TrueDivide",
        "floordiv": "FloorDivide", "floormod": "Mod", "pow": "Power", "maximum": "Maximum", "minimum": "Minimum",
        "negative": "Negative", "abs": "Absolute", "sign": "Sign", "square": "Square", "sqrt": "Sqrt", "exp": "Exp",
        "expm1": "Expm1", "log": "Log", "log1p": "Log1p", "sin": "Sin", "cos": "Cos", "tan": "Tan", "asin": "Arcsin",
        "acos": "Arccos", "atan": "Arctan", "sinh": "Sinh", "cosh": "Cosh", "tanh": "Tanh", "asinh": "Arcsinh",
        "acosh": "Arccosh", "atanh": "Arctanh", "atan2": "Arctan2", "floor": "Floor", "ceil": "Ceil",
        "reciprocal": "Reciprocal", "equal": "Equal", "not_equal": "NotEqual", "less": "Less", "less_equal": "LessEqual",
        "greater": "Greater", "greater_equal": "GreaterEqual", "logical_and": "LogicalAnd", "logical_or": "LogicalOr",
        "logical_xor": "LogicalXor", "logical_not": "LogicalNot", "is_nan": "Isnan", "is_inf": "Isinf",
        "is_finite": "Isfinite", "select": "Where"}.items()},
    **{op: ("nn", name, _none) for op, name in {
        "relu": "Relu", "relu6": "Relu6", "sigmoid": "Sigmoid", "softplus": "Softplus", "softsign": "Softsign",
        "elu": "Elu"}.items()},
    "softmax": ("nn", "Softmax", _same("axis")), "log_softmax": ("nn", "LogSoftmax", _same("axis")),
    "leaky_relu": ("nn", "LeakyRelu", lambda call, a: {"negative_slope": a["alpha"]}),
    "cumsum": ("numpy", "Cumsum", _running), "cumprod": ("numpy", "Cumprod", _running),
    "gather_rows": ("numpy", "Take", _rows), "stop_gradient": ("core", "StopGradient", _none),
    "zeros_like": ("numpy", "ZerosLike", _none), "ones_like": ("numpy", "OnesLike", _none),
    "rsqrt": ("math", "Rsqrt", _none), "erf": ("math", "Erf", _none),
    "round": ("numpy", "Round", lambda call, a: {"decimals": 0}),
    "reduce_sum": ("numpy", "Sum", _axes()), "reduce_mean": ("numpy", "Mean", _axes()),
    "reduce_prod": ("numpy", "Prod", _axes()), "reduce_max": ("numpy", "Max", _axes()), "reduce_min": ("numpy", "Min", _axes()),
    "reduce_any": ("numpy", "Any", _axes()), "reduce_all": ("numpy", "All", _axes()),
    "matmul": ("numpy", "Matmul", _untransposed), "einsum": ("numpy", "Einsum", lambda call, a: {"subscripts": a["equation"]}),
    "reshape": ("numpy", "Reshape", _shape("newshape")), "broadcast_to": ("numpy", "BroadcastTo", _shape("shape", most=0)),
    "expand_dims": ("numpy", "ExpandDims", _same("axis")), "squeeze": ("numpy", "Squeeze", _same("axis")),
    "transpose": ("numpy", "Transpose", lambda call, a: {"axes": _plain(a["perm"])}),
    "concat": ("numpy", "Concatenate", _same("axis")), "stack": ("numpy", "Stack", _same("axis")),
    "cast": ("core", "Cast", _same("dtype")), "strided_slice": ("numpy", "GetItem", _none),
}
_LISTS = {"concat", "stack"}  # their operands are one list
_OPS = "treadle.keras_like.ops."
_MODULES = {"spectral": "math", "control": "core", "vectorize": "numpy", "einops": "core"}  # of ours, and Keras'
# Functions of `keras.ops` whose classes are not named after them.
_CLASSES = {
    "allclose": "AllClose", "cdist": "CDist", "ctc_decode": "CTCDecode", "ctc_loss": "CTCLoss", "fft": "FFT", "fft2": "FFT2",
    "ifft2": "IFFT2", "irfft": "IRFFT", "rfft": "RFFT", "isin": "IsIn", "istft": "ISTFT", "stft": "STFT", "jvp": "JVP",
    "psnr": "PSNR", "searchsorted": "SearchSorted", "svd": "SVD", "batch_normalization": "BatchNorm",
    "layer_normalization": "LayerNorm", "rms_normalization": "RMSNorm", "hsv_to_rgb": "HSVToRGB", "rgb_to_hsv": "RGBToHSV",
    "rgb_to_grayscale": "RGBToGrayscale", "ssim": "SSIM", "true_divide": "TrueDivide"}
# Arguments that operations are called on; all others make the operation.
_OPERANDS = frozenset((
    "a", "abs_", "angle", "array", "b", "beta", "bias", "choicelist", "condition", "condlist", "constant_values",
    "coordinates", "data", "default", "depthwise_kernel", "elements", "end_points", "gamma", "image1",
    "image2", "images", "index", "indices", "inputs", "kernel", "key", "mask", "mean", "operands", "output",
    "output_length", "pointwise_kernel", "predictions", "q", "query", "scale", "segment_ids", "sequence_lengths",
    "sorted_sequence", "start", "start_indices", "start_points", "step", "stop", "target", "target_length", "targets",
    "transform", "updates", "value", "values", "variable", "variance", "weights", "x", "x1", "x2", "xs", "y"))
_NO_OPERANDS = {("squareplus", "b"), ("bincount", "weights"), ("trapezoid", "x")}
_ALSO_OPERANDS = {("digitize", "bins"), ("full", "fill_value"), ("full_like", "fill_value"), ("batch_normalization", "offset"),
                  ("isclose", "rtol"), ("isclose", "atol")}


def describe_operation(call: Any, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A call of an op, or of a function of `keras.ops`, as (one of Keras' operations, what it is called on)."""
    if getattr(call.owner, "__module__", "").startswith(_OPS):
        module, kind, config, node = _function_call(call)
    elif call.name in TABLE and hasattr(call.owner, "infer_types"):
        module, kind, as_config = TABLE[call.name]
        config, node = as_config(call, call.arguments), {"args": _operands(call), "kwargs": {}}
    else:
        raise _indescribable(call.name)
    return {"module": f"keras.src.ops.{module}", "class_name": kind, "config": {"name": name, **config},
            "registered_name": kind}, node


def _operands(call: Any) -> list[Any]:
    operands = [_operand(tensor) for tensor in call.inputs]
    if call.name in _LISTS:
        return [operands]
    if call.name == "strided_slice":
        return [operands[0], [describe(s) for s in _slices(call)]]
    return operands


def class_of(function: Any) -> tuple[str, str]:
    """(module, class) of the operation that a function of `keras.ops` is in Keras."""
    name, place = function.__name__, function.__module__.removeprefix(_OPS).partition("_")[0]
    module = "numpy" if name == "slogdet" else _MODULES.get(place, place)
    return module, _CLASSES.get(name) or "".join(part.capitalize() for part in name.split("_"))


def is_operand(function: str, parameter: str) -> bool:
    """Whether Keras gives an argument to the call of the operation, not to its constructor."""
    return parameter in _OPERANDS and (function, parameter) not in _NO_OPERANDS or (function, parameter) in _ALSO_OPERANDS


def _function_call(call: Any) -> tuple[str, str, dict[str, Any], dict[str, Any]]:
    args, kwargs = call.arguments
    bound = inspect.signature(call.owner).bind(*args, **kwargs)
    config: dict[str, Any] = {}
    node: dict[str, Any] = {"args": [], "kwargs": {}}
    for name, value in bound.arguments.items():
        if any(callable(leaf) for leaf in tf.nest.flatten(value)):
            raise _indescribable(call.name, "a function among its arguments")
        if bound.signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL:
            node["args"] += describe(list(value))
        elif not is_operand(call.name, name):
            if any(map(is_deferred, tf.nest.flatten(value))):
                raise _indescribable(call.name, f"a symbolic `{name}`")
            config[name] = describe(value)
        elif len(node["args"]) == sum(is_operand(call.name, n) for n in list(bound.signature.parameters)[
                :list(bound.signature.parameters).index(name)]):
            node["args"].append(describe(value))
        else:
            node["kwargs"][name] = describe(value)
    return *class_of(call.owner), config, node


def _operand(tensor: Any) -> Any:
    """Scalars are numbers: they take the dtype of what they meet."""
    return describe(tensor) if is_deferred(tensor) or tensor.shape.rank else tensor.numpy().item()


def _slices(call: Any) -> list[slice]:
    found = []
    for begin, end, stride, size in zip(*(call.arguments[n] for n in ("begin", "end", "strides")), call.inputs[0].type.shape):
        whole = end == size if stride > 0 else end == -1
        if not isinstance(begin, int) or not (whole or isinstance(end, int)):
            raise _indescribable(call.name, "a slice whose ends depend on a size")
        found.append(slice(begin or None, None if whole else end, None if stride == 1 else stride))
    return found


def _indescribable(name: str, what: str = "") -> tf.errors.UnimplementedError:
    what = f" with {what}" if what else ""
    return tf.errors.UnimplementedError(
        f"The model cannot be saved: it calls `{name}`{what} on a symbolic tensor, which Keras' files have no word for. Put "
        "the computation into the `call` of a layer of your own (registered with "
        "`@keras.saving.register_keras_serializable()`), or into a `Lambda` of a named function.")


class Operation:
    """One of Keras' operations, read from a file: a function of symbolic tensors."""

    def __init__(self, name: str | None, function: Callable, options: Mapping[str, Any]):
        self.name, self._function, self._options = name or auto_name(function.__name__), function, dict(options)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        options = dict(self._options)
        kinds = inspect.signature(self._function).parameters
        first = [options.pop(name) for name, p in kinds.items() if p.kind is p.POSITIONAL_OR_KEYWORD and name in options
                 ] if any(p.kind is p.VAR_POSITIONAL for p in kinds.values()) else []  # einsum(subscripts, *operands)
        return self._function(*first, *args, **kwargs, **options)


def is_operation(description: Mapping[str, Any]) -> bool:
    """True for the description of an operation."""
    return str(description.get("module") or "").startswith(("keras.src.ops.", "keras.ops", "keras.src.backend.common"))


def operation_from(description: Mapping[str, Any]) -> Operation:
    """The operation of a description: a function of `keras.ops` by its name."""
    kind = description.get("class_name")
    options = dict(description.get("config") or {})
    name = options.pop("name", None)
    if kind == "GetItem":
        return Operation(name, _get_item, options)
    function = function_of(str(kind))
    if function is None:
        raise unknown_name("operations", kind, [_class for _, _class, _ in TABLE.values()])
    return Operation(name, function, options)


def function_of(kind: str) -> Any:
    """The function of `keras.ops` that an operation's class is, or None."""
    name = next((n for n, c in _CLASSES.items() if c == kind), None) or to_snake_case(kind)
    for place in ("keras.ops", "keras.ops.image"):
        for one in (name, name.replace("_", "")):
            found = built_in(place, one)
            if callable(found) and not inspect.isclass(found):
                return found
    return None


def _get_item(x: Any, key: Any) -> Any:
    return x[tuple(key) if isinstance(key, list) else key]
