/* (JᵀJ)⁻¹ through R: with J C P = Q R, C = diag(1/column norms), it is
 * C P R⁻¹ R⁻ᵀ Pᵀ C. Columns of unit norm make the rank independent of units. */
#include <math.h>
#include <string.h>

#include "core/error.h"
#include "lm/qr.h"
#include "lm/workspace.h"

/* Inverts the leading upper triangle in place: column j of the inverse comes from
 * the columns before it, already inverted, and the old column j, from the top. */
static void invert_triangle(size_t n, size_t rank, double *r)
{
    for (size_t j = 0; j < rank; j++) {
        const double corner = 1.0 / r[j * n + j];
        for (size_t i = 0; i < j; i++) {
            double sum = 0.0;
            for (size_t k = i; k < j; k++)
                sum += r[k * n + i] * r[j * n + k];
            r[j * n + i] = -sum * corner;
        }
        r[j * n + j] = corner;
    }
}

gkv_status gkv_lm_covariance(gkv_lm *lm, double tolerance, double *covariance, size_t *rank)
{
    if (!lm->solved)
        return gkv_fail(GKV_ERR_ARGUMENT, "there is no covariance before a solution: call gkv_lm_solve first");
    const size_t n = lm->n, p = lm->p;
    double *r = lm->factor, *unit = lm->scale;
    for (size_t j = 0; j < p; j++) {
        const double norm = gkv_lm_norm(n, lm->jacobian + j * n);
        unit[j] = norm > 0 ? 1.0 / norm : 1.0;
        for (size_t i = 0; i < n; i++)
            r[j * n + i] = lm->jacobian[j * n + i] * unit[j];
    }
    memset(lm->rotated, 0, n * sizeof *lm->rotated);
    gkv_lm_qr(n, p, r, lm->pivot, lm->rotated, lm->norms);

    const double least = (tolerance > 0 ? tolerance : 1e-12) * fabs(r[0]);
    size_t full = 0;
    while (full < p && fabs(r[full * n + full]) > least)
        full++;
    invert_triangle(n, full, r);
    for (size_t a = 0; a < p; a++)
        for (size_t b = a; b < p; b++) {
            const size_t i = lm->pivot[a], j = lm->pivot[b];
            double sum = a == b && a >= full ? INFINITY : 0.0;
            for (size_t k = b; k < full; k++)
                sum += r[k * n + a] * r[k * n + b];
            covariance[i * p + j] = covariance[j * p + i] = sum * unit[i] * unit[j];
        }
    if (rank)
        *rank = full;
    return GKV_OK;
}
