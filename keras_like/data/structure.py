"""Nested elements: tuples, named tuples and dictionaries of components, in any depth.

Lists are not structure here, as in TensorFlow's data sets: a list is a tensor's value. An element's components are
NumPy arrays, eager tensors, data sets (inside `window`) or None. Dictionaries are visited in sorted key order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import treadle as tf


def _container(kind: type) -> str | None:
    if kind is tuple:
        return "tuple"
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return "named"
    return "mapping" if issubclass(kind, Mapping) else None


# What kind of container a class is: "tuple", "named" or "mapping"; None for a component.
container: Callable[[type], str | None] = lru_cache(maxsize=1024)(_container)


def map_components(function: Callable[[Any], Any], element: Any) -> Any:
    """The element with `function` applied to every component."""
    kind = container(type(element))
    if kind is None:
        return function(element)
    if kind == "tuple":
        return tuple([map_components(function, part) for part in element])
    if kind == "named":
        return type(element)(*[map_components(function, part) for part in element])
    parts = {key: map_components(function, element[key]) for key in sorted(element)}
    ordered = {key: parts[key] for key in element}
    return ordered if type(element) is dict or hasattr(element, "default_factory") else type(element)(ordered)


def flatten(element: Any) -> list[Any]:
    """The components in order."""
    kind = container(type(element))
    if kind is None:
        return [element]
    parts = [element[key] for key in sorted(element)] if kind == "mapping" else element
    return [leaf for part in parts for leaf in flatten(part)]


def pack(template: Any, components: Iterable[Any]) -> Any:
    """An element of the template's structure that holds `components`."""
    remaining = iter(components)
    return map_components(lambda _: next(remaining), template)


def packer(template: Any) -> Callable[[list], Any]:
    """A function that packs components as `template`; quick for the two commonest structures."""
    kind = container(type(template))
    if kind is None:
        return lambda components: components[0]
    if kind == "tuple" and not any(container(type(part)) for part in template):
        return tuple
    return lambda components: pack(template, components)


def paths(element: Any, prefix: str = "") -> Iterator[str]:
    """The name of each component, for error messages: `['image']`, `[0][1]`."""
    kind = container(type(element))
    if kind is None:
        yield prefix or "the element"
    elif kind == "mapping":
        for key in sorted(element):
            yield from paths(element[key], f"{prefix}[{key!r}]")
    else:
        for index, part in enumerate(element):
            yield from paths(part, f"{prefix}[{index}]")


def flatten_up_to(template: Any, value: Any, argument: str) -> list[Any]:
    """The parts of `value` that stand where `template` has components, which may themselves be lists or tuples."""
    if isinstance(template, tuple):
        if not isinstance(value, (tuple, list)) or len(value) != len(template):
            raise _differs(template, value, argument)
        return [leaf for t, v in zip(template, value) for leaf in flatten_up_to(t, v, argument)]
    if isinstance(template, Mapping):
        if not isinstance(value, Mapping) or sorted(value) != sorted(template):
            raise _differs(template, value, argument)
        return [leaf for key in sorted(template) for leaf in flatten_up_to(template[key], value[key], argument)]
    return [value]


def _differs(template: Any, value: Any, argument: str) -> Exception:
    return tf.errors.DtypeError(
        f"`{argument}` must have the structure of the elements, {template!r}. Received: {value!r}.")


def same_structure(a: Any, b: Any) -> bool:
    """True if both have the same nesting, whatever their components."""
    kind = container(type(a))
    if kind != container(type(b)):
        return False
    if kind is None:
        return True
    if kind == "mapping":
        return sorted(a) == sorted(b) and all(same_structure(a[key], b[key]) for key in a)
    return len(a) == len(b) and all(map(same_structure, a, b))
