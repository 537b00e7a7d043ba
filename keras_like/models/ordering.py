"""The order of a graph's layers. It decides what their weights are called in files, so it is Keras' order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from treadle.keras_like.core.deferred import is_deferred
from treadle.keras_like.core.layer import Layer


def operation_of(call: Any) -> Any:
    """What a call is a call of: a layer, or, for an op, the call itself."""
    return call.owner if isinstance(call.owner, Layer) else call


def in_order(entries: dict[int, Any], outputs: Sequence[Any], calls: Sequence[Any]) -> list[Any]:
    """Input layers, layers and calls of ops, farthest from the outputs first.

    Args:
        entries: the input layers, by the id of their tensors.
        outputs: the graph's outputs.
        calls: the calls (`Deferral`s) between inputs and outputs, each after those it depends on.

    An operation's depth is the number of calls on the longest way from it to an output; operations of the same depth come
    in the order in which a walk back from the outputs, the first input of a call first, meets them.
    """
    met = _met(entries, outputs)
    depths: dict[int, int] = {}  # of calls and input layers
    found: dict[int, tuple[Any, int]] = {}  # operations and theirs
    for call in list(calls)[::-1]:
        operation = operation_of(call)
        if id(operation) not in met:  # it serves a check
            continue
        depth = max(depths.get(id(call), 0), found.get(id(operation), (None, 0))[1])
        found[id(operation)] = operation, depth
        for tensor in filter(is_deferred, call.inputs):
            before = entries.get(id(tensor), tensor.deferral)
            depths[id(before)] = max(depths.get(id(before), 0), depth + 1)
    found.update((id(e), (e, depths.get(id(e), 0))) for e in entries.values() if id(e) in met)
    unused = [e for e in entries.values() if id(e) not in met]
    ordered = sorted(found.values(), key=lambda pair: (-pair[1], met[id(pair[0])]))
    last = [operation for operation, depth in ordered if depth == 0]
    return [operation for operation, depth in ordered if depth] + unused + last


def _met(entries: dict[int, Any], outputs: Sequence[Any]) -> dict[int, int]:
    """When the walk back from the outputs first meets each operation, by its id."""
    met: dict[int, int] = {}
    done: set[int] = set()
    stack = list(outputs)[::-1]
    while stack:
        tensor = stack.pop()
        entry = entries.get(id(tensor))
        call = entry if entry is not None else tensor.deferral
        if id(call) in done:
            continue
        done.add(id(call))
        met.setdefault(id(entry if entry is not None else operation_of(call)), len(met))
        if entry is None:
            stack.extend([t for t in call.inputs if is_deferred(t)][::-1])
    return met
