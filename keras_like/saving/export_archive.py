"""Exporting: compiled functions and their weights in one file, as StableHLO, for this library, plain JAX and others.

The file is a zip archive that `numpy.load` reads too:

    export.json                 what there is: endpoints, their inputs, their weights
    weights/0.npy ...           the weights
    serve.jax                   the endpoint `serve`, `(weights, *inputs) -> outputs`, as `jax.export` keeps it
    serve.stablehlo.mlir        the same as StableHLO text
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.experimental
import numpy as np

import treadle as tf
from treadle.keras_like.saving.archive import write_archive
from treadle.keras_like.saving.jax_export import jax_export

FORMAT = "treadle_export"
VERSION = 1
ENDPOINT_NAME = re.compile(r"[A-Za-z_]\w{0,99}")


class ExportArchive:
    """Functions to be exported, with the weights they use.

    >>> import treadle as tf, tempfile
    >>> from treadle import keras
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> archive = keras.export.ExportArchive()
    >>> archive.track(model)
    >>> _ = archive.add_endpoint("serve", model.call, input_signature=[tf.TensorSpec([None, 3])])
    >>> path = tempfile.mkdtemp() + "/model.export"
    >>> archive.write_out(path, verbose=False)
    >>> keras.export.load(path).serve(tf.ones([5, 3])).shape
    TensorShape([5, 2])

    Elsewhere, with nothing but JAX:

        import json, jax, numpy
        file = numpy.load("model.export")
        serve = jax.export.deserialize(bytearray(file["serve.jax"]))
        places = json.loads(file["export.json"])["endpoints"]["serve"]["weights"]
        print(serve.call([file[f"weights/{i}"] for i in places], numpy.ones([5, 3], "float32")))
    """

    def __init__(self, format: str = "stablehlo", **kwargs: Any):
        check_format(format)
        self._tracked: list[Any] = []
        self._weights: dict[int, Any] = {}
        self._endpoints: dict[str, dict[str, Any]] = {}
        self._members: dict[str, bytes] = {}

    def track(self, resource: Any) -> None:
        """Keep an object whose variables the endpoints use. (They are found by themselves; this is for compatibility.)"""
        self._tracked.append(resource)

    @tf.debugging.filter_traceback
    def add_endpoint(self, name: str, fn: Callable, input_signature: Any = None, platforms: Any = None, **kwargs: Any) -> Any:
        """Trace and export a function.

        Args:
            name: the endpoint's name, an identifier.
            fn: a function of tensors; it may read variables but not assign to them.
            input_signature: for each argument a `TensorSpec` or `keras.InputSpec`, or a structure of them. Sizes of None stay
                open; the first axis' is the batch, and one for all. May be left out for a `tf.function` that has been called.
            platforms: for which it is lowered, "cpu", "cuda", "rocm", "tpu". Default: the one here.

        Returns:
            The `tf.function`.
        """
        if not isinstance(name, str) or not ENDPOINT_NAME.fullmatch(name):
            raise tf.errors.InvalidArgumentError(f"An endpoint's name must be an identifier. Received: {name!r}.")
        if name in self._endpoints:
            raise tf.errors.InvalidArgumentError(f"There is an endpoint of that name already. Received: {name!r}.")
        function: Any = fn if hasattr(fn, "to_jax") else tf.function(fn)
        if input_signature is None:
            concrete = _only_trace(function, name)
        else:
            given = input_signature if isinstance(input_signature, (list, tuple)) else [input_signature]
            concrete = function.get_concrete_function(*[tf.nest.map_structure(_as_spec, one) for one in given])
        arguments, named = concrete.structured_input_signature
        if named:
            raise tf.errors.UnimplementedError(f"Endpoints take arguments by position. Received: a function of {list(named)}.")
        specs = [a for a in arguments if any(isinstance(leaf, tf.TensorSpec) for leaf in tf.nest.flatten(a))]
        pure = function.to_jax(*arguments)
        exported, text = _exported(pure, specs, name, platforms)
        places = []
        for variable in pure.variables:
            places.append(list(self._weights).index(id(variable)) if id(variable) in self._weights else len(self._weights))
            self._weights.setdefault(id(variable), variable)
        self._endpoints[name] = {"inputs": _described(specs), "weights": places}
        self._members |= {f"{name}.jax": exported, f"{name}.stablehlo.mlir": text.encode()}
        return function

    def track_and_add_endpoint(self, name: str, resource: Any, input_signature: Any, **kwargs: Any) -> Any:
        """`track` an object and `add_endpoint` its call, as in inference."""
        self.track(resource)
        return self.add_endpoint(name, _inference(resource), input_signature, **kwargs)

    @tf.debugging.filter_traceback
    def write_out(self, filepath: Any, options: Any = None, verbose: bool = True) -> None:
        """Write the file; as a whole or not at all."""
        if not self._endpoints:
            raise tf.errors.InvalidArgumentError("There is nothing to export. Call `add_endpoint` first.")
        weights = [np.asarray(variable.numpy()) for variable in self._weights.values()]
        described = {"format": FORMAT, "version": VERSION, "jax": jax.__version__, "endpoints": self._endpoints,
                     "weights": [{"name": getattr(v, "path", v.name), "shape": list(w.shape), "dtype": w.dtype.name}
                                 for v, w in zip(self._weights.values(), weights)]}
        members: dict[str, Any] = {"export.json": json.dumps(described, indent=1).encode()}
        members |= {f"weights/{i}.npy": _npy(weight) for i, weight in enumerate(weights)} | self._members
        write_archive(filepath, members)
        if verbose:
            print(f"Saved {', '.join(self._endpoints)} with {len(weights)} weights to {filepath}.")


@tf.debugging.filter_traceback
def export_model(model: Any, filepath: Any, format: str = "stablehlo", verbose: bool | None = None,
                 input_signature: Any = None, platforms: Any = None, **kwargs: Any) -> None:
    """Export a model's inference as the endpoint `serve`; see `Model.export`."""
    archive = ExportArchive(format)
    archive.track_and_add_endpoint("serve", model, _signature_of(model) if input_signature is None else input_signature,
                                   platforms=platforms)
    archive.write_out(filepath, verbose=True if verbose is None else bool(verbose))


