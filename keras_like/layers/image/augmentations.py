"""The layers that RandAugment and AugMix choose from."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from treadle.keras_like.layers.image.auto_contrast import AutoContrast
from treadle.keras_like.layers.image.base import ImageLayer
from treadle.keras_like.layers.image.equalization import Equalization
from treadle.keras_like.layers.image.random_brightness import RandomBrightness
from treadle.keras_like.layers.image.random_color_degeneration import RandomColorDegeneration
from treadle.keras_like.layers.image.random_contrast import RandomContrast
from treadle.keras_like.layers.image.random_posterization import RandomPosterization
from treadle.keras_like.layers.image.random_rotation import RandomRotation
from treadle.keras_like.layers.image.random_sharpness import RandomSharpness
from treadle.keras_like.layers.image.random_shear import RandomShear
from treadle.keras_like.layers.image.random_translation import RandomTranslation
from treadle.keras_like.layers.image.solarization import Solarization


def augmentations(names: Sequence[str], factor: tuple[float, float], value_range: Any, interpolation: str, seed: Any,
                  **common: Any) -> dict[str, ImageLayer]:
    """The layers of these names, with the strength `factor`."""
    values: dict[str, Any] = {"value_range": value_range, **common}
    random, moves = {"seed": seed, **values}, {"seed": seed, "interpolation": interpolation, **common}
    makers: dict[str, Any] = {
        "random_shear": lambda: RandomShear(factor, factor, **moves),
        "random_translation": lambda: RandomTranslation(factor, factor, **moves),
        "random_rotation": lambda: RandomRotation(factor, **moves),
        "random_brightness": lambda: RandomBrightness(factor, **random),
        "random_color_degeneration": lambda: RandomColorDegeneration(factor, **random),
        "random_contrast": lambda: RandomContrast(factor, **random),
        "random_sharpness": lambda: RandomSharpness(factor, **random),
        "random_posterization": lambda: RandomPosterization(max(1, int(8 * factor[1])), **random),
        "solarization": lambda: Solarization(factor, factor, **random),
        "auto_contrast": lambda: AutoContrast(**values),
        "equalization": lambda: Equalization(**values),
    }
    return {name: makers[name]() for name in names}


def branches(parts: Mapping[str, ImageLayer], method: str, x: Any, numbers: Callable[[str], Any]) -> list[Callable[[], Any]]:
    """For `tf.switch_case`: `x` through a method of each layer, with the random numbers of the layer's name."""
    return [functools.partial(_applied, part, method, x, numbers, name) for name, part in parts.items()]


def _applied(part: ImageLayer, method: str, x: Any, numbers: Callable[[str], Any], name: str) -> Any:
    return getattr(part, method)(x, numbers(name))
