"""Functional models as configurations, and back: layers by name, and for each of their calls what it was called on.

A symbolic tensor is [the name of the layer that made it, which of that layer's calls, which of the call's results].
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from typing import Any

import treadle as tf
from treadle.keras_like.core.descriptions import describe, describing, from_description
from treadle.keras_like.core.layer import Layer
from treadle.keras_like.models.ordering import operation_of
from treadle.keras_like.saving import operations

_GRAPH = "a functional model's configuration"


def describe_graph(model: Any) -> dict[str, Any]:
    """What `get_config` of a functional model returns."""
    calls = _calls_by_operation(model)
    names = _names(model.operations)
    entries = {id(tensor): layer for tensor, layer in zip(model.inputs, model.input_layers)}

    def history(tensor: Any) -> list[Any]:
        if id(tensor) in entries:
            return [entries[id(tensor)].name, 0, 0]
        operation = operation_of(tensor.deferral)
        place = next(i for i, call in enumerate(calls[id(operation)]) if call is tensor.deferral)
        return [names[id(operation)], place, tensor.index]

    def end(tensor: Any) -> list[Any]:
        name, place, index = history(tensor)
        # As Keras counts: a functional model inside another has one call more, that of its own making.
        inner = id(tensor) not in entries and getattr(tensor.deferral.owner, "is_graph", False)
        return [name, place + inner, index]

    layers = []
    with describing(history=history):
        for operation in model.operations:
            name = names[id(operation)]
            if isinstance(operation, Layer):
                with describing(history=None):
                    layer = describe(operation)
                nodes = [] if id(operation) in map(id, model.input_layers) else [
                    {"args": describe(list(call.arguments[0])), "kwargs": describe(call.arguments[1])}
                    for call in calls[id(operation)]]
            else:
                layer, node = operations.describe_operation(operation, name)
                nodes = [node]
            layers.append({**layer, "name": name, "inbound_nodes": nodes})
    return {"name": model.name, "trainable": model.trainable, "layers": layers,
            "input_layers": tf.nest.map_structure(end, model.input), "output_layers": tf.nest.map_structure(end, model.output)}


def _calls_by_operation(model: Any) -> dict[int, list[Any]]:
    """The calls that belong to the model, of each operation, in the order in which they were made."""
    found: dict[int, list[Any]] = defaultdict(list)
    inside = {id(call): call for call in model.calls}
    for call in model.calls:
        operation = operation_of(call)
        if operation is call:
            found[id(call)] = [call]
        elif id(operation) not in found:
            made = (tf.nest.flatten(outputs)[0].deferral for _, outputs in operation._inbound)
            found[id(operation)] = [inside[id(c)] for c in made if id(c) in inside]
    return found


def _names(every: list[Any]) -> dict[int, str]:
    """A name for each operation: layers have theirs, ops are numbered."""
    taken = {operation.name for operation in every if isinstance(operation, Layer)}
    counts: Counter[str] = Counter()
    names: dict[int, str] = {}
    for operation in every:
        name = operation.name
        while not isinstance(operation, Layer):
            name = f"{operation.name}_{counts[operation.name]}" if counts[operation.name] else operation.name
            counts[operation.name] += 1
            if name not in taken:
                break
        taken.add(name)
        names[id(operation)] = name
    return names


# --- making ---------------------------------------------------------------------------------------------------------


def is_graph(config: Mapping[str, Any]) -> bool:
    """True for the configuration of a functional model."""
    return all(key in config for key in ("layers", "input_layers", "output_layers"))


def graph_from(config: Mapping[str, Any]) -> tuple[Any, Any]:
    """(inputs, outputs) of a functional model's configuration."""
    return _Reader(config).read()


