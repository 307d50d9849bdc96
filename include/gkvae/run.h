/* Options that every long call has: threads, progress, and a way to stop. */
#ifndef GKVAE_RUN_H
#define GKVAE_RUN_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "gkvae/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How far a call is. */
typedef struct gkv_progress {
    uint64_t done;  /* The number of finished units of work. */
    uint64_t total; /* The number of all units; 0 if it is not known. */
    /* What else a function reports. Its documentation names the type. NULL if there is nothing. */
    const void *details;
} gkv_progress;

/* Called on the thread that made the call, between units of work. It may return true to stop: the
 * call then ends as after *stop. `context` is that of gkv_run_options. */
typedef bool gkv_progress_callback(void *context, const gkv_progress *progress);

/* The same without a struct, for gkvae/flat.h. */
typedef bool gkv_flat_progress(void *context, uint64_t done, uint64_t total);

/* A NULL pointer to options stands for the defaults, in which every member is 0 or NULL. */
typedef struct gkv_run_options {
    /* The number of threads, 0 … 256. 0 stands for the number of the model or its settings if the
     * call has a model, else for the number of processors. Results do not depend on it. */
    int threads;
    gkv_progress_callback *progress; /* NULL reports nothing. */
    void *context;                   /* The first argument of progress(). Not owned. */
    /* A flag that a signal handler may set. Once *stop is nonzero, the call finishes the current
     * unit of work and returns GKV_ERR_INTERRUPTED. Finished work is kept where the function
     * says so. NULL never stops. */
    const volatile sig_atomic_t *stop;
    /* The ranks that share the work of a call whose documentation says so (gkvae/dist.h). All ranks
     * make the same calls and get the same results, which are bit-identical to those of one
     * process. Other calls do their work alone. NULL: this process alone. Not owned. */
    struct gkv_dist *dist;
} gkv_run_options;

#ifdef __cplusplus
}
#endif
#endif
