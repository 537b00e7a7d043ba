"""Counts of right and wrong decisions; precision and recall."""

from __future__ import annotations

from typing import Any

import treadle as tf
from treadle.keras_like.metrics.base import Metric
from treadle.keras_like.metrics.confusion import LOWEST, are_even, as_thresholds, count_confusion, ratio


class _Decisions(Metric):
    """Accumulates some of the counts at thresholds. `_counted`: which, and the names of their variables."""

    _counted: dict[str, str] = {}

    def __init__(self, thresholds: Any, default: float, name: str | None, dtype: Any, top_k: int | None = None,
                 class_id: int | None = None):
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds, self.top_k, self.class_id = thresholds, top_k, class_id
        self.thresholds = as_thresholds(thresholds, default)
        self._even = are_even(self.thresholds)
        for variable in self._counted.values():
            setattr(self, variable, self.add_weight(name=variable, shape=(len(self.thresholds),)))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        counts = count_confusion(y_true, y_pred, self.thresholds, even=self._even, top_k=self.top_k,
                                 class_id=self.class_id, sample_weight=sample_weight)
        for count, variable in self._counted.items():
            getattr(self, variable).assign_add(getattr(counts, count))

    def _one_or_all(self, values: Any) -> Any:
        return values[0] if len(self.thresholds) == 1 else tf.convert_to_tensor(values)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "thresholds": self.init_thresholds}


class _Count(_Decisions):
    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None):
        super().__init__(thresholds, 0.5, name, dtype)

    def result(self) -> Any:
        return self._one_or_all(self.accumulator)


class TruePositives(_Count):
    """The weighted number of true labels whose prediction is above the threshold (default 0.5), for each threshold.

    >>> from treadle import keras
    >>> float(keras.metrics.TruePositives()([1, 1, 0], [0.9, 0.2, 0.8]))
    1.0
    """

    _counted = {"true_positives": "accumulator"}


class FalsePositives(_Count):
    """The weighted number of false labels whose prediction is above the threshold (default 0.5), for each threshold."""

    _counted = {"false_positives": "accumulator"}


class TrueNegatives(_Count):
    """The weighted number of false labels whose prediction is not above the threshold (default 0.5), for each threshold."""

    _counted = {"true_negatives": "accumulator"}


class FalseNegatives(_Count):
    """The weighted number of true labels whose prediction is not above the threshold (default 0.5), for each threshold."""

    _counted = {"false_negatives": "accumulator"}


class _Share(_Decisions):
    _direction = "up"

    def __init__(self, thresholds: Any = None, top_k: int | None = None, class_id: int | None = None,
                 name: str | None = None, dtype: Any = None):
        super().__init__(thresholds, 0.5 if top_k is None else LOWEST, name, dtype, top_k, class_id)

    def result(self) -> Any:
        part, rest = (getattr(self, variable) for variable in self._counted.values())
        return self._one_or_all(ratio(part, rest))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "top_k": self.top_k, "class_id": self.class_id}


class Precision(_Share):
    """true positives / (true positives + false positives), for each threshold.

    Args:
        thresholds: between 0 and 1: one, or a list. Default: 0.5, or none with `top_k`.
        top_k: only the `top_k` largest predictions of an example can be positive.
        class_id: only this class counts.

    >>> from treadle import keras
    >>> float(keras.metrics.Precision()([1, 1, 0], [0.9, 0.2, 0.8]))
    0.5
    """

    _counted = {"true_positives": "true_positives", "false_positives": "false_positives"}


class Recall(_Share):
    """true positives / (true positives + false negatives), for each threshold. Arguments as of `Precision`.

    >>> from treadle import keras
    >>> float(keras.metrics.Recall()([1, 1, 0], [0.9, 0.2, 0.8]))
    0.5
    """

    _counted = {"true_positives": "true_positives", "false_negatives": "false_negatives"}
