/* Sums of outer products Σ xᵀy over the rows of a component. Rows are buffered, and each full
 * buffer is one matrix product. */
#ifndef GKV_BASE_MIXTURE_OUTER_H
#define GKV_BASE_MIXTURE_OUTER_H

#include "base/base_mixture.h"
#include "nn/gemm.h"

typedef struct gki_mixture_outer {
    size_t d, count;
    gki_real x[GKV_MIXTURE_GATHERED], y[GKV_MIXTURE_GATHERED]; /* [count, d] */
} gki_mixture_outer;

/* Adds Σ xᵀy of the buffered rows to out[d, d], and empties the buffer. */
static inline void gki_mixture_outer_add(gki_mixture_outer *rows, gki_real *out)
{
    const size_t d = rows->d;
    const gki_product product = {.m = d,
                                 .n = d,
                                 .k = rows->count,
                                 .a = rows->x,
                                 .a_row = 1,
                                 .a_step = d,
                                 .b = rows->y,
                                 .b_row = d,
                                 .c = out,
                                 .c_row = d,
                                 .start = out,
                                 .start_row = d};
    if (rows->count > 0)
        gki_gemm_product(gki_gemm_kernels_get(), &product);
    rows->count = 0;
}

/* Returns the offset of the next row in x and y. Adds the buffered rows to `out` first if the
 * buffer is full. */
static inline size_t gki_mixture_outer_next(gki_mixture_outer *rows, gki_real *out)
{
    if (rows->count == gki_mixture_gathered(rows->d))
        gki_mixture_outer_add(rows, out);
    return rows->count * rows->d;
}

#endif
