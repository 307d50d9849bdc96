/* y += a·x in double, for small matrices whose work runs along rows. */
#ifndef GKV_CORE_AXPY_H
#define GKV_CORE_AXPY_H

#include <stddef.h>

static inline void gkv_axpy(size_t n, double a, const double *x, double *y)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        y[i] += a * x[i];
}

#endif
