"""`tf.config`: settings."""

from treadle.tracer.function import functions_run_eagerly, run_functions_eagerly

__all__ = ["functions_run_eagerly", "run_functions_eagerly"]
