/* The two principal axes: the eigenvectors of the covariance that have the largest eigenvalues. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/memory.h"
#include "gkvae/image_metrics.h"
#include "metrics/feature_covariance.h"

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
