"""The kinds of attribute an op may have: what users may write, and the one canonical form the IR holds.

An attribute's kind is its annotation in the op's signature. `convert` receives what the user wrote and the operands
(an axis is counted from the end with their rank).
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from treadle.ir import dtypes, errors
from treadle.ir.dims import Dim, Size
from treadle.ir.graph import Graph


class Kind:
    """A kind of attribute. Final subclasses below; `convert` returns the canonical value or raises."""

    @staticmethod
    def convert(value: Any, operands: Sequence[Any]) -> Any:
        raise NotImplementedError


class Int(Kind):
    """A Python integer."""

    @staticmethod
    def convert(value: Any, operands: Sequence[Any]) -> Any:
        return None if value is None else as_size(value, "an integer")


class Ints(Kind):
    """A tuple of integers; one integer stands for a tuple of one."""

    @staticmethod
    def convert(value: Any, operands: Sequence[Any]) -> Any:
        return None if value is None else as_shape(value)


class Float(Kind):
    """A Python float."""

    @staticmethod
    def convert(value: Any, operands: Sequence[Any]) -> Any:
        if value is None:
            return None
        if isinstance(value, (str, bytes)):
            raise errors.DtypeError(f"Expected a number. Received: {value!r}.")
        return float(value)


class Bool(Kind):
    """True or False."""

    @staticmethod
    def convert(value: Any, operands: Sequence[Any]) -> Any:
        return bool(value)


class Str(Kind):
    """A word, in the op's own vocabulary."""

    @staticmethod
    def convert(value: Any, operands: Sequence[Any]) -> Any:
        return None if value is None else str(value)


class Dtype(Kind):
    """A dtype in any spelling `tf.as_dtype` takes."""

    @staticmethod
    def convert(value: Any, operands: Sequence[Any]) -> Any:
        return None if value is None else dtypes.as_dtype(value)


class Shape(Kind):
    """A tuple of sizes: integers, or symbolic sizes from `tf.shape` of a tensor whose size is not known yet."""

    @staticmethod
    def convert(value: Any, operands: Sequence[Any]) -> Any:
        return None if value is None else as_shape(value)


class Axis(Kind):
    """One axis of the first operand; negative counts from the end."""

    @staticmethod
    def convert(value: Any, operands: Sequence[Any]) -> Any:
        return None if value is None else as_axis(value, len(operands[0].type.shape))


class NewAxis(Kind):
    """A place between the axes of the first operand, where a new one goes (`stack`, `expand_dims`)."""

    @staticmethod
    def convert(value: Any, operands: Sequence[Any]) -> Any:
        return as_axis(value, len(operands[0].type.shape) + 1)


class Axes(Kind):
    """Axes of the first operand, sorted; None stands for all of them."""

    @staticmethod
    def convert(value: Any, operands: Sequence[Any]) -> Any:
        rank = len(operands[0].type.shape)
        if value is None:
            return tuple(range(rank))
        axes = sorted(as_axis(a, rank) for a in as_shape(value))
        if len(set(axes)) != len(axes):
            raise errors.InvalidArgumentError(f"An axis is named twice. Received: axis={value!r} for rank {rank}.")
        return tuple(axes)


class Array(Kind):
    """A constant array, never written to again."""

    @staticmethod
    def convert(value: Any, operands: Sequence[Any]) -> Any:
        return frozen(np.asarray(value))


class SubGraph(Kind):
    """A closed graph, or a tuple of them."""

    @staticmethod
    def convert(value: Any, operands: Sequence[Any]) -> Any:
        graphs = value if isinstance(value, tuple) else (value,)
        if not all(isinstance(g, Graph) for g in graphs):
            raise errors.InternalError(f"Expected a graph. Received: {value!r}.")
        return value


class Opaque(Kind):
    """A Python object that the IR only passes on (a JAX function)."""

    @staticmethod
    def convert(value: Any, operands: Sequence[Any]) -> Any:
        return value


class Any_(Kind):
    """A nested tuple of numbers, strings and None."""

    @staticmethod
    def convert(value: Any, operands: Sequence[Any]) -> Any:
        if isinstance(value, (list, tuple)):
            return tuple(Any_.convert(v, operands) for v in value)
        return value


def frozen(array: np.ndarray) -> np.ndarray:
    """The array, marked read-only; copied first if somebody else could still write to it."""
    if array.flags.writeable:
        array = array.copy()
        array.flags.writeable = False
    return array


def as_axis(value: Any, rank: int) -> int:
    """The axis counted from the front. Raises InvalidArgumentError outside [-rank, rank)."""
    axis = as_size(value, "an axis")
    if isinstance(axis, Dim) or not -rank <= axis < rank:
        raise errors.InvalidArgumentError(
            f"The axis is outside the tensor's axes. Received: axis={axis} for a tensor of rank {rank}"
            + (f", whose axes are {-rank} to {rank - 1}." if rank else ", which has no axes."))
    return axis % rank


def as_size(value: Any, what: str = "a size") -> Size:
    """An integer or symbolic size from an int, a numpy integer, a `Dim` or a scalar integer tensor."""
    if type(value) is int or isinstance(value, Dim):
        return value
    if isinstance(value, (bool, np.bool_)):
        return int(value)
    known = getattr(value, "known", None)
    if known is not None and known.shape == () and isinstance(known[()], (int, np.integer, Dim)):
        item = known[()]
        return item if isinstance(item, Dim) else int(item)
    if hasattr(value, "type") and hasattr(value, "known"):
        _refuse_unknown(value)
    try:
        return operator.index(value)
    except TypeError:
        raise errors.DtypeError(f"Expected {what}. Received: {value!r} (of type {type(value).__name__}).") from None


def as_shape(value: Any) -> tuple[Size, ...]:
    """A tuple of sizes from an int, a sequence of sizes, or an integer tensor of rank 0 or 1."""
    if type(value) is tuple and all(type(v) is int for v in value):
        return value
    known = getattr(value, "known", None)
    if known is not None:
        if value.type.dtype.is_integer and known.ndim <= 1:
            return tuple(as_size(v) for v in known.reshape(-1).tolist())
        raise errors.DtypeError(f"A shape is an integer vector. Received: a tensor of type {value.type}.")
    if hasattr(value, "type") and hasattr(value, "known"):
        _refuse_unknown(value)
    if isinstance(value, (int, np.integer, Dim)):
        return (as_size(value),)
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        raise errors.DtypeError(f"Expected a shape: integers, or an integer tensor. Received: {value!r}.")
    return tuple(as_size(v) for v in value)


def _refuse_unknown(value: Any) -> None:
    raise errors.InvalidArgumentError(
        f"A shape, size or axis must follow from the shapes of the inputs. Received: {value!r}, whose value is only "
        "known when the program runs, and XLA compiles programs of fixed shapes. Compute it from `tf.shape(...)` or "
        "Python integers, or pass it to the function as a Python integer.")


_LARGEST_COMPARED = 1 << 16  # bytes: larger constants are the same only if they are the same array


def attribute_key(value: Any) -> Any:
    """A hashable stand-in for an attribute, equal only for attributes that mean the same bit for bit."""
    kind = type(value)
    if kind is tuple:
        return tuple, *map(attribute_key, value)
    if kind is float:
        return value.hex()
    if kind is complex:
        return value.real.hex(), value.imag.hex()
    if kind is np.ndarray:
        if value.dtype.kind == "O" or value.nbytes > _LARGEST_COMPARED:
            return np.ndarray, id(value)
        return value.dtype, value.shape, value.tobytes()
    return (kind, value) if kind.__hash__ is not None else (kind, id(value))
