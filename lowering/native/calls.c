// What a kernel has to do with XLA: tasks on the threads of its pool, its version.

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include "kernels.h"

// Whoever holds a job takes the next task until there is none. Nobody waits for a thread that has not begun: it may be one
// that waits too. So a job lives until the last holder lets go of it, which may be after its tasks are done.
typedef struct {
  void (*task)(const void *, size);
  const void *context;
  size count;
  atomic_long next, done, holders;
} Job;

static void let_go(Job *job) {
  if (atomic_fetch_sub(&job->holders, 1) == 1) free(job);
}

static void take_tasks(Job *job) {
  for (size i; (i = atomic_fetch_add(&job->next, 1)) < job->count;) {
    job->task(job->context, i);
    atomic_fetch_add(&job->done, 1);
  }
}

static void help(void *job) {
  take_tasks(job);
  let_go(job);
}

static int succeeded(XLA_FFI_CallFrame *frame, XLA_FFI_Error *error) {
  if (!error) return 1;
  XLA_FFI_Error_Destroy_Args gone = {XLA_FFI_Error_Destroy_Args_STRUCT_SIZE, NULL, error};
  frame->api->XLA_FFI_Error_Destroy(&gone);
  return 0;
}

void parallel(XLA_FFI_CallFrame *frame, void (*task)(const void *, size), const void *context, size count) {
  int64_t threads = 1;
  XLA_FFI_ThreadPool_NumThreads_Args asked = {XLA_FFI_ThreadPool_NumThreads_Args_STRUCT_SIZE, NULL, frame->ctx, &threads};
  size helpers = succeeded(frame, frame->api->XLA_FFI_ThreadPool_NumThreads(&asked)) ? most(least(threads, count) - 1, 0) : 0;
  Job *job = checked(malloc(sizeof *job));
  *job = (Job){.task = task, .context = context, .count = count, .holders = helpers + 1};
  for (size i = 0; i < helpers; i++) {
    XLA_FFI_ThreadPool_Schedule_Args scheduled = {XLA_FFI_ThreadPool_Schedule_Args_STRUCT_SIZE, NULL, frame->ctx, help, job};
    if (!succeeded(frame, frame->api->XLA_FFI_ThreadPool_Schedule(&scheduled))) let_go(job);
  }
  take_tasks(job);
  while (atomic_load(&job->done) < count) sched_yield();  // the tasks that others have begun
  let_go(job);
}

int asks_for_version(XLA_FFI_CallFrame *frame) {
  XLA_FFI_Extension_Base *extension = frame->extension_start;
  if (!extension || extension->type != XLA_FFI_Extension_Metadata) return 0;
  XLA_FFI_Metadata *metadata = ((XLA_FFI_Metadata_Extension *)extension)->metadata;
  metadata->api_version.major_version = XLA_FFI_API_MAJOR;
  metadata->api_version.minor_version = XLA_FFI_API_MINOR;
  return 1;
}

void *checked(void *memory) {
  if (!memory) {
    fputs("treadle: no memory left in a kernel\n", stderr);
    abort();
  }
  return memory;
}

int treadle_lanes(void) { return LANES; }
