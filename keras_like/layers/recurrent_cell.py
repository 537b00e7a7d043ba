"""What the built-in recurrent cells share: kernels for inputs and states, a bias, and units dropped alike at each step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import treadle as tf
from treadle.keras_like.core.random import SeedGenerator, dropout
from treadle.keras_like.layers.arguments import positive
from treadle.keras_like.layers.built_in import BuiltIn


class Dropped(NamedTuple):
    """Factors for inputs and states: none, one for all gates, or one for each gate."""

    inputs: list[Any]
    states: list[Any]


NOTHING = Dropped([], [])


class RecurrentCell(BuiltIn):
    """One step: `project` multiplies the inputs with the kernel, `step` does the rest.

    `project` knows nothing of the states, so `RNN` calls it once for all steps of a sequence.
    """

    casts_integers = True

    gates = 1
    use_bias: bool
    bias: Any

    def _keep_cell(self, units: int, arguments: dict[str, Any], seed: Any, dropout: float, recurrent_dropout: float) -> None:
        self.units = positive(units, "units")
        self._keep(arguments)
        self.dropout, self.recurrent_dropout = min(1.0, max(0.0, dropout)), min(1.0, max(0.0, recurrent_dropout))
        self.seed = seed
        self.seed_generator = SeedGenerator(seed) if self.dropout or self.recurrent_dropout else None
        self._dropped: Dropped | None = None

    @property
    def state_size(self) -> Any:
        """The size of the state."""
        return self.units

    @property
    def output_size(self) -> int:
        """The size of the output."""
        return self.units

    def build(self, input_shape: Any) -> None:
        self.kernel = self._weight("kernel", (input_shape[-1], self.units * self.gates))
        self.recurrent_kernel = self._weight("recurrent_kernel", (self.units, self.units * self.gates), "recurrent")
        self.bias = self._bias() if self.use_bias else None
        self._built = True

    def _bias(self) -> Any:
        return self._weight("bias", (self.units * self.gates,))

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """Zeros, one tensor for each state."""
        sizes = self.state_size if isinstance(self.state_size, list) else [self.state_size]
        return [tf.zeros((batch_size, size), dtype=self.compute_dtype) for size in sizes]

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        several = isinstance(states, (list, tuple))
        given = list(states) if several else [states]
        if self._dropped is not None:
            output, fresh = self.step(self.project(inputs), given)
        else:
            with self.dropping(inputs, given, training):
                output, fresh = self.step(self.project(inputs), given)
        return output, fresh if several else fresh[0]

    def project(self, inputs: Any) -> Any:
        """inputs @ kernel + bias, for one step or for many."""
        x = gate_product(inputs, self.kernel, self._now.inputs)
        return x if self.bias is None else x + self.bias

    def step(self, x: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """(output, new states) from the projected inputs and the states. Defined by subclasses."""
        raise tf.errors.UnimplementedError(f"`{type(self).__name__}` does not define `step`.")

    def whole(self, rows: Any, states: list[Any]) -> tuple[Any, list[Any]] | None:
        """(all outputs, last states) for all rows, projected inputs with time first, if one operation computes them."""
        return None

    # --- dropout ---

    @property
    def _now(self) -> Dropped:
        return NOTHING if self._dropped is None else self._dropped

    @contextmanager
    def dropping(self, inputs: Any, states: Any, training: bool) -> Iterator[None]:
        """A context in which the same units are dropped at each step; `inputs` and `states` show their shapes."""
        before, self._dropped = self._dropped, self._draw(inputs, states, training)
        try:
            yield
        finally:
            self._dropped = before

    def _draw(self, inputs: Any, states: Any, training: bool) -> Dropped:
        if not training or self.seed_generator is None:
            return NOTHING
        # As in Keras, gates lose different units only if states are dropped, too.
        count = self.gates if self.recurrent_dropout else 1
        state = states[0] if isinstance(states, (list, tuple)) else states
        return Dropped(self._factors(inputs, self.dropout, count), self._factors(state, self.recurrent_dropout, self.gates))

    def _factors(self, like: Any, rate: float, count: int) -> list[Any]:
        """`count` times 0 or 1 / (1 - rate) for each element; none for rate 0 (and, as in Keras, for rate 1)."""
        ones = tf.ones_like(like)
        return [dropout(ones, rate, seed=self.seed_generator) for _ in range(count)] if 0.0 < rate < 1.0 else []


def gate_product(x: Any, kernel: Any, factors: list[Any]) -> Any:
    """x @ kernel; with a factor for each gate, x is multiplied with it before that gate's part of the kernel."""
    kernel = tf.convert_to_tensor(kernel)
    if len(factors) > 1:
        parts = tf.split(kernel, len(factors), axis=-1)
        return tf.concat([_product(x * f, part) for f, part in zip(factors, parts)], axis=-1)
    return _product(x * factors[0] if factors else x, kernel)


def _product(x: Any, kernel: Any) -> Any:
    return tf.matmul(x, kernel) if x.shape.rank == 2 else tf.tensordot(x, kernel, axes=1)
