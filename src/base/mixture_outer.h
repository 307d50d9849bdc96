/* Sums of outer products Σ xᵀy over a component's rows, as matrix products of as many rows as there is room for. */
#ifndef GKV_BASE_MIXTURE_OUTER_H
#define GKV_BASE_MIXTURE_OUTER_H

#include "base/base_mixture.h"
#include "nn/gemm.h"

typedef struct gkv_mixture_outer {
    size_t d, count;
    gkv_real x[GKV_MIXTURE_GATHERED], y[GKV_MIXTURE_GATHERED]; /* [count, d] */
} gkv_mixture_outer;

/* to[d, d] ← to + Σ xᵀy, and no rows are left. */
static inline void gkv_mixture_outer_add(gkv_mixture_outer *rows, gkv_real *to)
{
    const size_t d = rows->d;
    const gkv_product product = {.m = d, .n = d, .k = rows->count, .a = rows->x, .a_row = 1, .a_step = d, .b = rows->y,
                                 .b_row = d, .c = to, .c_row = d, .start = to, .start_row = d};
    if (rows->count > 0)
        gkv_gemm_product(gkv_gemm_kernels_get(), &product);
    rows->count = 0;
}

/* Where the next row begins in x and y, once there is room: `to` gets those before it if there is none. */
static inline size_t gkv_mixture_outer_next(gkv_mixture_outer *rows, gkv_real *to)
{
    if (rows->count == gkv_mixture_gathered(rows->d))
        gkv_mixture_outer_add(rows, to);
    return rows->count * rows->d;
}

#endif
