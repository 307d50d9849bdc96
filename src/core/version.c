/* The version of the library, and what it was built with. */
#include <stdio.h>

#include "core/simd.h"
#include "gkv_version.h"
#include "gkvae/error.h"

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
