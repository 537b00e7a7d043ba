"""The type of a value in the IR: a dtype and a shape. Interned, so that equal types are the same object."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence

from treadle.ir import dims
from treadle.ir.dims import Dim, Size
from treadle.ir.dtypes import DType


class TensorType:
    """`f32[256,2]`: a dtype and a shape whose sizes are integers or symbolic `Dim`s.

    `TensorType.of(dtype, shape)` returns the one object for that pair; compare with `is`, use it as a dictionary key.
    """

    __slots__ = ("dtype", "shape", "__weakref__")

    dtype: DType
    shape: tuple[Size, ...]

    @staticmethod
    def of(dtype: DType, shape: Sequence[Size] = ()) -> TensorType:
        """The interned type."""
        key = (dtype, tuple(shape))
        found = _interned.get(key)
        if found is None:
            found = TensorType()
            found.dtype, found.shape = key
            # setdefault: two threads may get here at once, and both must return the same object.
            found = _interned.setdefault(key, found)
        return found

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def is_static(self) -> bool:
        """True if every size is an integer."""
        return dims.is_known(*self.shape)

    @property
    def count(self) -> Size:
        """How many elements: the product of the sizes."""
        return product(self.shape)

    def with_shape(self, shape: Sequence[Size]) -> TensorType:
        return TensorType.of(self.dtype, shape)

    def with_dtype(self, dtype: DType) -> TensorType:
        return TensorType.of(dtype, self.shape)

    def substitute(self, sizes: Mapping[str, Size]) -> TensorType:
        """The type with symbols replaced."""
        return self if self.is_static else TensorType.of(self.dtype, dims.substitute(self.shape, sizes))

    def __repr__(self) -> str:
        return f"{self.dtype.short}[{','.join(str(s) for s in self.shape)}]"

    def __reduce__(self):
        return TensorType.of, (self.dtype, self.shape)


_interned: weakref.WeakValueDictionary[tuple, TensorType] = weakref.WeakValueDictionary()


def product(sizes: Sequence[Size]) -> Size:
    """The product of `sizes` (1 for none)."""
    total: Size = 1
    for size in sizes:
        total = total * size
    return total


def symbols(shape: Sequence[Size]) -> set[str]:
    """The names of the symbols in a shape."""
    names: set[str] = set()
    for size in shape:
        if isinstance(size, Dim):
            for monomial in size.terms:
                for atom in monomial:
                    if atom in size.atoms:
                        names |= symbols([a for a in size.atoms[atom][1:]])
                    else:
                        names.add(atom)
    return names
