// Products of float32 matrices: c = a b for many matrices that lie side by side.
//
// A task computes one block of one c: for DEPTH rows of b at a time, tile after tile of a is multiplied with panel after panel
// of b. The sum runs in the same order for every element, so how c is cut into tasks does not change its values.

#include "kernels.h"

enum {
  PANEL = 2 * LANES,
  DEPTH = 384,        // deep enough to seldom read c again; a tile of a stays in the first-level cache
  BLOCK = 1024,       // columns of a task, at most: its part of b stays in the second-level cache
  ENOUGH = 1000000,   // products that are worth a task: 10 us
};

typedef float quad __attribute__((vector_size(16), aligned(4), may_alias));

// Element (i, j) is data[i * down + j * across]; down or across is 1.
typedef struct {
  const float *data;
  size down, across;
} Matrix;

typedef struct {
  Matrix a, b;
  float *c;
  size m, n, k, outer, inner;
  size c_down, a_outer, a_inner, b_outer, b_inner, c_outer, c_inner;  // floats from one matrix to the next
  size row_blocks, column_blocks;
} Product;

INLINE Matrix from(Matrix x, size i, size j) { return (Matrix){x.data + i * x.down + j * x.across, x.down, x.across}; }

// into[i, :] = x[i, :columns], then zeros up to the width.
static void pack(Matrix x, size rows, size columns, size width, float *into) {
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

// c (+)= a b for at most ROWS rows and a panel; columns that c does not have are computed beside it and left there.
static void tile(int rows, size columns, size depth, Matrix a, Matrix b, float *c, size c_down, int more) {
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

static void block(const void *context, size task) {
  const Product *p = context;
  Matrix a = p->a, b = p->b;
  size m = p->m, n = p->n, k = p->k, panels = parts(n, PANEL), steps = parts(k, DEPTH);
  size column = task % p->column_blocks, row = task / p->column_blocks % p->row_blocks;
  size number = task / p->column_blocks / p->row_blocks, outer = number / p->inner, inner = number % p->inner;
  size top = row * m / p->row_blocks, rows = (row + 1) * m / p->row_blocks - top, tiles = parts(rows, ROWS);
  size left = column * panels / p->column_blocks * PANEL;
  size columns = least(n, (column + 1) * panels / p->column_blocks * PANEL) - left;
  if (!rows || columns <= 0) return;
  a.data += outer * p->a_outer + inner * p->a_inner, b.data += outer * p->b_outer + inner * p->b_inner;
  float *c = p->c + outer * p->c_outer + inner * p->c_inner + top * p->c_down + left;
  // What is read often enough, and badly where it lies: rows of a apart from each other; rows of b far apart.
  int pack_a = a.across == 1 && columns >= 8 * PANEL, pack_b = b.across != 1 || (n > 256 && rows > 8 * ROWS);
  float tile_of_a[ROWS * DEPTH];
  float *panels_of_b = checked(malloc(parts(columns, PANEL) * PANEL * parts(k, steps) * sizeof(float)));
  for (size step = 0; step < steps; step++) {
    size first = step * k / steps, depth = (step + 1) * k / steps - first;
    for (size j = 0; j < columns; j += PANEL)
      if (pack_b || j + PANEL > columns)
        pack(from(b, first, left + j), depth, least(PANEL, columns - j), PANEL, panels_of_b + j * depth);
    for (size t = 0; t < tiles; t++) {
      size i = t * rows / tiles, high = (t + 1) * rows / tiles - i;
      Matrix tile_a = from(a, top + i, first);
      if (pack_a) {
        pack((Matrix){tile_a.data, tile_a.across, tile_a.down}, depth, high, high, tile_of_a);
        tile_a = (Matrix){tile_of_a, 1, high};
      }
      for (size j = 0; j < columns; j += PANEL) {
        int packed = pack_b || j + PANEL > columns;
        Matrix panel = packed ? (Matrix){panels_of_b + j * depth, PANEL, 1} : from(b, first, left + j);
        tile(high, least(PANEL, columns - j), depth, tile_a, panel, c + i * p->c_down + j, p->c_down, step > 0);
      }
    }
  }
  free(panels_of_b);
}

XLA_FFI_Error *treadle_product(XLA_FFI_CallFrame *frame) {
  if (asks_for_version(frame)) return NULL;
  const int64_t *h = attribute(frame);
  Product p = {.a = {argument(frame, 0)->data, h[5], h[6]}, .b = {argument(frame, 1)->data, h[9], h[10]},
               .c = result(frame)->data, .m = h[0], .n = h[1], .k = h[2], .outer = h[3], .inner = h[4],
               .a_outer = h[7], .a_inner = h[8], .b_outer = h[11], .b_inner = h[12],
               .c_down = h[13], .c_outer = h[14], .c_inner = h[15], .row_blocks = 1, .column_blocks = parts(h[1], BLOCK)};
  // Smaller blocks keep more threads busy, but each packs what it reads, and starting a task takes microseconds.
  size wanted = 2 * threads(frame), count = p.outer * p.inner, blocks;
  while (blocks = p.row_blocks * p.column_blocks, count * blocks < wanted && p.m * p.n * p.k / blocks > ENOUGH)
    *(p.m / p.row_blocks > p.n / p.column_blocks ? &p.row_blocks : &p.column_blocks) *= 2;
  begin(frame, (Work){block, NULL, count * p.row_blocks * p.column_blocks}, &p, sizeof p);
  return NULL;
}
