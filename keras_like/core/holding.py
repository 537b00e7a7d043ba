"""`Holder`: what a layer holds - weights, other state, layers inside, metrics, losses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

import treadle as tf
from treadle.keras_like.core import tracking
from treadle.keras_like.core.overrides import shield
from treadle.keras_like.core.resolve import resolve_class
from treadle.keras_like.core.state import current_call


class Holder:
    """Mixed into `Layer`. What is set as an attribute is found there, also in lists and dicts."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        shield(cls)

    name: str
    _built: bool
    _trainable: bool
    _own: list[Any]
    _stopped: list[Any]
    _losses: list[Any]
    _losses_round: int
    _round: int

    def _flatten_layers(self) -> Iterator[Any]:
        """This layer and all inside it, each once, outer ones first."""
        return tracking.layers_in(self, Holder)

    # --- weights ---

    @property
    def weights(self) -> list[Any]:
        """All weights: this layer's, trainable ones first, then those of each layer inside."""
        return [v for v, _ in tracking.weights_with_owners(self, Holder)]

    @property
    def trainable_weights(self) -> list[Any]:
        """The weights that training changes; none if the layer is not trainable."""
        if not self._trainable:
            return []
        return [v for v, owner in tracking.weights_with_owners(self, Holder) if v.trainable and owner._trainable]

    @property
    def non_trainable_weights(self) -> list[Any]:
        """The other weights."""
        return _without(self.weights, self.trainable_weights)

    @property
    def variables(self) -> list[Any]:
        """The weights and the states of seed generators, layer by layer. Variables of metrics: `metrics_variables`."""
        found: dict[int, Any] = {}
        for layer in self._flatten_layers():
            found.update((id(v), v) for v in tracking.own_weights(layer))
            found.update((id(g.state), g.state) for g in tracking.seed_generators(layer))
        return list(found.values())

    @property
    def trainable_variables(self) -> list[Any]:
        """The same as `trainable_weights`."""
        return self.trainable_weights

    @property
    def non_trainable_variables(self) -> list[Any]:
        """The other variables."""
        return _without(self.variables, self.trainable_weights)

    @property
    def trainable(self) -> bool:
        """Whether the weights are trained. Setting it sets it for the layers inside too."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self._flatten_layers():
            layer._trainable = bool(value)
            stopped = {id(v) for v in layer._stopped}
            for variable in tracking.own_weights(layer):
                if not value and variable.trainable:
                    variable.trainable = False
                    layer._stopped.append(variable)
                elif value and id(variable) in stopped:
                    variable.trainable = True
            if value:
                layer._stopped = []

    def count_params(self) -> int:
        """How many numbers the weights hold."""
        if not self._built:
            raise tf.errors.FailedPreconditionError(
                f"The layer {self.name!r} has no weights yet. Call it on some input, or `build(input_shape)`, first.")
        return sum(int(np.prod(v.shape.as_list())) for v in self.weights)

    def get_weights(self) -> list[np.ndarray]:
        """The weights' values as NumPy arrays."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set the weights from arrays in the order of `get_weights`; all of them or none."""
        own = self.weights
        if len(own) != len(weights):
            raise tf.errors.InvalidArgumentError(
                f"The layer {self.name!r} has {len(own)} weights. Received: {len(weights)} arrays.")
        for variable, value in zip(own, weights):
            if tuple(variable.shape) != tuple(np.shape(value)):
                raise tf.errors.InvalidArgumentError(
                    f"The weight {getattr(variable, 'path', variable.name)!r} has the shape {tuple(variable.shape)}. Received: "
                    f"an array of shape {np.shape(value)}.")
        for variable, value in zip(own, weights):
            variable.assign(value)

    # --- metrics ---

    @property
    def metrics(self) -> list[Any]:
        """The metrics that the layer and those inside it hold."""
        return list({id(m): m for layer in self._flatten_layers() for m in tracking.own_metrics(layer)}.values())

    @property
    def metrics_variables(self) -> list[Any]:
        """The variables of `metrics`."""
        return [v for metric in self.metrics for v in metric.variables]

    def add_metric(self, value: Any, name: str | None = None, **kwargs: Any) -> None:
        """Report the mean over an epoch of a tensor that `call` computes, as `tf.keras` 2 has it.

        Raises InvalidArgumentError without a name. `aggregation` is accepted: None and "mean" mean the same.
        """
        unknown = kwargs.keys() - {"aggregation"}
        if unknown or name is None or kwargs.get("aggregation") not in (None, "mean"):
            raise tf.errors.InvalidArgumentError(
                "`add_metric` takes a tensor, its `name`, and aggregation='mean'. Received: "
                f"name={name!r}, {', '.join(f'{k}={v!r}' for k, v in kwargs.items())}.")
        added = self.__dict__.setdefault("_added_metrics", {})
        if name not in added:
            added[name] = resolve_class("metrics", "Mean")(name=name)
        added[name].update_state(value)

    # --- losses ---

    @property
    def losses(self) -> list[Any]:
        """What `add_loss` was given during the last outermost call, and the regularization losses, as scalars."""
        found: list[Any] = []
        for layer in self._flatten_layers():
            if layer._losses_round >= self._round:
                found.extend(layer._losses)
        for variable in self.trainable_weights:
            regularizer = getattr(variable, "regularizer", None)
            if regularizer is not None:
                found.append(tf.autograph.tf_convert(regularizer)(variable))
        return found

    def add_loss(self, losses: Any) -> None:
        """Add scalars to the losses of this call. They are forgotten when the outermost layer is called again."""
        call = current_call()
        number = call.round if call is not None and call.round else self._round
        if number != self._losses_round:
            self._losses, self._losses_round = [], number
        for loss in tf.nest.flatten(losses):
            loss = loss() if callable(loss) and not isinstance(loss, tf.Tensor) else loss
            if loss is not None:
                loss = tf.convert_to_tensor(loss)
                self._losses.append(loss if not loss.shape.rank else tf.reduce_mean(loss))

    def _forget_losses(self) -> None:
        for layer in self._flatten_layers():
            layer._losses = []


def _without(every: list[Any], some: list[Any]) -> list[Any]:
    left_out = {id(v) for v in some}
    return [v for v in every if id(v) not in left_out]


shield(Holder)
