"""`Variable`: a tensor whose value can be replaced.

Its value lives in one slot, `_array`. A compiled step reads the slots of all its variables and writes them back in
one C call each (see `treadle.runtime.dispatch`), so the slot is all there is: no other copy can be stale.
"""

from __future__ import annotations

import copy
import itertools
import threading
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from treadle.ir import dtypes, errors
from treadle.ir.dtypes import DType
from treadle.ir.interpreter import interpreting, state
from treadle.ir.operators import TABLE
from treadle.ir.types import TensorType
from treadle.lowering import compat, sharding
from treadle.runtime.aggregation import as_aggregation
from treadle.runtime.convert import convert_to_tensor
from treadle.runtime.eager import EAGER
from treadle.runtime.interpreter import current
from treadle.runtime.tensor import EagerTensor, SymbolicTensor, Tensor, Typed, from_numpy, numpy_text
from treadle.runtime.tensor_shape import TensorShape

_numbers = itertools.count()


class Cell:
    """The slot that holds a variable's array: a base class of its own so that the slot's descriptor is plain C."""

    __slots__ = ("_array",)


put_array = Cell._array.__set__  # type: ignore[attr-defined]

# Held while a program takes, donates and replaces state: two threads must not donate one buffer, nor one thread take
# an array that another is about to donate.
STATE_LOCK = threading.RLock()


