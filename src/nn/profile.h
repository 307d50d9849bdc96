/* Measures how the time of a training step is divided among its parts (gkvae/bench.h).
 *
 * Each thread has its own clock. gki_profile_mark() attributes all time since the thread's last
 * mark to one part. So a mark follows the work that it names, and no time is lost or counted twice.
 * Without a profile, a mark costs one comparison. */
#ifndef GKV_NN_PROFILE_H
#define GKV_NN_PROFILE_H

#include "core/error.h"
#include "gkvae/bench.h"

typedef struct gki_profile_thread {
    /* time of the last mark in seconds; alignment: each thread has its own cache lines */
    _Alignas(64) double last;
    double seconds[GKV_BENCH_PARTS];
} gki_profile_thread;

typedef struct gki_profile {
    int threads;
    gki_profile_thread *of; /* [threads] */
} gki_profile;

/* Makes a profile for a number of threads. GKV_ERR_MEMORY. */
gkv_status gki_profile_create(int threads, gki_profile *out);

/* Frees the members, not the struct. */
void gki_profile_free(gki_profile *profile);

/* Starts the clock of the calling thread, which is a member of an OpenMP team. NULL does
 * nothing. */
void gki_profile_begin(gki_profile *profile);

/* Attributes the time since the calling thread's last mark to a part. `profile` is not NULL. */
void gki_profile_add(gki_profile *profile, gkv_bench_part part);

/* Sums the seconds of each part over the threads. */
void gki_profile_sum(const gki_profile *profile, gkv_bench_profile *out);

/* As gki_profile_add(). NULL does nothing. */
static inline void gki_profile_mark(gki_profile *profile, gkv_bench_part part)
{
    if (profile)
        gki_profile_add(profile, part);
}

#endif
