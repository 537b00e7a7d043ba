"""A call's arguments as a key and a list of tensors: what decides whether a trace can be used again.

Tensors and arrays count by type, simple Python values by value, variables and other objects by identity.
"""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from treadle.ir import errors
from treadle.ir.dims import Dim
from treadle.ir.dtypes import DType
from treadle.ir.interpreter import state
from treadle.ir.types import TensorType
from treadle.runtime import nest
from treadle.runtime.convert import as_numpy, to_eager
from treadle.runtime.spec import TensorSpec
from treadle.runtime.tensor import EagerTensor, Tensor, from_host
from treadle.runtime.tensor_shape import TensorShape
from treadle.runtime.variable import Variable

_BY_VALUE = (int, str, bytes, type(None), DType, TensorShape, TensorSpec, enum.Enum, type, np.dtype)


class Argument:
    """Marks the place of the `index`-th tensor among a call's arguments."""

    __slots__ = ("index",)

    def __init__(self, index: int):
        self.index = index


def leaf_key(value: Any) -> Any:
    """What of a Python value a trace depends on."""
    kind = type(value)
    if kind is float:
        return (float, value.hex())
    if kind is complex:
        return (complex, value.real.hex(), value.imag.hex())
    if isinstance(value, _BY_VALUE):
        return (kind, value)
    # The trace keeps the object alive, so its id stays its own.
    return (kind, id(value))


def flatten(value: Any, key: list[Any], tensors: list[Any]) -> Any:
    """Append `value`'s part of the key, collect its tensors, and return it with `Argument`s in their places."""
    kind = type(value)
    if kind is EagerTensor:
        key.append(value.type)
        tensors.append(value)
        return Argument(len(tensors) - 1)
    if isinstance(value, Tensor):
        key.append(value.type)
        tensors.append(value)
        return Argument(len(tensors) - 1)
    if isinstance(value, (np.ndarray, np.generic, jax.Array)):
        # A copy: the caller may write to the array while the program still runs. It is likely to be used once, so it is
        # not placed on the device first.
        tensors.append(from_host(*as_numpy(value)) if not isinstance(value, jax.Array) else to_eager(value))
        key.append(tensors[-1].type)
        return Argument(len(tensors) - 1)
    if isinstance(value, Variable):
        key.append(leaf_key(value))
        return value
    parts = nest.children(value)
    if parts is None:
        key.append(leaf_key(value))
        return value
    key.append((kind, len(parts), tuple(sorted(value)) if isinstance(value, Mapping) else None))
    return nest.rebuild(value, [flatten(p, key, tensors) for p in parts])


def fill(value: Any, tensors: Sequence[Any]) -> Any:
    """A structure made by `flatten` with tensors in the places of its `Argument`s."""
    if type(value) is Argument:
        return tensors[value.index]
    parts = nest.children(value)
    return value if parts is None else nest.rebuild(value, [fill(p, tensors) for p in parts])


