"""What holds during a call of a layer: training or not, the dtype weights are read in, whose call and whose inside whose."""

from __future__ import annotations

import itertools
import threading
from typing import Any

_rounds = itertools.count(1)


class _State(threading.local):
    call: CallState | None = None
    autocast: str | None = None


_state = _State()


class CallState:
    """One layer's call, or its `build`, inside another's (`around`).

    `training` is what layers inside inherit that are not told. `round` numbers the outermost calls: losses that were added
    in an earlier round are forgotten. A `build` that nobody's call asked for has round 0.
    """

    __slots__ = ("layer", "around", "training", "building", "round")

    def __init__(self, layer: Any, training: Any = None, building: bool = False):
        around = _state.call
        self.layer, self.around, self.training, self.building = layer, around, training, building
        self.round: int = around.round if around is not None and around.round else 0 if building else next(_rounds)

    @property
    def path(self) -> str:
        """The names of the layers around and of this one: "sequential/dense"."""
        inside = self.around
        if inside is None:
            return self.layer.name
        return inside.path if inside.layer is self.layer else f"{inside.path}/{self.layer.name}"

    def __enter__(self) -> CallState:
        _state.call = self
        return self

    def __exit__(self, *details: Any) -> None:
        _state.call = self.around


def current_call() -> CallState | None:
    """The innermost call (or `build`) that runs now."""
    return _state.call


def inherited_training() -> Any:
    """What the calls around say about `training`; None if there are none, or they do not say."""
    return _state.call.training if _state.call is not None else None


class autocasting:
    """A context in which the weights of layers are read in `dtype` (None: in their own)."""

    __slots__ = ("dtype", "before")

    def __init__(self, dtype: str | None):
        self.dtype = dtype

    def __enter__(self) -> None:
        self.before, _state.autocast = _state.autocast, self.dtype

    def __exit__(self, *details: Any) -> None:
        _state.autocast = self.before


def autocast_dtype() -> str | None:
    """The dtype in which weights are read now, or None."""
    return _state.autocast
