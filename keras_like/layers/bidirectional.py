"""`Bidirectional`: a recurrent layer from the first step to the last, and another one from the last to the first."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.core.descriptions import as_config
from treadle.keras_like.layers.built_in import BuiltIn
from treadle.keras_like.layers.wrapper import build_once, require_layer, restored

_MERGES = ("sum", "mul", "ave", "concat", None)


class Bidirectional(BuiltIn):
    """merge(layer(x), backward_layer(x)), the second one's sequence turned round so that steps stand beside each other.

    Args:
        layer: a recurrent layer (`LSTM`, `GRU`, `RNN` ...). It is copied by its configuration.
        merge_mode: "concat" (default), "sum", "mul", "ave"; None returns both.
        weights: initial weights, first those of the forward layer.
        backward_layer: default: a copy of `layer` with `go_backwards` turned round.

    With `return_state` the states of both follow the output. `initial_state` is the forward states, then the backward ones.

    Raises InvalidArgumentError for a mode that there is not, and layers that do not fit together.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> keras.layers.Bidirectional(keras.layers.GRU(4))(tf.ones([2, 5, 3])).shape
    TensorShape([2, 8])
    """

    def __init__(self, layer: Any, merge_mode: str | None = "concat", weights: Any = None, backward_layer: Any = None,
                 **kwargs: Any):
        require_layer(layer, "layer")
        if merge_mode not in _MERGES:
            raise tf.errors.InvalidArgumentError(f"`merge_mode` is one of {_MERGES}. Received: {merge_mode!r}.")
        super().__init__(**kwargs)
        self.forward_layer = _copy(layer, "forward_")
        if backward_layer is None:
            self.backward_layer = _copy(layer, "backward_", go_backwards=True)
        else:
            self.backward_layer = require_layer(backward_layer, "backward_layer")
        self._check_layers()
        for one in (self.forward_layer, self.backward_layer):
            if hasattr(one, "zero_output_for_mask"):
                one.zero_output_for_mask = one.return_sequences
        self.merge_mode, self.input_spec = merge_mode, layer.input_spec
        self.stateful, self.return_sequences, self.return_state = layer.stateful, layer.return_sequences, layer.return_state
        self.supports_masking = True
        self._initial_weights = weights

    def _check_layers(self) -> None:
        one, other = self.forward_layer, self.backward_layer
        if one.go_backwards == other.go_backwards:
            raise tf.errors.InvalidArgumentError(
                "The two layers must go in different directions. Received: go_backwards="
                f"{one.go_backwards} for both.")
        for name in ("stateful", "return_sequences", "return_state"):
            if getattr(one, name) != getattr(other, name):
                raise tf.errors.InvalidArgumentError(
                    f"Both layers must have the same `{name}`. Received: {getattr(one, name)} for the forward layer and "
                    f"{getattr(other, name)} for the backward layer.")

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        build_once(self.forward_layer, sequences_shape)
        build_once(self.backward_layer, sequences_shape)
        if self._initial_weights:
            half = len(self._initial_weights) // 2
            self.forward_layer.set_weights(self._initial_weights[:half])
            self.backward_layer.set_weights(self._initial_weights[half:])
        self._built = True

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: Any = None) -> Any:
        half = 0 if initial_state is None else len(initial_state) // 2
        forward_state, backward_state = (None, None) if initial_state is None else (initial_state[:half], initial_state[half:])
        given = {"mask": mask, "training": training}
        y = self.forward_layer(sequences, initial_state=forward_state, **given)
        back = self.backward_layer(sequences, initial_state=backward_state, **given)
        states: tuple = ()
        if self.return_state:
            states = (*y[1:], *back[1:])
            y, back = y[0], back[0]
        if self.return_sequences:
            back = tf.reverse(back, axis=[1])
        merged = self._merged(tf.cast(y, self.compute_dtype), tf.cast(back, self.compute_dtype))
        if self.return_state:
            return (*merged, *states) if self.merge_mode is None else (merged, *states)
        return merged

    def _merged(self, y: Any, back: Any) -> Any:
        if self.merge_mode == "concat":
            return tf.concat([y, back], axis=-1)
        if self.merge_mode == "mul":
            return y * back
        if self.merge_mode is None:
            return y, back
        return (y + back) / 2 if self.merge_mode == "ave" else y + back

    @property
    def states(self) -> Any:
        """The states of both layers, if they are stateful and built."""
        one, other = self.forward_layer.states, self.backward_layer.states
        return (*one, *other) if one and other else None

    def reset_state(self) -> None:
        """Set the states of both layers to zeros."""
        if not self.stateful:
            raise tf.errors.FailedPreconditionError(f"The layer {self.name!r} keeps no state. Make it with `stateful=True`.")
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    reset_states = reset_state

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        masks = [m for m in tf.nest.flatten(previous_mask) if m is not None]
        mask = masks[0] if masks and self.return_sequences else None
        outputs = [mask] if self.merge_mode is not None else [mask, mask]
        if self.return_state:
            outputs += [None] * 2 * len(self.forward_layer.state_size)
        return outputs[0] if len(outputs) == 1 else outputs

    def compute_output_shape(self, sequences_shape: Any, initial_state_shape: Any = None) -> Any:
        shape = self.forward_layer.compute_output_shape(sequences_shape)
        states: tuple = ()
        if self.return_state:
            shape, states = shape[0], shape[1:]
        if self.merge_mode is None:
            return (shape, shape, *states, *states) if self.return_state else (shape, shape)
        if self.merge_mode == "concat":
            shape = (*shape[:-1], shape[-1] * 2)
        return (shape, *states, *states) if self.return_state else shape

    def get_config(self) -> dict[str, Any]:
        return {**super(BuiltIn, self).get_config(), "merge_mode": self.merge_mode, "layer": as_config(self.forward_layer),
                "backward_layer": as_config(self.backward_layer)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        layers = {name: restored(config.get(name), custom_objects) for name in ("layer", "backward_layer")}
        return super().from_config({**config, **layers})


def _copy(layer: Any, prefix: str, **changes: Any) -> Any:
    """A layer with the same configuration and none of the state; its cell, if it is a layer, is copied as well."""
    config = {**layer.get_config(), "name": prefix + layer.name.removeprefix(prefix), **changes}
    if "cell" in config:
        cell = layer.cell
        config["cell"] = type(cell).from_config(cell.get_config()) if hasattr(cell, "get_config") else cell
    return type(layer).from_config(config)
