"""Settings of TensorFlow's that choose among its compilers. treadle has one, so they are accepted and change nothing."""

from __future__ import annotations

from typing import Any

from treadle.ir import errors


def set_jit(enabled: bool | str) -> None:
    """Accepted: compiled functions are always compiled by XLA. 

    Raises InvalidArgumentError for another word than "autoclustering".

    >>> import treadle as tf
    >>> tf.config.optimizer.set_jit(True)
    """
    if not isinstance(enabled, bool) and enabled != "autoclustering":
        raise errors.InvalidArgumentError(f"`enabled` is True, False or 'autoclustering'. Received: {enabled!r}.")


def get_jit() -> str:
    """"autoclustering", TensorFlow's word for: compiled by XLA."""
    return "autoclustering"


def set_optimizer_options(options: dict[str, Any]) -> None:
    """Accepted: these are passes of TensorFlow's. treadle's own always run."""


def get_optimizer_options() -> dict[str, Any]:
    """An empty dict: there is nothing to choose."""
    return {}
