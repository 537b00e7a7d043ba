// What a kernel has to do with XLA: tasks on the threads of its pool, its version.

#include <stdatomic.h>
#include <stdio.h>

#include "kernels.h"

// Each thread that holds a job takes the next task until there is none. XLA goes on with whatever else it can do meanwhile,
// and is told by whoever ends the last task. Later on, threads may come that find nothing to do; the last one frees the job.
typedef struct {
  Work work;
  const XLA_FFI_Api *api;
  XLA_FFI_Future *future;
  atomic_long next, done, holders;
  max_align_t context[];
} Job;

static int succeeded(const XLA_FFI_Api *api, XLA_FFI_Error *error) {
  if (!error) return 1;
  XLA_FFI_Error_Destroy_Args gone = {XLA_FFI_Error_Destroy_Args_STRUCT_SIZE, NULL, error};
  api->XLA_FFI_Error_Destroy(&gone);
  return 0;
}

static void take_tasks(void *data) {
  Job *job = data;
  for (size i; (i = atomic_fetch_add(&job->next, 1)) < job->work.tasks;) {
    job->work.task(job->context, i);
    if (atomic_fetch_add(&job->done, 1) < job->work.tasks - 1) continue;
    if (job->work.finish) job->work.finish(job->context);
    XLA_FFI_Future_SetAvailable_Args ended = {XLA_FFI_Future_SetAvailable_Args_STRUCT_SIZE, NULL, job->future};
    succeeded(job->api, job->api->XLA_FFI_Future_SetAvailable(&ended));
  }
  if (atomic_fetch_sub(&job->holders, 1) == 1) free(job);
}

size threads(XLA_FFI_CallFrame *frame) {
  int64_t found = 1;
  XLA_FFI_ThreadPool_NumThreads_Args asked = {XLA_FFI_ThreadPool_NumThreads_Args_STRUCT_SIZE, NULL, frame->ctx, &found};
  return succeeded(frame->api, frame->api->XLA_FFI_ThreadPool_NumThreads(&asked)) ? most(found, 1) : 1;
}

void begin(XLA_FFI_CallFrame *frame, Work work, const void *context, size bytes) {
  size holders = least(threads(frame), work.tasks);
  XLA_FFI_Future_Create_Args made = {XLA_FFI_Future_Create_Args_STRUCT_SIZE, NULL, NULL};
  if (holders < 2 || !succeeded(frame->api, frame->api->XLA_FFI_Future_Create(&made))) {
    for (size i = 0; i < work.tasks; i++) work.task(context, i);
    if (work.finish) work.finish(context);
    return;
  }
  Job *job = checked(malloc(sizeof *job + bytes));
  *job = (Job){.work = work, .api = frame->api, .future = made.future, .holders = holders};
  memcpy(job->context, context, bytes);
  frame->future = made.future;
  for (size i = 0; i < holders; i++) {
    XLA_FFI_ThreadPool_Schedule_Args asked = {XLA_FFI_ThreadPool_Schedule_Args_STRUCT_SIZE, NULL, frame->ctx, take_tasks, job};
    if (!succeeded(frame->api, frame->api->XLA_FFI_ThreadPool_Schedule(&asked))) take_tasks(job);
  }
}

void *checked(void *memory) {
  if (!memory) {
    fputs("treadle: no memory left in a kernel\n", stderr);
    abort();
  }
  return memory;
}

int asks_for_version(XLA_FFI_CallFrame *frame) {
  XLA_FFI_Metadata_Extension *asked = (XLA_FFI_Metadata_Extension *)frame->extension_start;  // or another extension
  if (!asked || asked->extension_base.type != XLA_FFI_Extension_Metadata) return 0;
  XLA_FFI_Metadata *metadata = asked->metadata;
  metadata->api_version.major_version = XLA_FFI_API_MAJOR;
  metadata->api_version.minor_version = XLA_FFI_API_MINOR;
  return 1;
}

int treadle_lanes(void) { return LANES; }
