// Long short-term memory over a sequence and its gradient, as in treadle/ir/ops/recurrent.py: x [time, batch, 4 units].
//
// The rows of a batch know nothing of each other: a task takes some of them through all steps, so nobody waits between steps.

#include "tile.h"
#include "vectors.h"

enum { ENOUGH = 2000000 };  // products that are worth a task: 20 us

typedef struct {
  const float *x, *w, *h, *c;
  float *every, *last_h, *last_c, *carries, *gates;  // the last two may be missing; gates may be where x is
  size time, batch, units, blocks;
} Forward;

typedef struct {
  const float *g, *gh, *gc, *w, *c, *carries, *gates;
  float *of_x, *of_h, *of_c;
  size time, batch, units, blocks;
} Backward;

// The panels of b, one after the other.
static float *packed(Matrix b, size depth, size columns) {
  float *panels = checked(malloc(parts(columns, PANEL) * PANEL * depth * sizeof(float)));
  for (size j = 0; j < columns; j += PANEL) pack(from(b, 0, j), depth, least(PANEL, columns - j), PANEL, panels + j * depth);
  return panels;
}

// c (+)= a b for rows that lie side by side, b given as panels.
static void multiply(size rows, size columns, size depth, const float *a, const float *panels, float *c, int more) {
  size tiles = parts(rows, ROWS);
  for (size t = 0; t < tiles; t++) {
    size i = t * rows / tiles, high = (t + 1) * rows / tiles - i;
    for (size j = 0; j < columns; j += PANEL)
      tile(high, least(PANEL, columns - j), depth, (Matrix){a + i * depth, depth, 1}, (Matrix){panels + j * depth, PANEL, 1},
           c + i * columns + j, columns, more);
  }
}

static void forward(const void *context, size task) {
  const Forward *p = context;
  size u = p->units, top = task * p->batch / p->blocks, rows = (task + 1) * p->batch / p->blocks - top, state = rows * u;
  float *panels = packed((Matrix){p->w, 4 * u, 1}, u, 4 * u);
  float *scratch = p->gates ? NULL : checked(malloc(4 * state * sizeof(float)));
  const float *h = p->h + top * u, *c = p->c + top * u;
  for (size t = 0; t < p->time; t++) {
    size place = t * p->batch + top;
    const float *x = p->x + place * 4 * u;
    float *z = p->gates ? p->gates + place * 4 * u : scratch, *fresh_h = p->every + place * u;
    float *fresh_c = p->carries ? p->carries + place * u : p->last_c + top * u;
    if (z != x) memcpy(z, x, 4 * state * sizeof(float));
    multiply(rows, 4 * u, u, h, panels, z, 1);
    for (size r = 0; r < rows; r++)
      for (size j = 0; j < u; j += LANES) {
        float *gates = z + r * 4 * u + j;
        vec i = logistic(at(gates)), f = logistic(at(gates + u)), g = hyperbolic_tangent(at(gates + 2 * u));
        vec o = logistic(at(gates + 3 * u)), carry = f * at(c + r * u + j) + i * g;
        *(vec *)gates = i, *(vec *)(gates + u) = f, *(vec *)(gates + 2 * u) = g, *(vec *)(gates + 3 * u) = o;
        *(vec *)(fresh_c + r * u + j) = carry;
        *(vec *)(fresh_h + r * u + j) = o * hyperbolic_tangent(carry);
      }
    h = fresh_h, c = fresh_c;
  }
  memcpy(p->last_h + top * u, h, state * sizeof(float));
  if (p->last_c + top * u != c) memcpy(p->last_c + top * u, c, state * sizeof(float));
  free(panels), free(scratch);
}

