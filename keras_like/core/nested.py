"""`keras.tree`: nested structures of lists, tuples and dicts (in the order of their sorted keys)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import treadle as tf


class _MapToNone:
    def __repr__(self) -> str:
        return "MAP_TO_NONE"


MAP_TO_NONE = _MapToNone()  # what a function given to `traverse` returns to put None in place of a part


def flatten_with_path(structure: Any) -> list[tuple[tuple, Any]]:
    """(path, leaf) of each leaf: the keys and places that lead to it.

    >>> from treadle import keras
    >>> keras.tree.flatten_with_path({"a": [1, 2]})
    [(('a', 0), 1), (('a', 1), 2)]
    """
    return list(_paths(structure, ()))


def _paths(structure: Any, path: tuple) -> Iterator[tuple[tuple, Any]]:
    if isinstance(structure, Mapping):
        for key in sorted(structure):
            yield from _paths(structure[key], (*path, key))
    elif isinstance(structure, (list, tuple)):
        for place, part in enumerate(structure):
            yield from _paths(part, (*path, place))
    else:
        yield path, structure


def assert_same_paths(a: Any, b: Any) -> None:
    """Raise InvalidArgumentError (a ValueError) unless the leaves of both are at the same places."""
    ours, theirs = {p for p, _ in flatten_with_path(a)}, {p for p, _ in flatten_with_path(b)}
    if ours != theirs:
        raise tf.errors.InvalidArgumentError(
            f"The structures hold leaves at different places. Received: {sorted(map(str, ours - theirs))} in the first only, "
            f"{sorted(map(str, theirs - ours))} in the second only.")


def map_structure_up_to(shallow_structure: Any, func: Callable, *structures: Any) -> Any:
    """func of the parts of the structures that stand where `shallow_structure` has leaves.

    >>> from treadle import keras
    >>> keras.tree.map_structure_up_to([0, 0], len, [[1, 2], [3]])
    [2, 1]
    """
    parts = [_up_to(shallow_structure, structure) for structure in structures]
    return tf.nest.pack_sequence_as(shallow_structure, [func(*given) for given in zip(*parts)])


def _up_to(shallow: Any, structure: Any) -> list[Any]:
    if isinstance(shallow, Mapping):
        if not isinstance(structure, Mapping) or set(shallow) != set(structure):
            raise tf.errors.InvalidArgumentError(f"Expected a dict of the keys {sorted(shallow)}. Received: {structure!r}.")
        return [part for key in sorted(shallow) for part in _up_to(shallow[key], structure[key])]
    if isinstance(shallow, (list, tuple)):
        if not isinstance(structure, (list, tuple)) or len(shallow) != len(structure):
            raise tf.errors.InvalidArgumentError(f"Expected {len(shallow)} parts. Received: {structure!r}.")
        return [part for a, b in zip(shallow, structure) for part in _up_to(a, b)]
    return [structure]


def traverse(func: Callable, structure: Any, top_down: bool = True) -> Any:
    """The structure with each part replaced by func(part), where that is not None; outer parts first, or inner ones.

    `MAP_TO_NONE` stands for None.

    >>> from treadle import keras
    >>> keras.tree.traverse(lambda part: sum(part) if isinstance(part, tuple) else None, [(1, 2), [3]])
    [3, [3]]
    """
    if top_down:
        found = func(structure)
        if found is not None:
            return None if found is MAP_TO_NONE else found
    inner = structure
    if isinstance(structure, Mapping):
        inner = type(structure)((key, traverse(func, part, top_down)) for key, part in structure.items())  # type: ignore[call-arg]
    elif isinstance(structure, (list, tuple)):
        parts = [traverse(func, part, top_down) for part in structure]
        inner = type(structure)(*parts) if hasattr(structure, "_fields") else type(structure)(parts)
    if top_down:
        return inner
    found = func(inner)
    return inner if found is None else None if found is MAP_TO_NONE else found


def lists_to_tuples(structure: Any) -> Any:
    """The structure with tuples in place of lists."""
    return traverse(lambda part: tuple(part) if isinstance(part, list) else None, structure, top_down=False)


def map_shape_structure(func: Callable, structure: Any) -> Any:
    """func of each shape (a list or tuple of integers and None) in a structure."""
    def shape(part: Any) -> bool:
        return isinstance(part, (list, tuple)) and all(v is None or isinstance(v, int) for v in part)
    return traverse(lambda part: func(tuple(part)) if shape(part) else None, structure)
