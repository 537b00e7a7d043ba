// What the kernels share: vectors, threads, and how XLA asks for them.

#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "xla/ffi/api/c_api.h"

// LANES floats are a vector; ROWS x 2 vectors of sums, 2 operands and a factor fit into the processor's registers.
#if defined(__AVX512F__)
enum { LANES = 16, ROWS = 12 };
#elif defined(__AVX__)
enum { LANES = 8, ROWS = 6 };
#else
enum { LANES = 4, ROWS = 6 };
#endif

typedef float vec __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef int64_t size;

#define INLINE static inline __attribute__((always_inline))

INLINE size least(size a, size b) { return a < b ? a : b; }
INLINE size most(size a, size b) { return a > b ? a : b; }
INLINE size parts(size count, size each) { return (count + each - 1) / each; }  // of at most so many each

// A micro-kernel is compiled for each number of rows and of vectors, so that its sums stay in registers:
// SPECIALISED(rows, vectors, KERNEL) runs KERNEL(rows, vectors) with constants.
#define SIX_ROWS(KERNEL, v) \
  case 2 * 1 + v: KERNEL(1, v); break; case 2 * 2 + v: KERNEL(2, v); break; case 2 * 3 + v: KERNEL(3, v); break; \
  case 2 * 4 + v: KERNEL(4, v); break; case 2 * 5 + v: KERNEL(5, v); break; case 2 * 6 + v: KERNEL(6, v); break;
#if defined(__AVX512F__)
#define MORE_ROWS(KERNEL, v) \
  case 2 * 7 + v: KERNEL(7, v); break; case 2 * 8 + v: KERNEL(8, v); break; case 2 * 9 + v: KERNEL(9, v); break; \
  case 2 * 10 + v: KERNEL(10, v); break; case 2 * 11 + v: KERNEL(11, v); break; case 2 * 12 + v: KERNEL(12, v); break;
#else
#define MORE_ROWS(KERNEL, v)
#endif
#define SPECIALISED(rows, vectors, KERNEL) \
  switch (2 * (rows) + (vectors)) { \
    SIX_ROWS(KERNEL, 1) SIX_ROWS(KERNEL, 2) MORE_ROWS(KERNEL, 1) MORE_ROWS(KERNEL, 2) \
  }

// task(context, i) for each i below `tasks`, in any order and at the same time; after the last one, finish(context), if any.
typedef struct {
  void (*task)(const void *context, size i);
  void (*finish)(const void *context);
  size tasks;
} Work;

// Has the threads of XLA's pool do some work, with a copy of the context. It may go on after this call.
void begin(XLA_FFI_CallFrame *frame, Work work, const void *context, size bytes);

// How many threads the pool has.
size threads(XLA_FFI_CallFrame *frame);

// Memory that was asked for; as XLA does, the process ends if there is none.
void *checked(void *memory);

// XLA calls each function once to ask for the version it was written for: nothing else is to be done then.
int asks_for_version(XLA_FFI_CallFrame *frame);

INLINE const XLA_FFI_Buffer *argument(const XLA_FFI_CallFrame *frame, int i) { return frame->args.args[i]; }
INLINE const XLA_FFI_Buffer *result(const XLA_FFI_CallFrame *frame, int i) { return frame->rets.rets[i]; }
INLINE const int64_t *attribute(const XLA_FFI_CallFrame *frame) { return ((XLA_FFI_Array *)frame->attrs.attrs[0])->data; }
