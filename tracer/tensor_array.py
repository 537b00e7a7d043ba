"""`TensorArray`: a list of tensors of one dtype that is written element by element, also in loops that are compiled.

Its contents are either elements, by number, or a buffer of shape [size, *element]. They stay elements as long as every
index is a number that Python knows; control flow and indices that are tensors make them a buffer, in the trace where they
live, so that a loop carries one tensor. A write changes the array itself, as in eager TensorFlow, and returns it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from treadle.ir import dims, dtypes, errors
from treadle.ir.interpreter import interpreting, recorders, state
from treadle.ir.ops import arrays
from treadle.ir.ops.control import dynamic_row, dynamic_update
from treadle.ir.ops.effects import Failure, check
from treadle.ir.ops.elementwise import cast
from treadle.ir.ops.logic import greater_equal, less, logical_and
from treadle.ir.ops.rules import show
from treadle.ir.types import TensorType
from treadle.runtime.composites.arrays import known_array, split, zeros
from treadle.runtime.composites.indexing import gather
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.eager import EAGER
from treadle.runtime.interpreter import current
from treadle.runtime.tensor_shape import TensorShape
from treadle.tracer.func_graph import FuncGraph
from treadle.tracer.staging.elements import Contents, Elements, known_index, known_size, outside, stack_many
from treadle.tracer.staging.intervals import interval
from treadle.tracer.staging.loops import cannot_carry


class TensorArray:
    """A list of tensors that is written and read element by element.

    Args:
        dtype: of the elements.
        size: how many elements there are.
        dynamic_size: True: a write beyond the end makes the array longer. In a compiled function the index must then be
            known, or be computed from the counter of a `for` loop of known length.
        element_shape: the elements' shape; None: that of the first one written.
        infer_shape: False: elements may differ in shape, as long as every index is a Python number (or eager).
        clear_after_read, tensor_array_name, handle, flow, colocate_with_first_write_call: accepted for compatibility.
            Elements can be read any number of times.

    `write` changes the array and returns it. An element that was never written reads as zeros, if the shape is known.

    Raises:
        OutOfRangeError (an IndexError): reading or writing outside of the array, eagerly and compiled.
        DtypeError, InvalidArgumentError: an element of another dtype or shape than the others.

    >>> import treadle as tf
    >>> @tf.function
    ... def squares(n):
    ...     found = tf.TensorArray(tf.int32, size=4)
    ...     for i in tf.range(n):
    ...         found = found.write(i, i * i)
    ...     return found.stack()
    >>> squares(3).numpy()
    array([0, 1, 4, 0], dtype=int32)
    """

    def __init__(self, dtype: Any, size: Any = None, dynamic_size: bool | None = None, clear_after_read: bool | None = None,
                 tensor_array_name: str | None = None, handle: Any = None, flow: Any = None, infer_shape: bool = True,
                 element_shape: Any = None, colocate_with_first_write_call: bool = True, name: str | None = None):
        if handle is not None:
            raise errors.InvalidArgumentError("A TensorArray has no handle here. Received: a handle. Leave it out.")
        if size is None:
            raise errors.InvalidArgumentError("The size of a TensorArray must be declared. Received: size=None. "
                                              "Pass `size`, for example 0 with `dynamic_size=True`.")
        self._dtype = dtypes.as_dtype(dtype)
        self._dynamic, self._infer = bool(dynamic_size), bool(infer_shape)
        self._shape = TensorShape(element_shape)
        trace = current()
        self._contents: Any = Elements(trace, known_size(size), {})
        if isinstance(trace, FuncGraph):
            trace.made[id(self)] = self

    # --- what it is ---

    @property
    def dtype(self) -> dtypes.DType:
        """The elements' dtype."""
        return self._dtype

    @property
    def element_shape(self) -> TensorShape:
        """The elements' shape, as far as it is known."""
        return self._shape

    @property
    def dynamic_size(self) -> bool:
        """True if it grows."""
        return self._dynamic

    @property
    def handle(self) -> None:
        """Always None."""
        return None

    @property
    def flow(self) -> Any:
        """A scalar; kept for compatibility."""
        return zeros([], dtypes.int32)

    def __repr__(self) -> str:
        return f"<TensorArray of {show((self._size,))[1:-1].rstrip(',')} elements: {self._dtype.name} {self._shape}>"

    @property
    def _size(self) -> Any:
        held = self._contents
        return held.size if isinstance(held, Elements) else held.type.shape[0]

    def size(self, name: str | None = None) -> Any:
        """How many elements there are, as an int32 scalar."""
        size = self._size
        if isinstance(size, int):
            return convert_to_tensor(size, dtypes.int32)
        return arrays.from_size(size=size, dtype=dtypes.int32)

    def identity(self) -> TensorArray:
        """The array itself."""
        return self

    def close(self, name: str | None = None) -> None:
        """Drop the elements."""
        self._replace(Elements(current(), 0, {}))

    def grad(self, source: str, flow: Any = None, name: str | None = None) -> Any:
        """Not needed: `tf.GradientTape` differentiates what is written and read."""
        raise errors.UnimplementedError("A TensorArray has no array of gradients here. Use `tf.GradientTape`, which "
                                        "differentiates through `write`, `read` and `stack`.")

    # --- reading ---

    def read(self, index: Any, name: str | None = None) -> Any:
        """The element `index`."""
        k = known_index(index)
        if k is not None:
            self._require_inside(k, "read from", "Reading from")
            held = self._contents
            if isinstance(held, Elements):
                return held.items[k] if k in held.items else self._blank()
            return dynamic_row(held, convert_to_tensor(k, dtypes.int32)) if current() is EAGER else held[k]
        self._settle(None)
        return dynamic_row(self._contents, self._checked(index, "read from", "Reading from"))

    def stack(self, name: str | None = None) -> Any:
        """All elements along a new first axis: shape [size, *element]."""
        held = self._contents
        return self._stacked(held) if isinstance(held, Elements) else convert_to_tensor(held)

    def gather(self, indices: Any, name: str | None = None) -> Any:
        """The elements of the given numbers, along a new first axis."""
        known = known_array(indices)
        if known is not None:
            for k in known.flat:
                self._require_inside(int(k), "read from", "Reading from")
        return gather(self.stack(), indices)

    def concat(self, name: str | None = None) -> Any:
        """All elements one behind the other along their first axis."""
        held = self._contents
        if not isinstance(held, Elements):
            shape = held.type.shape
            self._require_vectors(shape[1:])
            return arrays.reshape(held, shape=(shape[0] * shape[1], *shape[2:]))
        if held.size == 0:
            return zeros([0, *(self._shape.as_list()[1:] if self._shape.is_fully_defined() else [])], self._dtype)
        parts = self._all(held)
        for part in parts:
            self._require_vectors(part.type.shape)
        return arrays.concat(parts, axis=0)

    def _require_vectors(self, shape: tuple) -> None:
        if not shape:
            raise errors.InvalidArgumentError(
                "`concat` needs elements of at least one axis. Received: scalars. Use `stack`.")

    # --- writing ---

    def write(self, index: Any, value: Any, name: str | None = None) -> TensorArray:
        """Put `value` in the place of element `index`, and return the array."""
        value = self._element(value)
        k = known_index(index)
        held = self._contents
        if k is not None:
            if self._dynamic and k >= 0 and isinstance(self._size, int) and k >= self._size:
                self._grow(k + 1, value.type)
                held = self._contents
            self._require_inside(k, "write to", "Writing to")
            if isinstance(held, Elements) and held.trace is current():
                return self._replace(Elements(held.trace, held.size, {**held.items, k: value}))
            index = convert_to_tensor(k, dtypes.int32)
        elif self._dynamic:
            self._reserve(index, value.type)
        self._settle(value.type)
        row = self._contents.type.with_shape(self._contents.type.shape[1:])
        if value.type is not row:
            raise errors.InvalidArgumentError(
                f"Incompatible shape for value ({show(value.type.shape)}), expected ({show(row.shape)}): the elements of a "
                "TensorArray that control flow writes have one shape. Pad them.")
        return self._replace(dynamic_update(self._contents, value, self._checked(index, "write to", "Writing to")))

    def unstack(self, value: Any, name: str | None = None) -> TensorArray:
        """The rows of `value` become the elements; return the array."""
        value = self._typed(value)
        if not value.type.shape:
            raise errors.InvalidArgumentError("`unstack` takes the rows of a tensor. Received: a scalar.")
        count = value.type.shape[0]
        if not self._dynamic and dims.is_known(count, self._size) and count > self._size:
            raise errors.InvalidArgumentError(f"Cannot unstack {count} tensors into a TensorArray of static size {self._size}.")
        self._require_shape(value.type.shape[1:])
        return self._replace(current().convert(value))

    def scatter(self, indices: Any, value: Any, name: str | None = None) -> TensorArray:
        """`write(indices[i], value[i])` for each row; return the array."""
        indices, value = convert_to_tensor(indices), self._typed(value)
        known = known_array(indices)
        for i, row in enumerate(value):
            self.write(int(known[i]) if known is not None else indices[i], row)
        return self

    def split(self, value: Any, lengths: Any, name: str | None = None) -> TensorArray:
        """Pieces of `value` along its first axis, of the given lengths, become the elements; return the array."""
        value, sizes = self._typed(value), known_array(lengths)
        if sizes is None:
            raise errors.StagingError("The lengths of `TensorArray.split` must be known while tracing: they are shapes. "
                                      f"Received: {lengths!r}. Use Python numbers.")
        total = value.type.shape[0] if value.type.shape else None
        if sizes.sum() != total:
            raise errors.InvalidArgumentError(
                f"Expected sum of lengths to be equal to values.shape[0], but sum of lengths is {sizes.sum()} and value's "
                f"shape is: {show(value.type.shape)}.")
        if not self._dynamic and sizes.size != self._size:
            raise errors.InvalidArgumentError(
                f"TensorArray's size is not equal to the size of lengths ({self._size} vs. {sizes.size}), and the TensorArray "
                "is not marked as dynamically resizeable.")
        return self._replace(Elements(current(), sizes.size, dict(enumerate(split(value, [int(s) for s in sizes])))))

    # --- types ---

    def _typed(self, value: Any) -> Any:
        value = convert_to_tensor(value, None if hasattr(value, "dtype") else self._dtype)
        if value.dtype is not self._dtype:
            raise errors.DtypeError(f"TensorArray dtype is {self._dtype.name} but Op is trying to write dtype "
                                    f"{value.dtype.name}. Cast the value.")
        return value

    def _element(self, value: Any) -> Any:
        """A value to be written, checked."""
        value = self._typed(value)
        self._require_shape(value.type.shape)
        return value

    def _require_shape(self, shape: tuple) -> None:
        if not self._shape.is_compatible_with(TensorShape(shape)):
            raise errors.InvalidArgumentError(f"Incompatible shape for value ({show(shape)}), expected ({self._shape}).")
        if self._infer and not self._shape.is_fully_defined():
            self._shape = TensorShape(shape)

    def _blank(self, type: TensorType | None = None) -> Any:
        """An element that was not written."""
        if type is not None:
            shape: Any = type.shape
        elif self._shape.is_fully_defined():
            shape = self._shape.as_list()
        else:
            held = self._contents
            known = next(iter(held.items.values()), None) if isinstance(held, Elements) else None
            if known is None:
                raise errors.InvalidArgumentError("The shape of this TensorArray's elements is not known, so one that was not "
                                                  "written cannot be read. Write first, or pass `element_shape`.")
            shape = known.type.shape
        return zeros(shape, self._dtype)

    def _all(self, held: Elements) -> list[Any]:
        if not isinstance(held.size, int) or len(held.items) < held.size:
            blank = self._blank()
            return [held.items.get(i, blank) for i in range(held.size)]
        return [held.items[i] for i in range(held.size)]

    def _stacked(self, held: Elements, type: TensorType | None = None) -> Any:
        if held.items:
            return stack_many(self._all(held))
        if held.size == 0 and type is None and not self._shape.is_fully_defined():
            return zeros([0], self._dtype)
        blank = self._blank(type)
        return arrays.broadcast_to(blank, shape=(held.size, *blank.type.shape))

    # --- indices ---

    def _require_inside(self, k: int, doing: str, gerund: str) -> None:
        if k < 0:
            raise errors.OutOfRangeError(f"{gerund} negative indices (index {k}) is not allowed.")
        if isinstance(self._size, int) and k >= self._size:
            raise outside(k, self._size, doing)

    def _checked(self, index: Any, doing: str, gerund: str) -> Any:
        """An index that only the program knows, as int32, with the check that it is inside."""
        found = interval(index)
        index = cast(convert_to_tensor(index), dtypes.int32)
        size = self._size
        if found is None or found[0] < 0 or not (found[1] == size - 1 or dims.is_known(size, found[1]) and found[1] < size):
            def failed(k: np.ndarray, n: np.ndarray) -> BaseException:
                if k < 0:
                    return errors.OutOfRangeError(f"{gerund} negative indices (index {k}) is not allowed.")
                return outside(int(k), int(n), doing)
            count = self.size()
            inside = logical_and(greater_equal(index, 0), less(index, count))
            text = f"Tried to {doing} an index outside of a TensorArray."
            check([inside, index, count], failure=Failure(failed, text, required=False))
        return index

    # --- where the contents live ---

    def _replace(self, contents: Any) -> TensorArray:
        trace = current()
        if isinstance(trace, FuncGraph):
            self._require_home(trace)
            trace.will_change(Contents(self))
        self._contents = contents
        return self

    @property
    def _home(self) -> Any:
        """The trace that the contents belong to."""
        held = self._contents
        return held.trace if isinstance(held, Elements) else getattr(held, "trace", EAGER)

    def _require_home(self, trace: Any) -> None:
        """Raise unless only control flow lies between here and where the array was made."""
        home = self._home
        while trace is not home and getattr(trace, "is_block", False):
            trace = trace.outer
        if trace is not home:
            raise errors.StagingError(
                "A TensorArray can be changed only in the function (and the control flow) that made it: what another "
                f"compiled function writes would be lost. Received: {self!r}. Make it inside, and return `stack()`.")

    @contextmanager
    def _at_home(self) -> Iterator[None]:
        """Carry out operations where the contents live, seen by the tapes there."""
        trace, home, listening = state.interpreter, self._home, state.recorders
        while trace is not home and isinstance(trace, FuncGraph):
            listening, trace = trace.recorders_around, trace.outer
        with interpreting(trace), recorders(listening):
            yield

    def _settle(self, type: TensorType | None) -> None:
        """Make the contents a buffer. This changes nothing that can be seen."""
        held = self._contents
        if isinstance(held, Elements):
            with self._at_home():
                self._contents = current().convert(self._stacked(held, None if self._shape.is_fully_defined() else type))

    def _grow(self, size: int, type: TensorType) -> None:
        """Make the array longer; in a block, where the contents live."""
        held = self._contents
        if isinstance(held, Elements):
            self._contents = Elements(held.trace, size, held.items)
        else:
            with self._at_home():
                more = zeros([size - self._size, *held.type.shape[1:]], self._dtype)
                self._contents = current().convert(arrays.concat([held, more], axis=0))

    def _reserve(self, index: Any, type: TensorType) -> None:
        """Make the array long enough for an index that only the program knows."""
        found = interval(index)
        size = self._size
        if found is not None and dims.is_known(size, found[1]) and found[1] < size:
            return
        trace: Any = current()
        while trace is not self._home and getattr(trace, "runs_all", False) and isinstance(trace.count, int):
            trace = trace.outer
        if found is None or not isinstance(found[1], int) or trace is not self._home:
            raise cannot_carry(
                "A TensorArray of dynamic size grows while tracing, so the index must be known then, or be the counter of a "
                "`for` loop of known length (not under an `if`). Received: an index that only the program knows. Pass "
                "`size=` with the most elements that there can be, without `dynamic_size`.")
        self._grow(found[1] + 1, type)
