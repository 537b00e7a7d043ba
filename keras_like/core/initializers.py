"""Initializers by name: those of `tf.initializers`, which are Keras' own."""

from __future__ import annotations

from typing import Any

import treadle as tf
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
