"""`RNN`: a cell, applied to one time step after the other."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core.state import autocasting
from treadle.keras_like.core.variable import Variable
from treadle.keras_like.layers.built_in import BuiltIn
from treadle.keras_like.layers.recurrence import recur, time_major
from treadle.keras_like.layers.recurrent_cell import RecurrentCell
from treadle.keras_like.layers.stacked_rnn_cells import StackedRNNCells, initial_state_of, require_cell
from treadle.keras_like.layers.staged import Staged
from treadle.keras_like.layers.wrapper import build_once, restored


class _Untracked:
    """Holds variables that are no weights: the states of a stateful layer."""

    def __init__(self, variables: Any):
        self.variables = variables


class RNN(BuiltIn):
    """output, states = cell(inputs[:, t], states) for t = 0, 1, ...; [batch, time, ...] -> [batch, units].

    The loop is one operation of the compiled program, however long the sequences are.

    Args:
        cell: a layer with `state_size` (an integer, or a list of them) and `call(inputs, states)`, which returns the output
            and the list of new states; or a list of such cells, to be stacked. `output_size` and
            `get_initial_state(batch_size)` are used if it has them.
        return_sequences: return all outputs, [batch, time, units], in place of the last one.
        return_state: return the last states, too: a tuple of the output and each state.
        go_backwards: begin with the last step; the outputs come in that order.
        stateful: begin where the last batch ended, until `reset_state()`. The batch size must be known.
        unroll: put each step into the program instead of making a loop: quicker for a few steps.
        zero_output_for_mask: outputs of masked steps are zeros. Default: the output before.

    Called with `initial_state`, a list of tensors, `mask`, bool [batch, time] (false: the step changes nothing), and
    `training`.

    Raises InvalidArgumentError for a cell that is none, `unroll` of sequences of open length, or another batch size than
    that of the states.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> class Sum(keras.layers.Layer):
    ...     state_size = 1
    ...     def call(self, inputs, states):
    ...         total = states[0] + inputs
    ...         return total, [total]
    >>> keras.layers.RNN(Sum(), return_sequences=True)(tf.constant([[[1.0], [2.0], [3.0]]])).numpy().tolist()
    [[[1.0], [3.0], [6.0]]]
    """

    def __init__(self, cell: Any, return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False,
                 stateful: bool = False, unroll: bool = False, zero_output_for_mask: bool = False, **kwargs: Any):
        cell = StackedRNNCells(cell) if isinstance(cell, (list, tuple)) else require_cell(cell)
        super().__init__(**kwargs)
        self.cell = cell
        self.return_sequences, self.return_state, self.go_backwards = return_sequences, return_state, go_backwards
        self.stateful, self.unroll, self.zero_output_for_mask = stateful, unroll, zero_output_for_mask
        self.supports_masking = True
        self._kept: _Untracked | None = None
        self._staged = Staged()

    @property
    def state_size(self) -> list[Any]:
        """The sizes of the cell's states."""
        size = self.cell.state_size
        return list(size) if isinstance(size, (list, tuple)) else [size]

    # --- building ---

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        step_shape = _without_time(sequences_shape)
        build_once(self.cell, step_shape)
        if self.stateful and self._kept is None:
            batch = step_shape[0] if _is_shape(step_shape) else tf.nest.flatten(step_shape)[0]
            if batch is None:
                raise tf.errors.InvalidArgumentError(
                    f"The batch size of a stateful layer must be known. Received: sequences of shape {sequences_shape} for "
                    f"{self.name!r}. Give `keras.Input` a `batch_size`.")
            self._kept = _Untracked(tf.nest.map_structure(
                lambda value: Variable(value, trainable=False, dtype=self.variable_dtype, name="rnn_state"),
                self.get_initial_state(batch)))
        self._built = True

    def get_initial_state(self, batch_size: Any) -> list[Any]:
        """The states to begin with: the cell's own, or zeros."""
        return initial_state_of(self.cell, batch_size, as_list=True)

    @property
    def states(self) -> Any:
        """The states of a stateful layer, as variables; None before it is built."""
        return None if self._kept is None else self._kept.variables

    def reset_state(self, states: Any = None) -> None:
        """Set the states of a stateful layer to zeros, or to `states`, a list of arrays."""
        if self.states is None:
            return
        own = tf.nest.flatten(self.states)
        values = [np.zeros(v.shape.as_list()) for v in own] if states is None else tf.nest.flatten(states)
        if len(values) != len(own):
            raise tf.errors.InvalidArgumentError(f"The layer {self.name!r} has {len(own)} states. Received: {len(values)}.")
        for variable, value in zip(own, values):
            variable.assign(tf.cast(value, variable.dtype))

    reset_states = reset_state

    # --- calling ---

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False,
             constants: Any = None) -> Any:
        leaf = tf.nest.flatten(sequences)[0]
        if self.unroll and leaf.shape[1] is None:
            raise tf.errors.InvalidArgumentError(
                f"`unroll` needs sequences of known length. Received: sequences of shape {leaf.shape} for {self.name!r}.")
        if self.stateful:
            expected = tf.nest.flatten(self.states)[0].shape[0]
            if leaf.shape[0] is not None and leaf.shape[0] != expected:
                raise tf.errors.InvalidArgumentError(
                    f"The stateful layer {self.name!r} keeps states for batches of {expected}. Received: a batch of "
                    f"{leaf.shape[0]}.")
        states = self.states if initial_state is None and self.stateful else initial_state
        if states is None:
            states = self.get_initial_state(tf.shape(leaf)[0])
        states = list(states) if isinstance(states, (list, tuple)) else [states]
        dtype = getattr(self.cell, "compute_dtype", self.compute_dtype)
        states = tf.nest.map_structure(lambda s: _of_batch(tf.cast(s, dtype), leaf), states)
        masks = [m for m in tf.nest.flatten(mask) if m is not None]
        output, states = self._staged(self, self._run_steps, sequences, states, masks[0] if masks else None, bool(training),
                                      constants)
        if self.stateful:
            for variable, value in zip(tf.nest.flatten(self.states), tf.nest.flatten(states)):
                variable.assign(tf.cast(value, variable.dtype))
        return (output, *states) if self.return_state else output

    def _run_steps(self, sequences: Any, states: Any, mask: Any, training: bool, constants: Any) -> Any:
        """(the output, the last states) in the layer's compute dtype."""
        rows = tf.nest.map_structure(time_major, sequences)
        first = self._output_before(states)
        with self._dropping(rows, states, training):
            found = None
            if self._projects_at_once():
                with autocasting(self.cell.compute_dtype if self.cell.autocast else None):
                    rows = self.cell.project(rows)
                step = self._step_of_projected
                found = self._whole(rows, states, mask)
            else:
                step = self._step_with(constants)
            output, states = found or recur(
                step, rows, states, first, mask=None if mask is None else time_major(mask), reverse=self.go_backwards,
                unroll=self.unroll, every=self.return_sequences,
                zero_masked=self.zero_output_for_mask and self.return_sequences)
        if self.return_sequences:
            output = tf.nest.map_structure(time_major, output)
        return tf.nest.map_structure(lambda x: tf.cast(x, self.compute_dtype), (output, states))

    def _step_with(self, constants: Any) -> Any:
        named = {} if constants is None else {"constants": constants}
        call = self.cell if callable(self.cell) else self.cell.call
        return lambda row, states: call(row, states, **named)

    def _step_of_projected(self, row: Any, states: Any) -> Any:
        with autocasting(self.cell.compute_dtype if self.cell.autocast else None):
            return self.cell.step(row, states)

    def _whole(self, rows: Any, states: Any, mask: Any) -> Any:
        """(the output, the last states), if the cell computes whole sequences."""
        if mask is not None or self.unroll:
            return None
        with autocasting(self.cell.compute_dtype if self.cell.autocast else None):
            found = self.cell.whole(tf.reverse(rows, axis=[0]) if self.go_backwards else rows, states)
        return found if self.return_sequences or found is None else (found[1][0], found[1])

    def _projects_at_once(self) -> bool:
        """Whether the inputs of all steps can be multiplied with the kernel before the loop."""
        return isinstance(self.cell, RecurrentCell) and type(self.cell).call is RecurrentCell.call

    def _dropping(self, rows: Any, states: Any, training: bool) -> Any:
        """A context in which the cell drops the same units at each step."""
        if isinstance(self.cell, (RecurrentCell, StackedRNNCells)):
            return self.cell.dropping(tf.nest.flatten(rows)[0][0], states, training)
        return nullcontext()

    def _output_before(self, states: Any) -> Any:
        """What a masked first step repeats: the state, where it is like the output; else zeros."""
        state = states[0] if not isinstance(states[0], (list, tuple)) else states[-1][0]
        size = getattr(self.cell, "output_size", None)
        if size is None or isinstance(size, int) and state.shape.rank == 2 and state.shape[-1] == size:
            return state
        return initial_state_of(_Sized(size, state.dtype), tf.shape(state)[0], as_list=False)

    # --- masks, shapes, configuration ---

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        masks = [m for m in tf.nest.flatten(previous_mask) if m is not None]
        mask = masks[0] if masks and self.return_sequences else None
        return [mask, *(None for _ in tf.nest.flatten(self.state_size))] if self.return_state else mask

    def compute_output_shape(self, sequences_shape: Any, initial_state_shape: Any = None) -> Any:
        leading = sequences_shape if _is_shape(sequences_shape) else sequences_shape[0]
        batch, length = leading[0], leading[1]
        size = getattr(self.cell, "output_size", None)
        if size is None:
            size = self.state_size[0]
        time = (length,) if self.return_sequences else ()
        output = _shapes(size, (batch, *time))
        return (output, *(_shapes(s, (batch,)) for s in self.state_size)) if self.return_state else output

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        if "cell" in config:
            config = {**config, "cell": restored(config["cell"], custom_objects)}
        return super().from_config(config)


