"""The components of an element, in their two forms: NumPy arrays inside the pipeline, tensors for the user.

A transformation that only moves data (batch, shuffle, take) works on arrays. A component becomes a tensor when user
code asks for it: a mapped function, or the loop at the end.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.data.node import Node
from treadle.keras_like.data.structure import map_components
from treadle.runtime.tensor import from_host, jax_array

_dtypes: dict[np.dtype, Any] = {}


def dtype_of(array: np.ndarray) -> Any:
    """The tensor dtype of an array."""
    found = _dtypes.get(array.dtype)
    if found is None:
        found = _dtypes[array.dtype] = tf.as_dtype(array.dtype)
    return found


def as_tensor(component: Any) -> Any:
    """A component as the user sees it. An array stays on the host until a program takes it."""
    if type(component) is np.ndarray:
        return from_host(component, dtype_of(component))
    return component


def as_array(component: Any) -> np.ndarray:
    """A component as an array; an error for a data set or None, which have none."""
    if type(component) is np.ndarray:
        return component
    if component is None or is_dataset(component):
        raise tf.errors.DtypeError(
            f"This transformation needs tensors, but a component is no tensor. Received: {component!r}.")
    return np.asarray(component)


def as_tensors(element: Any) -> Any:
    """The element as the user sees it."""
    if type(element) is np.ndarray:
        return from_host(element, dtype_of(element))
    return map_components(as_tensor, element)


def on_device(element: Any) -> Any:
    """The element as tensors that are where programs run."""
    tensors = as_tensors(element)
    for tensor in tf.nest.flatten(tensors):
        jax_array(tensor)
    return tensors


def is_dataset(value: Any) -> bool:
    """True for a `Dataset`, which may be a component of an element."""
    return isinstance(getattr(value, "_node", None), Node)


def node_of(value: Any, where: str) -> Node:
    """The pipeline behind a `Dataset`; DtypeError for anything else."""
    if not is_dataset(value):
        raise tf.errors.DtypeError(f"{where} must be a `tf.data.Dataset`. Received: {value!r}.")
    return value._node


def normalized(value: Any) -> Any:
    """What a user's function returned, as an element: numbers, lists and variables become tensors."""
    if isinstance(value, tf.Tensor):
        return value
    return map_components(_as_component, tuple(value) if isinstance(value, list) else value)


def _as_component(value: Any) -> Any:
    if isinstance(value, tf.Tensor) or value is None or is_dataset(value):
        return value
    return tf.convert_to_tensor(value)


def owned(value: Any) -> Any:
    """The user's data as an element of arrays that nobody else writes to. Made eagerly, also while tracing."""
    if tf.executing_eagerly():
        return map_components(_own_array, value)
    with tf.init_scope():
        return map_components(_own_array, value)


def _own_array(value: Any) -> Any:
    if value is None or is_dataset(value):
        return value
    # A numeric array is copied here, on the host: as a tensor it would travel to the device and back.
    if type(value) is np.ndarray and value.dtype.kind not in "OSU":
        tf.as_dtype(value.dtype)
        array = np.array(value, order="C")
    else:
        array = np.asarray(tf.convert_to_tensor(value))
    array.flags.writeable = False
    return array


def first_slice(array: np.ndarray) -> np.ndarray:
    """The first slice along the first axis, or one like it where there is none."""
    if len(array):
        return array[0, ...]
    return np.full(array.shape[1:], b"" if array.dtype.hasobject else 0, array.dtype)


def call(function: Any, element: Any) -> Any:
    """A user's function on an element; a tuple's components become its arguments, as in TensorFlow."""
    element = as_tensors(element)
    return function(*element) if type(element) is tuple else function(element)
