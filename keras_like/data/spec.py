"""Element specs: what `Dataset.element_spec` says of an element's components."""

from __future__ import annotations

from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.data.components import dtype_of, is_dataset
from treadle.keras_like.data.structure import flatten, map_components, pack, same_structure


class DatasetSpec:
    """The spec of a component that is itself a data set, as `window` makes them."""

    __slots__ = ("element_spec",)

    def __init__(self, element_spec: Any, dataset_shape: Any = ()):
        self.element_spec = element_spec

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DatasetSpec) and self.element_spec == other.element_spec

    def __hash__(self) -> int:
        return hash((DatasetSpec, *flatten(self.element_spec)))

    def __repr__(self) -> str:
        return f"DatasetSpec({self.element_spec!r}, TensorShape([]))"


class NoneTensorSpec:
    """The spec of a component that is None."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NoneTensorSpec)

    def __hash__(self) -> int:
        return hash(NoneTensorSpec)

    def __repr__(self) -> str:
        return "NoneTensorSpec()"


def spec_of(element: Any) -> Any:
    """The spec of one element."""
    return map_components(_component_spec, element)


def _component_spec(component: Any) -> Any:
    if component is None:
        return NoneTensorSpec()
    if is_dataset(component):
        return DatasetSpec(component.element_spec)
    if type(component) is np.ndarray:
        return tf.TensorSpec(component.shape, dtype_of(component))
    return tf.TensorSpec(component.shape, component.dtype)


def batched(spec: Any, size: int | None) -> Any:
    """The spec with a new first axis."""
    return map_components(lambda s: _reshaped(s, lambda shape: tf.TensorShape([size]).concatenate(shape)), spec)


def unbatched(spec: Any) -> Any:
    """The spec without its first axis."""
    return map_components(lambda s: _reshaped(s, lambda shape: None if shape.rank is None else shape[1:]), spec)


def _reshaped(spec: Any, change: Any) -> Any:
    return tf.TensorSpec(change(spec.shape), spec.dtype) if isinstance(spec, tf.TensorSpec) else spec


def merged(first: Any, second: Any) -> Any:
    """The spec of elements that may come from either of two data sets; DtypeError if they do not fit together."""
    pairs = list(zip(flatten(first), flatten(second)))
    if not same_structure(first, second) or not all(_fit(a, b) for a, b in pairs):
        raise tf.errors.DtypeError(
            f"The two data sets have elements of different kinds. Received: {first!r} and {second!r}. "
            "Bring one to the other's dtypes and structure with `map`.")
    return pack(first, [_either(a, b) for a, b in pairs])


def _fit(a: Any, b: Any) -> bool:
    if isinstance(a, tf.TensorSpec) and isinstance(b, tf.TensorSpec):
        return a.dtype == b.dtype
    return type(a) is type(b)


def _either(a: Any, b: Any) -> Any:
    return a.most_specific_compatible_type(b) if isinstance(a, tf.TensorSpec) else a


def result_spec(source: Any, found: Any) -> Any:
    """The spec of what a function makes of a node's elements, given the spec `found` of what it makes of an example.

    A size that the node leaves open stays open in a result that has it on the same axis: what is mapped from batches
    of any size is again batches of any size.
    """
    opened = {place for spec, component in zip(flatten(source.spec), flatten(source.example()))
              if isinstance(spec, tf.TensorSpec) and spec.shape.rank is not None
              for place, size in zip(enumerate(component.shape), spec.shape) if size is None}
    return map_components(lambda spec: _open(spec, opened), found) if opened else found


def _open(spec: Any, places: set[tuple[int, int]]) -> Any:
    if not isinstance(spec, tf.TensorSpec) or spec.shape.rank is None:
        return spec
    return tf.TensorSpec([None if place in places else place[1] for place in enumerate(spec.shape)], spec.dtype)
