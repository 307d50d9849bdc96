#include "metrics/sets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "gkvae/generation_metrics.h"

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

/* --- Classes -------------------------------------------------------------- */

gkv_status gkv_class_metrics_of(size_t n, size_t classes, const float *probabilities,
                                double *histogram, gkv_class_metrics *out)
{
    GKV_NEED(probabilities);
    GKV_NEED(out);
    GKV_TRY(gki_unit_set_check("class metrics", "probabilities", probabilities, n, classes));
    double *fractions = NULL;
    GKV_TRY(gki_alloc(classes, sizeof *fractions, &fractions));
    gkv_class_metrics sums = {0};
    for (size_t i = 0; i < n; i++) {
        const float *const row = probabilities + i * classes;
        const size_t best = gki_most_probable(row, classes);
        fractions[best] += 1;
        sums.confidence += (double)row[best];
        sums.confident += (double)row[best] > 0.9;
    }
    for (size_t c = 0; c < classes; c++) {
        fractions[c] /= (double)n;
        if (fractions[c] > 0)
            sums.entropy -= fractions[c] * log(fractions[c]);
    }
    sums.confidence /= (double)n;
    sums.confident /= (double)n;
    sums.entropy = fmax(sums.entropy, 0); /* for one class the sum is −0 */
    if (histogram)
        memcpy(histogram, fractions, classes * sizeof *fractions);
    *out = sums;
    free(fractions);
    return GKV_OK;
}
