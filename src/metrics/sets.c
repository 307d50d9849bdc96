#include "metrics/sets.h"

#include <math.h>

static gkv_status shape_check(const char *what, const char *which, const float *x, size_t n,
                              size_t d)
{
    if (!x)
        return gki_fail(GKV_ERR_ARGUMENT, "%s: the %s are NULL", what, which);
    if (n == 0 || d == 0)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "%s: the %s are %zu rows of %zu columns; at least one of each is needed",
                        what, which, n, d);
    return GKV_OK;
}

gkv_status gki_set_check(const char *what, const char *which, const float *x, size_t n, size_t d)
{
    GKV_TRY(shape_check(what, which, x, n, d));
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++)
            if (!isfinite(x[i * d + j]))
                return gki_fail(GKV_ERR_DATA,
                                "%s: row %zu of the %s has %g in column %zu; it must be finite",
                                what, i, which, (double)x[i * d + j], j);
    return GKV_OK;
}

gkv_status gki_unit_set_check(const char *what, const char *elements, const float *x, size_t n,
                              size_t d)
{
    GKV_TRY(shape_check(what, elements, x, n, d));
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++)
            if (!(x[i * d + j] >= 0.0F && x[i * d + j] <= 1.0F)) /* false for NaN too */
                return gki_fail(GKV_ERR_DATA,
                                "%s: row %zu of the %s has %g in column %zu; it must be in [0,1]",
                                what, i, elements, (double)x[i * d + j], j);
    return GKV_OK;
}

size_t gki_most_probable(const float *row, size_t classes)
{
    size_t best = 0;
    for (size_t c = 1; c < classes; c++)
        if (row[c] > row[best])
            best = c;
    return best;
}
