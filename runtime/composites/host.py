"""Calling Python and printing, eagerly and from compiled programs."""

from __future__ import annotations

import pprint
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from treadle.ir import dtypes, errors
from treadle.ir.dtypes import DType
from treadle.ir.interpreter import interpreting
from treadle.ir.ops import effects
from treadle.ir.ops.effects import host_function
from treadle.ir.ops.rules import as_operand
from treadle.ir.types import TensorType
from treadle.runtime import nest
from treadle.runtime.composites.arrays import is_eager
from treadle.runtime.eager import EAGER
from treadle.runtime.spec import TensorSpec
from treadle.runtime.tape import GradientTape
from treadle.runtime.tensor import EagerTensor, from_numpy

# --- Python functions -----------------------------------------------------------------------------------------------


class _OnTensors:
    """A function of eager tensors as one of NumPy arrays. `wanted` are the results' dtypes."""

    def __init__(self, function: Callable, wanted: Sequence[DType]):
        self.function, self.wanted = function, wanted
        self.__name__ = getattr(function, "__name__", type(function).__name__)

    def results(self, tensors: Sequence[EagerTensor]) -> list[EagerTensor]:
        """What the function returns, as tensors of the dtypes that were announced."""
        returned = self.function(*tensors)
        given = list(returned) if isinstance(returned, (list, tuple)) else [] if returned is None else [returned]
        return [EAGER.convert(r, w) for r, w in zip(given, self.wanted)] + given[len(self.wanted):]

    def __call__(self, *arrays: np.ndarray) -> list[np.ndarray]:
        with interpreting(EAGER):
            return [np.asarray(r) for r in self.results(list(map(_tensor, arrays)))]

    def transposed(self, count: int, places: tuple[int, ...]) -> Callable[..., list[np.ndarray]]:
        """The gradient: the function is called again, under a tape."""
        def gradient(*arrays: np.ndarray) -> list[np.ndarray]:
            with interpreting(EAGER):
                tensors = list(map(_tensor, arrays))
                sources = [tensors[i] for i in places]
                with GradientTape() as tape:
                    tape.watch(sources)
                    results = [r for r in self.results(tensors[:count]) if r.dtype.is_differentiable]
                found = tape.gradient(results, sources, output_gradients=tensors[count:], unconnected_gradients="zero")
                return [np.asarray(g) for g in found]
        return gradient


def _tensor(array: np.ndarray) -> EagerTensor:
    array = np.asarray(array)
    return from_numpy(array, dtypes.as_dtype(array.dtype))


class _Done:
    """A function that was called already, to find out the types of its results."""

    def __init__(self, function: Any, results: list[np.ndarray]):
        self.results = results
        if hasattr(function, "transposed"):
            self.transposed = function.transposed

    def __call__(self, *arrays: np.ndarray) -> list[np.ndarray]:
        return self.results


def _call(function: Any, inp: Any, Tout: Any, what: str) -> Any:
    many = isinstance(Tout, (list, tuple))
    wanted = list(Tout) if many else [] if Tout is None else [Tout]
    tensors = [as_operand(x) for x in (inp if isinstance(inp, (list, tuple)) else [] if inp is None else [inp])]
    dtypes_out = [dtypes.as_dtype(w.dtype if isinstance(w, TensorSpec) else w) for w in wanted]
    if isinstance(function, _OnTensors):
        function.wanted = dtypes_out
    shapes: list[Any] = [w.shape if isinstance(w, TensorSpec) else None for w in wanted]
    if all(s is not None and s.is_fully_defined() for s in shapes):
        types = tuple(TensorType.of(d, s.as_list()) for d, s in zip(dtypes_out, shapes))
    elif is_eager():
        arrays = [np.asarray(t._array) for t in tensors]
        results = effects.host_results(function, arrays, [_AnyShape(d) for d in dtypes_out])  # type: ignore[misc]
        function = _Done(function, results)
        types = tuple(TensorType.of(d, r.shape) for d, r in zip(dtypes_out, results))
    else:
        raise errors.InvalidArgumentError(
            f"Inside `@function`, `{what}` must know the shapes of its results, since XLA compiles programs of fixed shapes. "
            f"Received: Tout={Tout!r}. Pass `Tout=tf.TensorSpec(shape, dtype)`.")
    results = host_function(tensors, function=function, types_out=types)
    return list(results) if many else results[0] if wanted else None


class _AnyShape:
    """A type of which only the dtype is known."""

    shape = None

    def __init__(self, dtype: DType):
        self.dtype = dtype


def py_function(func: Callable | None = None, inp: Any = None, Tout: Any = None, name: str | None = None) -> Any:
    """Call a Python function of eager tensors, also from compiled code; gradients flow through what it computes.

    Args:
        func: takes the tensors `inp`, returns tensors (or what can be made into tensors) or None.
        Tout: the dtype of the result, or a `tf.TensorSpec`, or a list of them. Inside `@function` a `TensorSpec` is
            needed: a compiled program has to know the shape.

    An exception comes out of the call as it is. The variables that the compiled function assigns are seen as they were
    before the call.

    >>> import treadle as tf
    >>> @tf.function
    ... def f(x):
    ...     return tf.py_function(lambda v: v * 2.0, [x], tf.TensorSpec([], tf.float32))
    >>> f(tf.constant(3.0)).numpy()
    np.float32(6.0)
    """
    try:
        return _call(_OnTensors(_callable(func), ()), inp, Tout, "py_function")
    except Exception as error:
        errors.hide_frames(error)
        raise


