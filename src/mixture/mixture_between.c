/* Steps between mixtures: points on the way from one mixture to another. */
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "mixture/mixture.h"
#include "num/linalg.h"

/* Iterations of EM that reduce a correlation matrix to its rank. */
enum { FACTOR_ITERATIONS = 10 };

gkv_gk gki_mgk_margin_between(const gkv_gk *from, const gkv_gk *to, double fraction, double margin)
{
    const gkv_gk gk = {.a = from->a + fraction * (to->a - from->a),
                       .b = fraction == 1 ? to->b : from->b * pow(to->b / from->b, fraction),
                       .g = from->g + fraction * (to->g - from->g),
                       .k = from->k + fraction * (to->k - from->k),
                       .c = to->c};
    /* the valid region is not convex, so a point between two valid points may be invalid */
    return gkv_gk_project(&gk, margin);
}

static double dot(size_t n, const double *a, const double *b)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

void gki_mgk_correlation_between(const gkv_mgk *from, double fraction, double *r)
{
    const size_t d = from->d;
    const double *l = from->cholesky;
    double *variance = r; /* of column j at r[j, j], until the end */
    for (size_t i = 0; i < d && fraction != 1; i++) {
        variance[i * d + i] = dot(i + 1, l + i * d, l + i * d);
        for (size_t j = 0; j < i; j++) {
            const double old =
                dot(j + 1, l + i * d, l + j * d) / sqrt(variance[i * d + i] * variance[j * d + j]);
            r[i * d + j] = r[j * d + i] = old + fraction * (r[i * d + j] - old);
        }
    }
    for (size_t j = 0; j < d; j++)
        r[j * d + j] = 1;
}

void gki_mgk_correlation_shrink(size_t d, double s, double *r)
{
    for (size_t i = 0; i < d * d; i++)
        r[i] = i % (d + 1) == 0 ? r[i] : s < 1 ? r[i] * (1.0 - s) : 0;
}

double gki_mgk_correlation_factor(size_t d, double *r, double *l)
{
    double kept = 1.0;
    /* the loop ends, because r becomes the identity at the latest for fraction = 1 */
    for (double fraction = 1e-8; !gki_cholesky(d, r, 1e-9, l); fraction *= 10.0) {
        gki_mgk_correlation_shrink(d, fmin(1.0, fraction), r);
        kept *= 1.0 - fmin(1.0, fraction);
    }
    return 1.0 - kept;
}

/* Computes the Cholesky factor l of component k's correlation matrix after the step. r[d × d] and
 * `scratch` are scratch. */
static void factor_between(const gkv_mgk *from, const gkv_mgk *to, const gki_mgk_step *step,
                           double *r, double *l, double *scratch)
{
    const size_t d = from->d;
    if (step->fraction == 1 && step->rank == 0) {
        memcpy(l, to->cholesky, d * d * sizeof *l);
        return;
    }
    gkv_mgk_covariance(to, r);
    gki_mgk_correlation_between(from, step->fraction, r);
    if (step->rank > 0)
        gki_low_rank(d, step->rank, FACTOR_ITERATIONS, r, scratch);
    gki_mgk_correlation_factor(d, r, l);
}

static gkv_status component_between(const gkv_mgk *from, const gkv_mgk *to,
                                    const gki_mgk_step *step, gkv_gk *margins, double *scratch,
                                    gkv_mgk **out)
{
    const size_t d = from->d;
    const bool independent = from->identity && to->identity;
    double *r = scratch, *l = r + d * d;
    for (size_t j = 0; j < d; j++)
        margins[j] = gki_mgk_margin_between(&from->margins[j], &to->margins[j], step->fraction,
                                            step->margin);
    if (!independent)
        factor_between(from, to, step, r, l, l + d * d);
    return gki_mgk_build(d, margins, NULL, independent ? NULL : l, out);
}

gkv_status gki_mgk_mixture_between(const gkv_mgk_mixture *from, const gkv_mgk_mixture *to,
                                   const gki_mgk_step *step, gkv_mgk_mixture **out)
{
    const size_t d = from->d, size = 2 * d * d + gki_low_rank_scratch(d, step->rank);
    const int used = gki_mgk_threads(step->threads, from->count);
    gkv_mgk_mixture *between = NULL;
    gkv_gk *margins = NULL;
    double *scratch = NULL;
    gkv_status status = GKV_OK;
    *out = NULL;
    GKV_TRY_GOTO(gki_mgk_mixture_alloc(from->count, d, &between));
    GKV_TRY_GOTO(gki_alloc((size_t)used * d, sizeof *margins, &margins));
    GKV_TRY_GOTO(gki_alloc((size_t)used, size * sizeof *scratch, &scratch));
    int failed = 0;
#pragma omp parallel for schedule(static) num_threads(used) reduction(+ : failed)
    for (size_t k = 0; k < from->count; k++) {
        const size_t thread = (size_t)omp_get_thread_num();
        between->weights[k] =
            from->weights[k] + step->fraction * (to->weights[k] - from->weights[k]);
        failed +=
            component_between(from->components[k], to->components[k], step, margins + thread * d,
                              scratch + thread * size, &between->components[k]) != GKV_OK;
    }
    if (failed > 0)
        GKV_TRY_GOTO(
            gki_fail(GKV_ERR_MEMORY, "out of memory for a mixture of %zu components", from->count));
    *out = between;
    between = NULL;
done:
    gkv_mgk_mixture_free(between);
    free(margins);
    free(scratch);
    return status;
}
