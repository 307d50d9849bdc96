/* The moments of rows, the eigenvalues of a symmetric matrix (metrics/feature_covariance.h), and
 * the two principal axes: the eigenvectors of the covariance that have the largest eigenvalues. */
#include "metrics/feature_covariance.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "gkvae/image_metrics.h"

/* --- Moments and eigenvalues ---------------------------------------------- */

enum { SWEEPS = 64 }; /* convergence is quadratic: about 10 sweeps are enough in practice */

void gki_moments(const double *rows, size_t n, size_t d, double divisor, double *mean,
                 double *covariance)
{
    memset(mean, 0, d * sizeof *mean);
    memset(covariance, 0, d * d * sizeof *covariance);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++)
            mean[j] += (rows[i * d + j] - mean[j]) / (double)(i + 1);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) {
            const double left = rows[i * d + j] - mean[j];
            for (size_t k = j; k < d; k++)
                covariance[j * d + k] += left * (rows[i * d + k] - mean[k]);
        }
    for (size_t j = 0; j < d; j++)
        for (size_t k = j; k < d; k++)
            covariance[k * d + j] = covariance[j * d + k] /= divisor;
}

/* Rotates the plane of axes p and q so that a[p][q] becomes 0. v, unless NULL, accumulates the
 * rotations; its rows become the eigenvectors. */
static void rotate(double *a, double *v, size_t d, size_t p, size_t q)
{
    const double off = a[p * d + q];
    if (off == 0)
        return;
    const double theta = (a[q * d + q] - a[p * d + p]) / (2 * off);
    const double t = (theta >= 0 ? 1.0 : -1.0) / (fabs(theta) + hypot(1.0, theta));
    const double c = 1 / sqrt(1 + t * t), s = t * c;
    for (size_t k = 0; k < d; k++) {
        const double kp = a[k * d + p], kq = a[k * d + q];
        a[k * d + p] = c * kp - s * kq;
        a[k * d + q] = s * kp + c * kq;
    }
    for (size_t k = 0; k < d; k++) {
        const double pk = a[p * d + k], qk = a[q * d + k];
        a[p * d + k] = c * pk - s * qk;
        a[q * d + k] = s * pk + c * qk;
    }
    for (size_t k = 0; v && k < d; k++) {
        const double vp = v[p * d + k], vq = v[q * d + k];
        v[p * d + k] = c * vp - s * vq;
        v[q * d + k] = s * vp + c * vq;
    }
    a[p * d + q] = a[q * d + p] = 0;
}

/* Rotates all planes in turn, until off-diagonal elements are negligible. The largest element of
 * `a` has magnitude 1. */
static gkv_status sweep(double *a, double *v, size_t d)
{
    for (int round = 0; round < SWEEPS; round++) {
        double off = 0;
        for (size_t p = 0; p < d; p++)
            for (size_t q = p + 1; q < d; q++)
                off = fmax(off, fabs(a[p * d + q]));
        if (off <= 1e-15)
            return GKV_OK;
        for (size_t p = 0; p < d; p++)
            for (size_t q = p + 1; q < d; q++)
                rotate(a, v, d, p, q);
    }
    return gki_fail(GKV_ERR_NUMERIC,
                    "Jacobi's method did not converge in %d sweeps of a %zu×%zu matrix",
                    (int)SWEEPS, d, d);
}

gkv_status gki_jacobi(double *a, double *vectors, size_t d)
{
    double largest = 0;
    for (size_t i = 0; i < d * d; i++)
        largest = fmax(largest, fabs(a[i]));
    if (vectors) {
        memset(vectors, 0, d * d * sizeof *vectors);
        for (size_t j = 0; j < d; j++)
            vectors[j * d + j] = 1;
    }
    if (largest == 0)
        return GKV_OK;
    for (size_t i = 0; i < d * d; i++) /* so that no square overflows or underflows */
        a[i] /= largest;
    GKV_TRY(sweep(a, vectors, d));
    for (size_t j = 0; j < d; j++)
        a[j * d + j] *= largest;
    return GKV_OK;
}

/* --- The principal axes --------------------------------------------------- */

static gkv_status covariance_of(const double *codes, size_t n, size_t d, double *mean,
                                double *covariance)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++)
            if (!isfinite(codes[i * d + j]))
                return gki_fail(
                    GKV_ERR_DATA,
                    "principal axes: code %zu has %g in dimension %zu; it must be finite", i,
                    codes[i * d + j], j);
    gki_moments(codes, n, d, (double)n, mean, covariance);
    double trace = 0;
    for (size_t j = 0; j < d; j++)
        trace += covariance[j * d + j];
    if (!isfinite(trace))
        return gki_fail(
            GKV_ERR_NUMERIC,
            "principal axes: the codes are so large that their squares overflow; rescale them");
    return GKV_OK;
}

/* Makes the entry of largest magnitude positive. */
static void fix_sign(double *axis, size_t d)
{
    double largest = 0;
    for (size_t j = 0; j < d; j++)
        largest = fmax(largest, fabs(axis[j]));
    size_t leader = 0;
    while (leader + 1 < d && fabs(axis[leader]) < largest - 1e-9)
        leader++;
    if (axis[leader] < 0)
        for (size_t j = 0; j < d; j++)
            axis[j] = -axis[j];
}

gkv_status gkv_pca2(size_t n, size_t d, const double *codes, double *xy, double *axes,
                    double *explained)
{
    GKV_NEED(codes);
    GKV_NEED(xy);
    if (n == 0 || d == 0)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "principal axes of %zu codes of %zu dimensions: neither may be 0", n, d);
    double *mean = NULL, *matrix = NULL, *vectors = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(d, sizeof *mean, &mean));
    GKV_TRY_GOTO(gki_alloc(d, d * sizeof *matrix, &matrix));
    GKV_TRY_GOTO(gki_alloc(d, d * sizeof *vectors, &vectors));
    GKV_TRY_GOTO(covariance_of(codes, n, d, mean, matrix));
    status = gki_jacobi(matrix, vectors, d);
    if (status != GKV_OK) {
        status = gki_fail_context(status, "principal axes");
        goto done;
    }

    /* Finds the two largest eigenvalues. Of equal ones the earlier comes first. */
    size_t order[2] = {0, d};
    double total = 0;
    for (size_t j = 0; j < d; j++) {
        const double value = matrix[j * d + j];
        total += fmax(value, 0);
        if (j == 0)
            continue;
        if (value > matrix[order[0] * d + order[0]]) {
            order[1] = order[0];
            order[0] = j;
        } else if (order[1] == d || value > matrix[order[1] * d + order[1]]) {
            order[1] = j;
        }
    }
    for (size_t axis = 0; axis < 2; axis++) {
        const bool missing = order[axis] == d;
        double *const vector = missing ? NULL : vectors + order[axis] * d;
        if (!missing)
            fix_sign(vector, d);
        for (size_t i = 0; i < n; i++) {
            double coordinate = 0;
            for (size_t j = 0; j < d && !missing; j++)
                coordinate += vector[j] * (codes[i * d + j] - mean[j]);
            xy[i * 2 + axis] = coordinate;
        }
        for (size_t j = 0; j < d && axes; j++)
            axes[axis * d + j] = missing ? 0 : vector[j];
        if (explained)
            explained[axis] =
                missing || total == 0 ? 0 : fmax(matrix[order[axis] * d + order[axis]], 0) / total;
    }
done:
    free(mean);
    free(matrix);
    free(vectors);
    return status;
}
