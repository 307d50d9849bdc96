/* The Fréchet distance between two normal distributions that have the moments of two sets of
 * features. */
#include <math.h>
#include <stdlib.h>

#include "core/memory.h"
#include "gkvae/generation_metrics.h"
#include "metrics/feature_covariance.h"
#include "metrics/sets.h"

typedef struct moments {
    double *mean;       /* [d] */
    double *covariance; /* [d × d] */
} moments;

static gkv_status moments_of(const float *x, size_t n, size_t d, moments *out)
{
    double *rows = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(d, sizeof(double), &out->mean));
    GKV_TRY_GOTO(gki_alloc(d, d * sizeof(double), &out->covariance));
    GKV_TRY_GOTO(gki_alloc(n, d * sizeof(double), &rows));
    for (size_t i = 0; i < n * d; i++)
        rows[i] = (double)x[i];
    gki_moments(rows, n, d, (double)(n - 1), out->mean, out->covariance);
done:
    free(rows);
    return status;
}

static void moments_free(moments *m)
{
    free(m->mean);
    free(m->covariance);
    *m = (moments){0};
}

static double root(double eigenvalue)
{
    /* because of rounding, an eigenvalue of 0 may be slightly negative */
    return sqrt(fmax(eigenvalue, 0));
}

/* Computes tr (AB)^½ for positive semidefinite A and B[d × d]. With A = Vᵀ Λ V, it is Σ √λ over the
 * eigenvalues λ of the symmetric Λ^½ V B Vᵀ Λ^½, which are those of A^½ B A^½. Overwrites A. */
static gkv_status root_trace(double *a, const double *b, size_t d, double *trace)
{
    double *v = NULL, *vb = NULL, *product = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(d, d * sizeof *v, &v));
    GKV_TRY_GOTO(gki_alloc(d, d * sizeof *vb, &vb));
    GKV_TRY_GOTO(gki_alloc(d, d * sizeof *product, &product));
    GKV_TRY_GOTO(gki_jacobi(a, v, d));
    for (size_t i = 0; i < d; i++)
        for (size_t k = 0; k < d; k++)
            for (size_t j = 0; j < d; j++)
                vb[i * d + j] += v[i * d + k] * b[k * d + j];
    for (size_t i = 0; i < d; i++)
        for (size_t j = i; j < d; j++) {
            double sum = 0;
            for (size_t k = 0; k < d; k++)
                sum += vb[i * d + k] * v[j * d + k];
            product[i * d + j] = product[j * d + i] = root(a[i * d + i]) * sum * root(a[j * d + j]);
        }
    GKV_TRY_GOTO(gki_jacobi(product, NULL, d));
    *trace = 0;
    for (size_t j = 0; j < d; j++)
        *trace += root(product[j * d + j]);
done:
    free(v);
    free(vb);
    free(product);
    return status;
}

gkv_status gkv_frechet_distance(size_t n_a, size_t n_b, size_t d, const float *a, const float *b,
                                double *distance)
{
    GKV_NEED(a);
    GKV_NEED(b);
    GKV_NEED(distance);
    GKV_TRY(gki_set_check("Fréchet distance", "first features", a, n_a, d));
    GKV_TRY(gki_set_check("Fréchet distance", "second features", b, n_b, d));
    if (n_a < 2 || n_b < 2) {
        *distance = (double)NAN;
        return GKV_OK;
    }
    moments of_a = {0}, of_b = {0};
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(moments_of(a, n_a, d, &of_a));
    GKV_TRY_GOTO(moments_of(b, n_b, d, &of_b));
    double sum = 0, trace = 0;
    for (size_t j = 0; j < d; j++) {
        const double apart = of_a.mean[j] - of_b.mean[j];
        sum += apart * apart + of_a.covariance[j * d + j] + of_b.covariance[j * d + j];
    }
    GKV_TRY_GOTO(root_trace(of_a.covariance, of_b.covariance, d, &trace));
    *distance = fmax(sum - 2 * trace, 0);
done:
    moments_free(&of_a);
    moments_free(&of_b);
    if (status != GKV_OK)
        status = gki_fail_context(status, "Fréchet distance");
    return status;
}
