"""The switches for run-time checks. Turning one takes effect on the next call: programs are kept for each setting."""

from __future__ import annotations

import weakref
from typing import Protocol

from treadle.ir.passes.effects import Settings


class Listener(Protocol):
    """Somebody who holds programs."""

    def settings_changed(self) -> None:
        """Use the programs for the settings that now hold."""


class _Now:
    settings = Settings()


_listeners: weakref.WeakSet[Listener] = weakref.WeakSet()


def settings() -> Settings:
    """The settings in force."""
    return _Now.settings


def listen(listener: Listener) -> None:
    """Have `listener.settings_changed()` called from now on, as long as it lives."""
    _listeners.add(listener)


def _change(**changes: bool) -> None:
    _Now.settings = _Now.settings._replace(**changes)
    for listener in list(_listeners):
        listener.settings_changed()


def enable_checks() -> None:
    """Check indices, divisors, labels and `tf.debugging.assert_*` again (the default)."""
    _change(checks=True)


def disable_checks() -> None:
    """Leave out the checks of indices, divisors and labels, and those of `tf.debugging` and `tf.Assert`, to save their time.

    What the program itself raises (`raise`, `assert`) stays. Where an index is outside, `gather` then gives 0, a scatter
    leaves the update out, a slice is moved inside; an integer divided by 0 is -1.

    >>> import treadle as tf
    >>> tf.debugging.disable_checks()
    >>> tf.gather([1, 2], [5]).numpy().tolist()
    [0]
    >>> tf.debugging.enable_checks()
    """
    _change(checks=False)


def checks_enabled() -> bool:
    """True unless `disable_checks` is in force."""
    return _Now.settings.checks


def enable_check_numerics(stack_height_limit: int = 30, path_length_limit: int = 50) -> None:
    """Raise InvalidArgumentError where any operation, eager or compiled, gives Inf or NaN, and name the operation.

    The arguments are accepted for compatibility.

    >>> import treadle as tf
    >>> tf.debugging.enable_check_numerics()
    >>> try:
    ...     tf.math.log([0.0])
    ... except tf.errors.InvalidArgumentError as error:
    ...     print(error.message)
    `log` gave -Inf. Its result is a float32 tensor of shape (1,) with 1 -Inf, 0 +Inf, 0 NaN.
    >>> tf.debugging.disable_check_numerics()
    """
    _change(numerics=True)


def disable_check_numerics() -> None:
    """Undo `enable_check_numerics`."""
    _change(numerics=False)
