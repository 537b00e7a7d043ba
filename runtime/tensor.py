"""`Tensor`: what users hold. An `EagerTensor` has a value now; a `SymbolicTensor` stands for one inside a trace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from treadle.ir import errors
from treadle.ir.dtypes import DType
from treadle.ir.graph import Value
from treadle.ir.operators import TABLE, Operators
from treadle.ir.types import TensorType
from treadle.lowering import compat
from treadle.runtime.own_copies import SMALL, lies_well
from treadle.runtime.tensor_shape import TensorShape


class Typed(Operators):
    """What tensors and variables have in common: a type, and what follows from it."""

    __slots__ = ()
    type: TensorType

    @property
    def dtype(self) -> DType:
        """The element type."""
        return self.type.dtype

    @property
    def shape(self) -> TensorShape:
        """The shape, with None for sizes that are not known while tracing."""
        return TensorShape(self.type.shape)

    def get_shape(self) -> TensorShape:
        """The shape."""
        return self.shape

    @property
    def ndim(self) -> int:
        """How many axes."""
        return len(self.type.shape)

    def ref(self) -> Reference:
        """A hashable reference to this object, for use as a dictionary key; `.deref()` gives the object back."""
        return Reference(self)

    def __eq__(self, other: object) -> Any:
        return TABLE["_tensor_equal"](self, other)

    def __ne__(self, other: object) -> Any:
        return TABLE["_tensor_not_equal"](self, other)

    __hash__ = None  # type: ignore[assignment]


class Tensor(Typed):
    """An immutable array with a dtype and a shape: the common face of eager and symbolic tensors."""

    __slots__ = ()

    def set_shape(self, shape: Any) -> None:
        """Check that the tensor's shape is compatible with `shape`."""
        self.shape.assert_is_compatible_with(shape)

    @property
    def T(self) -> Any:
        """The transpose (axes reversed)."""
        return TABLE["transpose"](self)

    def __getitem__(self, key: Any) -> Any:
        return TABLE["_getitem"](self, key)

    def __getattr__(self, name: str) -> Any:
        if name == "_keras_mask":  # asked of each tensor that a layer is called on
            return None
        # `v[1:3].assign(x)`: a slice of a variable remembers where it came from.
        if name in ("assign", "assign_add", "assign_sub") and hasattr(self, "_origin"):
            variable, key = self._origin
            change = {"assign": lambda now, x: x, "assign_add": TABLE["add"], "assign_sub": TABLE["subtract"]}[name]
            return errors.filter_traceback(lambda value: variable._assign_slice(key, change(self, value)))
        if name in ("assign", "assign_add", "assign_sub", "_origin"):
            raise AttributeError(f"A tensor cannot be changed, so it has no `{name}`. Use a `tf.Variable`.")
        if name in ("astype", "reshape", "ravel", "tolist", "size", "item"):
            raise AttributeError(
                f"A tensor has no `{name}`. Use `tf.{ {'astype': 'cast', 'ravel': 'reshape'}.get(name, name) }(x, ...)`, "
                f"or `x.numpy().{name}`.")
        raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")

    def __setitem__(self, key: Any, value: Any) -> None:
        raise errors.DtypeError(
            "A tensor cannot be changed in place. Use `tf.tensor_scatter_nd_update(x, indices, updates)`, or a "
            "`tf.Variable` and `v[key].assign(value)`.")

    def __len__(self) -> int:
        if not self.type.shape:
            raise errors.DtypeError("A scalar tensor has no length.")
        size = self.type.shape[0]
        if not isinstance(size, int):
            raise errors.StagingError(
                "The length of this tensor is not known while tracing. Use `tf.shape(x)[0]` in place of `len(x)`.")
        return size


class Reference:
    """A hashable stand-in for an object that compares elementwise."""

    __slots__ = ("_referent",)

    def __init__(self, referent: Any):
        self._referent = referent

    def deref(self) -> Any:
        """The object."""
        return self._referent

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reference) and self._referent is other._referent

    def __hash__(self) -> int:
        return id(self._referent)

    def __repr__(self) -> str:
        return f"<Reference to {self._referent!r}>"


