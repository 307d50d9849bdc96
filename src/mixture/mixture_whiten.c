/* Whitened scores of the rows of a mixture.
 *
 * In component k, x_j given x_1 … x_{j−1} has the normal score w_kj = (L_k⁻¹(z − m_k))_j. The
 * probability of the mixture is therefore Σ_k r_k Φ(w_kj), with r_k proportional to π_k times the
 * density of component k at x_1 … x_{j−1}, and that density is a product over the coordinates,
 * because L_k is triangular. */
#include <math.h>
#include <omp.h>
#include <stdlib.h>

#include "core/call.h"
#include "core/memory.h"
#include "gkvae/mgk_margins.h"
#include "mixture/mixture.h"
#include "num/linalg.h"
#include "num/special.h"

/* log Σ_k e^{logs[k]}, or −∞. */
static double log_total(size_t count, const double *logs)
{
    double most = -INFINITY, sum = 0.0;
    for (size_t k = 0; k < count; k++)
        most = fmax(most, logs[k]);
    for (size_t k = 0; k < count && isfinite(most); k++)
        sum += exp(logs[k] - most);
    return isfinite(most) ? most + log(sum) : most;
}

/* The work space of a thread, for one tile. */
typedef struct work {
    double *w, *log_dq;           /* [count × TILE × d] */
    double *logs, *lower, *upper; /* [count] */
} work;

/* Computes the tails of component k at coordinate j of row i, and adds its density there. */
static void add_coordinate(const gkv_mgk_mixture *mixture, const work *of, size_t i, size_t j,
                           size_t k)
{
    const size_t d = mixture->d, at = (k * GKV_MGK_TILE + i) * d + j;
    const double w = of->w[at], before = of->logs[k];
    of->lower[k] = of->upper[k] = -INFINITY;
    if (before == -INFINITY)
        return;
    of->lower[k] = before + gki_normal_log_cdf(w);
    of->upper[k] = before + gki_normal_log_cdf(-w);
    of->logs[k] = isinf(w) ? -INFINITY
                           : before + gki_normal_log_pdf(w) - of->log_dq[at] -
                                 log(mixture->components[k]->cholesky[j * d + j]);
}

/* Whitens row i of a tile, whose scores of the components are in the work space. */
static void whiten_row(const gkv_mgk_mixture *mixture, const work *of, size_t i, const double *x,
                       double *out)
{
    const size_t d = mixture->d, count = mixture->count;
    for (size_t k = 0; k < count; k++)
        of->logs[k] = mixture->log_weights[k];
    for (size_t j = 0; j < d; j++) {
        if (isnan(x[j]))
            for (size_t k = 0; k < count; k++)
                of->logs[k] = -INFINITY; /* nothing is known of this coordinate and the next */
        for (size_t k = 0; k < count; k++)
            add_coordinate(mixture, of, i, j, k);
        const double below = log_total(count, of->lower), above = log_total(count, of->upper);
        const double whole = fmax(below, above) + log1p(exp(-fabs(below - above)));
        out[j] = !isfinite(fmax(below, above)) ? NAN
                 : below < above               ? gki_normal_quantile_log(fmin(below - whole, 0.0))
                                               : -gki_normal_quantile_log(fmin(above - whole, 0.0));
    }
}

static void whiten_tile(const gkv_mgk_mixture *mixture, const work *of, size_t rows,
                        const double *x, double *out)
{
    const size_t d = mixture->d, count = mixture->count;
    for (size_t k = 0; k < count; k++) {
        const gkv_mgk *component = mixture->components[k];
        double *w = of->w + k * GKV_MGK_TILE * d, *log_dq = of->log_dq + k * GKV_MGK_TILE * d;
        gki_mgk_inverse_rows(&component->columns, rows, x, w, log_dq, NULL, NULL);
        for (size_t i = 0; i < rows; i++) {
            for (size_t j = 0; j < d; j++)
                w[i * d + j] -= component->mean[j];
            gki_cholesky_forward(d, component->cholesky, w + i * d); /* a NaN does not go back */
        }
    }
    for (size_t i = 0; i < rows; i++)
        if (count == 1)
            for (size_t j = 0; j < d; j++)
                out[i * d + j] = of->w[i * d + j];
        else
            whiten_row(mixture, of, i, x + i * d, out + i * d);
}

gkv_status gkv_mgk_mixture_whiten(const gkv_mgk_mixture *mixture, size_t n, const double *x,
                                  const gkv_run_options *options, double *w)
{
    GKV_NEED(mixture);
    if (n > 0) {
        GKV_NEED(x);
        GKV_NEED(w);
    }
    gki_call call;
    GKV_TRY(gki_call_begin(&call, options, n));
    const size_t d = mixture->d, count = mixture->count, tiles = gki_mgk_tiles(n);
    const size_t scores = count * GKV_MGK_TILE * d, size = 2 * scores + 3 * count;
    const int used = gki_mgk_threads(call.options.threads, tiles);
    double *scratch = NULL;
    GKV_TRY(gki_alloc((size_t)used, size * sizeof *scratch, &scratch));
#pragma omp parallel for schedule(static) num_threads(used)
    for (size_t t = 0; t < tiles; t++) {
        double *mine = scratch + (size_t)omp_get_thread_num() * size, *logs = mine + 2 * scores;
        const work all = {.w = mine,
                          .log_dq = mine + scores,
                          .logs = logs,
                          .lower = logs + count,
                          .upper = logs + 2 * count};
        const size_t first = t * GKV_MGK_TILE, rows = gki_mgk_tile_rows(n, t);
        if (gki_call_stopped(&call))
            continue;
        whiten_tile(mixture, &all, rows, x + first * d, w + first * d);
        gki_call_advance(&call, rows);
    }
    free(scratch);
    return gki_call_end(&call, "whitening", "rows");
}
