"""The element spec of a mapped data set: what the user's function makes of an element."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import treadle as tf
from treadle.keras_like.data.components import call, normalized
from treadle.keras_like.data.node import Node
from treadle.keras_like.data.spec import spec_of
from treadle.keras_like.data.structure import flatten, map_components


def result_spec(function: Callable[..., Any], source: Node, of: type | None = None) -> Any:
    """The spec of `function`'s results, from a call on the first element; DtypeError unless it is an `of`.

    A size that the source leaves open stays open in a result that has it on the same axis: what is mapped from
    batches of any size is again batches of any size.
    """
    element = next(source.elements(), _EMPTY)
    if element is _EMPTY:
        raise tf.errors.InvalidArgumentError(
            "The element spec of a mapped data set is found by calling the function on the first element, but the "
            "data set is empty.")
    found = spec_of(normalized(call(function, element)))
    if of is not None and not isinstance(found, of):
        raise tf.errors.DtypeError(f"The mapped function must return a `tf.data.Dataset`. Received: {found!r}.")
    opened = {place for spec, component in zip(flatten(source.spec), flatten(element))
              if isinstance(spec, tf.TensorSpec) and spec.shape.rank is not None
              for place, size in zip(enumerate(component.shape), spec.shape) if size is None}
    return map_components(lambda spec: _open(spec, opened), found) if opened else found


_EMPTY = object()


def _open(spec: Any, places: set[tuple[int, int]]) -> Any:
    if not isinstance(spec, tf.TensorSpec):
        return spec
    return tf.TensorSpec([None if place in places else place[1] for place in enumerate(spec.shape)], spec.dtype)
