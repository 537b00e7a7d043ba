"""`Saved`: a layer as a configuration, and its own weights in a store."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping, MutableMapping
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core import tracking
from treadle.keras_like.core.descriptions import describe
from treadle.runtime.tensor import from_host

_COMMON = ("name", "trainable", "dtype")
_PLAIN = (str, int, float, bool, type(None))


class Saved:
    """Mixed into `Layer`."""

    name: str
    trainable: bool
    dtype_policy: Any
    activity_regularizer: Any

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        self = object.__new__(cls)
        if cls.get_config is Saved.get_config:  # what it was made from is its configuration
            self.__dict__["_arguments"] = args, kwargs
        return self

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, for `from_config`.

        Subclasses add their own to `super().get_config()`. One that does not define `get_config` may be saved if all its
        arguments are numbers, strings, or lists or dicts of such.

        Raises UnimplementedError for one whose arguments are more than that.
        """
        policy = self.dtype_policy
        config: dict[str, Any] = {"name": self.name, "trainable": self.trainable, "dtype": {
            "module": "keras", "class_name": "DTypePolicy", "config": policy.get_config(), "registered_name": None}}
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = describe(self.activity_regularizer)
        kind: Any = type(self)
        if kind.get_config is not Saved.get_config:
            return config
        taken, any_others = _parameters(kind)
        args, kwargs = self.__dict__.get("_arguments", ((), {}))
        given = dict(zip(taken, args)) | {k: v for k, v in kwargs.items() if k in taken or k not in config}
        given = {k: v for k, v in given.items() if k not in _COMMON}
        if not all(isinstance(leaf, _PLAIN) for leaf in tf.nest.flatten(given)):
            raise tf.errors.UnimplementedError(
                f"`{kind.__name__}` does not define `get_config`, so it cannot be saved or copied: it was made from more than "
                f"numbers and strings. Received: {', '.join(given)}. Define `get_config` so that it returns "
                "`{**super().get_config(), ...}` with the constructor's arguments.")
        return {k: v for k, v in config.items() if any_others or k in taken} | given

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A new layer, without weights, from what `get_config` returned."""
        kind: Any = cls
        taken, any_others = _parameters(kind)
        late = {} if any_others else {k: config[k] for k in _COMMON if k in config and k not in taken}
        if not any_others and kind.get_config.__module__.startswith("treadle.keras_like."):
            # A subclass that settles some of the arguments itself.
            config = {k: v for k, v in config.items() if k in taken or k in late}
        try:
            made = cls(**{k: v for k, v in config.items() if k not in late})
        except TypeError as error:
            raise tf.errors.DtypeError(
                f"`{cls.__name__}` cannot be made from its configuration: {error}. Received: {config}. Define `get_config` so "
                "that it returns the constructor's arguments.") from None
        for name, value in late.items():
            setattr(made, "dtype_policy" if name == "dtype" else name, value)
        return made

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Put the weights that the layer itself holds into a store, by number. May be overridden, with the next one."""
        for i, variable in enumerate(tracking.own_weights(self)):
            store[str(i)] = variable

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Take the weights from a store.

        Raises InvalidArgumentError if there are more or fewer, or if one has another shape.
        """
        own = tracking.own_weights(self)
        if len(store) != len(own):
            hint = "" if own or not len(store) else (
                " It has none: call it on some input, or define `build(input_shape)`, before weights are loaded.")
            raise tf.errors.InvalidArgumentError(
                f"The layer {self.name!r} ({type(self).__name__}) has {len(own)} weights of its own. Received: {len(store)} "
                f"arrays.{hint}")
        for i, variable in enumerate(own):
            if str(i) not in store:
                raise tf.errors.InvalidArgumentError(
                    f"The arrays of the layer {self.name!r} are numbered. Received: {sorted(store)}.")
            load_into(variable, store[str(i)])


def load_into(variable: Any, value: Any) -> None:
    """Give a variable a value that was saved. Raises InvalidArgumentError if the shapes differ."""
    array = np.asarray(value)
    if tuple(variable.shape) != array.shape:
        raise tf.errors.InvalidArgumentError(
            f"The weight {getattr(variable, 'path', variable.name)!r} has the shape {tuple(variable.shape)}. Received: an "
            f"array of shape {array.shape}.")
    array = array.astype(variable.dtype.as_numpy_dtype, copy=False)
    # One that nobody can write to, as files are read into, need not be copied.
    variable.assign(array if array.flags.writeable else from_host(array, variable.dtype))


@functools.lru_cache(maxsize=4096)
def _parameters(kind: Any) -> tuple[list[str], bool]:
    """The names of a constructor's parameters; whether it takes any others."""
    parameters = list(inspect.signature(kind.__init__).parameters.values())[1:]
    named = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    return named, any(p.kind is p.VAR_KEYWORD for p in parameters)
