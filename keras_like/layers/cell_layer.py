"""`CellLayer`: a recurrent layer that makes its own cell and takes the cell's arguments."""

from __future__ import annotations

import functools
import inspect
from typing import Any

from treadle.keras_like.core.input_spec import InputSpec
from treadle.keras_like.layers.recurrent_cell import RecurrentCell
from treadle.keras_like.layers.rnn import RNN


class CellLayer(RNN):
    """An `RNN` of `cell_type`; the cell's arguments can be read as attributes of the layer."""

    casts_integers = True

    cell_type: type[RecurrentCell]
    cell_name: str
    rank = 0  # of one step, without batch and features

    def _with_cell(self, arguments: dict[str, Any]) -> None:
        """Make the cell from the constructor's arguments (its `locals()`), and start as an `RNN` of that cell."""
        rest = dict(arguments["kwargs"])
        rest.pop("implementation", None)  # ways of computing the same values in older versions
        own = {name: arguments[name] for name in _cell_arguments(self.cell_type)}  # type: ignore[arg-type]  # a class hashes
        shared = {name: rest[name] for name in ("dtype", "trainable") if name in rest}
        cell = self.cell_type(**own, **shared, name=self.cell_name)
        loop = {name: arguments[name] for name in (
            "return_sequences", "return_state", "go_backwards", "stateful", "unroll") if name in arguments}
        RNN.__init__(self, cell, **loop, activity_regularizer=arguments["activity_regularizer"], **rest)
        self.input_spec = InputSpec(ndim=self.rank + 3)

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        super().build(sequences_shape, initial_state_shape)
        self.input_spec = InputSpec(shape=(None, None, *sequences_shape[2:]))

    def __getattr__(self, name: str) -> Any:
        if name in _cell_arguments(type(self).cell_type) and "cell" in vars(self):  # type: ignore[arg-type]  # a class hashes
            return getattr(self.cell, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "unroll": self.unroll, "zero_output_for_mask": self.zero_output_for_mask}
        config.pop("use_cudnn", None)
        return config


@functools.lru_cache(maxsize=64)
def _cell_arguments(kind: type) -> tuple[str, ...]:
    parameters = inspect.signature(kind.__init__).parameters  # type: ignore[misc]
    return tuple(name for name in parameters if name not in ("self", "kwargs"))
