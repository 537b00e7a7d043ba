"""`keras.ops.vectorize`: a function of single elements (or vectors, matrices) made one of tensors."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.ops.numpy_shapes import sizes_of
from treadle.keras_like.ops.operation import operation
from treadle.keras_like.ops.promotion import tensor


def vectorize(pyfunc: Callable, *, excluded: Any = None, signature: str | None = None) -> Callable:
    """A function of tensors that calls `pyfunc` on each element, all at the same time; arguments are broadcast.

    Args:
        excluded: positions or names of arguments that are passed on as they are.
        signature: what one call takes and returns, if not scalars: "(n),(n)->()" takes two vectors, returns a scalar.

    >>> from treadle import keras
    >>> norm = keras.ops.vectorize(lambda v: keras.ops.sum(v * v), signature="(n)->()")
    >>> norm(keras.ops.ones((2, 3))).numpy().tolist()
    [3.0, 3.0]
    """
    apart = set(excluded or ())
    ranks = None
    if signature is not None:
        if not re.fullmatch(r"\s*(\([\w,\s]*\)\s*,?\s*)*->\s*(\([\w,\s]*\)\s*,?\s*)+", signature):
            raise tf.errors.InvalidArgumentError(
                f"A signature looks like '(n),(n,m)->(m)'. Received: signature={signature!r}.")
        ranks = [len([n for n in part.split(",") if n.strip()])
                 for part in re.findall(r"\(([^)]*)\)", signature.split("->")[0])]

    @operation
    @functools.wraps(pyfunc)
    def vectorized(*args: Any, **kwargs: Any) -> Any:
        places = [i for i in range(len(args)) if i not in apart]
        names = [n for n in kwargs if n not in apart]
        given = [tensor(args[i]) for i in places] + [tensor(kwargs[n]) for n in names]
        kept = ranks or [0] * len(given)
        if len(kept) != len(given):
            raise tf.errors.InvalidArgumentError(f"The signature has {len(kept)} arguments. Received: {len(given)}.")
        lead = _broadcast([sizes_of(v)[:v.shape.rank - k] for v, k in zip(given, kept)])
        rows = [tf.reshape(tf.broadcast_to(v, [*lead, *sizes_of(v)[v.shape.rank - k:]]), [-1, *sizes_of(v)[v.shape.rank - k:]])
                for v, k in zip(given, kept)]

        def one(values: Any) -> Any:
            filled, named = list(args), dict(kwargs)
            for place, value in zip([*places, *names], values):
                if isinstance(place, int):
                    filled[place] = value
                else:
                    named[str(place)] = value
            return pyfunc(*filled, **named)

        if not lead:
            return one(given)
        found = tf.vectorized_map(one, tuple(rows))
        return tf.nest.map_structure(lambda v: tf.reshape(v, [*lead, *sizes_of(v)[1:]]), found)

    return vectorized


def _broadcast(shapes: list[list[Any]]) -> list[Any]:
    """The shape that all shapes fit."""
    if all(isinstance(n, int) for shape in shapes for n in shape):
        return list(np.broadcast_shapes(*map(tuple, shapes)))
    return max(shapes, key=len)
