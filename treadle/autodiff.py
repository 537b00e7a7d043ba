"""`tf.autodiff`: forward mode."""

from treadle.runtime.forward import ForwardAccumulator

__all__ = ["ForwardAccumulator"]
