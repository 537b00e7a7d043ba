// What products are made of: matrices that are read by strides, and the product of one tile with one panel.

#pragma once

#include "kernels.h"

enum { PANEL = 2 * LANES };  // columns

// Element (i, j) is data[i * down + j * across]; down or across is 1.
typedef struct {
  const float *data;
  size down, across;
} Matrix;

INLINE Matrix from(Matrix x, size i, size j) { return (Matrix){x.data + i * x.down + j * x.across, x.down, x.across}; }

// into[i, :] = x[i, :columns], then zeros up to the width.
void pack(Matrix x, size rows, size columns, size width, float *into);

// c = a b, or c += a b, for at most ROWS rows and a panel; columns that c does not have are computed beside it and left there.
void tile(int rows, size columns, size depth, Matrix a, Matrix b, float *c, size c_down, int more);
