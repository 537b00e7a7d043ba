"""Initializers by name: those of `tf.initializers`, which are Keras' own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import treadle as tf
from treadle.keras_like.core.descriptions import describe, from_description
from treadle.keras_like.core.naming import to_snake_case
from treadle.keras_like.core.resolve import named, resolve

CLASSES = ("Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity", "LecunNormal", "LecunUniform",
           "Ones", "Orthogonal", "RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling", "Zeros")

for _name in CLASSES:
    named("initializers", **{_name: getattr(tf.initializers, _name), to_snake_case(_name): getattr(tf.initializers, _name)})
named("initializers", normal=tf.initializers.RandomNormal, uniform=tf.initializers.RandomUniform,
      one=tf.initializers.Ones, zero=tf.initializers.Zeros, IdentityInitializer=tf.initializers.Identity,
      OrthogonalInitializer=tf.initializers.Orthogonal)


def get(identifier: Any) -> Any:
    """An initializer by name, by configuration, or as it is."""
    return resolve("initializers", identifier)


def serialize(initializer: Any) -> Any:
    """An initializer as a dictionary of plain values."""
    return describe(initializer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The initializer of a name, or of what `serialize` returned. `custom_objects`: your own classes by name."""
    return from_description(config, custom_objects, family="initializers")
