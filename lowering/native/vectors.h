// Arithmetic on vectors of floats: what C has no operators for.

#pragma once

#include <math.h>

#include "kernels.h"

typedef int32_t ints __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

INLINE vec at(const float *from) { return *(const vec *)from; }
INLINE vec splat(float x) { return x + (vec){0}; }
INLINE vec choose(ints mask, vec a, vec b) { return (vec)((mask & (ints)a) | (~mask & (ints)b)); }
INLINE vec larger(vec a, vec b) { return choose((ints)(a > b) | (ints)(a != a), a, b); }  // NaN if one of them is
INLINE vec smaller(vec a, vec b) { return choose((ints)(a < b) | (ints)(a != a), a, b); }
INLINE vec clamp(vec x, float low, float high) { return smaller(larger(x, splat(low)), splat(high)); }
INLINE vec square_root(vec x) {
  for (int i = 0; i < LANES; i++) x[i] = sqrtf(x[i]);
  return x;
}

// e^x = 2^n e^r with n = round(x / log 2), e^r by a polynomial (Cephes, expf): 2 units in the last place. 2^n in two factors,
// as it may be more than the largest float or less than the smallest.
INLINE vec exponential(vec x) {
  const float round = 12582912.0f;  // 1.5 * 2^23: added to a small number, leaves its integer part in the last bits
  x = clamp(x, -104.0f, 89.0f);
  vec shifted = x * 1.44269504f + round, n = shifted - round;
  vec r = x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  vec p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f, p = p * r + 4.1665795894e-2f, p = p * r + 1.6666665459e-1f, p = p * r + 5.0000001201e-1f;
  ints power = (ints)shifted - (ints)splat(round), half = power >> 1;
  return (p * r * r + r + 1.0f) * (vec)((half + 127) << 23) * (vec)((power - half + 127) << 23);
}

INLINE vec logistic(vec x) { return 1.0f / (1.0f + exponential(-x)); }

// x P(x^2) / Q(x^2), the rational approximation that Eigen and XLA use: 4 units in the last place. Where x is large it is 1 (the
// approximation is a little less), so that gradients vanish.
INLINE vec hyperbolic_tangent(vec x) {
  ints high = (ints)(x > splat(9.02f)), low = (ints)(x < splat(-9.02f));
  x = clamp(x, -7.90531110763549805f, 7.90531110763549805f);
  vec s = x * x, p = s * -2.76076847742355e-16f + 2.00018790482477e-13f;
  p = p * s + -8.60467152213735e-11f, p = p * s + 5.12229709037114e-08f, p = p * s + 1.48572235717979e-05f;
  p = p * s + 6.37261928875436e-04f, p = p * s + 4.89352455891786e-03f;
  vec q = s * 1.19825839466702e-06f + 1.18534705686654e-04f;
  q = q * s + 2.26843463243900e-03f, q = q * s + 4.89352518554385e-03f;
  return choose(high, splat(1.0f), choose(low, splat(-1.0f), x * p / q));
}

// In the same way, after Eigen: 3.4e-7 off at most.
INLINE vec error_function(vec x) {
  ints high = (ints)(x > splat(3.92f)), low = (ints)(x < splat(-3.92f));
  x = clamp(x, -3.7439211627767994f, 3.7439211627767994f);
  vec s = x * x, p = s * 0.00022905065861350646f + 0.0034082910107109506f;
  p = p * s + 0.050955695062380861f, p = p * s + 0.18520832239976145f, p = p * s + 1.128379143519084f;
  vec q = s * -1.1791602954361697e-7f + 0.000023547966471313185f;
  q = q * s + 0.0010179625278914885f, q = q * s + 0.014070470171167667f, q = q * s + 0.11098505178285362f;
  q = q * s + 0.49746925110067538f, q = q * s + 1.0f;
  return choose(high, splat(1.0f), choose(low, splat(-1.0f), x * p / q));
}