def check_format(format: str) -> None:
    """Raise UnimplementedError for formats other than StableHLO."""
    if format != "stablehlo":
        raise tf.errors.UnimplementedError(
            f"Models are exported as StableHLO. Received: format={format!r}. Leave `format` out; for other formats load the "
            "model's `.keras` file in Keras and export it there.")


def _inference(resource: Any) -> Callable:
    try:
        takes_training = "training" in resource.call.__code__.co_varnames
    except AttributeError:
        takes_training = False
    return (lambda *x: resource(*x, training=False)) if takes_training else (lambda *x: resource(*x))


def _signature_of(model: Any) -> Any:
    """The input signature of a model that has symbolic inputs, or was called or built."""
    symbolic = getattr(model, "_inputs_structure", getattr(model, "_input", None))
    if symbolic is not None:
        return [tf.nest.map_structure(lambda x: tf.TensorSpec(x.shape, x.dtype, x.name), symbolic)]
    config = model.get_build_config() or {}
    shapes = config.get("input_shape", next(iter(config.get("shapes_dict", {}).values()), None))
    if shapes is None:
        raise tf.errors.FailedPreconditionError(
            f"It is not known what inputs the model {model.name!r} takes. Call it on some data first, or pass "
            "`input_signature=[tf.TensorSpec(...)]`.")
    return [_specs(shapes, model.compute_dtype)]


