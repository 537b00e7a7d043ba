"""`StackedRNNCells`: cells on top of one another, as one cell."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import treadle as tf
from treadle.keras_like.core.descriptions import as_config
from treadle.keras_like.layers.built_in import BuiltIn
from treadle.keras_like.layers.recurrent_cell import RecurrentCell
from treadle.keras_like.layers.wrapper import build_once, restored


class StackedRNNCells(BuiltIn):
    """Cells, each on the output of the one before. The states are a list with an entry for each cell.

    Args:
        cells: the cells; see `RNN` for what a cell is.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> cells = keras.layers.StackedRNNCells([keras.layers.LSTMCell(4), keras.layers.LSTMCell(2)])
    >>> keras.layers.RNN(cells)(tf.ones([3, 5, 2])).shape
    TensorShape([3, 2])
    """

    def __init__(self, cells: Sequence[Any], **kwargs: Any):
        super().__init__(**kwargs)
        self.cells = [require_cell(cell) for cell in cells]

    @property
    def state_size(self) -> list[Any]:
        """The sizes of the cells' states."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> Any:
        """The size of the last cell's output."""
        return output_size_of(self.cells[-1])

    def build(self, input_shape: Any) -> None:
        for cell in self.cells:
            build_once(cell, input_shape)
            input_shape = (tf.nest.flatten(input_shape)[0], output_size_of(cell))
        self._built = True

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """The states to begin with, an entry for each cell."""
        return [initial_state_of(cell, batch_size, as_list=False) for cell in self.cells]

    def call(self, inputs: Any, states: Any, training: bool = False, **kwargs: Any) -> Any:
        found = []
        for cell, state in zip(self.cells, states):
            several = isinstance(state, (list, tuple))
            call = cell if callable(cell) else cell.call
            inputs, fresh = call(inputs, list(state) if several else [state], **kwargs)
            found.append(fresh[0] if isinstance(fresh, (list, tuple)) and len(fresh) == 1 and not several else fresh)
        return inputs, found

    @contextmanager
    def dropping(self, inputs: Any, states: Any, training: bool) -> Iterator[None]:
        """A context in which each cell drops the same units at each step."""
        with ExitStack() as stack:
            for cell, state in zip(self.cells, states):
                if isinstance(cell, RecurrentCell):
                    stack.enter_context(cell.dropping(inputs, state, training))
                    inputs = tf.zeros((tf.shape(inputs)[0], output_size_of(cell)), dtype=inputs.dtype)
                elif training:  # the sizes of what follows are not known beforehand: their masks differ from step to step
                    break
            yield

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "cells": [as_config(cell) for cell in self.cells]}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        return super().from_config({**config, "cells": [restored(cell, custom_objects) for cell in config["cells"]]})


def require_cell(cell: Any) -> Any:
    """`cell`, or InvalidArgumentError if it lacks what a cell must have."""
    for attribute in ("call", "state_size"):
        if attribute not in dir(cell):
            raise tf.errors.InvalidArgumentError(
                f"A cell has a method `call(inputs, states)` and an attribute `state_size`. Received: {cell!r}, without "
                f"`{attribute}`.")
    return cell


def output_size_of(cell: Any) -> Any:
    """The size of a cell's output: that of its first state if it does not say."""
    size = getattr(cell, "output_size", None)
    if size is None:
        size = cell.state_size
        size = size[0] if isinstance(size, (list, tuple)) else size
    return size


def initial_state_of(cell: Any, batch_size: Any, as_list: bool) -> Any:
    """A cell's own initial state, or zeros of its sizes. `as_list`: a list even for one state."""
    own = getattr(cell, "get_initial_state", None)
    dtype = getattr(cell, "compute_dtype", "float32")
    if own is not None:
        wanted = inspect.signature(own).parameters  # cells of tf.keras 2 take a dtype
        state = own(batch_size=batch_size, **({"dtype": dtype} if "dtype" in wanted else {}))
    else:
        state = _zeros(cell.state_size, batch_size, dtype)
    if isinstance(state, (list, tuple)):
        return list(state)
    return [state] if as_list else state


def _zeros(size: Any, batch_size: Any, dtype: Any) -> Any:
    if isinstance(size, (list, tuple)):
        return [_zeros(s, batch_size, dtype) for s in size]
    sizes = size.as_list() if isinstance(size, tf.TensorShape) else [size]
    return tf.zeros((batch_size, *sizes), dtype=dtype)
