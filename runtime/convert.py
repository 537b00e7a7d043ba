"""What users hand to ops - numbers, lists, NumPy and JAX arrays, variables - made into eager tensors."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from treadle.ir import dtypes, errors
from treadle.ir.dtypes import DType
from treadle.ir.interpreter import TakeOver, state
from treadle.ir.operators import TABLE
from treadle.ir.types import TensorType
from treadle.runtime.own_copies import own_copy
from treadle.runtime.tensor import EagerTensor, SymbolicTensor, Tensor, from_numpy

_PYTHON = {bool: dtypes.bool_, int: dtypes.int32, float: dtypes.float32, complex: dtypes.complex128}


def to_eager(value: Any, dtype: DType | None = None, hint: DType | None = None) -> EagerTensor:
    """An eager tensor of `value`. `dtype` is required of the result; `hint` is what a Python number takes if it can."""
    if type(value) is EagerTensor:
        return _checked(value, dtype)
    if isinstance(value, SymbolicTensor):
        raise errors.StagingError(
            f"A tensor was used after the trace it belongs to had ended. Received: {value!r}, made while tracing "
            f"`{value.trace.name}`" + (f" at {value.value.producer.location}" if value.value.producer is not None
                                       else "") + ". Return it from the function to use its value outside.",
            see="tensor-outside-its-trace")
    if hasattr(value, "_as_tensor"):  # a Variable
        return to_eager(value._as_tensor(), dtype)
    if isinstance(value, jax.Array):
        _check_device(value)
        found = TensorType.of(dtypes.as_dtype(value.dtype), value.shape)
        return _checked(EagerTensor(value, found), dtype)
    array, dtype = as_numpy(value, dtype, hint)
    return from_numpy(array, dtype)


def _check_device(array: jax.Array) -> None:
    """Programs are compiled for one device, so all tensors must be there."""
    if isinstance(array, jax.core.Tracer):
        raise errors.StagingError(
            "A JAX tracer cannot become a tensor: inside `jax.jit` or `jax.grad` use `f.to_jax(...)`, which is a pure "
            f"JAX function. Received: {array!r}.", see="jax-tracers")
    home = jax.devices()[0]
    if array.devices() != {home}:
        raise errors.InvalidArgumentError(
            f"The array is on {', '.join(sorted(map(str, array.devices())))}, but treadle computes on {home}. Move it "
            "with `jax.device_put(array, jax.devices()[0])`.")


def _checked(tensor: EagerTensor, dtype: DType | None) -> EagerTensor:
    if dtype is not None and tensor.type.dtype is not dtype:
        raise errors.DtypeError(
            f"Expected a tensor of dtype {dtype.name}. Received: a tensor of dtype {tensor.type.dtype.name}. "
            f"Convert it with `tf.cast(x, tf.{dtype.name})`.")
    return tensor


def as_numpy(value: Any, dtype: DType | None = None, hint: DType | None = None) -> tuple[np.ndarray, DType]:
    """A NumPy array that is the caller's own, and its dtype, for a value that is no tensor."""
    kind = type(value)
    if kind in _PYTHON:
        return _python_number(value, dtype, hint)
    if isinstance(value, (str, bytes)):
        return _strings(np.array(value, object), dtype)
    if value is None:
        raise errors.DtypeError("Expected a tensor, an array, a list or a number. Received: None.")
    if isinstance(value, (np.ndarray, np.generic)):
        return _numpy(own_copy(np.asarray(value)), dtype, hint)
    if isinstance(value, (list, tuple)):
        return _sequence(value, dtype, hint)
    if isinstance(value, range):
        return _sequence(list(value), dtype, hint)
    if hasattr(kind, "interpreter"):  # a DeferredTensor
        raise TakeOver(kind.interpreter)
    if hasattr(value, "as_list") and hasattr(value, "rank"):  # a TensorShape
        return as_numpy(value.as_list(), dtype or dtypes.int32)
    if hasattr(value, "__array__"):
        return _numpy(np.array(value.__array__()), dtype)
    if hasattr(value, "__dlpack__"):
        return _numpy(np.array(np.from_dlpack(value)), dtype)
    if isinstance(value, (int, float, complex)):  # a subclass: a member of an IntEnum
        return _python_number(_plain(value), dtype, hint)
    raise errors.DtypeError(
        f"Expected a tensor, an array, a list or a number. Received: {value!r} (of type {kind.__name__}).")


