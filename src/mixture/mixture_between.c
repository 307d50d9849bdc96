/* Steps between mixtures: points on the way from one mixture to another. */
#include <math.h>
#include <string.h>

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

size_t gki_mgk_between_scratch(size_t d, const gki_mgk_step *step)
{
    return 2 * d * d + gki_low_rank_scratch(d, step->rank);
}

gkv_status gki_mgk_between(const gkv_mgk *from, const gkv_mgk *to, const gki_mgk_step *step,
                           gkv_gk *margins, double *scratch, gkv_mgk **out)
{
    const size_t d = from->d;
    const bool independent = from->identity && to->identity;
    double *l = independent ? NULL : scratch + d * d;
    for (size_t j = 0; j < d; j++)
        margins[j] = gki_mgk_margin_between(&from->margins[j], &to->margins[j], step->fraction,
                                            step->margin);
    if (l)
        factor_between(from, to, step, scratch, l, l + d * d);
    return gki_mgk_build_waypoint(d, margins, NULL, l, out);
}

typedef struct between_job {
    const gkv_mgk_mixture *from, *to;
    const gki_mgk_step *step;
} between_job;

static gkv_status make_between(const void *job, size_t k, gkv_gk *margins, double *scratch,
                               gkv_mgk_mixture *out)
{
    const between_job *it = job;
    const double from = it->from->weights[k], to = it->to->weights[k];
    out->weights[k] = from + it->step->fraction * (to - from);
    return gki_mgk_between(it->from->components[k], it->to->components[k], it->step, margins,
                           scratch, &out->components[k]);
}

gkv_status gki_mgk_mixture_between(const gkv_mgk_mixture *from, const gkv_mgk_mixture *to,
                                   const gki_mgk_step *step, gkv_mgk_mixture **out)
{
    const between_job job = {from, to, step};
    return gki_mgk_mixture_make(from->count, from->d, make_between, &job,
                                gki_mgk_between_scratch(from->d, step), step->threads, out);
}
