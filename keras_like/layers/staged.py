"""A layer's loops over time run as one compiled program even when all around is eager."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import treadle as tf
from treadle.keras_like.core.layer import Layer
from treadle.keras_like.core.tracking import BOOKKEEPING

_MOST = 16


class Staged:
    """Calls a method of a layer: inside a trace as it is, eagerly as a compiled function, kept for the next call.

    What the layer and those inside it hold as plain Python values is part of the key, so a changed attribute counts.
    """

    def __init__(self) -> None:
        self._programs: dict[Hashable, Callable] = {}

    def __call__(self, layer: Layer, method: Callable, *arguments: Any) -> Any:
        if not tf.executing_eagerly():
            return method(*arguments)
        key = tuple(_plain_values(one) for one in layer._flatten_layers())
        program = self._programs.get(key)
        if program is None:
            while len(self._programs) >= _MOST:
                del self._programs[next(iter(self._programs))]
            program = self._programs[key] = tf.function(method)
        return program(*arguments)


def _plain_values(layer: Layer) -> tuple:
    return tuple((name, value) for name, value in vars(layer).items() if name not in BOOKKEEPING and _is_plain(value))


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float, str)) or callable(value) and not isinstance(
        value, (Layer, Staged))
