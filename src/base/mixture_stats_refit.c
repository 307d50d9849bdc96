/* The refit of a mixture to sufficient statistics: the step of every component, and the
 * reinitialisation of empty components.
 *
 * The prior of the shapes comes from empirical Bayes. A mixture of thirty components in forty
 * dimensions has 2400 parameters g and k. Each is estimated from the rows of one component alone,
 * so the estimates are noisy, and the noise adds up. Together they show how large shapes tend to be
 * (James and Stein 1961). Let g ~ N(0, s²), let I_k = n_k i be the information of component k's
 * rows about one g, and let ĝ be the most probable g under s². The most likely s² given all of them
 * solves
 *
 *   s² = mean of (ĝ² + s²/(1 + I_k s²)),
 *
 * which is a fixed point of the EM algorithm (Dempster, Laird and Rubin 1977). The same holds for
 * k. */
#include <math.h>
#include <string.h>

#include "base/mixture_stats.h"
#include "num/linalg.h"

/* --- The prior of the shapes ---------------------------------------------- */

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

gki_stats_prior gki_stats_prior_of(size_t K, size_t d, const gkv_gk *margins, const double *rows)
{
    gki_stats_prior prior;
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

/* --- The fit -------------------------------------------------------------- */

/* The least weight of a component. */
static const double least_weight = 1e-6;

bool gki_stats_fit(const gki_mixture_move *it, const gki_real *stats, double forgetting)
{
    const size_t d = it->d;
    double total = 0;
    for (size_t k = 0; k < it->K; k++)
        total += (double)*gki_stats_at(it->self, stats, k).weight;
    if (!(total > 0))
        return false;
    for (size_t k = 0; k < it->K; k++)
        it->rows[k] = (double)*gki_stats_at(it->self, stats, k).weight +
                      (1 / forgetting - 1) * it->old.weights[k] * total;
    const gki_stats_prior prior = gki_stats_prior_of(it->K, d, it->old.margins, it->rows);
#pragma omp parallel for schedule(static) num_threads(it->threads)
    for (size_t k = 0; k < it->K; k++) {
        const double n = (double)*gki_stats_at(it->self, stats, k).weight;
        const gkv_gk *old = it->old.margins + k * d;
        double *r = it->fitted.r ? it->fitted.r + k * d * d : NULL;
        it->fitted.weights[k] =
            it->old.weights[k] + forgetting * (fmax(n / total, least_weight) - it->old.weights[k]);
        memcpy(it->fitted.margins + k * d, old, d * sizeof *old);
        if (r)
            memcpy(r, it->old.r + k * d * d, d * d * sizeof *r);
        if (n > 1)
            gki_stats_step(it->self, it->params, old, stats, k, n / it->rows[k], &prior,
                           it->fitted.margins + k * d, r);
    }
    return true;
}

/* --- Empty components ----------------------------------------------------- */

/* The distance of each half of a split component from the old location, in standard deviations. It
 * is so small that the density hardly changes. The next refits separate the halves if the data
 * support that. */
static const double apart = 0.1;

/* The dimension in which a component is widest. */
static size_t widest(const gki_mixture_move *it, size_t k)
{
    const gki_real *b = gki_mixture_margin(it->self, it->params, GKV_MIXTURE_B, k);
    size_t most = 0;
    for (size_t j = 1; j < it->d; j++)
        most = b[j] > b[most] ? j : most;
    return most;
}

/* Splits component `from` into two halves; the second replaces component `empty`. The halves move
 * apart along the longest axis of the scores, or for independent dimensions along the widest
 * dimension. Returns false if R is not positive definite. */
static bool split(const gki_mixture_move *it, size_t from, size_t empty)
{
    const size_t d = it->d;
    double axis[GKV_BASE_MOST_DIMENSIONS] = {0}, scratch[GKV_BASE_MOST_DIMENSIONS];
    if (!it->self->spec.dependent)
        axis[widest(it, from)] = 1;
    else if (gki_cholesky(d, it->fitted.r + from * d * d, 1e-6, it->scratch))
        gki_cholesky_longest_axis(d, it->scratch, axis, scratch);
    else
        return false;
    gki_real *logits = gki_param_value(it->params, it->self->logits);
    logits[empty] = logits[from] = (gki_real)((double)logits[from] - log(2));
    if (it->self->spec.dependent) {
        memcpy(gki_mixture_whitening(it->self, it->params, empty),
               gki_mixture_whitening(it->self, it->params, from), d * d * sizeof *logits);
        memcpy(it->fitted.r + empty * d * d, it->fitted.r + from * d * d,
               d * d * sizeof *it->fitted.r);
    }
    for (size_t j = 0; j < d; j++) {
        gkv_gk gk = gki_mixture_get(it->self, it->params, from, j);
        gk.a += apart * axis[j] * gk.b;
        gki_mixture_set(it->self, it->params, from, j, &gk);
        gk.a -= 2 * apart * axis[j] * gk.b;
        gki_mixture_set(it->self, it->params, empty, j, &gk);
    }
    return true;
}

size_t gki_stats_reinitialise(const gki_mixture_move *it, const gki_real *stats, double forgetting)
{
    const size_t per_group = it->self->per_class;
    double window = 0, *weights = it->rows; /* window: the rows that the base represents */
    size_t reinitialised = 0;
    for (size_t k = 0; k < it->K; k++)
        window += (double)*gki_stats_at(it->self, stats, k).weight / forgetting;
    gki_mixture_weights(it->self, it->params, weights);
    for (size_t k = 0; k < it->K; k++) {
        size_t heaviest = k / per_group * per_group;
        for (size_t i = heaviest, end = heaviest + per_group; i < end; i++)
            heaviest = weights[i] > weights[heaviest] ? i : heaviest;
        if (weights[k] * window >= GKV_MIXTURE_LEAST_ROWS ||
            weights[heaviest] * window < 4 * GKV_MIXTURE_LEAST_ROWS)
            continue;
        if (!split(it, heaviest, k))
            continue;
        weights[k] = weights[heaviest] /= 2;
        reinitialised++;
    }
    return reinitialised;
}
