"""What holds during a call of a layer: training or not, the dtype weights are read in, the losses that were added."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class _State(threading.local):
    call: CallState | None = None
    autocast: str | None = None


_state = _State()


class CallState:
    """One outermost call and the calls inside it. `training` is what layers inherit that are not told."""

    def __init__(self, training: bool | None):
        self.training = training


@contextmanager
def calling(training: Any) -> Iterator[bool]:
    """Enter a layer's call; yields True for the outermost one. `training` None leaves what is inherited."""
    before = _state.call
    inherited = before.training if before is not None else None
    _state.call = CallState(inherited if training is None else training)
    try:
        yield before is None
    finally:
        _state.call = before


def inherited_training() -> Any:
    """What the calls around say about `training`; None if there are none, or they do not say."""
    return _state.call.training if _state.call is not None else None


@contextmanager
def autocasting(dtype: str | None) -> Iterator[None]:
    """A context in which the weights of layers are read in `dtype` (None: in their own)."""
    before, _state.autocast = _state.autocast, dtype
    try:
        yield
    finally:
        _state.autocast = before


def autocast_dtype() -> str | None:
    """The dtype in which weights are read now, or None."""
    return _state.autocast
