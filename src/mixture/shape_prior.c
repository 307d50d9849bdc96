/* The prior of the shapes of many margins, and the shrinkage towards 0 that follows from it.
 *
 * A mixture of thirty components in forty dimensions has 2400 parameters g and k. Each is estimated
 * from the rows of one component alone, so the estimates are noisy, and the noise adds up. Together
 * they show how large shapes tend to be (James and Stein 1961).
 *
 * A fit to rows gives the covariances of its errors, and s² follows by moments. A step towards
 * sufficient statistics gives the most probable ĝ under the current s² only. Let I_k = n_k i be the
 * information of component k's rows about one g. The most likely s² given all ĝ then solves
 *
 *   s² = mean of (ĝ² + s²/(1 + I_k s²)),
 *
 * which is a fixed point of the EM algorithm (Dempster, Laird and Rubin 1977). The same holds for
 * k. */
#include "mixture/shape_prior.h"

#include <math.h>

/* --- From the errors of fits ---------------------------------------------- */

/* The mean square of the estimates of one shape less their error variances. */
static double variance_of(size_t n, const gkv_gk *margins, const double (*covariance)[16],
                          int shape)
{
    double sum = 0.0, count = 0.0;
    for (size_t i = 0; i < n; i++) {
        const double error = covariance[i][5 * shape];
        if (margins[i].b == 0 || !(error > 0 && isfinite(error)))
            continue;
        const double value = shape == GKV_GK_G ? margins[i].g : margins[i].k;
        sum += value * value - error;
        count++;
    }
    return count > 0 ? fmax(0.0, sum / count) : 0.0;
}

gki_shape_prior gki_shape_prior_of_errors(size_t n, const gkv_gk *margins,
                                          const double (*covariance)[16])
{
    return (gki_shape_prior){{variance_of(n, margins, covariance, GKV_GK_G),
                              variance_of(n, margins, covariance, GKV_GK_K)}};
}

/* --- From the numbers of rows --------------------------------------------- */

/* The information of one row about g and about k of a standard normal, with unknown A and B, at c =
 * 0.8. For g it is 6 (c/2)². For k it is the variance of z² log(1+z²) − log(1+z²) − 2z²/(1+z²) that
 * 1 and z² do not explain. */
static const double information[2] = {0.96, 1.404};

/* The least variance of the prior, so that shapes can always grow. */
static const double least_variance = 0.02 * 0.02;

/* Returns s² − mean of s²/(1 + I_k s²), which grows with s². */
static double explained(size_t K, const double *rows, double per_row, double s2)
{
    double sum = 0;
    for (size_t k = 0; k < K; k++)
        sum += s2 - s2 / (1 + rows[k] * per_row * s2);
    return sum / (double)K;
}

gki_shape_prior gki_shape_prior_of_rows(size_t K, size_t d, const gkv_gk *margins,
                                        const double *rows)
{
    gki_shape_prior prior;
    double squares[2] = {0};
    for (size_t i = 0; i < K * d; i++) {
        squares[0] += margins[i].g * margins[i].g / (double)(K * d);
        squares[1] += margins[i].k * margins[i].k / (double)(K * d);
    }
    for (size_t i = 0; i < 2; i++) {
        double low = log(least_variance), high = log(100);
        for (int halving = 0; halving < 40; halving++) {
            const double middle = (low + high) / 2;
            *(explained(K, rows, information[i], exp(middle)) < squares[i] ? &low : &high) = middle;
        }
        prior.variance[i] = exp(low);
    }
    return prior;
}

/* --- Shrinkage ------------------------------------------------------------ */

int gki_shape_is_known(const double *c)
{
    return isfinite(c[10]) && isfinite(c[15]) &&
           c[10] * c[15] - c[11] * c[11] > 1e-12 * c[10] * c[15];
}

void gki_shape_take(const double *c, double g, double k, gkv_gk *gk)
{
    const double cgg = c[10], cgk = c[11], ckk = c[15], det = cgg * ckk - cgk * cgk;
    const double dg = g - gk->g, dk = k - gk->k;
    const double u = (ckk * dg - cgk * dk) / det, v = (cgg * dk - cgk * dg) / det; /* C⁻¹(dg, dk) */
    gk->g = g;
    gk->k = k;
    gk->a += c[2] * u + c[3] * v;
    gk->b = fmax(0.5 * gk->b, gk->b + c[6] * u + c[7] * v);
}

void gki_shape_shrink(const double *c, const gki_shape_prior *prior, gkv_gk *gk)
{
    const double *variance = prior->variance;
    const double sgg = c[10] + variance[0], skk = c[15] + variance[1], cgk = c[11],
                 sum_det = sgg * skk - cgk * cgk;
    if (gki_shape_is_known(c) && sum_det > 0)
        gki_shape_take(c, variance[0] * (skk * gk->g - cgk * gk->k) / sum_det,
                       variance[1] * (sgg * gk->k - cgk * gk->g) / sum_det, gk);
}