class Signature:
    """A Python function's parameters: binds calls, and names the places of their tensors."""

    def __init__(self, function: Callable, input_signature: Any = None, bound: bool = False):
        self.function_name = getattr(function, "__name__", type(function).__name__)
        try:
            self.parameters: inspect.Signature | None = inspect.signature(function)
        except (TypeError, ValueError):
            self.parameters = None
        names = list(self.parameters.parameters.values()) if self.parameters else []
        plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        # With this many positional arguments and no others there is nothing to bind.
        self.simple = len(names) if self.parameters and all(p.kind in plain for p in names) else -1
        self._defaults = {p.name: p.default for p in names}
        self.names = [p.name for p in names]
        self.specs = None if input_signature is None else tuple(input_signature)
        if self.specs is not None:
            for spec in nest.flatten(self.specs):
                if not isinstance(spec, TensorSpec):
                    raise errors.DtypeError(f"`input_signature` holds TensorSpecs. Received: {spec!r}.")

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[tuple, dict[str, Any]]:
        """The arguments by position where they can be, defaults filled in, so that equal calls have equal keys."""
        if self.specs is not None:
            return self._bind_specs(args, kwargs)
        if self.parameters is None or (len(args) == self.simple and not kwargs):
            return tuple(args), dict(kwargs)
        try:
            bound = self.parameters.bind(*args, **kwargs)
        except TypeError as error:
            raise errors.DtypeError(f"`{self.function_name}{self.parameters}`: {error}.") from None
        bound.apply_defaults()
        return bound.args, bound.kwargs

    def positional(self, args: tuple, kwargs: Mapping[str, Any]) -> tuple | None:
        """The arguments by position, defaults filled in; None if `bind` must look at the call. What most calls need."""
        if self.simple < 0 or self.specs is not None or len(args) > self.simple:
            return None
        used = 0
        filled = list(args)
        for name in self.names[len(args):]:
            if name in kwargs:
                filled.append(kwargs[name])
                used += 1
            elif self._defaults[name] is not inspect.Parameter.empty:
                filled.append(self._defaults[name])
            else:
                return None
        return tuple(filled) if used == len(kwargs) else None

    def _bind_specs(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[tuple, dict[str, Any]]:
        assert self.specs is not None
        given, named = list(args), 0
        for name in self.names[len(args):len(self.specs)]:
            if name in kwargs:
                given.append(kwargs[name])
                named += 1
            elif self._defaults[name] is not inspect.Parameter.empty:
                given.append(self._defaults[name])
        if len(given) != len(self.specs) or named != len(kwargs):
            raise errors.DtypeError(
                f"`{self.function_name}` has an input_signature of {len(self.specs)} arguments. "
                f"Received: {len(args) + len(kwargs)}.", see="input-signature")
        return tuple(self._conform(spec, value, name)
                     for spec, value, name in zip(self.specs, given, [*self.names, *["?"] * len(given)])), {}

    def _conform(self, spec: Any, value: Any, name: str) -> Any:
        """The value as tensors, checked against the spec."""
        leaves, specs = nest.flatten(value), nest.flatten(spec)
        if nest.is_nested(spec):
            nest.assert_same_structure(spec, value, check_types=False)
        elif len(leaves) != 1 or leaves[0] is not value:
            leaves = [value]
        converted = []
        for leaf, one in zip(leaves, specs):
            if isinstance(leaf, Variable):
                leaf = leaf._as_tensor()
            tensor = leaf if isinstance(leaf, Tensor) else to_eager(leaf, None, one.dtype)
            if tensor.dtype is not one.dtype or not one.shape.is_compatible_with(tensor.shape):
                raise errors.DtypeError(
                    f"`{self.function_name}`: the argument `{name}` does not fit the input_signature. "
                    f"Expected: {one}. Received: {TensorSpec(tensor.shape, tensor.dtype)}. "
                    "Convert or reshape it, or leave the size open: None in the TensorSpec.", see="input-signature")
            converted.append(tensor)
        return converted[0] if not nest.is_nested(spec) else nest.pack_sequence_as(value, converted)


def open_types(types: Sequence[TensorType], specs: Sequence[TensorSpec]) -> list[TensorType]:
    """The types to trace with: a symbol of its own for each size that a spec leaves open.

    Inside another trace the symbols are named otherwise than that trace's: tensors captured from it may have open sizes.
    """
    depth = getattr(state.interpreter, "depth", 0)
    prefix = "n" if not depth else f"n{depth}_"
    count = 0
    opened = []
    for type, spec in zip(types, specs):
        sizes: list[Any] = list(type.shape)
        for axis, size in enumerate(spec.shape if spec.shape.rank is not None else type.shape):
            if size is None:
                sizes[axis] = Dim.symbol(f"{prefix}{count}")
                count += 1
        opened.append(TensorType.of(type.dtype, sizes))
    return opened


def _shown(key: Any) -> str:
    """A part of a key as its user wrote it."""
    if isinstance(key, tuple) and len(key) == 2 and key[0] is float:
        return str(float.fromhex(key[1]))
    return str(key[1]) if isinstance(key, tuple) and len(key) == 2 else str(key)


def describe_change(before: Sequence[Any], after: Sequence[Any], names: Sequence[str]) -> str:
    """One line for each part of a call's key that differs from that of an earlier call."""
    lines = []
    if len(before) != len(after):
        return f"  the number of values in the arguments: {len(before)} before, {len(after)} now"
    for place, (a, b) in enumerate(zip(before, after)):
        if a == b:
            continue
        name = names[place] if place < len(names) and len(names) >= len(after) else f"argument {place}"
        if isinstance(a, TensorType) and isinstance(b, TensorType):
            lines.append(f"  `{name}`: {a} before, {b} now. If only sizes change, pass `reduce_retracing=True` or an "
                         "`input_signature` with None for them.")
        elif isinstance(b, tuple) and b and b[0] in (int, float):
            lines.append(f"  `{name}`: {_shown(a)} before, the Python number {_shown(b)} now. Pass it as a tensor.")
        else:
            lines.append(f"  `{name}`: another Python object or value than before. Pass the same object, or a tensor.")
    return "\n".join(lines)
