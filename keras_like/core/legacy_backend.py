"""`keras.backend` of Keras 2: names that its code used, where `keras.ops` spells them or their defaults in another way."""

from __future__ import annotations

from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core import random
from treadle.keras_like.core.policy import floatx
from treadle.keras_like.core.variable import Variable
from treadle.keras_like.ops import numpy_reductions, numpy_shapes
from treadle.keras_like.ops.nn_ctc import ctc_decode as decode
from treadle.keras_like.ops.nn_ctc import ctc_loss
from treadle.keras_like.ops.promotion import tensor

# --- values and variables ---------------------------------------------------------------------------------------------


def variable(value: Any, dtype: Any = None, name: str | None = None, constraint: Any = None) -> Variable:
    """A variable of that value."""
    made = Variable(value, dtype=dtype or floatx(), name=name)
    made.constraint = constraint
    return made


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str | None = None) -> Any:
    """A constant of a dtype (default: `floatx()`), repeated to a shape."""
    found = tensor(value, dtype or floatx())
    return found if shape is None else tf.broadcast_to(found, shape)


def get_value(x: Any) -> Any:
    """A variable's or tensor's value, as NumPy.

    >>> from treadle import keras
    >>> keras.backend.get_value(keras.Variable([1.0])).tolist()
    [1.0]
    """
    return x.numpy() if hasattr(x, "numpy") else x


def set_value(x: Any, value: Any) -> None:
    """Give a variable a value."""
    x.assign(np.asarray(value, x.dtype.as_numpy_dtype))


def batch_get_value(tensors: Any) -> list[Any]:
    """The values of variables, as NumPy."""
    return [get_value(t) for t in tensors]


def batch_set_value(tuples: Any) -> None:
    """Give variables values: pairs (variable, value)."""
    for x, value in tuples:
        set_value(x, value)


def update(x: Any, new_x: Any) -> Any:
    """Assign to a variable."""
    return x.assign(new_x)


def update_add(x: Any, increment: Any) -> Any:
    """Add to a variable."""
    return x.assign_add(increment)


def update_sub(x: Any, decrement: Any) -> Any:
    """Subtract from a variable."""
    return x.assign_sub(decrement)


def int_shape(x: Any) -> tuple[Any, ...]:
    """The sizes, with None for open ones."""
    return tuple(tensor(x).shape.as_list())


def shape(x: Any) -> Any:
    """The sizes, as a tensor."""
    return tf.shape(tensor(x))


def is_float_dtype(dtype: Any) -> bool:
    """True for a floating dtype."""
    return tf.as_dtype(dtype).is_floating


def is_int_dtype(dtype: Any) -> bool:
    """True for an integer dtype."""
    return tf.as_dtype(dtype).is_integer


# --- functions with other defaults ------------------------------------------------------------------------------------


def argmax(x: Any, axis: int = -1) -> Any:
    """The place of the largest element along `axis`."""
    return numpy_reductions.argmax(x, axis)


def argmin(x: Any, axis: int = -1) -> Any:
    """The place of the smallest element along `axis`."""
    return numpy_reductions.argmin(x, axis)


def concatenate(tensors: Any, axis: int = -1) -> Any:
    """Tensors one after the other along `axis`."""
    return numpy_shapes.concatenate(tensors, axis)


def cumsum(x: Any, axis: int = 0) -> Any:
    """The sums of the elements so far along `axis`."""
    return numpy_reductions.cumsum(x, axis)


def expand_dims(x: Any, axis: int = -1) -> Any:
    """A new axis of size 1."""
    return numpy_shapes.expand_dims(x, axis)


def flatten(x: Any) -> Any:
    """All elements in a row."""
    return numpy_shapes.ravel(x)


def batch_flatten(x: Any) -> Any:
    """All elements of each row in a row."""
    x = tensor(x)
    return tf.reshape(x, [-1, int(np.prod(x.shape.as_list()[1:]))])


def permute_dimensions(x: Any, pattern: Any) -> Any:
    """The axes in another order."""
    return numpy_shapes.transpose(x, pattern)


def repeat_elements(x: Any, rep: int, axis: int) -> Any:
    """Each element so many times in a row."""
    return numpy_shapes.repeat(x, rep, axis)


def repeat(x: Any, n: int) -> Any:
    """[batch, units] -> [batch, n, units]."""
    return tf.repeat(tensor(x)[:, None, :], n, axis=1)


def gather(reference: Any, indices: Any) -> Any:
    """The rows at places."""
    return tf.gather(tensor(reference), indices)


def pow(x: Any, a: Any) -> Any:
    """x to the power a."""
    x = tensor(x)
    return tf.pow(x, tensor(a, x.dtype))


def l2_normalize(x: Any, axis: Any = None) -> Any:
    """x over the square root of its sum of squares along `axis`."""
    return tf.math.l2_normalize(tensor(x), axis=axis)


def switch(condition: Any, then_expression: Any, else_expression: Any) -> Any:
    """One expression or the other (functions are called), by a scalar; element by element, by a tensor."""
    condition = tf.cast(tensor(condition), "bool")
    if condition.shape.rank == 0 and callable(then_expression) and callable(else_expression):
        return tf.cond(condition, then_expression, else_expression)
    then, other = (e() if callable(e) else e for e in (then_expression, else_expression))
    return tf.where(condition, then, other)


def print_tensor(x: Any, message: str = "") -> Any:
    """x, which is printed on the way."""
    x = tensor(x)
    tf.print(message, x)
    return x


# --- random numbers ---------------------------------------------------------------------------------------------------


def random_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Normal numbers; see `keras.random.normal`."""
    return random.normal(shape, mean, stddev, dtype, seed)


def random_uniform(shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Uniform numbers; see `keras.random.uniform`."""
    return random.uniform(shape, minval, maxval, dtype, seed)


def truncated_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Normal numbers within two standard deviations; see `keras.random.truncated_normal`."""
    return random.truncated_normal(shape, mean, stddev, dtype, seed)


# --- sequences --------------------------------------------------------------------------------------------------------


def ctc_batch_cost(y_true: Any, y_pred: Any, input_length: Any, label_length: Any) -> Any:
    """-log(probability of the labels): [batch, labels], probabilities [batch, time, classes] -> [batch, 1].

    The last class stands for "no label". Lengths have the shape [batch, 1].
    """
    y_pred = tensor(y_pred)
    logits = tf.math.log(y_pred + 1e-7)
    cost = ctc_loss(tf.maximum(tensor(y_true, "int32"), 0), logits, tf.reshape(tensor(label_length, "int32"), [-1]),
                    tf.reshape(tensor(input_length, "int32"), [-1]), mask_index=y_pred.shape[-1] - 1)
    return cost[:, None]


def ctc_decode(y_pred: Any, input_length: Any, greedy: bool = True, beam_width: int = 100, top_paths: int = 1) -> Any:
    """([the likeliest labels [batch, time], filled up with -1, for each path], scores) of probabilities.

    The last class stands for "no label".
    """
    logits = tf.math.log(tensor(y_pred) + 1e-7)
    paths, scores = decode(logits, tf.reshape(tensor(input_length, "int32"), [-1]), "greedy" if greedy else "beam_search",
                           beam_width, top_paths, mask_index=None)
    return tf.unstack(paths), scores
