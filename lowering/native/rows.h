// Programs on rows: what is computed of the rows of a matrix while they are in the cache, one row (or a part of one) at a time.

#pragma once

#include "kernels.h"

// What each element of an operand belongs to. A row has `width` elements; a value that repeats has `period` of them.
enum { WHOLE, PERIODIC, PER_ROW, SINGLE, MASK };  // MASK: bools, periodic

enum { MOST_OPERANDS = 24, MOST_RESULTS = 8, MOST_REGISTERS = 64, MOST_STEPS = 96 };

typedef struct { uint8_t code, into, is_row, a, b, c; } Step;

typedef struct {
  int operands, results, temporaries, steps;
  size width;
  const void *operand[MOST_OPERANDS];
  size period[MOST_OPERANDS];
  uint8_t kind[MOST_OPERANDS], per_row[MOST_RESULTS];
  float *result[MOST_RESULTS];
  Step step[MOST_STEPS];
} Rows;

// Reads what rows.py wrote down; operands and results are those of the call, from the given places on. How many numbers it took.
size read_rows(Rows *rows, const int64_t *how, const XLA_FFI_CallFrame *frame, int first_operand);

// How many floats a run needs to compute in.
size room(const Rows *rows, size columns);

// Has the processor fetch what a run at `columns` places from one on is going to touch, a row after the other.
void fetch_rows(const Rows *rows, size place, size columns, size count, size down);

// Computes the results at `columns` places, a multiple of LANES, from one on: the whole of a row if the program needs it.
void run_rows(const Rows *rows, size place, size columns, float *room);
