// Products of float32 matrices: c = a b for many matrices that lie side by side.
//
// A task computes one block of one c: for DEPTH rows of b at a time, tile after tile of a is multiplied with panel after panel
// of b. The sum runs in the same order for every element, so how c is cut into tasks does not change its values.

#include "rows.h"
#include "tile.h"

enum {
  DEPTH = 384,        // deep enough to seldom read c again; a tile of a stays in the first-level cache
  BLOCK = 512,        // columns of a task, at most: its part of b stays in the second-level cache
  ENOUGH = 1000000,   // products that are worth a task: 10 us
};

typedef struct {
  Matrix a, b;
  float *c;
  size m, n, k, outer, inner;
  size c_down, a_outer, a_inner, b_outer, b_inner, c_outer, c_inner;  // floats from one matrix to the next
  size row_blocks, column_blocks;
  Rows rows;  // what is computed of c, row by row; without steps: nothing
} Product;

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
  size place = outer * p->c_outer + inner * p->c_inner + top * p->c_down + left;
  float *c = p->c + place;
  // What is read often enough, and badly where it lies: rows of a apart from each other; rows of b far apart.
  int pack_a = a.across == 1 && columns >= 8 * PANEL, pack_b = b.across != 1 || (n > 256 && rows > 8 * ROWS);
  float tile_of_a[ROWS * DEPTH];
  size floats = parts(columns, PANEL) * PANEL * parts(k, steps);
  float *panels_of_b = checked(malloc((floats + (p->rows.steps ? room(&p->rows, columns) : 0)) * sizeof(float)));
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
        if (p->rows.steps && step == steps - 1)
          fetch_rows(&p->rows, place + i * p->c_down + j, least(PANEL, columns - j), high, p->c_down);
        int packed = pack_b || j + PANEL > columns;
        Matrix panel = packed ? (Matrix){panels_of_b + j * depth, PANEL, 1} : from(b, first, left + j);
        tile(high, least(PANEL, columns - j), depth, tile_a, panel, c + i * p->c_down + j, p->c_down, step > 0);
      }
      if (p->rows.steps && step == steps - 1)
        for (size r = i; r < i + high; r++) run_rows(&p->rows, place + r * p->c_down, columns, panels_of_b + floats);
    }
  }
  free(panels_of_b);
}

// (a, b, and the operands of a program on the rows of c) -> c, or the results of the program.
XLA_FFI_Error *treadle_product(XLA_FFI_CallFrame *frame) {
  if (asks_for_version(frame)) return NULL;
  const int64_t *h = attribute(frame);
  size held = h[16], whole_rows = h[17];  // the result that c is in before its rows are computed; whether they stay whole
  Product p = {.a = {argument(frame, 0)->data, h[5], h[6]}, .b = {argument(frame, 1)->data, h[9], h[10]},
               .c = result(frame, held)->data, .m = h[0], .n = h[1], .k = h[2], .outer = h[3], .inner = h[4],
               .a_outer = h[7], .a_inner = h[8], .b_outer = h[11], .b_inner = h[12],
               .c_down = h[13], .c_outer = h[14], .c_inner = h[15], .row_blocks = 1, .column_blocks = whole_rows ? 1 : parts(h[1], BLOCK)};
  read_rows(&p.rows, h + 18, frame, 2);
  // Smaller blocks keep more threads busy, but each packs what it reads, and starting a task takes microseconds.
  size wanted = 2 * threads(frame), count = p.outer * p.inner, blocks;
  while (blocks = p.row_blocks * p.column_blocks, count * blocks < wanted && p.m * p.n * p.k / blocks > ENOUGH)
    *(whole_rows || p.m / p.row_blocks > p.n / p.column_blocks ? &p.row_blocks : &p.column_blocks) *= 2;
  begin(frame, (Work){block, NULL, count * p.row_blocks * p.column_blocks}, &p, sizeof p);
  return NULL;
}
