"""Nested structures: lists, tuples, named tuples, dicts, dataclasses and attrs classes, with anything else as a leaf.

Dictionaries are visited in sorted key order, as TensorFlow does, so that two dicts with equal keys have equal structure.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from treadle.ir import errors


def children(structure: Any) -> Sequence[Any] | None:
    """The parts of a structure in visiting order, or None for a leaf."""
    kind = type(structure)
    if kind is list or kind is tuple:
        return structure
    if isinstance(structure, Mapping):
        return [structure[k] for k in _keys(structure)]
    if isinstance(structure, (list, tuple)):
        return structure
    names = _field_names(kind)
    return None if names is None else [getattr(structure, n) for n in names]


def rebuild(structure: Any, parts: Sequence[Any]) -> Any:
    """A structure of the same kind as `structure` with other parts."""
    kind = type(structure)
    if kind is list:
        return list(parts)
    if kind is tuple:
        return tuple(parts)
    if isinstance(structure, Mapping):
        found = dict(zip(_keys(structure), parts))
        ordered = {k: found[k] for k in structure}
        return ordered if kind is dict else _mapping_like(structure, ordered)
    if isinstance(structure, tuple):
        return kind(*parts) if hasattr(kind, "_fields") else kind(parts)
    if isinstance(structure, list):
        return kind(parts)
    names = _field_names(kind)
    assert names is not None
    new = object.__new__(kind)
    if hasattr(structure, "__dict__"):  # not with slots
        new.__dict__.update(structure.__dict__)
    for name, part in zip(names, parts):
        object.__setattr__(new, name, part)
    return new


def _mapping_like(structure: Any, items: dict) -> Any:
    if hasattr(structure, "default_factory"):
        return type(structure)(structure.default_factory, items)
    return type(structure)(items)


def _keys(mapping: Mapping) -> list:
    try:
        return sorted(mapping)
    except TypeError:
        raise errors.DtypeError(
            f"The keys of a dictionary must be comparable with one another. Received: {list(mapping)!r}.") from None


def _field_names(kind: type) -> list[str] | None:
    fields = kind.__dict__.get("__dataclass_fields__") or getattr(kind, "__dataclass_fields__", None)
    if fields is not None:
        return [f.name for f in dataclasses.fields(kind)]
    attributes = getattr(kind, "__attrs_attrs__", None)
    return None if attributes is None else [a.name for a in attributes]


def is_nested(structure: Any) -> bool:
    """True if `structure` is not a leaf."""
    return children(structure) is not None


def flatten(structure: Any, expand_composites: bool = False) -> list[Any]:
    """The leaves of a structure, in order; `[structure]` for a leaf.

    >>> import treadle as tf
    >>> tf.nest.flatten({"b": [1, 2], "a": 3})
    [3, 1, 2]
    """
    leaves: list[Any] = []
    _flatten(structure, leaves)
    return leaves


def _flatten(structure: Any, leaves: list[Any]) -> None:
    parts = children(structure)
    if parts is None:
        leaves.append(structure)
    else:
        for part in parts:
            _flatten(part, leaves)


def pack_sequence_as(structure: Any, flat_sequence: Sequence[Any], expand_composites: bool = False) -> Any:
    """A structure like `structure` with the leaves of `flat_sequence`; InvalidArgumentError if their number differs.

    >>> import treadle as tf
    >>> tf.nest.pack_sequence_as({"b": [0, 0], "a": 0}, [3, 1, 2])
    {'b': [1, 2], 'a': 3}
    """
    leaves = iter(flat_sequence)
    try:
        packed = _pack(structure, leaves)
        complete = next(leaves, leaves) is leaves
    except StopIteration:
        complete = False
    if not complete:
        raise errors.InvalidArgumentError(
            f"The structure has {len(flatten(structure))} leaves. Received: {len(flat_sequence)}.")
    return packed


def _pack(structure: Any, leaves: Iterator[Any]) -> Any:
    parts = children(structure)
    if parts is None:
        return next(leaves)
    packed = []
    for part in parts:
        packed.append(_pack(part, leaves))
    return rebuild(structure, packed)


def map_structure(func: Callable, *structure: Any, **kwargs: Any) -> Any:
    """`func` applied to the leaves of one or more structures of equal shape; the result has the first one's structure.

    >>> import treadle as tf
    >>> tf.nest.map_structure(lambda a, b: a + b, {"x": 1}, {"x": 10})
    {'x': 11}
    """
    check_types = kwargs.pop("check_types", True)
    kwargs.pop("expand_composites", None)
    if kwargs:
        raise errors.DtypeError(f"`map_structure` has no argument {next(iter(kwargs))!r}.")
    for other in structure[1:]:
        assert_same_structure(structure[0], other, check_types=check_types)
    return pack_sequence_as(structure[0], [func(*leaves) for leaves in zip(*map(flatten, structure))])


def assert_same_structure(nest1: Any, nest2: Any, check_types: bool = True, expand_composites: bool = False) -> None:
    """Raise unless both have the same nesting: ValueError for shape, TypeError for the kinds of the containers."""
    a, b = children(nest1), children(nest2)
    if (a is None) != (b is None):
        raise errors.InvalidArgumentError(f"The structures differ. Received: {nest1!r} and {nest2!r}.")
    if a is None or b is None:
        return
    if check_types and type(nest1) is not type(nest2) and not (
            isinstance(nest1, Mapping) and isinstance(nest2, Mapping)):
        raise errors.DtypeError(
            f"The structures differ in kind: {type(nest1).__name__} and {type(nest2).__name__}.")
    keys_differ = isinstance(nest1, Mapping) and isinstance(nest2, Mapping) and _keys(nest1) != _keys(nest2)
    if len(a) != len(b) or keys_differ:
        raise errors.InvalidArgumentError(f"The structures differ. Received: {nest1!r} and {nest2!r}.")
    for x, y in zip(a, b):
        assert_same_structure(x, y, check_types)


errors.shield(globals())