static void backward(const void *context, size task) {
  const Backward *p = context;
  size u = p->units, top = task * p->batch / p->blocks, rows = (task + 1) * p->batch / p->blocks - top, state = rows * u;
  float *panels = packed((Matrix){p->w, 1, 4 * u}, 4 * u, u);
  float *gh = p->of_h + top * u, *gc = p->of_c + top * u;  // on their way back
  if (gh != p->gh + top * u) memcpy(gh, p->gh + top * u, state * sizeof(float));
  if (gc != p->gc + top * u) memcpy(gc, p->gc + top * u, state * sizeof(float));
  for (size t = p->time - 1; t >= 0; t--) {
    size place = t * p->batch + top;
    const float *before = t ? p->carries + (place - p->batch) * u : p->c + top * u;
    float *z = p->of_x + place * 4 * u;
    for (size r = 0; r < rows; r++)
      for (size j = 0; j < u; j += LANES) {
        size k = r * u + j;
        const float *gates = p->gates + (place + r) * 4 * u + j;
        vec i = at(gates), f = at(gates + u), a = at(gates + 2 * u), o = at(gates + 3 * u);
        vec squashed = hyperbolic_tangent(at(p->carries + place * u + k)), of_h = at(gh + k) + at(p->g + place * u + k);
        vec of_c = at(gc + k) + of_h * o * (1.0f - squashed * squashed);
        float *into = z + r * 4 * u + j;
        *(vec *)into = of_c * a * i * (1.0f - i);
        *(vec *)(into + u) = of_c * at(before + k) * f * (1.0f - f);
        *(vec *)(into + 2 * u) = of_c * i * (1.0f - a * a);
        *(vec *)(into + 3 * u) = of_h * squashed * o * (1.0f - o);
        *(vec *)(gc + k) = of_c * f;
      }
    multiply(rows, u, 4 * u, z, panels, gh, 0);
  }
  free(panels);
}

static size blocks_of(XLA_FFI_CallFrame *frame, size time, size batch, size units) {
  size worth = parts(time * batch * units * 4 * units, ENOUGH);
  return most(1, least(least(threads(frame), worth), parts(batch, 4)));
}

// (x, w, h, c) -> (every, last_h, last_c), and carries and gates if they are kept.
XLA_FFI_Error *treadle_lstm(XLA_FFI_CallFrame *frame) {
  if (asks_for_version(frame)) return NULL;
  const int64_t *s = attribute(frame);  // time, batch, units, whether residuals are kept
  Forward p = {.x = argument(frame, 0)->data, .w = argument(frame, 1)->data, .h = argument(frame, 2)->data,
               .c = argument(frame, 3)->data, .every = result(frame, 0)->data, .last_h = result(frame, 1)->data,
               .last_c = result(frame, 2)->data, .carries = s[3] ? result(frame, 3)->data : NULL,
               .gates = s[3] ? result(frame, 4)->data : NULL, .time = s[0], .batch = s[1], .units = s[2],
               .blocks = blocks_of(frame, s[0], s[1], s[2])};
  begin(frame, (Work){forward, NULL, p.blocks}, &p, sizeof p);
  return NULL;
}

// (g, gh, gc, w, c, carries, gates) -> (of_x, of_h, of_c).
XLA_FFI_Error *treadle_lstm_gradient(XLA_FFI_CallFrame *frame) {
  if (asks_for_version(frame)) return NULL;
  const int64_t *s = attribute(frame);  // time, batch, units
  Backward p = {.g = argument(frame, 0)->data, .gh = argument(frame, 1)->data, .gc = argument(frame, 2)->data,
                .w = argument(frame, 3)->data, .c = argument(frame, 4)->data, .carries = argument(frame, 5)->data,
                .gates = argument(frame, 6)->data, .of_x = result(frame, 0)->data, .of_h = result(frame, 1)->data,
                .of_c = result(frame, 2)->data, .time = s[0], .batch = s[1], .units = s[2],
                .blocks = blocks_of(frame, s[0], s[1], s[2])};
  begin(frame, (Work){backward, NULL, p.blocks}, &p, sizeof p);
  return NULL;
}
