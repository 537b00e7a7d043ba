"""What an object holds that a checkpoint keeps: variables, by the names of the attributes, keys and places that lead there."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import treadle as tf
from treadle.keras_like.core import tracking
from treadle.keras_like.core.layer import Layer
from treadle.keras_like.core.random import SeedGenerator
from treadle.keras_like.metrics.base import Metric
from treadle.keras_like.models.functional import Functional
from treadle.keras_like.models.sequential import Sequential
from treadle.keras_like.optimizers.base import Optimizer


class Node:
    """Base of objects that name their parts themselves: `parts()` returns a dict of them."""

    def parts(self) -> dict[str, Any]:
        """The parts, by name."""
        raise tf.errors.UnimplementedError(f"`{type(self).__name__}` does not define `parts`.")


def is_leaf(value: Any) -> bool:
    """True for what a checkpoint keeps one array of: a variable's value, or how far an iterator has come."""
    return isinstance(value, (tf.Variable, tf.data.Iterator))


def parts_of(value: Any) -> dict[str, Any] | None:
    """The parts of an object by name; None if it is nothing that a checkpoint can hold."""
    if isinstance(value, Node):
        return value.parts()
    if is_leaf(value) or isinstance(value, tf.data.Dataset):  # a data set itself has no state
        return {}
    if isinstance(value, (Optimizer, Metric)):
        return {"variables": list(value.variables)}
    if isinstance(value, (SeedGenerator, tf.random.Generator)):
        return {"state": value.state}
    if isinstance(value, Layer):
        return _parts_of_layer(value)
    if isinstance(value, tf.Module):
        return _holding({name: part for name, part in sorted(vars(value).items()) if name != "_name"})
    if isinstance(value, (list, tuple)):
        return _holding({str(i): part for i, part in enumerate(value)})
    if isinstance(value, Mapping):
        return _holding({str(key): part for key, part in value.items()})
    return None


def _parts_of_layer(layer: Layer) -> dict[str, Any]:
    """Attributes; the layers of models that are made from a list or a graph; weights that are in no attribute."""
    ordered = isinstance(layer, (Sequential, Functional))
    named = {name: part for name, part in vars(layer).items()
             if name not in tracking.BOOKKEEPING and not (ordered and name.startswith("_"))}
    parts = _holding(named)
    if ordered:
        parts["layers"] = layer.layers
    reached = {id(leaf) for _, leaf in leaves(parts)}
    rest = [weight for weight in tracking.own_weights(layer) if id(weight) not in reached]
    return parts | {"weights": rest} if rest else parts


def _holding(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the parts in which something is to be kept, or may come to be."""
    return {name: part for name, part in parts.items() if _holds(part, 0)}


def _holds(value: Any, depth: int) -> bool:
    if isinstance(value, (list, tuple, Mapping)):
        inner = value.values() if isinstance(value, Mapping) else value
        return depth < 20 and any(_holds(part, depth + 1) for part in inner)
    return isinstance(value, (Node, Layer, Optimizer, Metric, tf.Module, SeedGenerator, tf.random.Generator)) or is_leaf(value)


def walk(root: Any, path: str = "") -> Iterator[tuple[str, Any, str | None]]:
    """All objects from a root, those near it first: (path, object, the path it was met at before or None)."""
    met: dict[int, str] = {}
    alive: list[Any] = []  # an object that goes away may leave its id to another
    waiting: deque[tuple[str, Any]] = deque([(path, root)])
    while waiting:
        place, value = waiting.popleft()
        before = met.get(id(value))
        yield place, value, before
        if before is None:
            met[id(value)] = place
            alive.append(value)
            waiting.extend((f"{place}/{escaped(name)}".lstrip("/"), part) for name, part in (parts_of(value) or {}).items())


def leaves(root: Any) -> Iterator[tuple[str, Any]]:
    """The variables and iterators from a root, each once: (path, object)."""
    return ((place, value) for place, value, before in walk(root) if before is None and is_leaf(value))


def escaped(name: str) -> str:
    """A name as one part of a path: HDF5 gives "/" and names of dots only a meaning."""
    return quote(name, safe=" ()[]<>,=+*@!$&':;") if name.strip(".") else name.replace(".", "%2E") or "%"
