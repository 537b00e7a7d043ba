// The product of a tile with a panel: sums that stay in registers.

#include "tile.h"

typedef float quad __attribute__((vector_size(16), aligned(4), may_alias));

void pack(Matrix x, size rows, size columns, size width, float *into) {
  if (columns < width) memset(into, 0, rows * width * sizeof *into);
  if (x.across == 1) {
    for (size i = 0; i < rows; i++) memcpy(into + i * width, x.data + i * x.down, columns * sizeof *into);
    return;
  }
  // 4 x 4 squares: element by element, packing takes a tenth of the time of a product.
  size whole_rows = rows & ~3, whole_columns = columns & ~3;
  for (size j = 0; j < whole_columns; j += 4)
    for (size i = 0; i < whole_rows; i += 4) {
      const float *p = from(x, i, j).data;
      float *q = into + i * width + j;
      quad a = *(quad *)p, b = *(quad *)(p + x.across), c = *(quad *)(p + 2 * x.across), d = *(quad *)(p + 3 * x.across);
      quad ab = {a[0], b[0], a[1], b[1]}, cd = {c[0], d[0], c[1], d[1]};
      *(quad *)q = (quad){ab[0], ab[1], cd[0], cd[1]}, *(quad *)(q + width) = (quad){ab[2], ab[3], cd[2], cd[3]};
      ab = (quad){a[2], b[2], a[3], b[3]}, cd = (quad){c[2], d[2], c[3], d[3]}, q += 2 * width;
      *(quad *)q = (quad){ab[0], ab[1], cd[0], cd[1]}, *(quad *)(q + width) = (quad){ab[2], ab[3], cd[2], cd[3]};
    }
  for (size j = 0; j < columns; j++)
    for (size i = j < whole_columns ? whole_rows : 0; i < rows; i++) into[i * width + j] = *from(x, i, j).data;
}

// The micro-kernel: c = a b, or c += a b, for a tile of c that stays in registers.
INLINE void micro(const int rows, const int vectors, size depth, const float *a, size down, size across, const float *b,
                  size b_down, float *c, size c_down, int more) {
  vec sum[ROWS][2];
#pragma GCC unroll 12
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < vectors; v++) {
      sum[r][v] = (vec){0};
      if (more) __builtin_prefetch(c + r * c_down + v * LANES, 1);
    }
  for (size k = 0; k < depth; k++, a += across, b += b_down) {
    vec row[2];
    for (int v = 0; v < vectors; v++) row[v] = *(const vec *)(b + v * LANES);
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++)
      for (int v = 0; v < vectors; v++) sum[r][v] += a[r * down] * row[v];
  }
#pragma GCC unroll 12
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < vectors; v++) {
      vec *out = (vec *)(c + r * c_down + v * LANES);
      if (more) sum[r][v] += *out;
      *out = sum[r][v];
    }
}

void tile(int rows, size columns, size depth, Matrix a, Matrix b, float *c, size c_down, int more) {
  float whole[ROWS * PANEL], *edge = c;
  size edge_down = c_down;
  int cut = columns < PANEL, vectors = columns > LANES ? 2 : 1;
  if (cut) {
    c = whole, c_down = PANEL;
    for (int r = 0; r < rows && more; r++) memcpy(c + r * c_down, edge + r * edge_down, columns * sizeof *c);
  }
#define ALONG_COLUMNS(rows, vectors) micro(rows, vectors, depth, a.data, 1, a.across, b.data, b.down, c, c_down, more)
#define ALONG_ROWS(rows, vectors) micro(rows, vectors, depth, a.data, a.down, 1, b.data, b.down, c, c_down, more)
  if (a.down == 1) SPECIALISED(rows, vectors, ALONG_COLUMNS)
  else SPECIALISED(rows, vectors, ALONG_ROWS)
  for (int r = 0; r < rows && cut; r++) memcpy(edge + r * edge_down, c + r * c_down, columns * sizeof *c);
}
