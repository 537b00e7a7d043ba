"""Putting a checkpoint's values into objects: at once where the variables are there, else when they are made."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core.layer import Layer
from treadle.keras_like.optimizers.base import Optimizer
from treadle.keras_like.saving import checkpoint_graph as graph
from treadle.keras_like.saving.errors import refuse
from treadle.keras_like.saving.tensors import Group, read_tensors

FORMAT = "treadle_checkpoint"  # the attribute that says that a file is a checkpoint, and its version
ALIASES = "aliases"  # the attribute that says which paths lead to one object: JSON, {path: the path it is kept at}
_VERSION = 1


class Restoration:
    """The values of one checkpoint, and what became of them."""

    def __init__(self, source: str):
        self.source = source
        self._tree = read_tensors(source)
        self._aliases = _aliases(source, self._tree)
        self._left = dict(_arrays(self._tree))  # those that no object has taken, by path
        self._restored: dict[int, Any] = {}  # what has its value

    def restore(self, root: Any, path: str = "") -> None:
        """Give the objects from `root` on their values; `path` is where the checkpoint has it. All of them or none.

        Objects are followed by their names as they were followed when the checkpoint was made. Layers and optimizers that
        have no variables yet get them when they are built.
        """
        pairs: list[tuple[str, Any, np.ndarray]] = []
        places: dict[int, tuple[Any, str]] = {}
        waiting = [(root, path)]
        while waiting:
            value, place = waiting.pop(0)
            if id(value) in places:
                continue
            place = self._aliases.get(place, place)
            found = self._tree.at(place)
            places[id(value)] = value, place
            if graph.is_leaf(value):
                if found is not None and id(value) not in self._restored:
                    pairs.append((place, value, self._checked(place, value, found)))
                continue
            if found is not None and isinstance(value, (Layer, Optimizer)) and not value.built:
                _when_built(value, functools.partial(self.restore, value, place))
            parts = graph.parts_of(value) or {}
            waiting.extend((part, f"{place}/{graph.escaped(name)}".lstrip("/")) for name, part in parts.items())
        pairs.sort(key=lambda pair: isinstance(pair[1], tf.Variable))  # first those that may fail
        for place, leaf, array in pairs:
            if isinstance(leaf, tf.Variable):
                leaf.assign(tf.constant(array))
            else:
                leaf.advance_to(int(array))
            self._restored[id(leaf)] = leaf
            self._left.pop(place, None)

    def _checked(self, place: str, leaf: Any, found: Any) -> np.ndarray:
        if not isinstance(found, np.ndarray):
            raise refuse(self.source, f"has an object with parts at {place!r}, where here is {leaf!r}.",
                         "Restore into objects that are made as those that were saved.")
        shape, dtype = ((), "int64") if not isinstance(leaf, tf.Variable) else (
            tuple(leaf.shape.as_list()), leaf.dtype.name)
        if found.shape != shape or found.dtype.name != dtype:
            raise refuse(self.source, f"has a tensor of shape {found.shape} and dtype {found.dtype} at {place!r}, where here "
                         f"is one of shape {shape} and dtype {dtype}.",
                         "Restore into objects that are made as those that were saved. Nothing was changed.")
        return found

    def missing(self, root: Any) -> list[str]:
        """The paths of the variables from `root` on that got no value."""
        return [place for place, leaf in graph.leaves(root) if id(leaf) not in self._restored]

    def left(self) -> list[str]:
        """The paths of the values that no variable took."""
        return sorted(self._left)

    @property
    def count(self) -> int:
        """How many variables got a value."""
        return len(self._restored)


class _WhenBuilt:
    """Stands for `build` of a layer or an optimizer, until it has been called."""

    def __init__(self, owner: Any, act: Callable[[], None]):
        self._owner, self._acts = owner, [act]

    def add(self, act: Callable[[], None]) -> None:
        """Do one thing more."""
        self._acts.append(act)

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        type(self._owner).build(self._owner, *args, **kwargs)
        if vars(self._owner).get("build") is self:
            del vars(self._owner)["build"]
        with tf.init_scope():
            for act in self._acts:
                act()


def _when_built(owner: Any, act: Callable[[], None]) -> None:
    pending = vars(owner).get("build")
    if isinstance(pending, _WhenBuilt):
        pending.add(act)
    else:
        vars(owner)["build"] = _WhenBuilt(owner, act)


def _arrays(tree: Group, path: str = "") -> list[tuple[str, np.ndarray]]:
    found: list[tuple[str, np.ndarray]] = []
    for name, value in tree.items():
        below = f"{path}/{name}".lstrip("/")
        found.extend(_arrays(value, below) if isinstance(value, Group) else [(below, value)])
    return found


def _aliases(source: str, tree: Group) -> dict[str, str]:
    version = tree.attributes.get(FORMAT)
    if version is None:
        raise refuse(source, "is not a checkpoint.", "Weights of models are loaded by `model.load_weights`.")
    if version != _VERSION:
        raise refuse(source, f"is a checkpoint of version {version}; this version of treadle reads version {_VERSION}.",
                     "Update treadle.")
    try:
        found = json.loads(tree.attributes.get(ALIASES, "{}"))
    except (ValueError, RecursionError, TypeError) as error:
        raise refuse(source, f"is damaged: {error}.") from None
    if not isinstance(found, dict) or not all(isinstance(target, str) for target in found.values()):
        raise refuse(source, "is damaged: its list of paths is none.")
    return found


def described(root: Any) -> Group:
    """The tree of a checkpoint of the objects from `root` on."""
    tree, aliases = Group(attributes={FORMAT: _VERSION}), {}
    for place, value, before in graph.walk(root):
        if before is not None:
            if graph.parts_of(value) or graph.is_leaf(value):
                aliases[place] = before
        elif graph.is_leaf(value):
            folder, _, name = place.rpartition("/")
            array = value.numpy() if isinstance(value, tf.Variable) else value.position
            tree.group(folder)[name] = np.asarray(array) if isinstance(value, tf.Variable) else np.int64(array)
    tree.attributes[ALIASES] = json.dumps(aliases)
    return tree
