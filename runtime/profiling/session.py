"""`tf.profiler.experimental`: a profile that is started and stopped by calls, and named parts of it."""

from __future__ import annotations

from typing import Any, NamedTuple

from jax import profiler

from treadle.ir import errors
from treadle.runtime.profiling.profile import Profile

_now: list[Profile] = []


class ProfilerOptions(NamedTuple):
    """TensorFlow's options. `tf.profile` records what it needs: they are accepted, and change nothing."""

    host_tracer_level: int = 2
    python_tracer_level: int = 0
    device_tracer_level: int = 1
    delay_ms: int | None = None


@errors.filter_traceback
def start(logdir: Any, options: Any = None) -> None:
    """Start a profile; `stop` ends it and writes `trace.json.gz` into the folder. See `tf.profile`.

    Raises FailedPreconditionError (TensorFlow's AlreadyExistsError) if one is being made.
    """
    made = Profile(logdir)
    made.__enter__()
    _now.append(made)


@errors.filter_traceback
def stop(save: bool = True) -> Profile | None:
    """End the profile that `start` began, and return it; with save=False, forget it.

    Raises FailedPreconditionError (TensorFlow's UnavailableError) if there is none.
    """
    if not _now:
        raise errors.FailedPreconditionError("No profile is being made. Call `tf.profiler.experimental.start(folder)` first.")
    made = _now.pop()
    if save:
        made.__exit__()
        return made
    made.__exit__(KeyboardInterrupt)  # as if the block had failed: nothing is told
    return None


class TraceProfile(Profile):
    """`with Profile(logdir):` is `with tf.profile(logdir)`."""

    def __init__(self, logdir: Any, options: Any = None):
        super().__init__(logdir)


class Trace:
    """`with Trace("step", step_num=i):` names a part of a profile, for the trace's viewer.

    >>> import treadle as tf
    >>> with tf.profiler.experimental.Trace("load", step_num=3):
    ...     x = tf.ones([2])
    """

    def __init__(self, name: str, **kwargs: Any):
        arguments = {k: v for k, v in kwargs.items() if k != "_r"}
        title = f"{name} {arguments['step_num']}" if "step_num" in arguments else name
        self._annotation = profiler.TraceAnnotation(title, **arguments)

    def __enter__(self) -> Trace:
        self._annotation.__enter__()
        return self

    def set_metadata(self, **kwargs: Any) -> None:
        """Accepted for compatibility."""

    def __exit__(self, *exception: Any) -> None:
        self._annotation.__exit__(*exception)
