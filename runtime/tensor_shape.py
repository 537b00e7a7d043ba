"""`TensorShape`: a shape as TensorFlow users see it, with None for a size not known yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from treadle.ir import errors
from treadle.ir.dims import Dim


class TensorShape:
    """The shape of a tensor. Behaves like a tuple of ints and None; `rank` and `num_elements` as in TensorFlow.

    >>> import treadle as tf
    >>> tf.TensorShape([None, 3]).rank, tf.TensorShape([2, 3]).num_elements()
    (2, 6)
    """

    __slots__ = ("_dims",)

    def __init__(self, dims: Any):
        self._dims: tuple[Any, ...] | None
        if isinstance(dims, TensorShape):
            self._dims = dims._dims
        elif dims is None:
            self._dims = None
        else:
            if isinstance(dims, int):
                dims = (dims,)
            self._dims = tuple(None if d is None or isinstance(d, Dim) else _size(d) for d in dims)

    @property
    def rank(self) -> int | None:
        """How many axes, or None if that is unknown."""
        return None if self._dims is None else len(self._dims)

    ndims = rank

    @property
    def dims(self) -> list[int | None] | None:
        """The sizes as a list."""
        return None if self._dims is None else list(self._dims)

    def as_list(self) -> list[int | None]:
        """The sizes as a list; ValueError if the rank is unknown."""
        if self._dims is None:
            raise errors.InvalidArgumentError("A shape of unknown rank has no list of sizes.")
        return list(self._dims)

    def is_fully_defined(self) -> bool:
        """True if every size is known."""
        return self._dims is not None and None not in self._dims

    def num_elements(self) -> int | None:
        """The product of the sizes, or None if one is unknown."""
        if self._dims is None or None in self._dims:
            return None
        count = 1
        for d in self._dims:
            count *= d  # type: ignore[operator]
        return count

    def is_compatible_with(self, other: Any) -> bool:
        """True if some shape is an instance of both."""
        other = TensorShape(other)
        if self._dims is None or other._dims is None:
            return True
        return len(self._dims) == len(other._dims) and all(
            a is None or b is None or a == b for a, b in zip(self._dims, other._dims))

    def assert_is_compatible_with(self, other: Any) -> None:
        """Raise ValueError unless compatible."""
        if not self.is_compatible_with(other):
            raise errors.InvalidArgumentError(f"The shapes {self} and {TensorShape(other)} are not compatible.")

    def assert_has_rank(self, rank: int) -> None:
        """Raise ValueError unless the rank is `rank` or unknown."""
        if self.rank not in (None, rank):
            raise errors.InvalidArgumentError(f"The shape {self} must have rank {rank}.")

    def merge_with(self, other: Any) -> TensorShape:
        """The shape with each size known from either."""
        self.assert_is_compatible_with(other)
        other = TensorShape(other)
        if self._dims is None or other._dims is None:
            return other if self._dims is None else self
        return TensorShape([b if a is None else a for a, b in zip(self._dims, other._dims)])

    def concatenate(self, other: Any) -> TensorShape:
        """The sizes of both, one after the other."""
        other = TensorShape(other)
        if self._dims is None or other._dims is None:
            return TensorShape(None)
        return TensorShape(self._dims + other._dims)

    def with_rank(self, rank: int) -> TensorShape:
        """This shape, checked to have the given rank."""
        return self.merge_with([None] * rank)

    def __len__(self) -> int:
        return len(self.as_list())

    def __iter__(self) -> Iterator[int | None]:
        return iter(self.as_list())

    def __getitem__(self, key: Any) -> Any:
        found = tuple(self.as_list())[key]
        return TensorShape(found) if isinstance(key, slice) else found

    def __add__(self, other: Any) -> TensorShape:
        return self.concatenate(other)

    def __radd__(self, other: Any) -> TensorShape:
        return TensorShape(other).concatenate(self)

    def __bool__(self) -> bool:
        return self._dims is not None

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (TensorShape, list, tuple)) or other is None:
            try:
                return self._dims == TensorShape(other)._dims
            except (TypeError, ValueError):
                return False
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self._dims)

    def __repr__(self) -> str:
        return f"TensorShape({None if self._dims is None else list(self._dims)})"

    def __str__(self) -> str:
        if self._dims is None:
            return "<unknown>"
        return "(" + ", ".join(map(str, self._dims)) + ("," if len(self._dims) == 1 else "") + ")"

    def __reduce__(self) -> Any:
        return TensorShape, (self._dims,)


def _size(value: Any) -> int:
    try:
        size = value.__index__()
    except AttributeError:
        raise errors.DtypeError(f"A size must be an integer or None. Received: {value!r}.") from None
    if size < 0:
        raise errors.InvalidArgumentError(f"A size must not be negative. Received: {size}.")
    return size


def as_sizes(shape: Any) -> Sequence[int | None]:
    """A shape in any spelling as a tuple of ints and None."""
    return tuple(TensorShape(shape).as_list())
