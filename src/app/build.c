#include "app/build.h"

#include <stdio.h>
#include <string.h>

#include "gkvae/error.h"
#include "nn/blas.h"

const char *gki_build_description(void)
{
    static _Thread_local char text[512];
    const char *lines = gkv_build_description(), *kernels = strchr(lines, '\n');
    snprintf(text, sizeof text, "%.*s\nBLAS: %s%s", (int)(kernels - lines), lines,
             gki_blas_description(), kernels);
    return text;
}
