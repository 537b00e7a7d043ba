// Convolutions over two spatial axes, and the gradient with respect to their filters.
//
//   y[n, p, q, f] = sum over i, j, c of x[n, p * stride + i * dilation - top, q * stride + j * dilation - left, c] w[i, j, c, f]
//
// float32, channels last, a number of filters that is a multiple of LANES. Each task pads the part of an image that it reads
// in memory of its own, where the taps of a row lie one after the other; the micro-kernels then are those of a matrix product.

#include "kernels.h"

enum {
  PADDED_BYTES = 64 << 10,   // of a task's padded rows: they stay in the second-level cache
  STRIP_BYTES = 24 << 10,    // of rows and their gradients: they stay in the first-level cache
  STRIP_PIXELS = 192,        // at least: for each, sums are read and written (7 x 7 x 512 filters: 91 GFLOP/s with 7, 157)
  PARTIALS = 8,              // sums of a filters' gradient over parts of the batch, whatever the number of threads
  PARTIALS_BYTES = 16 << 20  // at most, of all of them
};

typedef struct {
  size images, height, width, channels, taps_down, taps_across, out_height, out_width, filters;
  size stride_down, stride_across, top, left, dilation_down, dilation_across;
  size columns;        // of a padded row: what the windows reach
  size runs, run;      // taps of a row of the window that lie one after the other: how many times, how many floats
  size down, across;   // floats from one row of taps to the next, from one run to the next
  size apart, lower;   // floats from the taps of one pixel to those of the next across, and down
} Shape;

static size reach(size outs, size stride, size taps, size dilation) { return (outs - 1) * stride + (taps - 1) * dilation + 1; }

static size reach_down(const Shape *s, size rows) { return reach(rows, s->stride_down, s->taps_down, s->dilation_down); }

static Shape shape_of(const int64_t *x, const int64_t *w, const int64_t *y, const int64_t *how) {
  Shape s = {.images = x[0], .height = x[1], .width = x[2], .channels = x[3], .taps_down = w[0], .taps_across = w[1],
             .out_height = y[1], .out_width = y[2], .filters = y[3], .stride_down = how[0], .stride_across = how[1],
             .top = how[2], .left = how[3], .dilation_down = how[4], .dilation_across = how[5]};
  int together = s.dilation_across == 1;
  s.columns = reach(s.out_width, s.stride_across, s.taps_across, s.dilation_across);
  s.runs = together ? 1 : s.taps_across;
  s.run = together ? s.taps_across * s.channels : s.channels;
  s.down = s.dilation_down * s.columns * s.channels;
  s.across = s.dilation_across * s.channels;
  s.apart = s.stride_across * s.channels;
  s.lower = s.stride_down * s.columns * s.channels;
  return s;
}

// The rows that windows reach which begin with row `first` of the output, with zeros around the image.
static void pad(const Shape *s, const float *image, size first, size rows, float *into) {
  size line = s->columns * s->channels, bytes = sizeof(float) * s->channels;
  size skipped = most(-s->left, 0), left = least(most(s->left, 0), s->columns);
  size used = most(least(s->width - skipped, s->columns - left), 0);
  for (size i = 0; i < rows; i++, into += line) {
    size row = first * s->stride_down - s->top + i;
    if (row < 0 || row >= s->height) {
      memset(into, 0, line * sizeof(float));
      continue;
    }
    memset(into, 0, left * bytes);
    memcpy(into + left * s->channels, image + (row * s->width + skipped) * s->channels, used * bytes);
    memset(into + (left + used) * s->channels, 0, (s->columns - left - used) * bytes);
  }
}

// --- the convolution -------------------------------------------------------------------------------------------------

typedef struct {
  Shape s;
  const float *x, *w;  // the filters in panels of 2 vectors: [panel, tap, channel, filter of the panel]
  float *panels, *y;   // panels: those that were made, if any
  size rows, tasks_each;  // of the output a task, tasks an image
} Convolution;

