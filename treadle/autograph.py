"""`tf.autograph`: how Python functions are converted for compilation."""

from types import SimpleNamespace

from treadle.tracer.autograph import (
    Feature,
    do_not_convert,
    set_loop_options,
    set_verbosity,
    tf_convert,
    to_code,
    to_graph,
    trace,
)

experimental = SimpleNamespace(Feature=Feature, do_not_convert=do_not_convert, set_loop_options=set_loop_options)

__all__ = ["experimental", "set_verbosity", "tf_convert", "to_code", "to_graph", "trace"]
