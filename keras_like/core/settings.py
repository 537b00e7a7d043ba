"""`keras.config`: how much is printed, how long `fit` may run, and settings that treadle has one answer to."""

from __future__ import annotations

import os

import treadle as tf

_interactive = True
_max_epochs: int | None = None
_max_steps: int | None = None


def _limit(name: str) -> int | None:
    """A limit from the environment, as `keras.config` reads it there."""
    found = os.environ.get(name)
    return int(found) if found and found.isdigit() else None


def version() -> str:
    """treadle's version."""
    return tf.version.VERSION


def backend() -> str:
    """"jax": what computes below. Code that asks does so to choose between `jax` and other libraries' arrays.

    >>> from treadle import keras
    >>> keras.config.backend()
    'jax'
    """
    return "jax"


def set_backend(backend: str) -> None:
    """Accepted for "jax" only. Raises UnimplementedError for others."""
    if backend != "jax":
        raise tf.errors.UnimplementedError(
            f"treadle compiles for JAX; there is no other backend. Received: backend={backend!r}. Leave the call out.")


def enable_interactive_logging() -> None:
    """Print the progress of `fit` and others."""
    global _interactive
    _interactive = True


def disable_interactive_logging() -> None:
    """Do not draw progress bars where `verbose` is "auto"."""
    global _interactive
    _interactive = False


def is_interactive_logging_enabled() -> bool:
    """True unless `disable_interactive_logging` was called."""
    return _interactive


def max_epochs() -> int | None:
    """The most epochs that `fit` runs, whatever it is told: `KERAS_MAX_EPOCHS`, or what `set_max_epochs` was given."""
    return _max_epochs if _max_epochs is not None else _limit("KERAS_MAX_EPOCHS")


def set_max_epochs(max_epochs: int | None) -> None:
    """Limit the epochs of `fit`, to try a script out."""
    global _max_epochs
    _max_epochs = _positive("max_epochs", max_epochs)


def max_steps_per_epoch() -> int | None:
    """The most steps of an epoch, of `evaluate` and of `predict`: `KERAS_MAX_STEPS_PER_EPOCH`, or what was set."""
    return _max_steps if _max_steps is not None else _limit("KERAS_MAX_STEPS_PER_EPOCH")


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Limit the steps of an epoch, to try a script out."""
    global _max_steps
    _max_steps = _positive("max_steps_per_epoch", max_steps_per_epoch)


def _positive(name: str, value: int | None) -> int | None:
    if value is not None and (not isinstance(value, int) or value < 1):
        raise tf.errors.InvalidArgumentError(f"`{name}` is a positive integer or None. Received: {name}={value!r}.")
    return value


def enable_flash_attention() -> None:
    """Accepted for compatibility: XLA decides how attention is computed."""


def disable_flash_attention() -> None:
    """Accepted for compatibility: XLA decides how attention is computed."""


def is_flash_attention_enabled() -> None:
    """None: XLA decides how attention is computed."""
    return None


def is_nnx_enabled() -> bool:
    """False: variables are treadle's own."""
    return False
