"""What `compile` was given, made into one loss and a list of metrics over a model's outputs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import treadle as tf
from treadle.keras_like.core.places import say_where
from treadle.keras_like.core.resolve import resolve
from treadle.keras_like.losses import lookup as losses
from treadle.keras_like.losses.base import LossFunctionWrapper
from treadle.keras_like.metrics import accuracy, probabilistic
from treadle.keras_like.metrics.aggregates import Mean, MeanMetricWrapper

_ACCURACY = ("accuracy", "acc")
_CROSSENTROPY = ("crossentropy", "ce")


def output_names(y_pred: Any) -> list[str] | None:
    """The names of a model's outputs: the keys of a dict, None where they are numbered."""
    return list(y_pred) if isinstance(y_pred, Mapping) else None


def _per_output(given: Any, y_pred: Any, names: Sequence[str] | None, what: str) -> list[Any]:
    """What was given for each output, in the order of the flattened outputs."""
    flat = tf.nest.flatten(y_pred)
    keys = output_names(y_pred) or names
    if isinstance(given, Mapping):
        if keys is None:
            raise tf.errors.InvalidArgumentError(
                f"`{what}` is a dict, but the model has unnamed outputs. Received: {given}.")
        unknown = [k for k in given if k not in keys]
        if unknown:
            raise tf.errors.InvalidArgumentError(
                f"`{what}` names an output that is not there. Received: {unknown}. Outputs: {keys}.")
        ordered = sorted(keys) if isinstance(y_pred, Mapping) else keys
        return [given.get(k) for k in ordered]
    if isinstance(given, (list, tuple)) and len(flat) > 1:
        if len(given) != len(flat):
            raise tf.errors.InvalidArgumentError(
                f"`{what}` must have an entry for each of the {len(flat)} outputs. Received: {len(given)}.")
        return list(given)
    return [given] * len(flat)


def _check_names(given: Any, check: Callable[[str], Any]) -> None:
    """Look up the names in what was given, so that a wrong one is an error of `compile`, not of the first batch."""
    if isinstance(given, str):
        check(given)
    elif isinstance(given, (int, float)):
        raise tf.errors.DtypeError(f"Losses and metrics are names, functions or objects. Received: {given!r}.")
    elif isinstance(given, (list, tuple, Mapping)) and not (isinstance(given, Mapping) and "class_name" in given):
        for one in given.values() if isinstance(given, Mapping) else given:
            _check_names(one, check)


class CompiledLoss:
    """The weighted sum of a loss for each output. `trackers` measure each of several."""

    def __init__(self, loss: Any, loss_weights: Any, names: Sequence[str] | None):
        _check_names(loss, losses.get)
        self.loss, self.loss_weights, self.names = loss, loss_weights, names
        self._losses: list[Any] | None = None
        self.trackers: list[Any] = []

    def build(self, y_pred: Any) -> None:
        """Make the losses, once the number of outputs is known."""
        if self._losses is not None:
            return
        found = [_as_loss(losses.get(one)) for one in _per_output(self.loss, y_pred, self.names, "loss")]
        self._losses = found
        count = len(found)
        weights = [None] * count if self.loss_weights is None else _per_output(
            self.loss_weights, y_pred, self.names, "loss_weights")
        self._weights = weights
        if count > 1:
            from_keys = sorted(y_pred) if isinstance(y_pred, Mapping) else self.names
            names = list(from_keys) if from_keys else [f"output_{i}" for i in range(count)]
            self.trackers = [Mean(name=f"{n}_loss") for n, one in zip(names, found) if one is not None]

    def __call__(self, y: Any, y_pred: Any, sample_weight: Any) -> Any:
        """The loss of a batch, a scalar."""
        self.build(y_pred)
        predicted = tf.nest.flatten(y_pred)
        true = _matched(y, y_pred, len(predicted), self.names)
        weights = tf.nest.flatten(sample_weight) if sample_weight is not None else [None]
        weights = weights * len(predicted) if len(weights) == 1 else weights
        total: Any = None
        trackers = iter(self.trackers)
        for loss, weight, t, p, w in zip(self._losses or [], self._weights, true, predicted, weights):
            if loss is None:
                continue
            try:
                value = loss(t, p, w)
            except Exception as error:
                say_where(error, f"In the loss {loss.name!r}, of {_shapes(t, p)}.")
                raise
            if self.trackers:
                next(trackers).update_state(value, sample_weight=tf.shape(p)[0])
            value = value if weight is None else value * tf.cast(weight, value.dtype)
            total = value if total is None else total + value
        return total


def _matched(y: Any, y_pred: Any, count: int, names: Sequence[str] | None) -> list[Any]:
    """The targets in the order of the flattened outputs."""
    if isinstance(y, Mapping):
        keys = sorted(y_pred) if isinstance(y_pred, Mapping) else names or sorted(y)
        found = [y.get(k) for k in keys]
    else:
        found = tf.nest.flatten(y)
    if len(found) != count:
        raise tf.errors.InvalidArgumentError(f"The model has {count} outputs. Received: targets for {len(found)}.")
    return found


def _shapes(y_true: Any, y_pred: Any) -> str:
    given = (("y_true", y_true), ("y_pred", y_pred))
    return " and ".join(f"{name} of shape {getattr(value, 'shape', None)}" for name, value in given)