class EagerTensor(Tensor):
    """A tensor with a value. `_array` is a `jax.Array`, or a NumPy array that nobody will write to again.

    A NumPy array is passed to compiled programs as it is, which costs a quarter of placing it on the device first.
    """

    __slots__ = ("_array", "type", "_origin", "_keras_mask", "__weakref__")

    def __init__(self, array: Any, type: TensorType):
        self._array = array
        self.type = type

    def numpy(self) -> Any:
        """The value as a NumPy array of its own (a NumPy scalar for rank 0)."""
        array = np.array(self._array)
        if self.type.dtype.is_string:
            return array[()] if array.ndim == 0 else array
        return array[()] if array.ndim == 0 else array

    @property
    def known(self) -> np.ndarray:
        """The value, where an op needs it to know a shape."""
        return np.asarray(self._array)

    @property
    def device(self) -> str:
        """The device's name, in TensorFlow's spelling."""
        device = next(iter(self._array.devices())) if isinstance(self._array, jax.Array) else jax.devices()[0]
        return f"/job:localhost/replica:0/task:0/device:{device.platform.upper()}:{device.id}"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = np.asarray(self._array)
        if dtype is not None and array.dtype != dtype:
            return array.astype(dtype)
        return array.copy() if copy else array

    def __jax_array__(self) -> jax.Array:
        return jax_array(self)

    def __dlpack__(self, **kwargs: Any) -> Any:
        return jax_array(self).__dlpack__(**kwargs)

    def __dlpack_device__(self) -> Any:
        return jax_array(self).__dlpack_device__()  # type: ignore[attr-defined]

    def _scalar(self) -> Any:
        if self.type.count != 1:
            raise errors.DtypeError(
                f"Only a tensor of one element can become a Python number. Received: shape {self.shape}.")
        return np.asarray(self._array).reshape(())[()]

    def __bool__(self) -> bool:
        if self.type.count != 1:
            raise errors.InvalidArgumentError(
                f"The truth of a tensor of {self.type.count} elements is ambiguous. Received: shape {self.shape}. "
                "Use `tf.reduce_any` or `tf.reduce_all`.")
        return bool(self._scalar())

    def __int__(self) -> int:
        return int(self._scalar())

    def __float__(self) -> float:
        return float(self._scalar())

    def __complex__(self) -> complex:
        return complex(self._scalar())

    def __index__(self) -> int:
        if not self.type.dtype.is_integer or self.type.shape:
            raise errors.DtypeError(
                f"Only an integer scalar can be used as an index. Received: a tensor of type {self.type}.")
        return int(self._scalar())

    def __round__(self, digits: int | None = None) -> Any:
        return round(self._scalar(), digits)

    def __iter__(self) -> Iterator[Any]:
        if not self.type.shape:
            raise errors.DtypeError("A scalar tensor cannot be iterated over.")
        return iter(TABLE["unstack"](self))

    def __format__(self, spec: str) -> str:
        return format(self.numpy(), spec)

    def __str__(self) -> str:
        return f"tf.Tensor({numpy_text(self, str)}, shape={self.shape}, dtype={self.dtype.name})"

    def __repr__(self) -> str:
        return f"<tf.Tensor: shape={self.shape}, dtype={self.dtype.name}, numpy={numpy_text(self, repr)}>"

    def __copy__(self) -> EagerTensor:
        return self

    def __deepcopy__(self, memo: Any) -> EagerTensor:
        return self

    def __reduce__(self) -> Any:
        return _unpickled, (np.asarray(self._array), self.type.dtype)


def _unpickled(array: np.ndarray, dtype: DType) -> EagerTensor:
    return from_numpy(array, dtype)


def numpy_text(tensor: EagerTensor, form: Any) -> str:
    """The value as `str` or `repr` show it, a scalar as a plain number."""
    array = tensor.numpy()
    if isinstance(array, np.generic) or not isinstance(array, np.ndarray):
        return str(array) if form is str or not isinstance(array, (str, bytes)) else repr(array)
    text = form(array)
    return f"\n{text}" if "\n" in text else text


