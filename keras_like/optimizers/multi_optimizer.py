"""`MultiOptimizer`: other variables, other optimizers; `OptimizerMap` says which by the variables' paths."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from typing import Any

import treadle as tf
from treadle.keras_like.core.descriptions import describe, from_description
from treadle.keras_like.optimizers.base import Optimizer, is_ours
from treadle.keras_like.optimizers.loss_scale import LossScaleOptimizer


class OptimizerMap(MutableMapping):
    """Optimizers by the path of a variable, or by a regular expression that the whole path matches.

    Args:
        default_optimizer: for variables that nothing in the map fits.
        optimizer_map: {path or pattern: optimizer}.

    >>> from treadle import keras
    >>> chosen = keras.optimizers.OptimizerMap(keras.optimizers.SGD(), {"encoder/.*": keras.optimizers.Adam()})
    >>> type(chosen["encoder/dense/kernel"]).__name__, type(chosen["decoder/dense/kernel"]).__name__
    ('Adam', 'SGD')
    """

    def __init__(self, default_optimizer: Optimizer, optimizer_map: dict[str, Optimizer] | None = None):
        if optimizer_map is not None and not isinstance(optimizer_map, dict):
            raise tf.errors.DtypeError(f"`optimizer_map` is a dict from paths to optimizers. Received: {optimizer_map!r}.")
        self.default_optimizer = _require_plain(default_optimizer)
        self._optimizer_map: dict[str, Optimizer] = {}
        for key, optimizer in (optimizer_map or {}).items():
            self[key] = optimizer

    def __getitem__(self, path: str) -> Optimizer:
        """The optimizer for a path. Raises InvalidArgumentError if several patterns match it."""
        if path in self._optimizer_map:
            return self._optimizer_map[path]
        fitting = [pattern for pattern in self._optimizer_map if re.fullmatch(pattern, path)]
        if len(fitting) > 1:
            raise tf.errors.InvalidArgumentError(
                f"Several patterns match the variable {path!r}. Received: {fitting}. Make them exclude one another.")
        return self._optimizer_map[fitting[0]] if fitting else self.default_optimizer

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if not isinstance(key, str) or key in self._optimizer_map:
            raise tf.errors.InvalidArgumentError(
                f"A key is a path or a pattern that is not in the map yet. Received: {key!r}. Keys: {list(self)}.")
        self._optimizer_map[key] = _require_plain(optimizer)

    def __delitem__(self, key: str) -> None:
        del self._optimizer_map[key]

    def __len__(self) -> int:
        return len(self._optimizer_map)

    def __iter__(self) -> Iterator[str]:
        return iter(self._optimizer_map)

    def __call__(self, variable: Any) -> Optimizer:
        """The optimizer for a variable."""
        return self[getattr(variable, "path", variable.name)]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"default_optimizer": describe(self.default_optimizer), "optimizer_map": describe(self._optimizer_map)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> OptimizerMap:
        """The map of a configuration."""
        return cls(from_description(config["default_optimizer"], custom_objects),
                   from_description(config["optimizer_map"], custom_objects))


class MultiOptimizer(Optimizer):
    """Hands each variable to the optimizer that `optimizer_map` chooses for it.

    Args:
        optimizer_map: an `OptimizerMap`, or a function of a variable that returns an optimizer.
        loss_scale_factor: goes to all optimizers, in place of their own.
        name: default: numbered.

    It has no learning rate of its own: its optimizers, in `optimizers`, have.

    >>> import treadle as tf
    >>> from treadle import keras
    >>> slow, fast = keras.optimizers.SGD(0.1), keras.optimizers.SGD(1.0)
    >>> a, b = tf.Variable(1.0, name="a"), tf.Variable(1.0, name="b")
    >>> optimizer = keras.optimizers.MultiOptimizer(lambda variable: fast if variable is b else slow)
    >>> _ = optimizer.apply_gradients([(tf.constant(1.0), a), (tf.constant(1.0), b)])
    >>> round(float(a), 2), float(b)
    (0.9, 0.0)
    """

    def __init__(self, optimizer_map: OptimizerMap | Callable[[Any], Optimizer], loss_scale_factor: float | None = None,
                 name: str | None = None):
        super().__init__(0.0, loss_scale_factor=loss_scale_factor, name=name)
        if not callable(optimizer_map):
            raise tf.errors.DtypeError(
                "`optimizer_map` is an `OptimizerMap`, or a function of a variable that returns an optimizer. "
                f"Received: {optimizer_map!r}.")
        self._optimizer_map = optimizer_map
        self.optimizers: list[Optimizer] = []
        self._chosen: dict[int, Optimizer] = {}
        if isinstance(optimizer_map, OptimizerMap):
            for optimizer in (*optimizer_map._optimizer_map.values(), optimizer_map.default_optimizer):
                self._take(optimizer)

    def _take(self, optimizer: Any) -> None:
        if all(known is not optimizer for known in self.optimizers):
            _require_plain(optimizer).loss_scale_factor = self.loss_scale_factor
            optimizer._sums_over_replicas = False  # this one does
            self.optimizers.append(optimizer)

    def build(self, variables: Sequence[Any]) -> None:
        if self.built:
            return
        for variable in variables:
            chosen = self._chosen[id(variable)] = self._optimizer_map(variable)
            self._take(chosen)
        for optimizer in self.optimizers:
            its = [v for v in variables if self._chosen[id(v)] is optimizer]
            if its:
                optimizer.build(its)
        super().build(variables)

    @property
    def variables(self) -> list[Any]:
        return [*self._variables, *(v for optimizer in self.optimizers for v in optimizer.variables)]

    @property
    def learning_rate(self) -> Any:
        """Not there: raises AttributeError."""
        raise AttributeError("A `MultiOptimizer` has no learning rate. Those of `optimizers` have: "
                             "`[o.learning_rate for o in optimizer.optimizers]`.")

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        raise AttributeError("A `MultiOptimizer` has no learning rate to be set. Set those of its `optimizers`.")

    lr = learning_rate

    def _compiles(self, variables: Sequence[Any]) -> bool:
        return super()._compiles(variables) and all(
            one._compiles(variables) and is_ours(one._learning_rate) for one in self.optimizers)

    def _settings(self) -> Any:
        return self._revision, *(one._settings() for one in self.optimizers)

    def _step(self, grads: list[Any], variables: list[Any]) -> None:
        for optimizer in self.optimizers:
            its = [(g, v) for g, v in zip(grads, variables) if self._chosen[id(v)] is optimizer]
            if its:
                optimizer.apply([g for g, _ in its], [v for _, v in its])
        self._iterations.assign_add(1)

    def finalize_variable_values(self, var_list: Sequence[Any]) -> None:
        for optimizer in self.optimizers:
            its = [v for v in var_list if self._chosen[id(v)] is optimizer]
            if its:
                optimizer.finalize_variable_values(its)

    def get_config(self) -> dict[str, Any]:
        return {"optimizer_map": describe(self._optimizer_map), "loss_scale_factor": self.loss_scale_factor,
                "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        return cls(**{**config, "optimizer_map": from_description(config["optimizer_map"], custom_objects)})


def _require_plain(optimizer: Any) -> Optimizer:
    if not isinstance(optimizer, Optimizer) or isinstance(optimizer, (LossScaleOptimizer, MultiOptimizer)):
        raise tf.errors.DtypeError(
            "A `MultiOptimizer` is made of optimizers that are neither one themselves, nor a `LossScaleOptimizer` (which may "
            f"go around it). Received: {optimizer!r}.")
    return optimizer
