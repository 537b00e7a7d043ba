"""Top-level names of Keras: `Operation`, `Function`, `device`, and scopes that treadle has no use for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import treadle as tf
from treadle.keras_like.core.naming import auto_name
from treadle.keras_like.ops.operation import operation, symbolic_in


class Operation:
    """A function of tensors, as an object. Subclasses define `call`; symbolic inputs are noted as for a layer.

    >>> from treadle import keras
    >>> class Doubled(keras.Operation):
    ...     def call(self, x):
    ...         return x * 2
    >>> Doubled()(keras.ops.ones(2)).numpy().tolist(), Doubled()(keras.Input((3,))).shape
    ([2.0, 2.0], TensorShape([None, 3]))
    """

    def __init__(self, name: str | None = None):
        self.name = auto_name(type(self).__name__) if name is None else name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not symbolic_in((args, kwargs)):
            return self.call(*args, **kwargs)
        return self.symbolic_call(*args, **kwargs)

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """Note the call: symbolic tensors in the structure of its results."""
        return operation(self.call)(*args, **kwargs)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The computation. Defined by subclasses."""
        raise tf.errors.UnimplementedError(f"`{type(self).__name__}` does not define `call`.")

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The `TensorSpec`s of the results. Nothing is computed."""
        specs = tf.nest.map_structure(
            lambda v: tf.TensorSpec(v.shape, v.dtype) if isinstance(v, (tf.Tensor, tf.Variable)) else v, (args, kwargs))
        return tf.function(self.call).get_concrete_function(*specs[0], **specs[1]).structured_outputs


class Function:
    """What was done from symbolic `inputs` to `outputs`, as a function of tensors. A `keras.Model` is a layer beside.

    >>> from treadle import keras
    >>> x = keras.Input((2,))
    >>> keras.Function(x, x + 1)(keras.ops.ones((1, 2))).numpy().tolist()
    [[2.0, 2.0]]
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None):
        self.name = auto_name("Function") if name is None else name
        self._inputs_structure, self._outputs_structure = inputs, outputs
        self.inputs, self.outputs = tf.nest.flatten(inputs), tf.nest.flatten(outputs)
        self._order = tf.deferred.deferrals_between(self.inputs, self.outputs)

    def __call__(self, inputs: Any) -> Any:
        given = [tf.convert_to_tensor(v) for v in tf.nest.flatten(inputs)]
        if len(given) != len(self.inputs):
            raise tf.errors.InvalidArgumentError(
                f"The function {self.name!r} has {len(self.inputs)} inputs. Received: {len(given)}.")
        values = {id(s): v for s, v in zip(self.inputs, given)}
        tf.deferred.carry_out(self._order, values, tf.deferred.sizes_of(self.inputs, given))
        return tf.nest.pack_sequence_as(self._outputs_structure, [values[id(o)] for o in self.outputs])


def get_source_inputs(tensor: Any) -> list[Any]:
    """The inputs (`keras.Input`) that a symbolic tensor is computed from.

    >>> from treadle import keras
    >>> x = keras.Input((2,))
    >>> keras.utils.get_source_inputs(x * 2)[0] is x
    True
    """
    found: dict[int, Any] = {}
    seen: set[int] = set()
    stack = [tensor]
    while stack:
        current = stack.pop()
        if not isinstance(current, tf.deferred.DeferredTensor) or id(current) in seen:
            continue
        seen.add(id(current))
        if current.deferral is None:
            found[id(current)] = current
        else:
            stack.extend(current.deferral.inputs[::-1])
    return list(found.values())


def is_keras_tensor(x: Any) -> bool:
    """True for symbolic tensors: `keras.Input`, and what is computed from it."""
    return isinstance(x, tf.deferred.DeferredTensor)


@contextmanager
def device(device_name: str) -> Iterator[None]:
    """A context for code written for several devices. There is one: JAX's first. `CUDA_VISIBLE_DEVICES` chooses it."""
    if not isinstance(device_name, str):
        raise tf.errors.DtypeError(f"A device is named by a string, as 'gpu:0'. Received: {device_name!r}.")
    yield


class _Unneeded:
    """A scope that treadle has no use for."""

    _instead = ""

    def __init__(self, *args: Any, **kwargs: Any):
        raise tf.errors.UnimplementedError(f"`{type(self).__name__}` is not needed here. {self._instead}")


class StatelessScope(_Unneeded):
    """Not available: variables may be changed anywhere. `f.to_jax(...)` of a `tf.function` is a pure function."""

    _instead = "Variables may be changed anywhere; `f.to_jax(...)` of a `tf.function` makes a pure function of it."


class SymbolicScope(_Unneeded):
    """Not available: `tf.function(f).get_concrete_function(...)` finds the types of results."""

    _instead = "`tf.function(f).get_concrete_function(specs).structured_outputs` finds the types of results."


class RematScope(_Unneeded):
    """Not available: `keras.remat(function)` computes a function anew for the gradient."""

    _instead = "`keras.remat(function)` computes a function anew for the gradient, in place of keeping what it needs."