def _specs(shapes: Any, dtype: Any) -> Any:
    if isinstance(shapes, Mapping):
        return {name: _specs(shape, dtype) for name, shape in shapes.items()}
    if all(isinstance(size, (int, type(None))) for size in shapes):
        return tf.TensorSpec([None, *shapes[1:]], dtype)
    return [_specs(shape, dtype) for shape in shapes]


def _as_spec(given: Any) -> Any:
    if isinstance(given, tf.TensorSpec):
        return given
    if hasattr(given, "shape"):  # an InputSpec, a symbolic input, an array
        return tf.TensorSpec(given.shape, given.dtype or "float32", getattr(given, "name", None))
    raise tf.errors.DtypeError(f"An input signature is made of `tf.TensorSpec`s. Received: {given!r}.")


def _only_trace(function: Any, name: str) -> Any:
    try:
        return function.get_concrete_function()
    except tf.errors.OpError as error:
        raise tf.errors.InvalidArgumentError(
            f"It is not known what inputs the endpoint {name!r} takes ({error.message}) Pass "
            "`input_signature=[tf.TensorSpec(...)]`.") from None


def _exported(pure: Any, specs: list[Any], name: str, platforms: Any) -> tuple[bytes, str]:
    """The function `(weights, *inputs) -> outputs`, serialized, and its StableHLO."""
    def run(weights: list[Any], *inputs: Any) -> Any:
        results, state = pure(weights, *inputs)
        assigned = [v.name for v, old, new in zip(pure.variables, weights, state) if old is not new]
        if assigned:
            raise tf.errors.UnimplementedError(
                f"An exported function cannot assign to variables. Received: {name!r}, which assigns to {assigned[:5]}.")
        return results

    run.__name__ = run.__qualname__ = name
    weights = [jax.ShapeDtypeStruct(array.shape, array.dtype) for array in (v.array for v in pure.variables)]
    scope, count = jax_export().SymbolicScope(), iter(range(1000))

    def described(spec: Any) -> Any:
        if spec.shape.rank is None:
            raise tf.errors.InvalidArgumentError(f"The rank of an exported input must be known. Received: {spec}.")
        sizes = ["batch" if size is None and not axis else f"size{next(count)}" if size is None else str(size)
                 for axis, size in enumerate(spec.shape.as_list())]
        shape = jax_export().symbolic_shape(",".join(sizes), scope=scope) if sizes else ()
        return jax.ShapeDtypeStruct(shape, spec.dtype.as_numpy_dtype)

    with _enable_x64(True):  # as compiled functions are; JAX's own setting stays as it is
        inputs = [tf.nest.map_structure(lambda s: described(s) if isinstance(s, tf.TensorSpec) else s, one) for one in specs]
        try:
            made = jax_export().export(jax.jit(run), platforms=platforms)(weights, *inputs)
            return bytes(made.serialize()), str(made.mlir_module())
        except ImportError:
            raise tf.errors.UnimplementedError(
                "Exporting needs the package `flatbuffers`. Install it with `pip install treadle[export]`.") from None
        except tf.errors.OpError:
            raise
        except Exception as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise tf.errors.UnimplementedError(
                f"JAX cannot export {name!r} for {[str(spec) for spec in tf.nest.flatten(specs)]}: {reason} If it is about "
                "open sizes, pass an `input_signature` with all sizes given; calls to Python cannot be exported.") from error


_holders: tuple[Any, ...] = jax, jax.experimental  # it has moved
_enable_x64: Any = next(holder.enable_x64 for holder in _holders if hasattr(holder, "enable_x64"))


def _described(structure: Any) -> Any:
    """Specs as JSON."""
    if isinstance(structure, tf.TensorSpec):
        return {"shape": structure.shape.as_list(), "dtype": structure.dtype.name}
    if isinstance(structure, Mapping):
        return {"dict": {str(k): _described(v) for k, v in structure.items()}}
    return [_described(v) for v in structure]


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, allow_pickle=False)
    return file.getvalue()
