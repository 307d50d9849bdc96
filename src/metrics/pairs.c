#include "metrics/pairs.h"

#include <stdlib.h>

#include "core/memory.h"

gkv_status gki_panels_create(const gki_pairs_kernels *kernels, size_t n, size_t d, gki_panels *out)
{
    *out = (gki_panels){.kernels = kernels, .n = n, .d = d};
    const size_t panels = n / kernels->panel + (n % kernels->panel > 0);
    size_t row = 0; /* bytes of a panel; gki_alloc() cannot detect an overflow of this product */
    if (__builtin_mul_overflow(kernels->panel * sizeof(double), d, &row))
        return gki_fail(GKV_ERR_MEMORY, "rows of %zu numbers do not fit in memory", d);
    GKV_TRY(gki_alloc(panels, row, &out->x));
    return gki_alloc(n, sizeof(double), &out->norms);
}

void gki_panels_free(gki_panels *panels)
{
    free(panels->x);
    free(panels->norms);
    *panels = (gki_panels){0};
}

void gki_panels_pack(gki_panels *panels, const float *x, const uint32_t *index)
{
    panels->kernels->pack(panels->n, panels->d, x, index, panels->x, panels->norms);
}

void gki_pairs_products(const gki_panels *a, size_t row, const gki_panels *b, size_t column,
                        double *c)
{
    a->kernels->products(gki_pairs_count(a->n, row, GKV_PAIRS_ROWS),
                         gki_pairs_count(b->n, column, GKV_PAIRS_COLUMNS), a->d, a->x + row * a->d,
                         b->x + column * b->d, c);
}
