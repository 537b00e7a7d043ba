"""Where images keep their channels: `keras.config.image_data_format()`, the default of every `data_format` argument."""

from __future__ import annotations

from typing import Any

import treadle as tf

_format = "channels_last"


def image_data_format() -> str:
    """The `data_format` of layers that are given none: "channels_last" at first."""
    return _format


def set_image_data_format(data_format: str) -> None:
    """Change `image_data_format()`."""
    global _format
    _format = as_data_format(data_format)


def as_data_format(value: Any) -> str:
    """"channels_last" or "channels_first"; the default for None. Raises InvalidArgumentError for anything else."""
    if value is None:
        return _format
    found = str(value).lower()
    if found not in ("channels_last", "channels_first"):
        raise tf.errors.InvalidArgumentError(
            f"`data_format` is 'channels_last' or 'channels_first'. Received: data_format={value!r}.")
    return found
