"""Nested elements: tuples, named tuples and dictionaries of components, in any depth.

Lists are not structure here, as in TensorFlow's data sets: a list is a tensor's value. An element's components are
NumPy arrays, eager tensors, data sets (inside `window`) or None. Dictionaries are visited in sorted key order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import treadle as tf


def map_components(function: Callable[[Any], Any], element: Any) -> Any:
    """The element with `function` applied to every component."""
    kind = type(element)
    if kind is tuple:
        return tuple([map_components(function, part) for part in element])
    if isinstance(element, Mapping):
        parts = {key: map_components(function, element[key]) for key in sorted(element)}
        return like_mapping(element, {key: parts[key] for key in element})
    if isinstance(element, tuple):
        return kind(*[map_components(function, part) for part in element])
    return function(element)


def like_mapping(original: Mapping, items: dict) -> Any:
    """`items` as the kind of mapping that `original` is."""
    return items if type(original) is dict or hasattr(original, "default_factory") else type(original)(items)


def flatten(element: Any) -> list[Any]:
    """The components in order."""
    if isinstance(element, tuple):
        return [leaf for part in element for leaf in flatten(part)]
    if isinstance(element, Mapping):
        return [leaf for key in sorted(element) for leaf in flatten(element[key])]
    return [element]


def pack(template: Any, components: Iterable[Any]) -> Any:
    """An element of the template's structure that holds `components`."""
    remaining = iter(components)
    return map_components(lambda _: next(remaining), template)


def packer(template: Any) -> Callable[[list], Any]:
    """A function that packs components as `template`; quick for the two commonest structures."""
    if not isinstance(template, (tuple, Mapping)):
        return lambda components: components[0]
    if type(template) is tuple and not any(isinstance(part, (tuple, Mapping)) for part in template):
        return tuple
    return lambda components: pack(template, components)


def paths(element: Any, prefix: str = "") -> Iterator[str]:
    """The name of each component, for error messages: `['image']`, `[0][1]`."""
    if isinstance(element, tuple):
        for index, part in enumerate(element):
            yield from paths(part, f"{prefix}[{index}]")
    elif isinstance(element, Mapping):
        for key in sorted(element):
            yield from paths(element[key], f"{prefix}[{key!r}]")
    else:
        yield prefix or "the element"


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
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return sorted(a) == sorted(b) and all(same_structure(a[key], b[key]) for key in a)
    if isinstance(a, tuple) and isinstance(b, tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same_structure, a, b))
    return not isinstance(a, (tuple, Mapping)) and not isinstance(b, (tuple, Mapping))