// out[r, :] = sum over taps and channels of a[r * apart + tap] b[tap, :], for `rows` pixels and as many vectors of filters.
INLINE void pixels(const int rows, const int vectors, const Shape *s, const float *a, const float *b, size step, float *out) {
  vec sum[ROWS][2];
  size apart = s->apart;
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < vectors; v++) sum[r][v] = (vec){0};
  for (size i = 0; i < s->taps_down; i++)
    for (size j = 0; j < s->runs; j++) {
      const float *p = a + i * s->down + j * s->across;
      for (size k = 0; k < s->run; k++, b += step) {
        vec f[2];
        for (int v = 0; v < vectors; v++) f[v] = *(const vec *)(b + v * LANES);
#pragma GCC unroll 12
        for (int r = 0; r < rows; r++)
          for (int v = 0; v < vectors; v++) sum[r][v] += p[r * apart + k] * f[v];
      }
    }
#pragma GCC unroll 12
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < vectors; v++) *(vec *)(out + r * s->filters + v * LANES) = sum[r][v];
}

static void convolve(const void *context, size task) {
  const Convolution *c = context;
  const Shape *s = &c->s;
  size image = task / c->tasks_each, first = task % c->tasks_each * c->rows, rows = least(c->rows, s->out_height - first);
  size reached = reach_down(s, rows), tiles = parts(s->out_width, ROWS), taps = s->taps_down * s->taps_across * s->channels;
  float *padded = checked(malloc(reached * s->columns * s->channels * sizeof(float)));
  pad(s, c->x + image * s->height * s->width * s->channels, first, reached, padded);
  for (size filter = 0; filter < s->filters; filter += 2 * LANES) {
    const float *w = c->w + filter * taps;
    int vectors = least(s->filters - filter, 2 * LANES) / LANES;
    for (size row = 0; row < rows; row++)
      for (size tile = 0; tile < tiles; tile++) {
        size from = tile * s->out_width / tiles, to = (tile + 1) * s->out_width / tiles;
        const float *a = padded + row * s->lower + from * s->apart;
        float *out = c->y + ((image * s->out_height + first + row) * s->out_width + from) * s->filters + filter;
#define PIXELS(rows, vectors) pixels(rows, vectors, s, a, w, vectors * LANES, out)
        SPECIALISED(to - from, vectors, PIXELS)
      }
  }
  free(padded);
}

// [tap, filter] -> [panel, tap, filter of the panel]: a micro-kernel then reads its filters one after the other.
static float *in_panels(const float *w, size taps, size filters) {
  float *panels = checked(malloc(taps * filters * sizeof(float))), *next = panels;
  for (size filter = 0; filter < filters; filter += 2 * LANES) {
    size width = least(filters - filter, 2 * LANES);
    for (size tap = 0; tap < taps; tap++, next += width) memcpy(next, w + tap * filters + filter, width * sizeof(float));
  }
  return panels;
}

static void forget_panels(const void *context) { free(((const Convolution *)context)->panels); }

XLA_FFI_Error *treadle_convolution(XLA_FFI_CallFrame *frame) {
  if (asks_for_version(frame)) return NULL;
  const XLA_FFI_Buffer *x = argument(frame, 0), *w = argument(frame, 1), *y = result(frame, 0);
  Shape s = shape_of(x->dims, w->dims, y->dims, attribute(frame));
  float *panels = s.filters > 2 * LANES ? in_panels(w->data, s.taps_down * s.taps_across * s.channels, s.filters) : NULL;
  size rows = most(1, PADDED_BYTES / (s.lower * (size)sizeof(float)));
  rows = parts(s.out_height, parts(s.out_height, rows));
  Convolution c = {s, x->data, panels ? panels : w->data, panels, y->data, rows, parts(s.out_height, rows)};
  begin(frame, (Work){convolve, forget_panels, s.images * c.tasks_each}, &c, sizeof c);
  return NULL;
}

// --- the gradient with respect to the filters ------------------------------------------------------------------------

typedef struct {
  Shape s;
  const float *x, *g;
  float *sums, *out;       // [partial, tap, channel, filter], [tap, channel, filter]
  size partials, slices;   // of the batch, of the filters' weights: a task has one of each
  size strip, strips;      // rows of the output that are done at once, how many of them an image has
} Gradient;

