/* Densities, responsibilities, draws and whitened scores of many rows of a mixture. */
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "core/call.h"
#include "core/memory.h"
#include "core/vmath.h"
#include "gkvae/mgk_margins.h"
#include "mixture/mixture.h"
#include "num/linalg.h"
#include "num/special.h"

double gki_mgk_softmax(size_t count, double *logs, double extra)
{
    double most = extra, sum = 0.0;
    for (size_t k = 0; k < count; k++)
        if (logs[k] > most || isnan(logs[k]))
            most = logs[k]; /* NaN remains, because no comparison with it is true */
    if (!isfinite(most)) {
        for (size_t k = 0; k < count; k++)
            logs[k] = most == -INFINITY ? 0.0 : NAN;
        return most;
    }
    for (size_t k = 0; k < count; k++)
        logs[k] = fmax(logs[k] - most, -745.0);
    gki_vmath_get()->exp_d(count, logs, logs);
    for (size_t k = 0; k < count; k++) {
        logs[k] = logs[k] < 1e-300 ? 0.0 : logs[k];
        sum += logs[k];
    }
    sum += exp(extra - most);
    for (size_t k = 0; k < count; k++)
        logs[k] /= sum;
    return most + log(sum);
}

/* Evaluates the mixture at all rows. Either output may be NULL. */
static gkv_status evaluate_rows(const gkv_mgk_mixture *mixture, size_t n, const double *x,
                                const gkv_run_options *options, double *log_pdf,
                                double *responsibilities)
{
    gki_call call;
    GKV_TRY(gki_call_begin(&call, options, n));
    const size_t d = mixture->d, count = mixture->count, tiles = gki_mgk_tiles(n);
    const size_t size = GKV_MGK_TILE * (2 * d + count);
    const int used = gki_mgk_threads(call.options.threads, tiles);
    double *scratch = NULL;
    GKV_TRY(gki_alloc((size_t)used, size * sizeof *scratch, &scratch));
#pragma omp parallel for schedule(static) num_threads(used)
    for (size_t t = 0; t < tiles; t++) {
        double *w = scratch + (size_t)omp_get_thread_num() * size, *log_dq = w + GKV_MGK_TILE * d;
        const size_t first = t * GKV_MGK_TILE, rows = gki_mgk_tile_rows(n, t);
        if (gki_call_stopped(&call))
            continue;
        double *logs =
            responsibilities ? responsibilities + first * count : log_dq + GKV_MGK_TILE * d;
        for (size_t k = 0; k < count; k++)
            gki_mgk_log_pdf_tile(mixture->components[k], NULL, rows, x + first * d, w, log_dq,
                                 logs + k, count);
        for (size_t i = 0; i < rows; i++) {
            double *row = logs + i * count;
            for (size_t k = 0; k < count; k++)
                row[k] += mixture->log_weights[k];
            const double total = gki_mgk_softmax(count, row, -INFINITY);
            if (log_pdf)
                log_pdf[first + i] = total;
            if (total == -INFINITY)
                memcpy(row, mixture->weights, count * sizeof *row);
        }
        gki_call_advance(&call, rows);
    }
    free(scratch);
    return gki_call_end(&call, "the density of a mixture", "rows");
}

gkv_status gkv_mgk_mixture_log_pdf(const gkv_mgk_mixture *mixture, size_t n, const double *x,
                                   const gkv_run_options *options, double *log_pdf)
{
    GKV_NEED(mixture);
    if (n > 0) {
        GKV_NEED(x);
        GKV_NEED(log_pdf);
    }
    return evaluate_rows(mixture, n, x, options, log_pdf, NULL);
}

gkv_status gkv_mgk_mixture_responsibilities(const gkv_mgk_mixture *mixture, size_t n,
                                            const double *x, const gkv_run_options *options,
                                            double *log_pdf, double *responsibilities)
{
    GKV_NEED(mixture);
    if (n > 0) {
        GKV_NEED(x);
        GKV_NEED(responsibilities);
    }
    return evaluate_rows(mixture, n, x, options, log_pdf, responsibilities);
}

/* The component that u in (0, 1) selects: the first one up to which the cumulative weights reach
 * u. */
static size_t pick(const gkv_mgk_mixture *mixture, double u)
{
    size_t k = 0;
    while (k + 1 < mixture->count && u > mixture->weights[k])
        u -= mixture->weights[k++];
    return k;
}

