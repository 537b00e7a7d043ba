"""The parameters of a layer's `call`: which of them are told what the caller left out."""

from __future__ import annotations

import functools
import inspect
from typing import Any


class Signature:
    """The parameters of a layer class's `call`."""

    def __init__(self, kind: Any):
        parameters = list(inspect.signature(kind.call).parameters.values())[1:]
        every = {p.name: p for p in parameters}
        # Parameters that can be given by position; of a `call(*args)` the first argument is known as "inputs".
        self.names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)] or ["inputs"]
        self.training, self.mask = "training" in every, "mask" in every
        default = every["training"].default if self.training else None
        self.default_training = None if default is inspect.Parameter.empty else default
        self.needs_training = default is inspect.Parameter.empty
        # {"query": "query_mask", ...}
        self.masks = {name: f"{name}_mask" for name in every if f"{name}_mask" in every}

    def bound(self, args: tuple, kwargs: dict[str, Any]) -> dict[str, Any]:
        """The arguments that were given, by name."""
        found = dict(zip(self.names, args))
        found.update(kwargs)
        return found

    def told(self, name: str, value: Any, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
        """The arguments with one of them set, where the caller gave it or by name."""
        place = self.names.index(name) if name in self.names else len(args)
        if place < len(args):
            return (*args[:place], value, *args[place + 1:]), kwargs
        return args, {**kwargs, name: value}


@functools.lru_cache(maxsize=4096)
def signature_of(kind: type) -> Signature:
    """The parameters of the `call` of a class of layers."""
    return Signature(kind)


@functools.lru_cache(maxsize=4096)
def parameters_of_build(kind: Any) -> tuple[str, ...]:
    """The names of the parameters of a class's `build`."""
    return tuple(p.name for p in list(inspect.signature(kind.build).parameters.values())[1:]
                 if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD))
