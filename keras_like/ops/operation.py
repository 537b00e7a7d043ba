"""`@operation`: a function of tensors that may be called on symbolic inputs (`keras.Input`), too."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import treadle as tf

F = TypeVar("F", bound=Callable[..., Any])


def operation(function: F) -> F:
    """Note a call on symbolic inputs as one step of the model, to be made for each value that the inputs are given.

    What is computed from the sizes of symbolic inputs (`ops.shape(x)[0]`) stays known, so that shapes can follow from it:
    functions of it are called right away.
    """

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        symbolic = symbolic_in((args, kwargs))
        if not symbolic or any(getattr(t, "known", None) is not None for t in symbolic):
            return function(*args, **kwargs)
        return _note(function, args, kwargs, symbolic)

    return run  # type: ignore[return-value]


def symbolic_in(value: Any) -> list[Any]:
    """The symbolic tensors in a structure of arguments."""
    if isinstance(value, tf.deferred.DeferredTensor):
        return [value]
    if isinstance(value, (list, tuple)):
        return [t for part in value if not isinstance(part, (int, float)) for t in symbolic_in(part)]
    if isinstance(value, Mapping):
        return [t for part in value.values() for t in symbolic_in(part)]
    return []


def _note(function: Callable, args: tuple, kwargs: dict[str, Any], inputs: list[Any]) -> Any:
    """Symbolic tensors in the structure of the function's results, whose types are found by tracing it."""

    def called(*values: Any) -> Any:
        found = iter(values)
        filled, named = _filled((args, kwargs), found)
        return function(*filled, **named)

    specs = [tf.TensorSpec(t.shape, t.dtype) for t in inputs]
    concrete = tf.function(called).get_concrete_function(*specs)
    sizes: dict[str, Any] = {}
    for value, tensor in zip(concrete.inputs, inputs):
        sizes.update((str(a), b) for a, b in zip(value.type.shape, tensor.type.shape) if not isinstance(a, int))
    types = [v.type.substitute(sizes) for v in concrete.outputs]
    outputs = tf.deferred.defer(lambda sizes, *values: tf.nest.flatten(called(*values)), inputs, types,
                                function.__name__, function, (args, kwargs))
    return tf.nest.pack_sequence_as(concrete.structured_outputs, outputs)


def _filled(value: Any, found: Any) -> Any:
    """The structure with each symbolic tensor replaced by the next value."""
    if isinstance(value, tf.deferred.DeferredTensor):
        return next(found)
    if isinstance(value, list):
        return [_filled(part, found) for part in value]
    if isinstance(value, tuple):
        parts = [_filled(part, found) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, Mapping):
        return {key: _filled(part, found) for key, part in value.items()}
    return value