def from_numpy(array: np.ndarray, dtype: DType) -> EagerTensor:
    """A tensor with the array's value. The array must not be written to afterwards.

    Large arrays are placed on the device, since they are likely to be used more than once, unless programs take them as
    they lie.
    """
    if dtype.is_string:
        return EagerTensor(array, TensorType.of(dtype, array.shape))
    type = TensorType.of(dtype, array.shape)
    if array.nbytes > SMALL and not lies_well(array):
        with compat.enable_x64(True):
            return EagerTensor(jax.device_put(array), type)
    if isinstance(array, np.ndarray):  # and no NumPy scalar
        array.flags.writeable = False  # users get it from `np.asarray(tensor)`
    return EagerTensor(array, type)


def from_host(array: np.ndarray, dtype: DType) -> EagerTensor:
    """A tensor that is likely to be used once (a batch): the array stays where it is until a program takes it."""
    return EagerTensor(array, TensorType.of(dtype, array.shape))


def jax_array(tensor: EagerTensor) -> jax.Array:
    """The value as a `jax.Array`."""
    if tensor.type.dtype.is_string:
        raise errors.DtypeError("A string tensor lives on the host; XLA has no strings.")
    if not isinstance(tensor._array, jax.Array):
        with compat.enable_x64(True):
            tensor._array = jax.device_put(tensor._array)
    return tensor._array


class SymbolicTensor(Tensor):
    """A tensor inside a trace: it stands for `value`, an SSA value of the graph that `trace` is building."""

    __slots__ = ("value", "trace", "_origin", "_keras_mask", "__weakref__")

    def __init__(self, value: Value, trace: Any):
        self.value = value
        self.trace = trace

    @property
    def type(self) -> TensorType:  # type: ignore[override]
        return self.value.type

    @property
    def known(self) -> Any:
        """The value as far as it is made of sizes, or None."""
        return self.value.known

    @property
    def name(self) -> str:
        """The name of the operation that produces the tensor, and the place among its results."""
        producer = self.value.producer
        return f"{producer.op.name if producer else self.value.name}:{self.value.index}"

    @property
    def graph(self) -> Any:
        """The graph being traced."""
        return self.trace

    def _refuse(self, what: str, instead: str) -> Any:
        why = self.trace.why_plain()
        raise errors.StagingError(
            f"{what} needs the value of a tensor, but inside `@function` this tensor stands for a value that is "
            f"only known when the compiled program runs. Received: {self!r}. {why}{instead}",
            see="not-converted" if why else None)

    def __bool__(self) -> bool:
        return self._refuse("A Python condition (`if`, `while`, `and`, `or`, `not`, `assert`)",
                            "Use `tf.where(condition, a, b)` or `tf.cond`, or run without `@function`.")

    def __int__(self) -> int:
        return self._refuse("`int()`", "Use `tf.cast(x, tf.int32)`.")

    def __float__(self) -> float:
        return self._refuse("`float()`", "Use `tf.cast(x, tf.float32)`.")

    def __complex__(self) -> complex:
        return self._refuse("`complex()`", "Use `tf.cast(x, tf.complex64)`.")

    def __index__(self) -> int:
        return self._refuse("A Python index or `range()`", "Use `tf.gather` or `tf.range`.")

    def __iter__(self) -> Iterator[Any]:
        if not self.type.shape:
            raise errors.DtypeError("A scalar tensor cannot be iterated over.")
        if not isinstance(self.type.shape[0], int):
            self._refuse("A Python loop over a tensor of open length", "Use a `for` statement, or `tf.map_fn`.")
        return iter(TABLE["unstack"](self))

    def numpy(self) -> Any:
        """Not available inside a trace."""
        return self._refuse("`.numpy()`", "Return the tensor from the function and read it outside.")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self._refuse("NumPy", "Use the function of the same name in treadle, or `tf.numpy_function`.")

    def __jax_array__(self) -> Any:
        return self._refuse("A JAX function", "Call it through `tf.jax_call(function, x)`.")

    def __str__(self) -> str:
        return f'Tensor("{self.name}", shape={self.shape}, dtype={self.dtype.name})'

    def __repr__(self) -> str:
        return f"<tf.Tensor '{self.name}' shape={self.shape} dtype={self.dtype.name}>"

    def __deepcopy__(self, memo: Any) -> SymbolicTensor:
        return self

    def __reduce__(self) -> Any:
        return self._refuse("Pickling", "Return the tensor from the function first.")


errors.shield_methods(Typed, Tensor, EagerTensor, SymbolicTensor)
