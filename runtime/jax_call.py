"""Calling JAX functions on treadle tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from treadle.ir import dtypes, errors
from treadle.ir.ops.structure import jax_function
from treadle.ir.types import TensorType
from treadle.lowering import compat
from treadle.lowering.executable import struct
from treadle.runtime import nest
from treadle.runtime.convert import convert_to_tensor


class FlatFunction:
    """A JAX function from a flat list of arrays to a flat list of arrays. One object for each (function, structure)."""

    def __init__(self, function: Callable, structure: Any):
        self.function = function
        self.structure = structure
        self.results: Any = None
        self._transposed: dict[tuple[bool, ...], Callable] = {}

    def __call__(self, *arrays: Any) -> list[Any]:
        args, kwargs = nest.pack_sequence_as(self.structure, list(arrays))
        leaves, self.results = jax.tree_util.tree_flatten(self.function(*args, **kwargs))
        return leaves

    def transposed(self, differentiable: Sequence[bool]) -> Callable:
        """The function (operands, cotangents of the differentiable results) -> cotangents of those operands."""
        key = tuple(differentiable)
        if key not in self._transposed:
            self._transposed[key] = Transposed(self, key)
        return self._transposed[key]


class Transposed(FlatFunction):
    """The pullback of a `FlatFunction`, by `jax.vjp`."""

    def __init__(self, primal: Callable, differentiable: tuple[bool, ...]):
        super().__init__(primal, None)
        self.differentiable = differentiable

    def __call__(self, *arrays: Any) -> list[Any]:
        count = len(self.differentiable)
        operands, given = arrays[:count], list(arrays[count:])
        places = [i for i, d in enumerate(self.differentiable) if d]

        def of_differentiable(*varying: Any) -> list[Any]:
            full = list(operands)
            for i, value in zip(places, varying):
                full[i] = value
            return [r for r in self.function(*full) if dtypes.as_dtype(np.dtype(r.dtype)).is_differentiable]

        _, pullback = jax.vjp(of_differentiable, *[operands[i] for i in places])
        return list(pullback(given))


_functions: dict[tuple, FlatFunction] = {}
_MOST_FUNCTIONS = 256


def jax_call(function: Callable, *args: Any, **kwargs: Any) -> Any:
    """The result of a JAX function for treadle tensors, as one operation with the gradient that `jax.vjp` gives.

    The function sees JAX arrays and must be pure; arguments and results may be nested structures. Works eagerly, inside
    `@function`, and under tapes.

    Raises:
        InvalidArgumentError: an argument has a size that is not known while tracing.

    >>> import jax.numpy as jnp
    >>> import treadle as tf
    >>> tf.jax_call(jnp.sinc, tf.constant([0.0, 1.0])).shape
    TensorShape([2])
    """
    try:
        leaves = nest.flatten((args, kwargs))
        tensors = [convert_to_tensor(leaf) for leaf in leaves]
        if not all(t.type.is_static for t in tensors):
            raise errors.InvalidArgumentError(
                "A JAX function needs arguments of known shapes. Received: "
                + ", ".join(str(t.type) for t in tensors) + ". Trace with a static shape.")
        marks = nest.pack_sequence_as((args, kwargs), [None] * len(leaves))
        key = (function, repr(marks))
        flat = _functions.get(key)
        if flat is None:
            if len(_functions) >= _MOST_FUNCTIONS:
                del _functions[next(iter(_functions))]
            flat = _functions[key] = FlatFunction(function, marks)
        with compat.enable_x64(any(t.dtype.is_64_bit for t in tensors)):
            shapes = jax.eval_shape(flat, *[struct(t.type) for t in tensors])
        types = tuple(TensorType.of(dtypes.as_dtype(np.dtype(s.dtype)), s.shape) for s in shapes)
        structure = flat.results
        results = jax_function(tensors, function=flat, types_out=types)
        return jax.tree_util.tree_unflatten(structure, list(results))
    except Exception as error:
        errors.hide_frames(error)
        raise


errors.shield(globals())
