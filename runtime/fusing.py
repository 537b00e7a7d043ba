"""The switch for what happens inside one eager call of the library: one program, or op by op."""

from __future__ import annotations

from treadle.runtime import checks


class _Now:
    fuses = True
    debugging = False  # `run_functions_eagerly(True)` is in force


def fuse_eager_calls(fuse: bool = True) -> None:
    """Whether an eager call of the library may run as one compiled program inside (the default), or runs op by op.

    It concerns the calls in which no code of the user's runs, so that nobody looks between the ops: `tape.gradient`, and
    `keras`' built-in layers and models, losses, metrics and optimizers. A call runs op by op until it has been made some
    times in the same way; then it is compiled. Values are those of the ops one by one, but for rounding; errors are the same.
    Switch it off to time or to debug the ops inside. `tf.config.run_functions_eagerly(True)` switches it off as well, and so
    does `tf.debugging.enable_check_numerics()`, which looks at every op.

    >>> import treadle as tf
    >>> tf.config.fuse_eager_calls(False)
    >>> tf.config.eager_calls_are_fused()
    False
    >>> tf.config.fuse_eager_calls(True)
    """
    _Now.fuses = bool(fuse)


def eager_calls_are_fused() -> bool:
    """True unless `fuse_eager_calls(False)`, `run_functions_eagerly(True)` or `enable_check_numerics()` is in force."""
    return _Now.fuses and not _Now.debugging and not checks.settings().numerics


def functions_run_eagerly(debugging: bool) -> None:
    """Word that compiled functions run op by op from now on, or no longer."""
    _Now.debugging = debugging
