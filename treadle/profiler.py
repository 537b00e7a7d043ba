"""`tf.profiler`: TensorFlow's names for `tf.profile`."""

from types import SimpleNamespace

from treadle.runtime.profiling.session import ProfilerOptions, Trace, TraceProfile, start, stop

experimental = SimpleNamespace(Profile=TraceProfile, ProfilerOptions=ProfilerOptions, Trace=Trace, start=start, stop=stop)

__all__ = ["experimental"]