class _Reader:
    """The making of one graph."""

    def __init__(self, config: Mapping[str, Any]):
        self._config = config
        self._layers: dict[str, Any] = {}
        self._results: dict[str, list[list[Any]]] = {}  # of each layer's calls so far
        self._waiting: dict[tuple[str, int], list[_Call]] = defaultdict(list)  # for a result
        self._ready: deque[_Call] = deque()

    def read(self) -> tuple[Any, Any]:
        descriptions = self._config["layers"]
        if not isinstance(descriptions, (list, tuple)):
            raise _wrong("`layers` is a list", descriptions)
        for description in descriptions:
            self._read_layer(description)
        count = sum(len(d.get("inbound_nodes") or []) for d in descriptions)
        for description in descriptions:
            self._read_calls(description)
        done = 0
        while self._ready:
            self._carry_out(self._ready.popleft())
            done += 1
        if done != count:
            stuck = sorted({call.name for calls in self._waiting.values() for call in calls})
            raise _wrong("Each layer is called on what others made before: there are no loops and no loose ends",
                         f"layers that wait for each other, among them {', '.join(map(repr, stuck[:5]))}")
        return self._tensors(self._config["input_layers"]), self._tensors(self._config["output_layers"])

    def _read_layer(self, description: Any) -> None:
        if not isinstance(description, Mapping) or not isinstance(description.get("config"), Mapping):
            raise _wrong("A layer is a dictionary with a `config`", description)
        name = description.get("name", description["config"].get("name"))
        if not isinstance(name, str) or name in self._layers:
            raise _wrong("Each layer has a name of its own", name)
        if operations.is_operation(description):
            layer: Any = operations.operation_from(description)
        else:
            layer = from_description(description, family="layers")
            if not isinstance(layer, Layer):
                raise _wrong("A graph is made of layers", layer)
        self._layers[name] = layer
        self._results[name] = []
        if not isinstance(layer, operations.Operation) and not description.get("inbound_nodes"):
            self._results[name].append([layer.output])  # an input

    def _read_calls(self, description: Mapping[str, Any]) -> None:
        name = description.get("name", description["config"].get("name"))
        for place, node in enumerate(description.get("inbound_nodes") or []):
            call = _Call(name, place, node if isinstance(node, Mapping) else _from_older(node))
            needed = set(_needed(call.node))
            for layer, _ in needed:
                if layer not in self._layers:
                    raise _wrong("A layer is called on what the others make", f"a call on what {layer!r} makes")
            if place:
                needed.add((name, place - 1))
            missing = [n for n in needed if len(self._results[n[0]]) <= n[1]]
            call.missing = len(missing)
            for one in missing:
                self._waiting[one].append(call)
            if not missing:
                self._ready.append(call)

    def _carry_out(self, call: _Call) -> None:
        with describing(tensor=self._tensor):
            args, kwargs = from_description(call.node["args"]), from_description(call.node.get("kwargs") or {})
        layer = self._layers[call.name]
        self._results[call.name].append(tf.nest.flatten(layer(*args, **kwargs)))
        for other in self._waiting.pop((call.name, call.place), []):
            other.missing -= 1
            if not other.missing:
                self._ready.append(other)

    def _tensor(self, history: Any) -> Any:
        """The tensor of [layer, call, result]."""
        if not isinstance(history, (list, tuple)) or len(history) != 3:
            raise _wrong("A tensor is given as [layer, call, result]", history)
        name, place, index = history
        results = self._results.get(name) if isinstance(name, str) else None
        if results is None or not isinstance(place, int) or not isinstance(index, int) or not (
                0 <= place < len(results)) or not 0 <= index < len(results[place]):
            raise _wrong("A tensor is a result of a call of one of the layers", history)
        return results[place][index]

    def _tensors(self, ends: Any) -> Any:
        """A structure of tensors for one of [layer, call, result]."""
        if isinstance(ends, Mapping):
            return {k: self._tensors(v) for k, v in ends.items()}
        if not isinstance(ends, (list, tuple)):
            raise _wrong("The inputs and outputs are lists", ends)
        if len(ends) == 3 and isinstance(ends[0], str):
            place = ends[1] - getattr(self._layers.get(ends[0]), "is_graph", False) if isinstance(ends[1], int) else ends[1]
            return self._tensor([ends[0], place, ends[2]])
        return [self._tensors(end) for end in ends]


class _Call:
    """A call that is yet to be made: `missing` of its inputs are not there."""

    def __init__(self, name: str, place: int, node: Mapping[str, Any]):
        if not isinstance(node.get("args"), (list, tuple)) or not isinstance(node.get("kwargs") or {}, Mapping):
            raise _wrong("A call has `args`, a list, and `kwargs`", node)
        self.name, self.place, self.node, self.missing = name, place, node, 0


def _needed(value: Any) -> list[tuple[str, int]]:
    """The results that a call needs: (layer, call)."""
    found: list[tuple[str, int]] = []
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, Mapping):
            if one.get("class_name") == "__keras_tensor__":
                history = (one.get("config") or {}).get("keras_history")
                if isinstance(history, (list, tuple)) and len(history) == 3 and isinstance(history[0], str) and isinstance(
                        history[1], int):
                    found.append((history[0], history[1]))
            else:
                stack.extend(one.values())
        elif isinstance(one, (list, tuple)):
            stack.extend(one)
    return found


def _from_older(node: Any) -> dict[str, Any]:
    """A call as files of Keras 2 have it: [[layer, call, result, keyword arguments], ...]."""
    if not isinstance(node, (list, tuple)) or not all(isinstance(n, (list, tuple)) and len(n) in (3, 4) for n in node):
        raise _wrong("A call is a dictionary with `args` and `kwargs`", node)
    tensors = [{"class_name": "__keras_tensor__", "config": {"keras_history": list(n[:3])}} for n in node]
    kwargs = node[0][3] if len(node[0]) == 4 else {}
    return {"args": tensors if len(tensors) == 1 else [tensors], "kwargs": kwargs}


def _wrong(fact: str, received: Any) -> tf.errors.InvalidArgumentError:
    return tf.errors.InvalidArgumentError(f"{fact} in {_GRAPH}. Received: {str(received)[:300]}.")
