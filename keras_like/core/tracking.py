"""Finding layers and weights in attributes, lists and dicts; shapes, specs and masks of arguments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

import treadle as tf

_SKIPPED = {"_own", "_inbound", "_losses"}


def _leaves(value: Any, kinds: tuple) -> Iterator[Any]:
    """The objects of the given kinds in a value, through lists, tuples and dicts."""
    if isinstance(value, kinds):
        yield value
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _leaves(part, kinds)
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _leaves(part, kinds)


def children(owner: Any, kind: type) -> Iterator[Any]:
    """The layers in an object's attributes, in the order in which the attributes were set."""
    for name, value in vars(owner).items():
        if name not in _SKIPPED:
            yield from _leaves(value, (kind,))


def layers_in(layer: Any, kind: type) -> Iterator[Any]:
    """A layer and all inside it, each once, outer ones first."""
    seen = {id(layer)}
    stack = [layer]
    while stack:
        current = stack.pop()
        yield current
        fresh = [c for c in children(current, kind) if id(c) not in seen]
        seen.update(map(id, fresh))
        stack.extend(fresh[::-1])


def own_weights(layer: Any) -> list[Any]:
    """The weights that a layer itself holds: added, or set as attributes; trainable ones first."""
    found = {id(v): v for v in layer._own}
    for name, value in vars(layer).items():
        if name not in _SKIPPED:
            found.update((id(v), v) for v in _leaves(value, (tf.Variable,)))
            for module in _leaves(value, (tf.Module,)):
                found.update((id(v), v) for v in module.variables)
    return sorted(found.values(), key=lambda v: not v.trainable)


def weights_of(layer: Any, kind: type) -> list[Any]:
    """All weights of a layer and of those inside, each once."""
    return [v for v, _ in weights_with_trainability(layer, kind)]


def weights_with_trainability(layer: Any, kind: type) -> list[tuple[Any, bool]]:
    """All weights, each with whether it is trained: it and every layer around it must be trainable."""
    found: dict[int, tuple[Any, bool]] = {}
    for one in layers_in(layer, kind):
        for variable in own_weights(one):
            found.setdefault(id(variable), (variable, bool(variable.trainable and one._trainable)))
    return list(found.values())


# --- arguments ------------------------------------------------------------------------------------------------------


def holds_tensor(value: Any) -> bool:
    """True if a structure holds a tensor."""
    return any(hasattr(leaf, "shape") and hasattr(leaf, "dtype") for leaf in tf.nest.flatten(value))


def shapes_of(value: Any) -> Any:
    """The shapes of the tensors in a structure, as tuples with None for open sizes; lists of them for lists."""
    return tf.nest.map_structure(
        lambda leaf: tuple(tf.TensorShape(leaf.shape).as_list()) if hasattr(leaf, "shape") else None, value)


def specs_of_shapes(shapes: Any, dtype: str) -> Any:
    """`TensorSpec`s for a shape, or for a list or dict of shapes."""
    if shapes is not None and all(s is None or isinstance(s, (int, np.integer)) for s in shapes):
        return tf.TensorSpec(shapes, dtype)
    if isinstance(shapes, Mapping):
        return {k: specs_of_shapes(v, dtype) for k, v in shapes.items()}
    return [specs_of_shapes(s, dtype) for s in shapes]


# --- masks ----------------------------------------------------------------------------------------------------------


def mask_of(tensor: Any) -> Any:
    """The mask a layer gave a tensor, or None."""
    return getattr(tensor, "_keras_mask", None)


def set_mask(tensor: Any, mask: Any) -> None:
    """Give a tensor a mask."""
    if mask is not None or mask_of(tensor) is not None:
        tensor._keras_mask = mask
