/* Measures how the time of a training step is divided among its parts (gkvae/bench.h).
 *
 * Each thread has its own clock. gkv_profile_mark() attributes all time since the thread's last mark to one part. So a
 * mark follows the work that it names, and no time is lost or counted twice. Without a profile, a mark costs one
 * comparison. */
#ifndef GKV_NN_PROFILE_H
#define GKV_NN_PROFILE_H

#include "core/error.h"
#include "gkvae/bench.h"

typedef struct gkv_profile_thread {
    _Alignas(64) double last; /* time of the last mark in seconds; alignment: each thread has its own cache lines */
    double seconds[GKV_BENCH_PARTS];
} gkv_profile_thread;

typedef struct gkv_profile {
    int threads;
    gkv_profile_thread *of; /* [threads] */
} gkv_profile;

/* Makes a profile for a number of threads. GKV_ERR_MEMORY. */
gkv_status gkv_profile_create(int threads, gkv_profile *out);

/* Frees the members, not the struct. */
void gkv_profile_free(gkv_profile *profile);

/* Starts the clock of the calling thread, which is a member of an OpenMP team. NULL does nothing. */
void gkv_profile_begin(gkv_profile *profile);

/* Attributes the time since the calling thread's last mark to a part. `profile` is not NULL. */
void gkv_profile_add(gkv_profile *profile, gkv_bench_part part);

/* Sums the seconds of each part over the threads. */
void gkv_profile_sum(const gkv_profile *profile, gkv_bench_profile *out);

/* As gkv_profile_add(). NULL does nothing. */
static inline void gkv_profile_mark(gkv_profile *profile, gkv_bench_part part)
{
    if (profile)
        gkv_profile_add(profile, part);
}

#endif
