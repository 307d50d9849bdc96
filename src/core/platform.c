/* The machine and the build: the instruction set (core/simd.h), libraries that are loaded when
 * they are first needed (core/late.h), and the version. */
#include "core/simd.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/late.h"
#include "gkv_version.h"
#include "gkvae/error.h"

/* --- The instruction set -------------------------------------------------- */

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

/* --- Libraries ------------------------------------------------------------ */

bool gki_late_load(const char *library, size_t count, const gki_late_function *functions)
{
    void *const handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return false;
    for (size_t i = 0; i < count; i++) {
        void *const address = dlsym(handle, functions[i].name);
        if (!address)
            return false;
        /* POSIX converts a void * to a pointer to a function, ISO C does not. */
        *(void **)functions[i].pointer = address;
    }
    return true;
}

/* --- The version ---------------------------------------------------------- */

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define COMPILER "gcc " __VERSION__
#else
#define COMPILER "an unknown compiler"
#endif

const char *gkv_version(void)
{
    return GKV_VERSION_STRING;
}

const char *gkv_build_description(void)
{
    static _Thread_local char text[256];
    snprintf(text, sizeof text, "compiler: %s\nkernels: %s (best here: %s)", COMPILER,
             gki_simd_name(gki_simd_level()), gki_simd_name(gki_simd_best()));
    return text;
}
