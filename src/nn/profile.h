/* Where the time of a training step goes, for who asks (gkvae/bench.h).
 *
 * Each thread has a clock of its own. gkv_profile_mark() gives all time since the thread's
 * last mark to one part, so marks stand at the end of what they name, and no time is lost
 * or counted twice. A workspace without a profile pays one comparison a mark. */
#ifndef GKV_NN_PROFILE_H
#define GKV_NN_PROFILE_H

#include "core/error.h"
#include "gkvae/bench.h"

typedef struct gkv_profile_thread {
    _Alignas(64) double last; /* no two threads write one cache line */
    double seconds[GKV_BENCH_PARTS];
} gkv_profile_thread;

typedef struct gkv_profile {
    int threads;
    gkv_profile_thread *of;
} gkv_profile;

gkv_status gkv_profile_create(int threads, gkv_profile *out);
void gkv_profile_free(gkv_profile *profile); /* frees what it holds, not the struct */

/* The calling thread of the team begins to count. */
void gkv_profile_begin(gkv_profile *profile);
void gkv_profile_add(gkv_profile *profile, gkv_bench_part part);

/* The sum over the threads. */
void gkv_profile_sum(const gkv_profile *profile, gkv_bench_profile *out);

static inline void gkv_profile_mark(gkv_profile *profile, gkv_bench_part part)
{
    if (profile)
        gkv_profile_add(profile, part);
}

#endif