def _python_number(value: Any, dtype: DType | None, hint: DType | None) -> tuple[np.ndarray, DType]:
    wanted = dtype or hint
    natural = _PYTHON[type(value)]
    if wanted is None:
        if natural is dtypes.int32 and not -2**31 <= value < 2**31:
            natural = dtypes.int64
        wanted = natural
    elif not _fits(natural, wanted):
        if dtype is None and not (isinstance(value, complex) or wanted.is_bool or natural.is_bool or wanted.is_integer):
            wanted = natural
        else:
            raise errors.DtypeError(
                f"A Python {type(value).__name__} cannot become a tensor of dtype {wanted.name}. Received: {value!r}.")
    return _filled(value, wanted), wanted


def _plain(value: Any) -> Any:
    """A number of a subclass of Python's number types as one of the type itself."""
    return next(kind for kind in (int, float, complex) if isinstance(value, kind))(value)


def _fits(natural: DType, wanted: DType) -> bool:
    order = {"bool": 0, "int": 1, "uint": 1, "float": 2, "complex": 3}
    if natural.is_bool or wanted.is_bool or wanted.is_string:
        return natural is wanted
    return order[natural.kind] <= order[wanted.kind]


def _filled(value: Any, wanted: DType) -> np.ndarray:
    if wanted.is_integer and not wanted.min <= value <= wanted.max:
        raise errors.InvalidArgumentError(f"{value} is outside the range of {wanted.name}: {wanted.min} to {wanted.max}.")
    return np.array(value, wanted.numpy)


def _numpy(array: np.ndarray, dtype: DType | None, hint: DType | None = None) -> tuple[np.ndarray, DType]:
    if array.dtype.kind in "OSU":
        if array.dtype.kind == "O" and not all(isinstance(v, (str, bytes)) for v in array.ravel()):
            raise errors.DtypeError(f"An array of Python objects cannot become a tensor. Received: {array!r}.")
        return _strings(array.astype(object), dtype)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    found = dtypes.as_dtype(array.dtype)
    if dtype is None and hint is not None and _fits(found, hint) and (
            not hint.is_integer or not array.size or (hint.min <= array.min() and array.max() <= hint.max)):
        dtype = hint  # next to a float32 tensor, float64 numbers become float32
    if dtype is not None and dtype is not found:
        if found.is_bool != dtype.is_bool or dtype.is_string:
            raise errors.DtypeError(f"An array of {found.name} cannot become a tensor of dtype {dtype.name}.")
        array = array.astype(dtype.numpy)
        found = dtype
    return array, found


def _strings(array: np.ndarray, dtype: DType | None) -> tuple[np.ndarray, DType]:
    if dtype is not None and not dtype.is_string:
        raise errors.DtypeError(f"A string cannot become a tensor of dtype {dtype.name}. Received: {array!r}.")
    encoded = [v.encode() if isinstance(v, str) else v for v in array.ravel()]
    result = np.empty(array.shape, object)
    result.ravel()[:] = encoded
    return result, dtypes.string


def _sequence(value: Any, dtype: DType | None, hint: DType | None) -> tuple[np.ndarray, DType]:
    kinds: set[type] = set()
    arrays: set[DType] = set()
    _collect(value, kinds, arrays)
    if arrays and dtype is None:
        if len(arrays) > 1:
            raise errors.DtypeError(
                f"A list of tensors must hold one dtype. Received: {', '.join(sorted(d.name for d in arrays))}.")
        hint = next(iter(arrays))
    try:
        array = np.array(value)
    except ValueError:
        array = None
    if array is None or (array.dtype == object and not kinds & {str, bytes}):
        raise errors.InvalidArgumentError(
            f"A nested list must be rectangular and hold numbers only. Received: {value!r}.")
    if kinds & {str, bytes}:
        if kinds - {str, bytes}:
            raise errors.DtypeError(f"A list must not mix strings with numbers. Received: {value!r}.")
        return _strings(np.array(value, object), dtype)
    if not kinds:
        # Only arrays inside, or nothing at all: an empty list is float32.
        natural = next(iter(arrays)) if arrays else dtypes.float32
    elif bool in kinds:
        if kinds - {bool}:
            raise errors.DtypeError(f"A list must not mix bools with numbers. Received: {value!r}.")
        natural = dtypes.bool_
    else:
        natural = _PYTHON[max(kinds, key=(int, float, complex).index)]
        if natural is dtypes.int32 and array.size and not (-2**31 <= array.min() and array.max() < 2**31):
            natural = dtypes.int64
    wanted = dtype or (hint if hint is not None and _fits(natural, hint) else natural)
    if not _fits(natural, wanted) and array.size:
        raise errors.DtypeError(
            f"A list of Python {'/'.join(k.__name__ for k in kinds)} cannot become a tensor of dtype {wanted.name}. "
            f"Received: {value!r}.")
    if wanted.is_integer and array.size and not (wanted.min <= array.min() and array.max() <= wanted.max):
        raise errors.InvalidArgumentError(
            f"A number is outside the range of {wanted.name}: {wanted.min} to {wanted.max}. Received: {value!r}.")
    return array.astype(wanted.numpy), wanted


