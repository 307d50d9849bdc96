/* A long call: its options, how far it is, and whether it must stop. The public part is
 * gkvae/run.h. */
#ifndef GKV_CORE_CALL_H
#define GKV_CORE_CALL_H

#include "core/error.h"
#include "gkvae/run.h"

/* The most threads that a caller may ask for. */
enum { GKV_THREADS_MAX = 256 };

typedef struct gki_call {
    gkv_run_options options; /* the caller's, or the defaults */
    const void *thread;      /* identifies the thread that made the call */
    uint64_t done, total;    /* the units of work */
    const void *details;     /* what the progress reports besides; the caller may set it */
    int asked;               /* whether progress() has returned true */
} gki_call;

/* Begins a call of `total` units of work, 0 if the number is not known. NULL options are the
 * defaults. GKV_ERR_ARGUMENT for a number of threads outside 0 … GKV_THREADS_MAX. */
gkv_status gki_call_begin(gki_call *call, const gkv_run_options *options, uint64_t total);

/* GKV_ERR_ARGUMENT for a number of threads outside 0 … GKV_THREADS_MAX. */
gkv_status gki_call_check_threads(int threads);

/* The number of threads: that of the options; if it is 0, `others`; if that is 0 too, the number of
 * processors. */
int gki_call_threads(const gki_call *call, int64_t others);

/* Whether the call must stop. Any thread of the call may ask. */
bool gki_call_stopped(const gki_call *call);

/* Adds finished units of work. On the thread that made the call it reports the progress; other
 * threads only add. Returns gki_call_stopped(). */
bool gki_call_advance(gki_call *call, uint64_t units);

/* GKV_ERR_INTERRUPTED if the call was stopped. `what` and `units` are for the message, as in
 * "evaluation" and "images". */
gkv_status gki_call_end(const gki_call *call, const char *what, const char *units);

/* The options of a call within this call: the same threads, no progress, and stopped as this one.
 * It must be made on the thread that made this call. */
gkv_run_options gki_call_inner(gki_call *call);

#endif