def numpy_function(func: Callable | None = None, inp: Any = None, Tout: Any = None, stateful: bool = True,
                   name: str | None = None) -> Any:
    """Call a Python function of NumPy arrays, also from compiled code. No gradient.

    `Tout` is as for `py_function`; arrays must have exactly these dtypes. Every call happens, in program order, also where
    `stateful` is False.

    >>> import numpy as np, treadle as tf
    >>> tf.numpy_function(np.sinc, [tf.constant(0.0)], tf.float32).numpy()
    np.float32(1.0)
    """
    try:
        return _call(_callable(func), inp, Tout, "numpy_function")
    except Exception as error:
        errors.hide_frames(error)
        raise


def _callable(func: Any) -> Callable:
    if not callable(func):
        raise errors.DtypeError(f"`func` must be a Python function. Received: {func!r}.")
    return func


# --- printing -------------------------------------------------------------------------------------------------------


class _Text:
    """Text as a leaf of a structure: shown as it is."""

    def __init__(self, text: str):
        self.text = text

    def __repr__(self) -> str:
        return self.text


class _Slot:
    """The place of a tensor among the things to print."""


class Writer:
    """What `tf.print` writes for the values of the tensors among its inputs."""

    def __init__(self, items: Sequence[Any], sep: str, end: str, summarize: int, stream: Any):
        self.items, self.sep, self.end, self.summarize, self.stream = items, sep, end, summarize, stream

    def __call__(self, *arrays: np.ndarray) -> None:
        values = iter(arrays)

        def shown(leaf: Any) -> Any:
            return _Text(tensor_text(next(values), self.summarize)) if isinstance(leaf, _Slot) else leaf

        texts = []
        for item in self.items:
            item = nest.pack_sequence_as(item, [shown(leaf) for leaf in nest.flatten(item)])
            texts.append(item if isinstance(item, str) else pprint.pformat(item, width=sys.maxsize))
        text = self.sep.join(texts) + self.end
        if isinstance(self.stream, str) and self.stream.startswith("file://"):
            with open(self.stream[len("file://"):], "a", encoding="utf-8") as file:
                file.write(text)
        else:
            stream = getattr(sys, self.stream) if isinstance(self.stream, str) else self.stream
            stream.write(text)
            stream.flush()


def print_(*inputs: Any, output_stream: Any = None, summarize: int | None = 3, sep: str = " ", end: str = "\n",
           name: str | None = None) -> None:
    """Write tensors, numbers, text and structures of them, each time the code runs, compiled or not.

    Args:
        output_stream: `sys.stderr` (the default), `sys.stdout`, another object with `write`, or "file://path" to append to.
        summarize: how many first and last elements of each axis are shown; -1: all.
        sep, end: what stands between the inputs, and after the last.

    >>> import sys, treadle as tf
    >>> tf.print("x:", tf.range(10), output_stream=sys.stdout)
    x: [0 1 2 ... 7 8 9]
    """
    count = 3 if summarize is None else summarize
    if count < -1:
        raise errors.InvalidArgumentError(f"`summarize` must be -1 or more. Received: {summarize}.")
    stream = {id(sys.stderr): "stderr", id(sys.stdout): "stdout", id(None): "stderr"}.get(id(output_stream), output_stream)
    if isinstance(stream, str) and stream not in ("stderr", "stdout") and not stream.startswith("file://"):
        raise errors.InvalidArgumentError(f"A file to print to is named 'file://<path>'. Received: {output_stream!r}.")
    if not isinstance(stream, str) and not hasattr(stream, "write"):
        raise errors.InvalidArgumentError(f"`output_stream` must have a method `write`. Received: {output_stream!r}.")
    tensors: list[Any] = []

    def place(leaf: Any) -> Any:
        if not hasattr(leaf, "type") or not hasattr(leaf, "dtype"):
            return leaf
        if isinstance(leaf, EagerTensor) and leaf.dtype.is_string:  # XLA has no strings: this one is known now
            return _Text(tensor_text(np.asarray(leaf._array), count))
        tensors.append(as_operand(leaf))
        return _Slot()

    items = [nest.pack_sequence_as(x, [place(leaf) for leaf in nest.flatten(x)]) for x in inputs]
    effects.print_(tensors, writer=Writer(items, sep, end, count, stream))


def tensor_text(array: np.ndarray, summarize: int) -> str:
    """An array as TensorFlow's printing shows it: spaces between elements, an empty line between matrices."""
    if array.ndim == 0:
        return element_text(array[()])
    return _rows_text(array, summarize, 1)


def _rows_text(array: np.ndarray, summarize: int, level: int) -> str:
    between = " " if array.ndim == 1 else "\n" * (array.ndim - 1) + " " * level
    rows = list(range(len(array)))
    texts: list[str] = []
    if summarize >= 0 and len(rows) > 2 * summarize:
        texts = ["..."]
        head, tail = rows[:summarize], rows[len(rows) - summarize:]
    else:
        head, tail = rows, []

    def text(i: int) -> str:
        return element_text(array[i]) if array.ndim == 1 else _rows_text(array[i], summarize, level + 1)

    return "[" + between.join([*map(text, head), *texts, *map(text, tail)]) + "]"


def element_text(value: Any) -> str:
    """One number with the fewest digits that tell it from its neighbours, out of the 6 (15) or 9 (17) that C++ prints."""
    if isinstance(value, (str, bytes)):
        text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
        return '"' + text.replace("\\", "\\\\").replace("\n", "\\n") + '"'
    if isinstance(value, (bool, np.bool_)):
        return str(int(value))
    if isinstance(value, (int, np.integer)) or np.iscomplexobj(value):
        return str(value)
    if not np.isfinite(float(value)):
        return str(float(value))
    if isinstance(value, np.float64):
        return next((t for t in (f"{value:.15g}",) if np.float64(t) == value), f"{value:.17g}")
    single = np.float32(value)
    short = f"{float(single):.6g}"
    return short if np.float32(short) == single else f"{float(single):.9g}"


errors.shield(globals())
