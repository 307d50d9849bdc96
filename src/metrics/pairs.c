#include "metrics/pairs.h"

#include <stdlib.h>

#include "core/memory.h"

gkv_status gkv_panels_create(const gkv_pairs_kernels *kernels, size_t n, size_t d, gkv_panels *out)
{
    *out = (gkv_panels){.kernels = kernels, .n = n, .d = d};
    const size_t panels = n / kernels->panel + (n % kernels->panel > 0);
    size_t row = 0; /* bytes of a panel; gkv_alloc() cannot detect an overflow of this product */
    if (__builtin_mul_overflow(kernels->panel * sizeof(double), d, &row))
        return gkv_fail(GKV_ERR_MEMORY, "rows of %zu numbers do not fit in memory", d);
    GKV_TRY(gkv_alloc(panels, row, &out->x));
    return gkv_alloc(n, sizeof(double), &out->norms);
}

void gkv_panels_free(gkv_panels *panels)
{
    free(panels->x);
    free(panels->norms);
    *panels = (gkv_panels){0};
}

void gkv_panels_pack(gkv_panels *panels, const float *x, const uint32_t *index)
{
    panels->kernels->pack(panels->n, panels->d, x, index, panels->x, panels->norms);
}

void gkv_pairs_products(const gkv_panels *a, size_t row, const gkv_panels *b, size_t column, double *c)
{
    a->kernels->products(gkv_pairs_count(a->n, row, GKV_PAIRS_ROWS), gkv_pairs_count(b->n, column, GKV_PAIRS_COLUMNS),
                         a->d, a->x + row * a->d, b->x + column * b->d, c);
}
