/* The refit of a mixture by a stats: every component's step, and components that have none put to use. */
#include <math.h>
#include <string.h>

#include "base/mixture_stats.h"
#include "num/linalg.h"

/* No weight falls below this. */
static const double least_weight = 1e-6;

bool gkv_stats_fit(const gkv_mixture_move *it, const gkv_real *stats, double share)
{
    const size_t d = it->d;
    double total = 0;
    for (size_t k = 0; k < it->K; k++)
        total += (double)*gkv_stats_at(it->self, stats, k).weight;
    if (!(total > 0))
        return false;
    for (size_t k = 0; k < it->K; k++)
        it->rows[k] = (double)*gkv_stats_at(it->self, stats, k).weight + (1 / share - 1) * it->old.weights[k] * total;
    const gkv_stats_prior prior = gkv_stats_prior_of(it->K, d, it->old.margins, it->rows);
#pragma omp parallel for schedule(static) num_threads(it->threads)
    for (size_t k = 0; k < it->K; k++) {
        const double n = (double)*gkv_stats_at(it->self, stats, k).weight;
        const gkv_gk *old = it->old.margins + k * d;
        double *r = it->fitted.r ? it->fitted.r + k * d * d : NULL;
        it->fitted.weights[k] = it->old.weights[k] + share * (fmax(n / total, least_weight) - it->old.weights[k]);
        memcpy(it->fitted.margins + k * d, old, d * sizeof *old);
        if (r)
            memcpy(r, it->old.r + k * d * d, d * d * sizeof *r);
        if (n > 1)
            gkv_stats_step(it->self, it->params, old, stats, k, n / it->rows[k], &prior, it->fitted.margins + k * d, r);
    }
    return true;
}

/* How far halves of a component move from where it was, in its standard deviations: so little that no density is lost,
 * and the next refits tell them apart if they can be told apart. */
static const double apart = 0.1;

/* The dimension in which a component is widest. */
static size_t widest(const gkv_mixture_move *it, size_t k)
{
    const gkv_real *b = gkv_mixture_margin(it->self, it->params, GKV_MIXTURE_B, k);
    size_t most = 0;
    for (size_t j = 1; j < it->d; j++)
        most = b[j] > b[most] ? j : most;
    return most;
}

/* Component `idle` takes half of component `from`, and both move apart along its longest axis: of its scores, or without
 * dependence of its values. */
static bool split(const gkv_mixture_move *it, size_t from, size_t idle)
{
    const size_t d = it->d;
    double axis[GKV_BASE_MOST_DIMENSIONS] = {0}, room[GKV_BASE_MOST_DIMENSIONS];
    if (!it->self->spec.dependent)
        axis[widest(it, from)] = 1;
    else if (gkv_cholesky(d, it->fitted.r + from * d * d, 1e-6, it->scratch))
        gkv_cholesky_longest_axis(d, it->scratch, axis, room);
    else
        return false;
    gkv_real *logits = gkv_param_value(it->params, it->self->logits);
    logits[idle] = logits[from] = (gkv_real)((double)logits[from] - log(2));
    if (it->self->spec.dependent) {
        memcpy(gkv_mixture_whitening(it->self, it->params, idle), gkv_mixture_whitening(it->self, it->params, from),
               d * d * sizeof *logits);
        memcpy(it->fitted.r + idle * d * d, it->fitted.r + from * d * d, d * d * sizeof *it->fitted.r);
    }
    for (size_t j = 0; j < d; j++) {
        gkv_gk gk = gkv_mixture_get(it->self, it->params, from, j);
        gk.a += apart * axis[j] * gk.b;
        gkv_mixture_set(it->self, it->params, from, j, &gk);
        gk.a -= 2 * apart * axis[j] * gk.b;
        gkv_mixture_set(it->self, it->params, idle, j, &gk);
    }
    return true;
}

size_t gkv_stats_revive(const gkv_mixture_move *it, const gkv_real *stats, double share)
{
    const size_t per_group = it->self->per_class;
    double remembered = 0, *weights = it->rows;
    size_t revived = 0;
    for (size_t k = 0; k < it->K; k++)
        remembered += (double)*gkv_stats_at(it->self, stats, k).weight / share;
    gkv_mixture_weights(it->self, it->params, weights);
    for (size_t k = 0; k < it->K; k++) {
        size_t heaviest = k / per_group * per_group;
        for (size_t i = heaviest, end = heaviest + per_group; i < end; i++)
            heaviest = weights[i] > weights[heaviest] ? i : heaviest;
        if (weights[k] * remembered >= GKV_MIXTURE_LEAST_ROWS || weights[heaviest] * remembered < 4 * GKV_MIXTURE_LEAST_ROWS)
            continue;
        if (!split(it, heaviest, k))
            continue;
        weights[k] = weights[heaviest] /= 2;
        revived++;
    }
    return revived;
}