def _as_loss(given: Any) -> Any:
    if callable(given) and not isinstance(given, (str, type)) and not hasattr(given, "reduction"):
        return LossFunctionWrapper(given, name=getattr(given, "__name__", "loss"))
    return given


class CompiledMetrics:
    """The metrics of each output. To a `train_step` of the user's they are one metric, with a dict as its result."""

    name = "compile_metrics"

    def __init__(self, metrics: Any, weighted: Any, names: Sequence[str] | None):
        _check_names([metrics, weighted], _check_metric_name)
        self.given, self.weighted, self.names = metrics, weighted, names
        self._by_output: list[tuple[str, list[Any], list[Any]]] | None = None

    @property
    def metrics(self) -> list[Any]:
        """All of them."""
        return [metric for _, metric in self.named]

    @property
    def named(self) -> list[tuple[str, Any]]:
        """(name with that of the output, metric)."""
        return [(prefix + m.name, m) for prefix, plain, weighted in self._by_output or [] for m in (*plain, *weighted)]

    @property
    def variables(self) -> list[Any]:
        """The metrics' variables."""
        return [v for metric in self.metrics for v in metric.variables]

    def result(self) -> dict[str, Any]:
        """The metrics' values by name."""
        found: dict[str, Any] = {}
        for place, weighted in ((0, False), (1, True)):
            for prefix, *metrics in self._by_output or []:
                for metric in metrics[place]:
                    value = metric.result()
                    name = prefix + metric.name
                    if weighted and name in found:
                        name = f"{prefix}weighted_{metric.name}"
                    found.update(value if isinstance(value, dict) else {_new_name(name, found): value})
        return found

    def reset_state(self) -> None:
        """Begin anew."""
        for metric in self.metrics:
            metric.reset_state()

    reset_states = reset_state

    def build(self, y: Any, y_pred: Any) -> None:
        """Make the metrics, once the outputs' shapes are known."""
        if self._by_output is not None:
            return
        predicted = tf.nest.flatten(y_pred)
        true = _matched(y, y_pred, len(predicted), self.names)
        keys = sorted(y_pred) if isinstance(y_pred, Mapping) else self.names
        found = []
        for i, (t, p) in enumerate(zip(true, predicted)):
            prefix = "" if len(predicted) == 1 else f"{keys[i] if keys else f'output_{i}'}_"
            plain, weighted = ([named_metric(one, t, p) for one in _each(given, i, len(predicted), keys)]
                               for given in (self.given, self.weighted))
            found.append((prefix, plain, weighted))
        self._by_output = found

    def update_state(self, y: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch into account."""
        self.build(y, y_pred)
        predicted = tf.nest.flatten(y_pred)
        true = _matched(y, y_pred, len(predicted), self.names)
        weights = tf.nest.flatten(sample_weight) if sample_weight is not None else [None]
        weights = weights * len(predicted) if len(weights) == 1 else weights
        for (_, plain, weighted), t, p, w in zip(self._by_output or [], true, predicted, weights):
            for metric, given in [*((m, {}) for m in plain), *((m, {"sample_weight": w}) for m in weighted)]:
                try:
                    metric.update_state(t, p, **given)
                except Exception as error:
                    say_where(error, f"In the metric {metric.name!r}, of {_shapes(t, p)}.")
                    raise


def _new_name(name: str, taken: Mapping[str, Any]) -> str:
    """The name, numbered if it is taken."""
    numbered = (f"{name}_{i}" for i in itertools.count(1))
    return name if name not in taken else next(n for n in numbered if n not in taken)


def _each(given: Any, index: int, count: int, keys: Sequence[str] | None) -> list[Any]:
    """The metrics given for one output."""
    if given is None:
        return []
    if isinstance(given, Mapping):
        found = given.get(keys[index]) if keys else None
        return [] if found is None else found if isinstance(found, list) else [found]
    if count > 1 and len(given) == count and any(isinstance(g, (list, tuple)) for g in given):
        one = given[index]
        return list(one) if isinstance(one, (list, tuple)) else [] if one is None else [one]
    given = given if isinstance(given, (list, tuple)) else [given]
    return list(given[0]) if len(given) == 1 and isinstance(given[0], (list, tuple)) else list(given)


def _check_metric_name(name: str) -> None:
    if name.lower() not in (*_ACCURACY, *_CROSSENTROPY):
        resolve("metrics", name)


def named_metric(given: Any, y_true: Any, y_pred: Any) -> Any:
    """A metric by name: "accuracy" and "crossentropy" mean the one that fits the shapes of targets and outputs."""
    if isinstance(given, str) and given.lower() in (*_ACCURACY, *_CROSSENTROPY):
        binary = y_pred.shape[-1] == 1 if y_pred.shape.rank else True
        sparse = not binary and (y_true.shape.rank < y_pred.shape.rank or y_true.shape[-1] == 1)
        kind = "Binary" if binary else "SparseCategorical" if sparse else "Categorical"
        if given.lower() in _ACCURACY:
            return getattr(accuracy, f"{kind}Accuracy")(name=given)
        return getattr(probabilistic, f"{kind}Crossentropy")(name=given)
    if isinstance(given, str):
        found = resolve("metrics", given)
        if not hasattr(found, "update_state"):
            return MeanMetricWrapper(found, name=given)
        found.name = given
        return found
    if hasattr(given, "update_state"):
        return given
    return MeanMetricWrapper(given, name=getattr(given, "__name__", "metric"))
