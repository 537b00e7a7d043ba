"""Means of the margin losses."""

from __future__ import annotations

from typing import Any

from treadle.keras_like.losses.hinge import categorical_hinge, hinge, squared_hinge
from treadle.keras_like.metrics.aggregates import FunctionMetric


class Hinge(FunctionMetric):
    """The mean of `keras.losses.hinge`.

    >>> from treadle import keras
    >>> float(keras.metrics.Hinge()([[-1.0], [1.0]], [[0.5], [0.5]]))
    1.0
    """

    _direction = "down"

    def __init__(self, name: str | None = "hinge", dtype: Any = None):
        super().__init__(hinge, name, dtype)


class SquaredHinge(FunctionMetric):
    """The mean of `keras.losses.squared_hinge`."""

    _direction = "down"

    def __init__(self, name: str | None = "squared_hinge", dtype: Any = None):
        super().__init__(squared_hinge, name, dtype)


class CategoricalHinge(FunctionMetric):
    """The mean of `keras.losses.categorical_hinge`."""

    _direction = "down"

    def __init__(self, name: str | None = "categorical_hinge", dtype: Any = None):
        super().__init__(categorical_hinge, name, dtype)
