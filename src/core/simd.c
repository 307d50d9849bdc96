#include "core/simd.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[GKV_SIMD_LEVELS] = {"portable", "avx2", "avx512"};

const char *gki_simd_name(gki_simd level)
{
    return names[level];
}

gki_simd gki_simd_best(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
        return GKV_SIMD_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return GKV_SIMD_AVX2;
#endif
    return GKV_SIMD_PORTABLE;
}

gki_simd gki_simd_level(void)
{
    static atomic_int decided = -1; /* threads that decide at the same time decide the same */
    int level = atomic_load(&decided);
    if (level < 0) {
        level = (int)gki_simd_best();
        const char *wish = getenv("GKVAE_SIMD");
        for (int i = 0; wish && i < level; i++)
            if (strcmp(wish, names[i]) == 0)
                level = i;
        atomic_store(&decided, level);
    }
    return (gki_simd)level;
}
