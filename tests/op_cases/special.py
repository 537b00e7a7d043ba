"""Special functions, against SciPy."""

import numpy as np
from scipy import special as scipy

from op_cases import Case, Special, integers, uniform
from op_cases.elementwise import FLOATS
from treadle.ir.ops.special import (
    bessel_i0,
    bessel_i0e,
    bessel_i1,
    bessel_i1e,
    betainc,
    digamma,
    erf,
    erfc,
    erfinv,
    expint,
    igamma,
    igamma_gradient_a,
    igammac,
    lgamma,
    ndtri,
    polygamma,
    spence,
    zeta,
)

POSITIVE = uniform(2, 3, low=0.3, high=5)


def gradient_in_a(a, x):
    a = a.astype(np.float64)
    return (scipy.gammainc(a + 1e-6, x) - scipy.gammainc(a - 1e-6, x)) / 2e-6


CASES = [
    *[Case(op, POSITIVE, reference=reference, tolerance=5e-5) for op, reference in [
        (lgamma, scipy.gammaln), (digamma, scipy.digamma), (erf, scipy.erf), (erfc, scipy.erfc),
        (bessel_i0, scipy.i0), (bessel_i0e, scipy.i0e), (bessel_i1, scipy.i1), (bessel_i1e, scipy.i1e),
        (spence, scipy.spence), (expint, scipy.expi)]],
    *[Case(op, uniform(2, 3), reference=reference, tolerance=5e-5) for op, reference in [
        (erfinv, scipy.erfinv), (ndtri, scipy.ndtri)]],
    *[Case(op, -uniform(4), reference=reference, tolerance=5e-5) for op, reference in [
        (lgamma, scipy.gammaln), (digamma, scipy.digamma), (erf, scipy.erf), (bessel_i1, scipy.i1),
        (bessel_i1e, scipy.i1e), (bessel_i0e, scipy.i0e)]],
    # The order of `polygamma` and the exponent of `zeta` have no gradient.
    *[Case(lambda x, n=n: polygamma(np.full(3, n).astype(x.dtype.numpy), x), uniform(3, low=0.5, high=3),
           reference=lambda x, n=n: scipy.polygamma(n, x), tolerance=1e-4, name="polygamma") for n in (1, 2)],
    Case(lambda q: zeta(np.float64(2.5).astype(q.dtype.numpy), q), uniform(3, low=0.5, high=3),
         reference=lambda q: scipy.zeta(2.5, q), tolerance=1e-4, name="zeta"),
    Case(polygamma, integers(2, 3, low=1, dtype=np.float32), POSITIVE, reference=scipy.polygamma, gradient=False,
         tolerance=1e-4),
    Case(zeta, POSITIVE + 1.5, POSITIVE[:, :1], reference=scipy.zeta, gradient=False, tolerance=1e-4),
    # The gradient with respect to a has none of its own.
    Case(igamma, POSITIVE, POSITIVE[:1], reference=scipy.gammainc, second=False, tolerance=1e-4),
    Case(igammac, POSITIVE, POSITIVE[:1], reference=scipy.gammaincc, second=False, tolerance=1e-4),
    Case(igamma_gradient_a, POSITIVE, POSITIVE[:1], reference=gradient_in_a, tolerance=1e-3),
    Case(betainc, POSITIVE, POSITIVE[:1], uniform(3), reference=scipy.betainc, gradient=False, tolerance=1e-4),
    Case(lambda x: betainc(x * 0 + 2, x * 0 + 1.5, x), uniform(3), reference=lambda x: scipy.betainc(2, 1.5, x),
         name="betainc", tolerance=1e-4),
]



def in_float64(function):
    """A function of SciPy, which has no longer floats."""
    return lambda x: function(x.astype(np.float64))


SPECIAL = [
    Special(erf, in_float64(scipy.erf), FLOATS, ulps=8),
    Special(erfc, in_float64(scipy.erfc), FLOATS, ulps=60),
    Special(lgamma, in_float64(scipy.gammaln), FLOATS, ulps=40, where=lambda x: (x > 0.01) & (x != 1) & (x != 2)),
]
