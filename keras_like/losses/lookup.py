"""Losses by name, as configurations, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from treadle.keras_like.core.descriptions import describe, from_description
from treadle.keras_like.core.resolve import named, resolve
from treadle.keras_like.losses import circle, crossentropy, ctc, focal, hinge, regression, segmentation
from treadle.keras_like.losses.base import Loss, LossFunctionWrapper

OBJECTS: dict[str, Any] = {
    name: getattr(module, name)
    for module, names in (
        (regression, ("MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError",
                      "MeanSquaredLogarithmicError", "CosineSimilarity", "Huber", "LogCosh", "mean_squared_error",
                      "mean_absolute_error", "mean_absolute_percentage_error", "mean_squared_logarithmic_error",
                      "cosine_similarity", "huber", "log_cosh")),
        (hinge, ("Hinge", "SquaredHinge", "CategoricalHinge", "hinge", "squared_hinge", "categorical_hinge")),
        (crossentropy, ("BinaryCrossentropy", "CategoricalCrossentropy", "SparseCategoricalCrossentropy",
                        "CategoricalGeneralizedCrossEntropy", "KLDivergence", "Poisson", "binary_crossentropy",
                        "categorical_crossentropy", "sparse_categorical_crossentropy",
                        "categorical_generalized_cross_entropy", "kl_divergence", "poisson")),
        (focal, ("BinaryFocalCrossentropy", "CategoricalFocalCrossentropy", "binary_focal_crossentropy",
                 "categorical_focal_crossentropy")),
        (segmentation, ("Dice", "Tversky", "dice", "tversky")),
        (circle, ("Circle", "circle")),
        (ctc, ("CTC", "ctc")),
    )
    for name in names
}
SHORT = {"mse": regression.mean_squared_error, "mae": regression.mean_absolute_error,
         "mape": regression.mean_absolute_percentage_error, "msle": regression.mean_squared_logarithmic_error,
         "bce": crossentropy.binary_crossentropy, "kld": crossentropy.kl_divergence}

named("losses", Loss=Loss, LossFunctionWrapper=LossFunctionWrapper, **OBJECTS, **SHORT,
      **{name.upper(): function for name, function in SHORT.items()}, logcosh=regression.log_cosh,
      kullback_leibler_divergence=crossentropy.kl_divergence)


def get(identifier: Any) -> Loss | Callable | None:
    """A loss by name ("mse", "MeanSquaredError"), by configuration, or as it is.

    Raises InvalidArgumentError for an unknown name.

    >>> from treadle import keras
    >>> keras.losses.get("MeanSquaredError").name
    'mean_squared_error'
    """
    return resolve("losses", identifier)


def serialize(loss: Any) -> Any:
    """A loss as a dictionary of plain values."""
    return describe(loss)


def deserialize(name: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The loss that `serialize` described, or of a name. `custom_objects`: your own classes and functions by name."""
    return from_description(name, custom_objects, family="losses")
