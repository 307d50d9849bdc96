/* Two principal axes, by Jacobi's method for symmetric matrices (Golub & Van Loan,
 * Matrix Computations, 4th ed., section 8.5). Slow beside LAPACK for large d but
 * short and accurate, and its result does not hang on the number of threads. */
#include <math.h>
#include <stdlib.h>

#include "core/memory.h"
#include "gkvae/image_metrics.h"

enum { SWEEPS = 64 }; /* convergence is quadratic: about 10 are used */

static gkv_status covariance_of(const double *codes, size_t n, size_t d, double *mean, double *covariance)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) {
            const double value = codes[i * d + j];
            if (!isfinite(value))
                return gkv_fail(GKV_ERR_DATA, "principal axes: code %zu has %g in dimension %zu; it must be finite", i,
                                value, j);
            mean[j] += (value - mean[j]) / (double)(i + 1);
        }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) {
            const double left = codes[i * d + j] - mean[j];
            for (size_t k = j; k < d; k++)
                covariance[j * d + k] += left * (codes[i * d + k] - mean[k]);
        }
    double trace = 0;
    for (size_t j = 0; j < d; j++) {
        for (size_t k = j; k < d; k++)
            covariance[k * d + j] = covariance[j * d + k] /= (double)n;
        trace += covariance[j * d + j];
    }
    if (!isfinite(trace))
        return gkv_fail(GKV_ERR_NUMERIC, "principal axes: the codes are so large that their squares overflow; rescale them");
    return GKV_OK;
}

/* Turns the plane of axes p and q so that a[p][q] becomes 0; v collects the turns,
 * its rows becoming the eigenvectors. */
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
        const double vp = v[p * d + k], vq = v[q * d + k];
        v[p * d + k] = c * vp - s * vq;
        v[q * d + k] = s * vp + c * vq;
    }
    a[p * d + q] = a[q * d + p] = 0;
}

static gkv_status diagonalize(double *a, double *v, size_t d)
{
    double largest = 0;
    for (size_t i = 0; i < d * d; i++)
        largest = fmax(largest, fabs(a[i]));
    for (size_t j = 0; j < d; j++)
        v[j * d + j] = 1;
    if (largest == 0)
        return GKV_OK;
    for (size_t i = 0; i < d * d; i++) /* so that no square over- or underflows */
        a[i] /= largest;
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
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
    return gkv_fail(GKV_ERR_NUMERIC, "principal axes: Jacobi's method did not converge in %d sweeps of a %zu×%zu matrix",
                    (int)SWEEPS, d, d);
}

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

gkv_status gkv_pca2(const double *codes, size_t n, size_t d, double *xy, double *axes, double *explained)
{
    if (n == 0 || d == 0)
        return gkv_fail(GKV_ERR_ARGUMENT, "principal axes of %zu codes of %zu dimensions: there are none", n, d);
    double *mean = NULL, *matrix = NULL, *vectors = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gkv_alloc(d, sizeof *mean, &mean));
    GKV_TRY_GOTO(gkv_alloc(d, d * sizeof *matrix, &matrix));
    GKV_TRY_GOTO(gkv_alloc(d, d * sizeof *vectors, &vectors));
    GKV_TRY_GOTO(covariance_of(codes, n, d, mean, matrix));
    GKV_TRY_GOTO(diagonalize(matrix, vectors, d));

    /* The two largest eigenvalues; of equal ones the earlier goes first. */
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
        const int missing = order[axis] == d;
        double *const vector = missing ? NULL : vectors + order[axis] * d;
        if (!missing)
            fix_sign(vector, d);
        for (size_t i = 0; i < n; i++) {
            double place = 0;
            for (size_t j = 0; j < d && !missing; j++)
                place += vector[j] * (codes[i * d + j] - mean[j]);
            xy[i * 2 + axis] = place;
        }
        for (size_t j = 0; j < d && axes; j++)
            axes[axis * d + j] = missing ? 0 : vector[j];
        if (explained)
            explained[axis] = missing || total == 0 ? 0 : fmax(matrix[order[axis] * d + order[axis]], 0) / total;
    }
done:
    free(mean);
    free(matrix);
    free(vectors);
    return status;
}