gkv_status gkv_mgk_mixture_sample(const gkv_mgk_mixture *mixture, size_t n, uint64_t seed,
                                  uint64_t first, const gkv_run_options *options, double *x,
                                  size_t *component)
{
    GKV_NEED(mixture);
    if (n > 0)
        GKV_NEED(x);
    gki_call call;
    GKV_TRY(gki_call_begin(&call, options, n));
    const size_t d = mixture->d, tiles = gki_mgk_tiles(n);
    const int used = gki_mgk_threads(call.options.threads, tiles);
    double *scratch = NULL;
    GKV_TRY(gki_alloc((size_t)used, (d + 2) * sizeof *scratch, &scratch));
#pragma omp parallel for schedule(static) num_threads(used)
    for (size_t t = 0; t < tiles; t++) {
        double *epsilon = scratch + (size_t)omp_get_thread_num() * (d + 2), u[2];
        if (gki_call_stopped(&call))
            continue;
        for (size_t i = t * GKV_MGK_TILE, end = i + gki_mgk_tile_rows(n, t); i < end; i++) {
            /* The normals are those of gkv_mgk_sample of the component. The choice uses another
             * seed. */
            gki_rng_uniform(gki_mgk_draw(~seed, first + i), 1, u);
            gki_rng_normal_d(gki_mgk_draw(seed, first + i), d, epsilon);
            const size_t k = pick(mixture, u[0]);
            gkv_mgk_transform(mixture->components[k], epsilon, x + i * d);
            if (component)
                component[i] = k;
        }
        gki_call_advance(&call, gki_mgk_tile_rows(n, t));
    }
    free(scratch);
    return gki_call_end(&call, "sampling", "rows");
}

/* --- Whitened scores ------------------------------------------------------ */

/* In component k, x_j given x_1 … x_{j−1} has the normal score w_kj = (L_k⁻¹(z − m_k))_j. The
 * probability of the mixture is therefore Σ_k r_k Φ(w_kj), with r_k proportional to π_k times the
 * density of component k at x_1 … x_{j−1}, and that density is a product over the coordinates,
 * because L_k is triangular. */

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
typedef struct row_work {
    double *w, *log_dq;           /* [count × TILE × d] */
    double *logs, *lower, *upper; /* [count] */
} row_work;

/* Computes the tails of component k at coordinate j of row i, and adds its density there. */
static void add_coordinate(const gkv_mgk_mixture *mixture, const row_work *work, size_t i, size_t j,
                           size_t k)
{
    const size_t d = mixture->d, index = (k * GKV_MGK_TILE + i) * d + j;
    const double w = work->w[index], before = work->logs[k];
    work->lower[k] = work->upper[k] = -INFINITY;
    if (before == -INFINITY)
        return;
    work->lower[k] = before + gki_normal_log_cdf(w);
    work->upper[k] = before + gki_normal_log_cdf(-w);
    work->logs[k] = isinf(w) ? -INFINITY
                             : before + gki_normal_log_pdf(w) - work->log_dq[index] -
                                   log(mixture->components[k]->cholesky[j * d + j]);
}

/* Whitens row i of a tile, whose scores of the components are in the work space. */
static void whiten_row(const gkv_mgk_mixture *mixture, const row_work *work, size_t i,
                       const double *x, double *out)
{
    const size_t d = mixture->d, count = mixture->count;
    for (size_t k = 0; k < count; k++)
        work->logs[k] = mixture->log_weights[k];
    for (size_t j = 0; j < d; j++) {
        if (isnan(x[j]))
            for (size_t k = 0; k < count; k++)
                work->logs[k] = -INFINITY; /* nothing is known of this coordinate and the next */
        for (size_t k = 0; k < count; k++)
            add_coordinate(mixture, work, i, j, k);
        const double below = log_total(count, work->lower), above = log_total(count, work->upper);
        const double whole = fmax(below, above) + log1p(exp(-fabs(below - above)));
        out[j] = !isfinite(fmax(below, above)) ? NAN
                 : below < above               ? gki_normal_quantile_log(fmin(below - whole, 0.0))
                                               : -gki_normal_quantile_log(fmin(above - whole, 0.0));
    }
}

static void whiten_tile(const gkv_mgk_mixture *mixture, const row_work *work, size_t rows,
                        const double *x, double *out)
{
    const size_t d = mixture->d, count = mixture->count;
    for (size_t k = 0; k < count; k++) {
        const gkv_mgk *component = mixture->components[k];
        double *w = work->w + k * GKV_MGK_TILE * d, *log_dq = work->log_dq + k * GKV_MGK_TILE * d;
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
                out[i * d + j] = work->w[i * d + j];
        else
            whiten_row(mixture, work, i, x + i * d, out + i * d);
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
        const row_work all = {.w = mine,
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
