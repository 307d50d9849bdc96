/* Sets of features and of probabilities: checks, metrics of classes (metrics/sets.h), and packed
 * sets with the products of their rows (metrics/pairs.h). */
#include "metrics/sets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "gkvae/generation_metrics.h"
#include "metrics/pairs.h"

/* --- Checks --------------------------------------------------------------- */

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

/* --- Packed sets ---------------------------------------------------------- */

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