// out[r, :] += sum over pixels of a[pixel + r] g[pixel, :], for `rows` neighbouring weights and as many vectors of filters.
INLINE void weights(const int rows, const int vectors, const Shape *s, const float *a, const float *g, size lines, float *out) {
  vec sum[ROWS][2];
#pragma GCC unroll 12
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < vectors; v++) sum[r][v] = *(vec *)(out + r * s->filters + v * LANES);
  for (size i = 0; i < lines; i++) {
    const float *p = a + i * s->lower;
    for (size k = 0; k < s->out_width; k++, g += s->filters, p += s->apart) {
      vec f[2];
      for (int v = 0; v < vectors; v++) f[v] = *(const vec *)(g + v * LANES);
#pragma GCC unroll 12
      for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++) sum[r][v] += p[r] * f[v];
    }
  }
#pragma GCC unroll 12
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < vectors; v++) *(vec *)(out + r * s->filters + v * LANES) = sum[r][v];
}

static void sum_up(const void *context, size task) {
  const Gradient *d = context;
  const Shape *s = &d->s;
  size part = task / d->slices, slice = task % d->slices, strips = s->images * d->strips;
  size tiles = parts(s->run, ROWS), pieces = s->taps_down * s->runs * tiles;
  float *sums = d->sums + part * s->taps_down * s->taps_across * s->channels * s->filters;
  float *padded = checked(malloc(reach_down(s, d->strip) * s->columns * s->channels * sizeof(float)));
  for (size strip = part * strips / d->partials; strip < (part + 1) * strips / d->partials; strip++) {
    size image = strip / d->strips, first = strip % d->strips * d->strip, lines = least(d->strip, s->out_height - first);
    pad(s, d->x + image * s->height * s->width * s->channels, first, reach_down(s, lines), padded);
    const float *g = d->g + (image * s->out_height + first) * s->out_width * s->filters;
    for (size filter = 0; filter < s->filters; filter += 2 * LANES) {
      int vectors = least(s->filters - filter, 2 * LANES) / LANES;
      for (size piece = slice * pieces / d->slices; piece < (slice + 1) * pieces / d->slices; piece++) {
        size tile = piece % tiles, runs = piece / tiles, from = tile * s->run / tiles, to = (tile + 1) * s->run / tiles;
        const float *a = padded + runs / s->runs * s->down + runs % s->runs * s->across + from;
        float *out = sums + (runs * s->run + from) * s->filters + filter;
#define WEIGHTS(rows, vectors) weights(rows, vectors, s, a, g + filter, lines, out)
        SPECIALISED(to - from, vectors, WEIGHTS)
      }
    }
  }
  free(padded);
}

static void add_partials(const void *context) {
  const Gradient *d = context;
  size total = d->s.taps_down * d->s.taps_across * d->s.channels * d->s.filters;
  for (size i = 0; i < total; i++) {
    float sum = d->sums[i];
    for (size p = 1; p < d->partials; p++) sum += d->sums[p * total + i];
    d->out[i] = sum;
  }
  free(d->sums);
}

XLA_FFI_Error *treadle_convolution_filter_gradient(XLA_FFI_CallFrame *frame) {
  if (asks_for_version(frame)) return NULL;
  const XLA_FFI_Buffer *x = argument(frame, 0), *g = argument(frame, 1), *w = result(frame, 0);
  Shape s = shape_of(x->dims, w->dims, g->dims, attribute(frame));
  size total = s.taps_down * s.taps_across * s.channels * s.filters;
  size strip = most(1, STRIP_BYTES / ((s.lower + s.out_width * s.filters) * (size)sizeof(float)));
  strip = least(most(strip, parts(STRIP_PIXELS, s.out_width)), s.out_height);
  size strips = parts(s.out_height, strip), afford = most(1, PARTIALS_BYTES / (total * (size)sizeof(float)));
  size partials = least(least(PARTIALS, afford), s.images * strips);
  float *sums = checked(calloc(partials * total, sizeof(float)));
  Gradient d = {s, x->data, g->data, sums, w->data, partials, parts(PARTIALS, partials), strip, strips};
  begin(frame, (Work){sum_up, add_partials, partials * d.slices}, &d, sizeof d);
  return NULL;
}