class Variable(Cell, Typed):
    """A mutable tensor.

    Args:
        initial_value: anything `convert_to_tensor` takes, or a function of no arguments that returns it.
        trainable: whether `GradientTape` watches it by itself. Default True.
        name: a name for people to read. Default "Variable".
        dtype: the dtype to convert to. Default: that of `initial_value`.
        shape: the shape it must have. Default: that of `initial_value`. Its sizes must all be known.
        aggregation: what becomes of the values that replicas assign (see `tf.distribute`). Default: they must be equal.

    Raises:
        InvalidArgumentError: no initial value, or an assigned value of another shape.
        DtypeError: an assigned value of another dtype.

    >>> import treadle as tf
    >>> v = tf.Variable([1.0, 2.0])
    >>> v.assign_add([1.0, 1.0]).numpy().tolist()
    [2.0, 3.0]
    """

    aggregation: Any = "none"  # what becomes of the values that replicas assign
    __slots__ = ("type", "trainable", "_pack", "_sharding", "_name", "_number", "constraint", "__dict__", "__weakref__")

    def __init__(self, initial_value: Any = None, trainable: bool | None = None, validate_shape: bool = True,
                 caching_device: Any = None, name: str | None = None, variable_def: Any = None, dtype: Any = None,
                 import_scope: Any = None, constraint: Callable | None = None, synchronization: Any = None,
                 aggregation: Any = None, shape: Any = None, experimental_enable_variable_lifting: bool = True):
        try:
            if initial_value is None:
                raise errors.InvalidArgumentError("A Variable needs an initial value. Received: None.")
            tensor = _evaluated(current().lift(initial_value), dtype)
            if shape is not None and not TensorShape(shape).is_compatible_with(tensor.shape):
                raise errors.InvalidArgumentError(
                    f"The initial value has shape {tensor.shape}, but shape={TensorShape(shape)} was asked for.")
        except Exception as error:
            errors.hide_frames(error)
            raise
        self.type: TensorType = tensor.type
        self.trainable = bool(tensor.dtype.is_differentiable) if trainable is None else bool(trainable)
        self._name = name or "Variable"
        self._number = next(_numbers)
        self.constraint = constraint
        if aggregation is not None:
            self.aggregation = as_aggregation(aggregation)
        self._pack: Any = None  # the Pack (see treadle.runtime.pack) that may hold the value
        self._sharding: Any = None  # how the array lies on several devices, if it does
        self._array = on_device(tensor._array)
        current().variable_created(self)

    # --- what it is ---

    @property
    def name(self) -> str:
        """The name, with TensorFlow's `:0` at its end."""
        return f"{self._name}:0"

    @property
    def device(self) -> str:
        """The device's name."""
        return EagerTensor(self.array, self.type).device

    # --- reading ---

    @property
    def array(self) -> Any:
        """The value now, as the JAX or NumPy array that holds it."""
        with STATE_LOCK:
            array = self._array
            if self._sharding is not None:
                return sharding.local(array)
            return array if array is not None else self._pack.read(self)  # type: ignore[union-attr]

    def store(self, array: Any) -> None:
        """Replace the array."""
        with STATE_LOCK:
            if self._pack is not None:
                self._pack.release()
            self._array = array if self._sharding is None else sharding.placed(array, self._sharding)

    def spread(self, where: Any) -> None:
        """From now on the value lies on several devices, as `where`, a JAX sharding, says."""
        with STATE_LOCK:
            array = self.array
            self._sharding = where
            self.store(array)

    def _as_tensor(self) -> Tensor:
        """The value that users' code reads. Subclasses may convert it."""
        return self._stored()

    def _stored(self) -> Tensor:
        """The value now, as it is kept; tapes take note of the reading."""
        tensor = current().read_variable(self)
        for recorder in state.recorders:
            recorder.record_read(self, tensor)  # type: ignore[attr-defined]
        return tensor

    def value(self) -> Tensor:
        """The value now, as a tensor that later assignments do not change."""
        return self._as_tensor()

    read_value = value

    def numpy(self) -> Any:
        """The value now, as a NumPy array of its own."""
        return self._as_tensor().numpy()  # type: ignore[attr-defined]

    @property
    def known(self) -> Any:
        """The value, where an op needs it to know a shape."""
        return self._as_tensor().known  # type: ignore[attr-defined]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self._as_tensor().__array__(dtype, copy)  # type: ignore[attr-defined]

    def __jax_array__(self) -> jax.Array:
        return self._as_tensor().__jax_array__()  # type: ignore[attr-defined]

    def __getitem__(self, key: Any) -> Any:
        return TABLE["_getitem"](self._as_tensor(), key, self)

    def __bool__(self) -> bool:
        return bool(self._as_tensor())

    def __int__(self) -> int:
        return int(self._as_tensor())  # type: ignore[call-overload]

    def __float__(self) -> float:
        return float(self._as_tensor())  # type: ignore[arg-type]

    def __index__(self) -> int:
        return self._as_tensor().__index__()  # type: ignore[attr-defined]

    def __format__(self, spec: str) -> str:
        return format(self._as_tensor() if spec else repr(self), spec)

    def __len__(self) -> int:
        return len(self._as_tensor())

    def __iter__(self) -> Any:
        return iter(self._as_tensor())  # type: ignore[call-overload]

    # --- writing ---

    def assign(self, value: Any, use_locking: bool = False, name: str | None = None, read_value: bool = True) -> Any:
        """Replace the value. Returns the variable itself."""
        current().assign_variable(self, self._checked(value))
        return self

    def assign_add(self, delta: Any, use_locking: bool = False, name: str | None = None,
                   read_value: bool = True) -> Any:
        """Add to the value: v <- v + delta."""
        return self.assign(TABLE["add"](self._unwatched(), self._checked(delta)))

    def assign_sub(self, delta: Any, use_locking: bool = False, name: str | None = None,
                   read_value: bool = True) -> Any:
        """Subtract from the value: v <- v - delta."""
        return self.assign(TABLE["subtract"](self._unwatched(), self._checked(delta)))

    def _unwatched(self) -> Tensor:
        return current().read_variable(self)

    def _checked(self, value: Any) -> Any:
        tensor = convert_to_tensor(value, self.type.dtype if not hasattr(value, "dtype") else None,
                                   dtype_hint=self.type.dtype)
        if tensor.dtype is not self.type.dtype:
            raise errors.DtypeError(
                f"The variable {self._name!r} has dtype {self.type.dtype.name}. Received: a value of dtype "
                f"{tensor.dtype.name}. Convert it with `tf.cast(value, tf.{self.type.dtype.name})`.")
        if not self.shape.is_compatible_with(tensor.shape):
            raise errors.InvalidArgumentError(
                f"The variable {self._name!r} has shape {self.shape}. Received: a value of shape {tensor.shape}.")
        return tensor

    def _scattered(self, name: str, indices: Any, updates: Any) -> Any:
        return self.assign(TABLE[name](self._unwatched(), indices, updates))

    def scatter_nd_update(self, indices: Any, updates: Any, name: str | None = None) -> Any:
        """Replace the elements or slices at `indices` (shape [n, k]) by `updates`."""
        return self._scattered("tensor_scatter_nd_update", indices, updates)

    def scatter_nd_add(self, indices: Any, updates: Any, name: str | None = None) -> Any:
        """Add `updates` to the elements or slices at `indices`; repeated indices add up."""
        return self._scattered("tensor_scatter_nd_add", indices, updates)

    def scatter_nd_sub(self, indices: Any, updates: Any, name: str | None = None) -> Any:
        """Subtract `updates` from the elements or slices at `indices`."""
        return self._scattered("tensor_scatter_nd_sub", indices, updates)

    def scatter_nd_max(self, indices: Any, updates: Any, name: str | None = None) -> Any:
        """The larger of the elements at `indices` and `updates`."""
        return self._scattered("tensor_scatter_nd_max", indices, updates)

    def scatter_nd_min(self, indices: Any, updates: Any, name: str | None = None) -> Any:
        """The smaller of the elements at `indices` and `updates`."""
        return self._scattered("tensor_scatter_nd_min", indices, updates)

    def _scatter_rows(self, name: str, sparse_delta: Any) -> Any:
        indices = TABLE["expand_dims"](sparse_delta.indices, axis=-1)
        return self._scattered(name, indices, sparse_delta.values)

    def scatter_update(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Any:
        """Replace the rows `sparse_delta.indices` by `sparse_delta.values` (a `tf.IndexedSlices`)."""
        return self._scatter_rows("tensor_scatter_nd_update", sparse_delta)

    def scatter_add(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Any:
        """Add `sparse_delta.values` to the rows `sparse_delta.indices`."""
        return self._scatter_rows("tensor_scatter_nd_add", sparse_delta)

    def scatter_sub(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Any:
        """Subtract `sparse_delta.values` from the rows `sparse_delta.indices`."""
        return self._scatter_rows("tensor_scatter_nd_sub", sparse_delta)

    def scatter_max(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Any:
        """The larger of the rows and `sparse_delta.values`."""
        return self._scatter_rows("tensor_scatter_nd_max", sparse_delta)

    def scatter_min(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Any:
        """The smaller of the rows and `sparse_delta.values`."""
        return self._scatter_rows("tensor_scatter_nd_min", sparse_delta)

    def gather_nd(self, indices: Any, name: str | None = None) -> Tensor:
        """The elements or slices at `indices` (shape [n, k]), as `tf.gather_nd`."""
        return TABLE["gather_nd"](self._as_tensor(), indices)

    def sparse_read(self, indices: Any, name: str | None = None) -> Tensor:
        """The rows at `indices`, as `tf.gather`."""
        return TABLE["gather_nd"](self._as_tensor(), TABLE["expand_dims"](indices, axis=-1))

    def set_shape(self, shape: Any) -> None:
        """Check that the variable's shape is compatible with `shape`."""
        self.shape.assert_is_compatible_with(shape)

    def _assign_slice(self, key: Any, value: Any) -> Any:
        return self.assign(TABLE["_setitem"](self._unwatched(), key, value))

    # --- copies ---

    def __deepcopy__(self, memo: Any) -> Variable:
        new = object.__new__(type(self))
        memo[id(self)] = new
        new.type, new.trainable, new._name, new.constraint = self.type, self.trainable, self._name, self.constraint
        new._number = next(_numbers)
        new._pack = new._sharding = None
        new._array = jnp.copy(self.array) if not self.dtype.is_string else self.array
        new.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return new

    def __copy__(self) -> Variable:
        raise errors.UnimplementedError("A variable cannot be copied shallowly. Use `copy.deepcopy`.")

    def __reduce__(self) -> Any:
        return _unpickled, (np.asarray(self.array), self.type.dtype, self.trainable, self._name, self.__dict__)

    def __repr__(self) -> str:
        now = current().read_variable(self)
        value = f", numpy={numpy_text(now, repr)}" if isinstance(now, EagerTensor) else ""
        return f"<tf.Variable '{self.name}' shape={self.shape} dtype={self.dtype.name}{value}>"


def _unpickled(array: np.ndarray, dtype: DType, trainable: bool, name: str, attributes: dict) -> Variable:
    variable = Variable(from_numpy(array, dtype), trainable=trainable, name=name)
    variable.__dict__.update(attributes)
    return variable


def on_device(array: Any) -> Any:
    """The array on the device: state is donated, and only device arrays can be."""
    if isinstance(array, np.ndarray) and array.dtype != object:
        with compat.enable_x64(True):
            return jax.device_put(array)
    return array


def _evaluated(initial_value: Any, dtype: Any) -> EagerTensor:
    """An initial value as an eager tensor, computed outside any trace and unseen by any tape."""
    with interpreting(EAGER):
        if callable(initial_value) and not isinstance(initial_value, Typed):
            initial_value = initial_value()
        if isinstance(initial_value, SymbolicTensor):
            raise errors.StagingError(
                "A variable's initial value must not depend on the inputs of the function being traced. "
                f"Received: {initial_value!r}. Use a value that is known now, such as `tf.zeros(x.shape)`, and assign to the "
                "variable.", see="initial-value-from-arguments")
        wanted = None if dtype is None else dtypes.as_dtype(dtype)
        if hasattr(initial_value, "_as_tensor"):
            initial_value = initial_value._as_tensor()
        if isinstance(initial_value, Tensor):
            tensor: Any = convert_to_tensor(initial_value)
            return tensor if wanted in (None, tensor.dtype) else TABLE["cast"](tensor, wanted)
        return convert_to_tensor(initial_value, wanted)  # type: ignore[return-value]


errors.shield_methods(Variable)