class _Sized:
    """Stands for a cell: says the size of what is to be zeros."""

    def __init__(self, state_size: Any, dtype: Any):
        self.state_size, self.compute_dtype = state_size, dtype


def _of_batch(state: Any, sequences: Any) -> Any:
    """A state whose batch size is the sequences' where one of them is open: symbolic inputs do not say that they agree."""
    if state.shape.rank == 0 or None not in (state.shape[0], sequences.shape[0]):
        return state
    return tf.reshape(state, [tf.shape(sequences)[0], *state.shape.as_list()[1:]])


def _is_shape(value: Any) -> bool:
    return all(s is None or isinstance(s, (int, np.integer)) for s in value)


def _without_time(shape: Any) -> Any:
    """Shapes of one step from those of sequences."""
    if _is_shape(shape):
        return (shape[0], *shape[2:])
    return [_without_time(s) for s in shape] if isinstance(shape, Sequence) else {
        k: _without_time(s) for k, s in shape.items()}


def _shapes(size: Any, before: tuple) -> Any:
    """Shapes (before..., size) for a size, or for a list of them."""
    if isinstance(size, tf.TensorShape):
        return (*before, *size.as_list())
    return [_shapes(s, before) for s in size] if isinstance(size, (list, tuple)) else (*before, size)
