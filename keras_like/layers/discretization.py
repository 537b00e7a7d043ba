"""`Discretization`: real numbers as the bins they fall into; the bins' edges may be quantiles of data."""

from __future__ import annotations

from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core.layer import Layer
from treadle.keras_like.layers.category_encoding import MODES, check_mode, encoded, encoded_shape, refuse_sparse
from treadle.keras_like.layers.data_layer import DataLayer, Edition, batches_of


class Discretization(DataLayer):
    """The number of the bin each input falls into: bin i holds bin_boundaries[i-1] <= x < bin_boundaries[i].

    Args:
        bin_boundaries: the edges between bins, in rising order: n of them make n + 1 bins.
        num_bins: in their place: how many bins `adapt` finds, each with about equally many of the data.
        epsilon: how exact the quantiles are that `adapt` finds. Default 0.01.
        output_mode: "int" (default, int32), "one_hot", "multi_hot" or "count", as `CategoryEncoding` has them.
        sparse: not offered.

    >>> from treadle import keras
    >>> layer = keras.layers.Discretization(bin_boundaries=[0.0, 1.0, 2.0])
    >>> layer([[-1.5, 1.0, 3.4, 0.5]]).numpy().tolist()
    [[0, 2, 3, 1]]
    """

    def __init__(self, bin_boundaries: Any = None, num_bins: int | None = None, epsilon: float = 0.01,
                 output_mode: str = "int", sparse: bool = False, dtype: Any = None, name: str | None = None):
        super().__init__(name=name, dtype=dtype)
        refuse_sparse(self, sparse=sparse)
        if (bin_boundaries is None) == (num_bins is None):
            raise tf.errors.InvalidArgumentError(
                f"One of `bin_boundaries` and `num_bins` is given. Received: bin_boundaries={bin_boundaries}, "
                f"num_bins={num_bins}.")
        if num_bins is not None and num_bins < 0:
            raise tf.errors.InvalidArgumentError(f"`num_bins` is 0 or more. Received: num_bins={num_bins}.")
        self.bin_boundaries = None if bin_boundaries is None else np.asarray(bin_boundaries).tolist()
        self.num_bins, self.epsilon, self.sparse = num_bins, epsilon, False
        self.output_mode = check_mode(output_mode, ("int", *MODES))
        self._edition = Edition()
        self._summary: np.ndarray = np.zeros((2, 0), np.float32)

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Find boundaries so that each bin holds about equally many of the data.

        Args:
            data: an array, or batches: a data set, a list of arrays or a generator.
            steps: how many batches to take. Default: all.
        """
        self.reset_state()
        if isinstance(data, (list, tuple)) and data and np.ndim(data[0]):
            data = iter(data)
        for batch in batches_of(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Take more data into what is known of their distribution."""
        if self.num_bins is None:
            raise tf.errors.FailedPreconditionError(
                f"The layer {self.name!r} was given `bin_boundaries`, so there is nothing to adapt. Give `num_bins` instead.")
        summary = _summary(np.asarray(data, np.float32), self.epsilon)
        merged = np.concatenate([summary, self._summary], axis=1)
        self._summary = _compressed(merged[:, np.argsort(merged[0])], self.epsilon)

    def finalize_state(self) -> None:
        """Make the boundaries from what is known."""
        if self.num_bins is not None and self._summary.size:
            self.bin_boundaries = _compressed(self._summary, 1.0 / self.num_bins)[0, :-1].tolist()
            self._edition.change()

    def reset_state(self) -> None:
        """Forget the data."""
        self._summary = np.zeros((2, 0), np.float32)

    @property
    def output_dtype(self) -> str:
        """The dtype of the outputs."""
        return "int32" if self.output_mode == "int" else self.compute_dtype

    def call(self, inputs: Any) -> Any:
        if self.bin_boundaries is None:
            raise tf.errors.FailedPreconditionError(
                f"The layer {self.name!r} has no boundaries yet. Call `adapt(data)` first, or pass `bin_boundaries`.")
        self._edition.check(self)
        values = tf.cast(inputs, inputs.dtype if inputs.dtype.is_floating else "float32")
        edges = tf.constant(self.bin_boundaries, values.dtype)
        indices = tf.reshape(tf.searchsorted(edges, tf.reshape(values, [-1]), side="right"), tf.shape(values))
        return encoded(indices, self.output_mode, len(self.bin_boundaries) + 1, self.output_dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        depth = self.num_bins if self.bin_boundaries is None else len(self.bin_boundaries) + 1
        return encoded_shape(input_shape, self.output_mode, depth)

    def get_config(self) -> dict[str, Any]:
        names = ("bin_boundaries", "num_bins", "epsilon", "output_mode", "sparse", "name")
        return {name: getattr(self, name) for name in names} | {"dtype": Layer.get_config(self)["dtype"]}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        if config.get("bin_boundaries") is None or config.get("num_bins") is None:
            return super().from_config(config)
        layer = super().from_config({**config, "bin_boundaries": None})  # it was adapted
        layer.bin_boundaries = config["bin_boundaries"]
        return layer


# What is known of the data: values in rising order, and under each how many of the data it stands for.


def _summary(values: np.ndarray, epsilon: float) -> np.ndarray:
    values = np.sort(values, axis=None)
    step = max(values.size * epsilon, 1)
    chosen = values[int(step - 1)::int(step)]
    return np.stack([chosen, np.full_like(chosen, step)])


def _compressed(summary: np.ndarray, epsilon: float) -> np.ndarray:
    """At most 1 / epsilon values: those at equal shares of the weight, by linear interpolation."""
    if summary.shape[1] * epsilon < 1:
        return summary
    shares = epsilon + np.arange(0.0, 1.0, epsilon)
    weights = summary[1].cumsum()
    fractions = weights / weights[-1]
    totals = np.interp(shares, fractions, weights)
    return np.stack([np.interp(shares, fractions, summary[0]), np.diff(totals, prepend=0.0)]).astype(np.float32)