def _collect(value: Any, kinds: set[type], arrays: set[DType]) -> None:
    """The Python number types, and the dtypes of arrays, among the leaves of a nested list."""
    for item in value:
        kind = type(item)
        if kind is list or kind is tuple:
            _collect(item, kinds, arrays)
        elif kind in _PYTHON or kind in (str, bytes):
            kinds.add(kind)
        elif hasattr(item, "dtype"):
            arrays.add(dtypes.as_dtype(item.dtype))
        elif item is None:
            raise errors.DtypeError("A list that becomes a tensor must not hold None.")
        elif hasattr(item, "__len__"):
            _collect(item, kinds, arrays)
        else:
            kinds.add(int if isinstance(item, int) else float)


def holds_tensor(value: Any) -> bool:
    """True if a nested list holds a tensor or variable somewhere, so that it must be stacked rather than copied."""
    return any(isinstance(v, Tensor) or hasattr(v, "_as_tensor") or (isinstance(v, (list, tuple)) and holds_tensor(v))
               for v in value)


def stacked(value: Any, dtype: DType | None, hint: DType | None) -> Tensor:
    """A nested list that holds tensors, as one tensor: each level is a `stack`."""
    first = dtype or _first_dtype(value) or hint
    parts = [stacked(v, dtype, first) if isinstance(v, (list, tuple)) else convert_to_tensor(v, dtype, dtype_hint=first)
             for v in value]
    return TABLE["stack"](parts, axis=0)


def _first_dtype(value: Any) -> DType | None:
    for item in value:
        found = _first_dtype(item) if isinstance(item, (list, tuple)) else getattr(item, "dtype", None)
        if found is not None:
            return dtypes.as_dtype(found)
    return None


def convert_to_tensor(value: Any, dtype: Any = None, dtype_hint: Any = None, name: str | None = None) -> Tensor:
    """`value` as a tensor.

    Python floats become float32, ints int32 (int64 where they do not fit); NumPy and JAX arrays keep their dtype; a
    variable is read; a list that holds tensors is stacked.

    Args:
        value: a tensor, variable, array, number, or nested list of these.
        dtype: the dtype of the result; a tensor of another dtype raises DtypeError.
        dtype_hint: the dtype to use where `value` leaves it open.

    >>> import treadle as tf
    >>> tf.convert_to_tensor([1, 2]).dtype.name, tf.convert_to_tensor([1, 2.5]).dtype.name
    ('int32', 'float32')
    """
    wanted = None if dtype is None else dtypes.as_dtype(dtype)
    hint = None if dtype_hint is None else dtypes.as_dtype(dtype_hint)
    try:
        if isinstance(value, (list, tuple)) and holds_tensor(value):
            return stacked(value, wanted, hint)
        if hasattr(value, "_as_tensor"):
            value = value._as_tensor()
        if isinstance(value, SymbolicTensor):
            found = state.interpreter.convert(value)
            if wanted is not None and found.type.dtype is not wanted:
                raise errors.DtypeError(
                    f"Expected a tensor of dtype {wanted.name}. Received: a tensor of dtype {found.type.dtype.name}.")
            return found
        if hasattr(type(value), "interpreter"):  # a DeferredTensor
            return value
        if isinstance(value, Tensor) or state.interpreter.is_eager or isinstance(value, jax.Array):
            return to_eager(value, wanted, hint)
        # Inside a trace a Python value is written into the graph rather than passed in on each call.
        array, found_dtype = as_numpy(value, wanted, hint)
        return from_numpy(array, found_dtype) if found_dtype.is_string else state.interpreter.convert(array)
    except Exception as error:
        errors.hide_frames(error)
        raise
