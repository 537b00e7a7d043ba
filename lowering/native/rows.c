// Programs on rows: an interpreter whose instructions take thousands of elements at once.

#include "rows.h"
#include "vectors.h"

enum { ENOUGH = 32768 };  // elements that are worth a task

// The order is that of CODES in rows.py.
enum {
  MOVE, NEGATIVE, ABS, SQUARE, SQRT, RSQRT, RECIPROCAL, EXP, ERF, TANH, SIGMOID, RELU, ZEROS_LIKE,
  ADD, SUBTRACT, MULTIPLY, DIVIDE, MAXIMUM, MINIMUM, SQUARED_DIFFERENCE, RELU_GRAD,
  SELECT, SUM, MEAN, SOFTMAX,
};

typedef struct {
  float *data;
  size step;  // from one vector to the next: LANES, or 0 for one that stands for all
} Register;

size read_rows(Rows *rows, const int64_t *how, const XLA_FFI_CallFrame *frame, int first) {
  const int64_t *h = how;
  rows->width = *h++, rows->operands = *h++, rows->results = *h++, rows->temporaries = *h++, rows->steps = *h++;
  for (int i = 0; i < rows->operands; i++) {
    rows->kind[i] = *h++, rows->period[i] = *h++;
    rows->operand[i] = argument(frame, first + i)->data;
  }
  for (int i = 0; i < rows->results; i++) rows->per_row[i] = *h++, rows->result[i] = result(frame, i)->data;
  for (int i = 0; i < rows->steps; i++, h += 6) rows->step[i] = (Step){h[0], h[1], h[2], h[3], h[4], h[5]};
  return h - how;
}

size room(const Rows *rows, size columns) {
  return (rows->temporaries + rows->operands) * columns + rows->results * LANES;
}

void fetch_rows(const Rows *p, size place, size columns, size count, size down) {
  const size line = 64 / sizeof(float);
  for (int i = 0; i < p->operands; i++)
    for (size r = 0; r < count && p->kind[i] == WHOLE; r++)
      for (size j = 0; j < columns; j += line) __builtin_prefetch((const float *)p->operand[i] + place + r * down + j, 0);
  for (int i = 0; i < p->results; i++)
    for (size r = 0; r < count && !p->per_row[i]; r++)
      for (size j = 0; j < columns; j += line) __builtin_prefetch(p->result[i] + place + r * down + j, 1);
}

static float total(const float *x, size count, size step) {
  vec a = {0}, b = {0};
  size i = 0;
  for (; i + 1 < count; i += 2) a += at(x + i * step), b += at(x + (i + 1) * step);
  if (i < count) a += at(x + i * step);
  a += b;
  float sum = 0;
  for (int lane = 0; lane < LANES; lane++) sum += a[lane];
  return sum;
}

static float largest(const float *x, size count) {
  vec a = at(x);
  for (size i = 1; i < count; i++) a = larger(a, at(x + i * LANES));
  float found = a[0];
  for (int lane = 1; lane < LANES; lane++) found = a[lane] > found || a[lane] != a[lane] ? a[lane] : found;
  return found;
}

static void softmax(const float *x, float *y, size count) {
  vec highest = splat(largest(x, count));
  for (size i = 0; i < count * LANES; i += LANES) *(vec *)(y + i) = exponential(at(x + i) - highest);
  vec scale = splat(1.0f / total(y, count, LANES));
  for (size i = 0; i < count * LANES; i += LANES) *(vec *)(y + i) *= scale;
}

