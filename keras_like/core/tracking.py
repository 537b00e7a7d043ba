"""Finding layers and weights in attributes, lists and dicts; shapes, specs and masks of arguments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core.random import SeedGenerator

# Attributes that are no part of what the user set: records of calls, what `compile` was given, the trainer's own, what a
# cell keeps while it is called.
BOOKKEEPING = frozenset({"_own", "_arguments", "_stopped", "_inbound", "_losses", "_losses_round", "_round", "_built",
                         "_build_shapes", "_compile_config", "_loss_tracker", "_compiled_loss", "_compiled_metrics",
                         "_watchers", "_call_programs", "_dropped"})

# Kinds of attributes that hold nothing: to ask each whether it is a `Mapping` took half of the time of `trainable_variables`.
_PLAIN = frozenset({bool, int, float, str, type(None), FunctionType})


def _leaves(value: Any, kinds: Any) -> Iterator[Any]:
    """The objects of the given kinds in a value, through lists, tuples and dicts."""
    if isinstance(value, kinds):
        yield value
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _leaves(part, kinds)
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _leaves(part, kinds)


def children(owner: Any, kinds: Any) -> Iterator[Any]:
    """The objects of the given kinds in an object's attributes, in the order in which the attributes were set."""
    for name, value in vars(owner).items():
        if type(value) not in _PLAIN and name not in BOOKKEEPING:
            yield from _leaves(value, kinds)


def layers_in(layer: Any, kind: type) -> Iterator[Any]:
    """A layer and all inside it, each once: before a layer's neighbour come those inside it."""
    seen: set[int] = set()
    stack = [layer]
    while stack:
        current = stack.pop()
        if id(current) not in seen:
            seen.add(id(current))
            yield current
            stack.extend(list(children(current, kind))[::-1])


def own_weights(layer: Any) -> list[Any]:
    """The weights that a layer itself holds: added, or set as attributes; first those that were trainable when found."""
    found = {id(v): v for v in layer._own}
    for value in children(layer, (tf.Variable, tf.Module)):
        found.update((id(v), v) for v in ([value] if isinstance(value, tf.Variable) else value.variables))
    return sorted(found.values(), key=_found_trainable, reverse=True)


def _found_trainable(variable: Any) -> bool:
    return variable.__dict__.setdefault("_found_trainable", variable.trainable)


def weights_with_owners(layer: Any, kind: type) -> list[tuple[Any, Any]]:
    """All weights, each once, and the layers that hold them."""
    found: dict[int, tuple[Any, Any]] = {}
    for one in layers_in(layer, kind):
        for variable in own_weights(one):
            found.setdefault(id(variable), (variable, one))
    return list(found.values())


def seed_generators(layer: Any) -> Iterator[Any]:
    """The seed generators that a layer itself holds."""
    return children(layer, SeedGenerator)


def own_metrics(layer: Any) -> Iterator[Any]:
    """The metrics that a layer itself holds."""
    return children(layer, Measuring)


class Measuring:
    """Base of `Metric`: what layers know metrics by."""


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


def masks_of(value: Any) -> Any:
    """The masks of the tensors in a structure: None where there is none, None alone where there is none at all."""
    if isinstance(value, tf.Tensor):
        return getattr(value, "_keras_mask", None)
    masks = tf.nest.map_structure(mask_of, value)
    return masks if any(m is not None for m in tf.nest.flatten(masks)) else None


def set_mask(tensor: Any, mask: Any) -> None:
    """Give a tensor a mask."""
    if mask is not None or mask_of(tensor) is not None:
        tensor._keras_mask = mask
