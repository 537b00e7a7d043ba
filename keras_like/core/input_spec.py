"""`InputSpec`: what a layer expects its inputs to be, and the check that they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import treadle as tf


class InputSpec:
    """The dtype, rank and sizes of one input of a layer; what is None is not checked.

    A layer has them in `input_spec`: one, or a list of them for a list of inputs. They are checked at each call.

    Args:
        dtype: the dtype.
        shape: the shape, the batch's axis included, with None for open sizes.
        ndim, min_ndim, max_ndim: the rank, and its bounds.
        axes: {axis: size}; negative axes count from the end.
        allow_last_axis_squeeze: a last axis of size 1 may be missing, or be there in addition.
        name: the input's key where inputs are given as a dict.
        optional: None may be given.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> class Halves(keras.layers.Layer):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.input_spec = keras.InputSpec(ndim=2, axes={-1: 4})
    ...     def call(self, inputs):
    ...         return inputs[:, :2], inputs[:, 2:]
    >>> try:
    ...     Halves()(tf.ones([2, 3]))
    ... except ValueError as error:
    ...     print(error.message)
    The layer 'halves' (Halves) takes inputs whose last axis has the size 4. Received: an input of shape (2, 3).
    """

    def __init__(self, dtype: Any = None, shape: Any = None, ndim: int | None = None, max_ndim: int | None = None,
                 min_ndim: int | None = None, axes: Mapping[int, int | None] | None = None,
                 allow_last_axis_squeeze: bool = False, name: str | None = None, optional: bool = False):
        self.dtype = None if dtype is None else tf.as_dtype(dtype).name
        self.shape = None if shape is None else tuple(shape)
        self.ndim = ndim if self.shape is None else len(self.shape)
        self.max_ndim, self.min_ndim = max_ndim, min_ndim
        self.allow_last_axis_squeeze, self.name, self.optional = allow_last_axis_squeeze, name, optional
        try:
            self.axes = {int(axis): size for axis, size in (axes or {}).items()}
        except (AttributeError, TypeError, ValueError):
            raise tf.errors.DtypeError(f"`axes` is a dict from axes to sizes. Received: axes={axes!r}.") from None
        highest = self.ndim or self.max_ndim
        if self.axes and highest is not None and max(self.axes) >= highest:
            raise tf.errors.InvalidArgumentError(
                f"Inputs of at most {highest} axes have no axis {max(self.axes)}. Received: axes={axes!r}.")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"dtype": self.dtype, "shape": self.shape, "ndim": self.ndim, "max_ndim": self.max_ndim,
                "min_ndim": self.min_ndim, "axes": self.axes, "optional": self.optional}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> InputSpec:
        """The spec of a configuration."""
        return cls(**config)

    def __repr__(self) -> str:
        parts = [f"{key}={value}" for key, value in self.get_config().items() if value and key != "optional"]
        return f"InputSpec({', '.join(parts)})"

    def objection(self, shape: Sequence[int | None], dtype: Any) -> str | None:
        """What an input of this shape and dtype should have been, or None if it fits."""
        rank = len(shape)
        if self.ndim is not None and rank != self.ndim and not self.allow_last_axis_squeeze:
            return f"with {self.ndim} axes, the batch's included"
        if self.min_ndim is not None and rank < self.min_ndim:
            return f"with at least {self.min_ndim} axes, the batch's included"
        if self.max_ndim is not None and rank > self.max_ndim:
            return f"with at most {self.max_ndim} axes, the batch's included"
        if self.dtype is not None and dtype is not None and tf.as_dtype(dtype).name != self.dtype:
            return f"of dtype {self.dtype}"
        for axis, size in self.axes.items():
            if not -rank <= axis < rank:
                return f"with an axis {axis}"
            if size is not None and shape[axis] not in (size, None):
                return f"whose {'last axis' if axis == -1 else f'axis {axis}'} has the size {size}"
        if self.shape is not None and not _fits(self.shape, shape, self.allow_last_axis_squeeze):
            return f"of shape {self.shape}"
        return None


def _fits(wanted: Any, shape: Any, squeeze: bool) -> bool:
    if squeeze:
        wanted, shape = (s[:-1] if len(s) and s[-1] == 1 else s for s in (wanted, shape))
    return len(wanted) == len(shape) and all(a is None or b is None or a == b for a, b in zip(wanted, shape))


def check_inputs(layer: Any, inputs: Any) -> None:
    """Raise InvalidArgumentError (DtypeError for a dtype) unless the inputs are as `layer.input_spec` says."""
    spec = layer.input_spec
    if isinstance(spec, InputSpec) and isinstance(inputs, tf.Tensor):
        _check(layer, spec, inputs)
        return
    specs = tf.nest.flatten(spec)
    if isinstance(inputs, Mapping) and all(one is not None and one.name for one in specs):
        missing = [one.name for one in specs if one.name not in inputs]
        if missing:
            raise tf.errors.InvalidArgumentError(
                f"{_title(layer)} needs the inputs {[one.name for one in specs]}. Received: {list(inputs)}.")
        inputs = [inputs[one.name] for one in specs]
    given = tf.nest.flatten(inputs)
    for value in given:
        if value is not None and not hasattr(value, "shape"):
            raise tf.errors.DtypeError(
                f"{_title(layer)} takes tensors or arrays. Received: {inputs!r}, with a {type(value).__name__} in it. Make a "
                "tensor of it with `tf.constant`.")
    if len(given) != len(specs):
        raise tf.errors.InvalidArgumentError(
            f"{_title(layer)} takes {len(specs)} input{'s' if len(specs) > 1 else ''}. Received: {len(given)}: {inputs!r}.")
    for one, value in zip(specs, given):
        if one is not None and not (value is None and one.optional):
            if value is None:
                raise tf.errors.InvalidArgumentError(f"{_title(layer)} needs all its inputs. Received: {inputs!r}.")
            _check(layer, one, value)


def _check(layer: Any, spec: InputSpec, value: Any) -> None:
    shape = tf.TensorShape(value.shape).as_list()
    wanted = spec.objection(shape, value.dtype)
    if wanted is None:
        return
    if wanted.startswith("of dtype"):
        raise tf.errors.DtypeError(
            f"{_title(layer)} takes inputs {wanted}. Received: an input of dtype {tf.as_dtype(value.dtype).name}.")
    raise _wrong_shape(layer, wanted, shape)


def check_shape(layer: Any, shape: Any) -> None:
    """Raise InvalidArgumentError unless an input of this shape is as `layer.input_spec` says."""
    if isinstance(layer.input_spec, InputSpec):
        wanted = layer.input_spec.objection(list(shape), None)
        if wanted is not None:
            raise _wrong_shape(layer, wanted, shape)


def _wrong_shape(layer: Any, wanted: str, shape: Any) -> Exception:
    return tf.errors.InvalidArgumentError(
        f"{_title(layer)} {'was built for' if layer.built else 'takes'} inputs {wanted}. Received: an input of shape "
        f"{tuple(shape)}.")


def _title(layer: Any) -> str:
    return f"The layer {layer.name!r} ({type(layer).__name__})"
