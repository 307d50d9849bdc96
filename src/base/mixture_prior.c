/* The prior of a mixture's shapes, by empirical Bayes.
 *
 * A mixture of thirty components of forty dimensions has two and a half thousand g and k, each told by the rows of one
 * component alone; what noise there is in them all adds up. But they are told together how large they tend to be
 * (James and Stein 1961): with g ~ N(0, s²), and I_k = n_k i the information of component k's rows about one g, the
 * most likely s² given all of them is where
 *
 *   s² = mean of (ĝ² + s²/(1 + I_k s²)),
 *
 * ĝ being the most probable g under that s² (the EM algorithm of Dempster, Laird and Rubin 1977, at rest). k likewise. */
#include <math.h>

#include "base/mixture_stats.h"

/* Information of a row about a standard normal's g, and k, where A and B are not known, at c = 0.8: 6 (c/2)², and the
 * variance of z² log(1+z²) − log(1+z²) − 2z²/(1+z²) less what 1 and z² explain of it. */
static const double information[2] = {0.96, 1.404};

/* Shapes never quite lose the freedom to become something. */
static const double least_variance = 0.02 * 0.02;

/* s² − mean of s²/(1 + I_k s²), which grows with s². */
static double explained(size_t K, const double *rows, double per_row, double s2)
{
    double sum = 0;
    for (size_t k = 0; k < K; k++)
        sum += s2 - s2 / (1 + rows[k] * per_row * s2);
    return sum / (double)K;
}

gkv_stats_prior gkv_stats_prior_of(size_t K, size_t d, const gkv_gk *margins, const double *rows)
{
    gkv_stats_prior prior;
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
