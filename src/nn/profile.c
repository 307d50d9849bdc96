#include "nn/profile.h"

#include <stdlib.h>
#include <string.h>

#include <omp.h>

#include "core/memory.h"

const char *gki_bench_part_name(gki_bench_part part)
{
    static const char *const names[GKV_BENCH_PARTS] = {[GKV_BENCH_GEMM_FORWARD] = "GEMM forward",
                                                       [GKV_BENCH_GEMM_BACKWARD] = "GEMM backward",
                                                       [GKV_BENCH_ACTIVATIONS] = "activations",
                                                       [GKV_BENCH_NOISE] = "posterior noise",
                                                       [GKV_BENCH_FLOW] = "flow",
                                                       [GKV_BENCH_BASE] = "base",
                                                       [GKV_BENCH_LOSS] = "loss",
                                                       [GKV_BENCH_OPTIMISER] = "optimiser",
                                                       [GKV_BENCH_DATA] = "data",
                                                       [GKV_BENCH_WAITING] = "waiting"};
    return (unsigned)part < GKV_BENCH_PARTS ? names[part] : NULL;
}

gkv_status gki_profile_create(int threads, gki_profile *out)
{
    *out = (gki_profile){.threads = threads};
    return gki_alloc((size_t)threads, sizeof *out->thread, &out->thread);
}

void gki_profile_free(gki_profile *profile)
{
    free(profile->thread);
    memset(profile, 0, sizeof *profile);
}

void gki_profile_begin(gki_profile *profile)
{
    if (profile)
        profile->thread[omp_get_thread_num()].last = omp_get_wtime();
}

void gki_profile_add(gki_profile *profile, gki_bench_part part)
{
    gki_profile_thread *own = &profile->thread[omp_get_thread_num()];
    const double now = omp_get_wtime();
    own->seconds[part] += now - own->last;
    own->last = now;
}

void gki_profile_sum(const gki_profile *profile, gki_bench_profile *out)
{
    memset(out, 0, sizeof *out);
    for (int t = 0; t < profile->threads; t++)
        for (int part = 0; part < GKV_BENCH_PARTS; part++)
            out->seconds[part] += profile->thread[t].seconds[part];
}
