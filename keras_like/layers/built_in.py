"""`BuiltIn`: a layer that keeps its constructor's arguments as attributes of the same names."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import treadle as tf
from treadle.keras_like.core import activations
from treadle.keras_like.core.deferred import is_deferred
from treadle.keras_like.core.descriptions import as_config
from treadle.keras_like.core.input_spec import check_shape
from treadle.keras_like.core.layer import Layer
from treadle.keras_like.core.resolve import resolve

_FAMILIES = {"initializer": "initializers", "regularizer": "regularizers", "constraint": "constraints"}


class BuiltIn(Layer):
    """A layer whose configuration is read from its attributes, one for each argument of its constructor."""

    # Whether integers among the inputs are taken as numbers of the compute dtype (pixels, counts).
    casts_integers = False

    def _converted_leaf(self, leaf: Any) -> Any:
        leaf = super()._converted_leaf(leaf)
        if self.casts_integers and isinstance(leaf, tf.Tensor) and leaf.dtype.is_integer and not is_deferred(leaf):
            return tf.cast(leaf, self.compute_dtype)
        return leaf

    def _keep(self, arguments: dict[str, Any]) -> None:
        """Set arguments as attributes. Names of activations, initializers ... become what they stand for."""
        for name, value in arguments.items():
            family = _FAMILIES.get(name.rpartition("_")[2])
            if name == "activation":
                value = activations.get(value)
            elif family is not None:
                value = resolve(family, value)
            setattr(self, name, value)

    def _weight(self, name: str, shape: tuple[int, ...], prefix: str | None = None) -> Any:
        """A weight by its name, with the initializer, regularizer and constraint of that name (or of `prefix`)."""
        prefix = name if prefix is None else prefix
        return self.add_weight(name=name, shape=shape, initializer=getattr(self, f"{prefix}_initializer"),
                               regularizer=getattr(self, f"{prefix}_regularizer"),
                               constraint=getattr(self, f"{prefix}_constraint"))

    def _check_shape(self, shape: Any) -> None:
        """Raise InvalidArgumentError unless inputs of this shape are as `input_spec` says."""
        check_shape(self, shape)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        ours, added = _configured(type(self))  # type: ignore[arg-type]  # a class hashes
        for name in (*ours, *(name for name in added if hasattr(self, name))):
            config[name] = as_config(getattr(self, name))
        return config


@functools.lru_cache(maxsize=1024)
def _configured(kind: type) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The arguments of the library's layer, and those that a user's subclass without a `get_config` of its own adds."""
    ours = next(base for base in kind.__mro__ if base.__module__.startswith("treadle.keras_like."))
    added = _parameters(kind) if kind.get_config is ours.get_config else ()  # type: ignore[attr-defined]
    return _parameters(ours), tuple(name for name in added if name not in _parameters(ours))


def _parameters(kind: type) -> tuple[str, ...]:
    """The names of the constructor's own arguments."""
    if kind.__init__ is Layer.__init__:  # type: ignore[misc]
        return ()
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    found = inspect.signature(kind.__init__).parameters.values()  # type: ignore[misc]
    return tuple(p.name for p in list(found)[1:] if p.kind in named and p.name not in ("name", "dtype"))
