"""Making tensors: `constant`, and questions about tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from treadle.ir import dtypes, errors
from treadle.ir.interpreter import interpreting
from treadle.ir.operators import TABLE
from treadle.runtime import convert
from treadle.runtime.eager import EAGER
from treadle.runtime.interpreter import current
from treadle.runtime.tensor import EagerTensor, SymbolicTensor, Tensor
from treadle.runtime.tensor_shape import TensorShape
from treadle.runtime.variable import Variable


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str = "Const") -> Tensor:
    """A tensor with the given value, converted to `dtype`; a single value is repeated to fill `shape`.

    Raises:
        DtypeError: `value` cannot become a tensor of `dtype`.
        InvalidArgumentError: `value` does not have as many elements as `shape`.

    >>> import treadle as tf
    >>> tf.constant([1, 2, 3, 4], dtype=tf.float32, shape=[2, 2])
    <tf.Tensor: shape=(2, 2), dtype=float32, numpy=
    array([[1., 2.],
           [3., 4.]], dtype=float32)>
    """
    try:
        wanted = None if dtype is None else dtypes.as_dtype(dtype)
        if isinstance(value, Tensor) or hasattr(value, "_as_tensor"):
            tensor = convert.convert_to_tensor(value)
            if wanted is not None and tensor.dtype is not wanted:
                tensor = TABLE["cast"](tensor, wanted)
        else:
            tensor = convert.convert_to_tensor(value, wanted)
        if shape is None:
            return tensor
        sizes = tuple(TensorShape(shape).as_list())
        if tensor.type.shape == sizes:
            return tensor
        count = TensorShape(shape).num_elements()
        if tensor.type.count == count:
            return TABLE["reshape"](tensor, shape=sizes)
        if tensor.type.count == 1:
            return TABLE["broadcast_to"](TABLE["reshape"](tensor, shape=()), shape=sizes)
        raise errors.InvalidArgumentError(
            f"The value has {tensor.type.count} elements, which do not fill the shape {TensorShape(shape)}.")
    except Exception as error:
        errors.hide_frames(error)
        raise


def is_tensor(x: Any) -> bool:
    """True for tensors and variables."""
    return isinstance(x, (Tensor, Variable))


def is_symbolic_tensor(x: Any) -> bool:
    """True for a tensor inside a trace."""
    return isinstance(x, SymbolicTensor)


def get_static_value(tensor: Any, partial: bool = False) -> Any:
    """The value as a NumPy array if it is known already, else None."""
    if isinstance(tensor, EagerTensor):
        return tensor.numpy()
    known = getattr(tensor, "known", None)
    if known is None or not all(isinstance(k, (int, np.integer)) for k in known.flat):
        return None
    return known.astype(tensor.dtype.numpy)


def executing_eagerly() -> bool:
    """True unless a function is being traced."""
    return current() is EAGER


def init_scope() -> Any:
    """A context whose code runs eagerly, also while a function is being traced."""
    return interpreting(EAGER)


class IndexedSlices:
    """Rows `values` at `indices` of a larger tensor, for `Variable.scatter_add` and its relatives. Gradients are dense.

    >>> import treadle as tf
    >>> v = tf.Variable([0.0, 0.0, 0.0])
    >>> v.scatter_add(tf.IndexedSlices(tf.constant([5.0]), tf.constant([1]))).numpy().tolist()
    [0.0, 5.0, 0.0]
    """

    def __init__(self, values: Any, indices: Any, dense_shape: Any = None):
        self.values = convert.convert_to_tensor(values)
        self.indices = convert.convert_to_tensor(indices)
        self.dense_shape = None if dense_shape is None else convert.convert_to_tensor(dense_shape)

    @property
    def dtype(self) -> dtypes.DType:
        """The dtype of `values`."""
        return self.values.dtype

    def __repr__(self) -> str:
        return f"IndexedSlices(indices={self.indices!r}, values={self.values!r}, dense_shape={self.dense_shape!r})"


errors.shield(globals())
