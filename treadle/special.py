"""`tf.math.special`: special functions."""

from treadle.ir.ops.special import bessel_i0, bessel_i0e, bessel_i1, bessel_i1e, expint, spence

__all__ = ["bessel_i0", "bessel_i0e", "bessel_i1", "bessel_i1e", "expint", "spence"]