static void run_step(const Step *s, Register *registers, size vectors) {
  Register *into = &registers[s->into];
  into->step = s->is_row ? 0 : LANES;
  size count = s->is_row ? 1 : vectors, sa = registers[s->a].step, sb = registers[s->b].step, sc = registers[s->c].step;
  const float *a = registers[s->a].data, *b = registers[s->b].data, *c = registers[s->c].data;
  float *y = into->data;
#define UNARY(CODE, f) \
  case CODE: for (size i = 0; i < count; i++) { vec p = at(a + i * sa); *(vec *)(y + i * LANES) = f; } break;
#define BINARY(CODE, f) \
  case CODE: for (size i = 0; i < count; i++) { vec p = at(a + i * sa), q = at(b + i * sb); *(vec *)(y + i * LANES) = f; } break;
  switch (s->code) {
    UNARY(MOVE, p) UNARY(NEGATIVE, -p) UNARY(ABS, (vec)((ints)p & INT32_MAX)) UNARY(SQUARE, p * p) UNARY(SQRT, square_root(p))
    UNARY(RSQRT, 1.0f / square_root(p)) UNARY(RECIPROCAL, 1.0f / p) UNARY(EXP, exponential(p)) UNARY(ERF, error_function(p))
    UNARY(TANH, hyperbolic_tangent(p)) UNARY(SIGMOID, logistic(p)) UNARY(RELU, larger(p, splat(0)))
    case ZEROS_LIKE: memset(y, 0, count * LANES * sizeof *y); break;
    BINARY(ADD, p + q) BINARY(SUBTRACT, p - q) BINARY(MULTIPLY, p * q) BINARY(DIVIDE, p / q) BINARY(MAXIMUM, larger(p, q))
    BINARY(MINIMUM, smaller(p, q)) BINARY(SQUARED_DIFFERENCE, (p - q) * (p - q))
    BINARY(RELU_GRAD, choose((ints)(q > splat(0)), p, splat(0)))
    case SELECT:
      for (size i = 0; i < count; i++)
        *(vec *)(y + i * LANES) = choose(*(const ints *)(a + i * sa), at(b + i * sb), at(c + i * sc));
      break;
    case SUM: *(vec *)y = splat(total(a, vectors, sa)); break;
    case MEAN: *(vec *)y = splat(total(a, vectors, sa) / (vectors * LANES)); break;
    case SOFTMAX: softmax(a, y, vectors); break;
  }
}

void run_rows(const Rows *p, size place, size columns, float *room) {
  Register registers[MOST_REGISTERS];
  int n = 0;
  size row = place / p->width;
  for (int i = 0; i < p->operands; i++, n++) {
    const float *from = p->operand[i];
    size within = p->period[i] ? place % p->period[i] : place;
    switch (p->kind[i]) {
      case WHOLE: case PERIODIC: registers[n] = (Register){(float *)from + within, LANES}; break;
      case MASK: {
        const uint8_t *bools = (const uint8_t *)p->operand[i] + within;
        for (size j = 0; j < columns; j++) ((int32_t *)room)[j] = -(int32_t)(bools[j] != 0);
        registers[n] = (Register){room, LANES}, room += columns;
        break;
      }
      default:
        *(vec *)room = splat(from[p->kind[i] == PER_ROW ? row : 0]);
        registers[n] = (Register){room, 0}, room += LANES;
    }
  }
  for (int i = 0; i < p->results; i++, n++)
    if (p->per_row[i]) registers[n] = (Register){room, 0}, room += LANES;
    else registers[n] = (Register){p->result[i] + place, LANES};
  for (int i = 0; i < p->temporaries; i++, n++) registers[n] = (Register){room, LANES}, room += columns;
  for (int i = 0; i < p->steps; i++) run_step(&p->step[i], registers, columns / LANES);
  for (int i = 0; i < p->results; i++)
    if (p->per_row[i]) p->result[i][row] = *registers[p->operands + i].data;
}

typedef struct {
  Rows rows;
  size count, blocks;  // of rows
} Task;

static void some_rows(const void *context, size task) {
  const Task *p = context;
  size width = p->rows.width;
  float *memory = checked(malloc(room(&p->rows, width) * sizeof(float)));
  for (size row = task * p->count / p->blocks; row < (task + 1) * p->count / p->blocks; row++)
    run_rows(&p->rows, row * width, width, memory);
  free(memory);
}

// A program by itself, on a matrix with so many rows.
XLA_FFI_Error *treadle_rows(XLA_FFI_CallFrame *frame) {
  if (asks_for_version(frame)) return NULL;
  const int64_t *how = attribute(frame);
  Task p = {.count = how[0]};
  read_rows(&p.rows, how + 1, frame, 0);
  p.blocks = most(1, least(4 * threads(frame), p.count * p.rows.width / ENOUGH));
  begin(frame, (Work){some_rows, NULL, p.blocks}, &p, sizeof p);
  return NULL;
}
