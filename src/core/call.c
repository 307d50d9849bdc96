#include "core/call.h"

#include <omp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include "core/threads.h"

/* Its address differs from thread to thread. OpenMP's numbers would not do: they begin anew in
 * every parallel region of a caller. */
static _Thread_local char here;

gkv_status gki_call_begin(gki_call *call, const gkv_run_options *options, uint64_t total)
{
    *call = (gki_call){.thread = &here, .total = total};
    if (options)
        call->options = *options;
    return gki_call_check_threads(call->options.threads);
}

gkv_status gki_call_check_threads(int threads)
{
    if (threads < 0 || threads > GKV_THREADS_MAX)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "threads = %d: give 1 to %d threads, or 0 for the default number", threads,
                        GKV_THREADS_MAX);
    return GKV_OK;
}

int gki_call_threads(const gki_call *call, int64_t others)
{
    return gki_threads(call->options.threads > 0 ? call->options.threads : (int)others);
}

bool gki_call_stopped(const gki_call *call)
{
    int asked = 0;
    sig_atomic_t stop = 0;
#pragma omp atomic read
    asked = call->asked;
    if (call->options.stop) {
#pragma omp atomic read
        stop = *call->options.stop;
    }
    return asked || stop;
}

bool gki_call_advance(gki_call *call, uint64_t units)
{
    uint64_t done = 0;
#pragma omp atomic capture
    done = call->done += units;
    if (call->options.progress && call->thread == &here) {
        const gkv_progress progress = {
            .done = done, .total = call->total, .details = call->details};
        if (call->options.progress(call->options.context, &progress)) {
#pragma omp atomic write
            call->asked = 1;
        }
    }
    return gki_call_stopped(call);
}

gkv_status gki_call_end(const gki_call *call, const char *what, const char *units)
{
    if (!gki_call_stopped(call))
        return GKV_OK;
    return gki_fail(GKV_ERR_INTERRUPTED, "%s was interrupted after %llu of %llu %s", what,
                    (unsigned long long)call->done, (unsigned long long)call->total, units);
}

/* The progress of a call within another one, which is the context. */
static bool stopped_outside(void *context, const gkv_progress *progress)
{
    (void)progress;
    return gki_call_stopped(context);
}

gkv_run_options gki_call_inner(gki_call *call)
{
    return (gkv_run_options){.threads = call->options.threads,
                             .progress = stopped_outside,
                             .context = call,
                             .stop = call->options.stop};
}

/* --- Threads -------------------------------------------------------------- */

static atomic_bool forked;
static atomic_int by_default;
static pthread_once_t watching = PTHREAD_ONCE_INIT;

static void in_child(void)
{
    atomic_store(&forked, true);
}

static void watch(void)
{
    pthread_atfork(NULL, NULL, in_child); /* without memory for it, children are not recognised */
}

int gki_threads(int requested)
{
    pthread_once(&watching, watch);
    if (atomic_load(&forked))
        return 1;
    const int usual = atomic_load(&by_default);
    return requested > 0 ? requested : usual > 0 ? usual : omp_get_num_procs();
}

void gki_threads_default(int threads)
{
    atomic_store(&by_default, threads);
}

gkv_status gki_threads_check(int requested, const char *what)
{
    return requested >= 0 ? GKV_OK
                          : gki_fail(GKV_ERR_ARGUMENT,
                                     "%s needs 1 thread or more, or 0 for all processors; not %d",
                                     what, requested);
}
