"""Metrics by name, as configurations, and back."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from treadle.keras_like.core.descriptions import describe, from_description
from treadle.keras_like.core.naming import to_snake_case
from treadle.keras_like.core.resolve import named, resolve
from treadle.keras_like.metrics import (
    accuracy,
    correlation,
    counting,
    curves,
    fscore,
    hinge,
    iou,
    probabilistic,
    regression,
)
from treadle.keras_like.metrics.aggregates import Mean, MeanMetricWrapper, Sum
from treadle.keras_like.metrics.base import Metric

CLASSES = {"Metric": Metric, "Mean": Mean, "Sum": Sum, "MeanMetricWrapper": MeanMetricWrapper}
for _module in (accuracy, correlation, counting, curves, fscore, hinge, iou, probabilistic, regression):
    CLASSES.update({name: value for name, value in vars(_module).items()
                    if inspect.isclass(value) and value.__module__ == _module.__name__ and not name.startswith("_")})
    named("functions", **{name: value for name, value in vars(_module).items()
                          if inspect.isfunction(value) and value.__module__ == _module.__name__})
SHORT = {"bce": probabilistic.BinaryCrossentropy, "mse": regression.MeanSquaredError,
         "mae": regression.MeanAbsoluteError, "mape": regression.MeanAbsolutePercentageError,
         "msle": regression.MeanSquaredLogarithmicError}

named("metrics", **CLASSES, **{to_snake_case(name): kind for name, kind in CLASSES.items()}, **SHORT,
      **{name.upper(): kind for name, kind in SHORT.items()})


def get(identifier: Any) -> Metric | Callable | None:
    """A metric by name ("mse", "MeanSquaredError"), by configuration, or as it is.

    Raises InvalidArgumentError for an unknown name.

    >>> from treadle import keras
    >>> keras.metrics.get("mean_squared_error").name
    'mean_squared_error'
    """
    return resolve("metrics", identifier)


def serialize(metric: Any) -> Any:
    """A metric as a dictionary of plain values."""
    return describe(metric)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The metric that `serialize` described, or of a name. `custom_objects`: your own classes and functions by name."""
    return from_description(config, custom_objects, family="metrics")
