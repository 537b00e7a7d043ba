"""The weights and optimizer state of a model as a tree of arrays, with the paths that Keras' files have.

The walk: an object's attributes by name, public ones first; lists and dicts by the snake-cased classes of what they hold.
Functional and Sequential models begin with `layers`. Each object is where it is met first: "layers/dense_1/vars/0".
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from treadle.keras_like.core import tracking
from treadle.keras_like.core.layer import Layer
from treadle.keras_like.core.naming import to_snake_case
from treadle.keras_like.optimizers.base import Optimizer
from treadle.keras_like.saving.tensors import Group

_CONTAINERS = (list, tuple, Mapping)
_OURS, _LAYERS = "treadle.", "treadle.keras_like.layers."
# Where the trainer keeps the optimizer, which the property `optimizer` shows; and what is met elsewhere.
_SKIPPED = tracking.BOOKKEEPING | {"_optimizer", "_metrics", "activity_regularizer", "input_spec"}


def _is_saved(value: Any) -> bool:
    return isinstance(value, (Layer, Optimizer))


def objects_of(root: Any) -> Iterator[tuple[str, Any]]:
    """(path, object) of a model and of the layers and optimizers in it. One may be met again at another path."""
    done: set[int] = set()
    stack: list[Iterator[tuple[str, Any]]] = [iter([("", root)])]
    while stack:
        pair = next(stack[-1], None)
        if pair is None:
            stack.pop()
            continue
        path, value = pair
        yield path, value
        if id(value) not in done:
            done.add(id(value))
            stack.append(_inside(value, path))


def _inside(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    before = f"{path}/" if path else ""
    for name, child in _attributes(value):
        if _is_saved(child):
            yield f"{before}{name}", child
        elif isinstance(child, _CONTAINERS):
            yield from _members(child, f"{before}{name}", set())


def _attributes(value: Any) -> Iterator[tuple[str, Any]]:
    """The attributes in which something to be saved may be, in the order of the walk."""
    kind = type(value)
    names = set(vars(value)) - _SKIPPED
    for base in kind.__mro__:
        if not base.__module__.startswith(_OURS) or base.__module__.startswith(_LAYERS):
            names.update(name for name, found in vars(base).items() if isinstance(found, (property, Layer, *_CONTAINERS)))
    if hasattr(kind, "layers"):
        names.add("layers")
        if kind.__name__ == "Sequential" or getattr(kind, "is_graph", False):
            yield "layers", value.layers
    if getattr(value, "optimizer", None) is not None:
        names.add("optimizer")
    for name in sorted((n for n in names if not n.startswith("__")), key=lambda n: (n.startswith("_"), n)):
        try:
            yield name, getattr(value, name)
        except Exception:  # a property that cannot be read now
            continue


def _members(container: Any, path: str, around: set[int]) -> Iterator[tuple[str, Any]]:
    if id(container) in around:
        return
    around = around | {id(container)}
    counts: Counter[str] = Counter()
    for value in container.values() if isinstance(container, Mapping) else container:
        if _is_saved(value) or isinstance(value, _CONTAINERS):
            name = to_snake_case(type(value).__name__) if _is_saved(value) else "container"
            numbered = f"{name}_{counts[name]}" if counts[name] else name
            counts[name] += 1
            if _is_saved(value):
                yield f"{path}/{numbered}", value
            else:
                yield from _members(value, f"{path}/{numbered}", around)


# --- weights --------------------------------------------------------------------------------------------------------


def state_of(model: Any, skipped: Any = ()) -> Group:
    """The arrays of a model and all in it. `skipped`: objects to leave out."""
    root = Group()
    done = {id(value) for value in skipped}
    for path, value in objects_of(model):
        if id(value) not in done:
            done.add(id(value))
            store = Group(attributes={"name": value.name})
            value.save_own_variables(store)
            root.group(path)["vars"] = store
    return root


def load_state(model: Any, state: Group, skipped: Any = ()) -> dict[int, tuple[str, Any, Exception]]:
    """Give a model's layers and optimizers the arrays of a file.

    Returns those that could not be loaded, by their ids: (path, object, what was wrong). One that is met at several paths is
    loaded from the first that fits.
    """
    done = {id(value) for value in skipped}
    failed: dict[int, tuple[str, Any, Exception]] = {}
    older = "_layer_checkpoint_dependencies" in state
    for path, value in objects_of(model):
        if id(value) in done:
            continue
        store = state.at(f"{path}/vars")
        if store is None and older:
            store = state.at(f"{path}/vars".replace("layers", "_layer_checkpoint_dependencies"))
        try:
            value.load_own_variables(store if isinstance(store, Mapping) else Group())
            done.add(id(value))
            failed.pop(id(value), None)
        except Exception as error:  # an overridden method may raise anything
            failed.setdefault(id(value), (path, value, error))
    return failed


def size_of(state: Mapping[str, Any]) -> int:
    """How many bytes the arrays of a tree take."""
    return sum(size_of(v) if isinstance(v, Mapping) else v.nbytes for v in state.values())


# --- assets ---------------------------------------------------------------------------------------------------------


def assets_of(model: Any) -> dict[str, bytes]:
    """The files that layers with a method `save_assets(folder)` write, by their paths in an archive."""
    found: dict[str, bytes] = {}
    done: set[int] = set()
    for path, value in objects_of(model):
        if hasattr(value, "save_assets") and id(value) not in done:
            done.add(id(value))
            with tempfile.TemporaryDirectory() as folder:
                value.save_assets(folder)
                for place, _, names in os.walk(folder):
                    for name in names:
                        file = os.path.join(place, name)
                        inside = os.path.relpath(file, folder).replace(os.sep, "/")
                        with open(file, "rb") as opened:
                            found["/".join(filter(None, ("assets", path, inside)))] = opened.read()
    return found


def load_assets(model: Any, archive: Mapping[str, bytes]) -> None:
    """Hand layers with a method `load_assets(folder)` a folder with their files, which is gone afterwards.

    Nothing is written to the disk for models without such layers.
    """
    done: set[int] = set()
    for path, value in objects_of(model):
        before = "/".join(filter(None, ("assets", path))) + "/"
        if not hasattr(value, "load_assets") or id(value) in done:
            continue
        done.add(id(value))
        with tempfile.TemporaryDirectory() as folder:
            for name in archive:
                if name.startswith(before):
                    # Names in an archive have been checked: none leads outside.
                    file = os.path.join(folder, *name.removeprefix(before).split("/"))
                    os.makedirs(os.path.dirname(file), exist_ok=True)
                    with open(file, "xb") as opened:
                        opened.write(archive[name])
            value.load_assets(folder)
