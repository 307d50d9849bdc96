/* The test of fit by counts in bins. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "gkfit/fit_family.h"
#include "gkfit/interval_data.h"
#include "num/linalg.h"
#include "num/special.h"

/* The least expected number of observations of a bin. */
static const double least = 5.0;

/* Bins, each with its upper edge, or ∞. */
typedef struct bins {
    size_t n;
    double *edge, *count, *z; /* [n] */
    double *memory;
} bins;

/* The edge between the interval that ends at `from` and the one that begins at `to`: the end of an
 * interval, or the middle of two points. */
static double edge_between(const gki_gk_interval_data *data, size_t next, double from, double to,
                           bool from_point)
{
    const bool to_point = data->lower[next] == data->upper[next];
    return !from_point ? from : !to_point ? to : from + 0.5 * (to - from);
}

/* Ends the last cell at an edge, and begins another. */
static void end_cell(bins *cells, double edge)
{
    cells->edge[cells->n] = edge;
    cells->count[++cells->n] = 0.0;
}

/* Cells are the finest bins: the intervals between two edges that no interval contains. Ends that
 * differ by rounding errors are equal. There is nothing below the first and above the last interval
 * of rounded data, which shows where a model extends too far. */
static void find_cells(const gki_gk_interval_data *data, bins *cells)
{
    double reach = data->upper[0];
    bool from_point = data->lower[0] == data->upper[0];
    cells->n = 0;
    cells->count[0] = 0.0;
    if (!from_point && isfinite(data->lower[0]))
        end_cell(cells, data->lower[0]);
    cells->count[cells->n] = data->weight[0];
    for (size_t i = 1; i < data->count; i++) {
        const double low = data->lower[i], high = data->upper[i];
        const double width = isinf(high) || isinf(low) ? 0.0 : high - low;
        if (low >= reach - 1e-9 * width) {
            end_cell(cells, edge_between(data, i, reach, low, from_point));
            reach = high;
            from_point = low == high;
        } else if (high > reach) {
            reach = high;
            from_point = false;
        }
        cells->count[cells->n] += data->weight[i];
    }
    if (!from_point && isfinite(reach))
        end_cell(cells, reach);
    cells->edge[cells->n++] = INFINITY;
}

/* F at the scores of the edges; the upper tail is not computed as 1 − F. */
static double probability(double from, double to)
{
    return from > 0 ? gki_normal_cdf(-from) - gki_normal_cdf(-to)
                    : gki_normal_cdf(to) - gki_normal_cdf(from);
}

/* Merges cells until each bin has the expected number `enough`. Their expected numbers decide, not
 * their counts, which would be biased. */
static void merge_cells(const gkv_gk *gk, double total, double enough, bins *cells)
{
    const size_t n = cells->n;
    double before = -INFINITY, count = 0.0;
    gki_gk_fit_inverse(gk, n - 1, cells->edge, cells->z, NULL);
    cells->z[n - 1] = INFINITY;
    cells->n = 0;
    for (size_t i = 0; i < n; i++) {
        const double z = cells->z[i];
        count += cells->count[i];
        if (i == n - 1 || (total * probability(before, z) >= enough &&
                           total * probability(z, INFINITY) >= enough)) {
            cells->z[cells->n] = before = z;
            cells->count[cells->n++] = count;
            count = 0.0;
        }
    }
}

/* Returns χ² from the standardized counts and their derivatives J. *inverse becomes Σ 1/p. */
static double statistic(const gki_gk_fit_kernels *kernels, const gkv_gk *gk, double total,
                        const bins *b, double *memory, const gki_gk_test_parameters *by,
                        double *inverse)
{
    const size_t edges = b->n - 1;
    double chi2 = 0.0, explained = 0.0, psi[4] = {0}, normal[4][4] = {{0}}, d[4],
           before = -INFINITY;
    kernels->edges(edges, gk, b->z, memory, NULL);
    *inverse = 0.0;
    for (size_t i = 0; i < b->n; i++) {
        const double p = fmax(probability(before, b->z[i]), 1e-300), root = sqrt(total / p);
        const double r = (b->count[i] - total * p) / sqrt(total * p);
        double j[4];
        for (size_t a = 0; a < 4; a++) {
            const double high = i < edges ? exp(gki_normal_log_pdf(b->z[i])) * memory[a * edges + i]
                                          : 0.0,
                         low = i > 0 ? exp(gki_normal_log_pdf(before)) * memory[a * edges + i - 1]
                                     : 0.0;
            j[a] = root * (high - low);
        }
        j[2] += by->slope * j[3];
        for (size_t a = 0; a < 4; a++)
            psi[a] += j[a] * r;
        for (size_t a = 0; a < 4; a++)
            for (size_t c = 0; c < 4; c++)
                normal[a][c] += j[a] * j[c];
        chi2 += r * r;
        *inverse += 1.0 / p;
        before = b->z[i];
    }
    if (gki_solve4x4_symmetric(normal, by->fixed, psi, d))
        for (int a = 0; a < 4; a++)
            explained += d[a] * psi[a];
    return fmax(chi2 - fmin(explained, by->explained), 0.0);
}

/* F_n − F at an edge above which `above` of the observations lie. Of the tails the lighter one is
 * compared, so that the difference does not cancel. Where F is 0 or 1 it must be F_n too. */
static double distance_at(double z, double below, double above)
{
    const double p = gki_normal_cdf(z), q = gki_normal_cdf(-z);
    const double off = z > 0 ? q - above : below - p;
    return off == 0 ? 0.0 : off * off / (p * q);
}

static gkv_status bins_create(size_t n, bins *out, double **memory)
{
    GKV_TRY(gki_alloc(n, 7 * sizeof(double), &out->memory));
    out->edge = out->memory;
    out->count = out->edge + n;
    out->z = out->count + n;
    *memory = out->z + n;
    return GKV_OK;
}

gkv_status gki_gk_interval_data_test(const gki_gk_fit_kernels *kernels,
                                     const gki_gk_interval_data *data, const gkv_gk *gk,
                                     const gki_gk_test_parameters *by, size_t most, size_t *edges,
                                     double *chi2, double *p_value)
{
    bins b = {0};
    double *memory, inverse;
    const double n = data->total;
    GKV_TRY(bins_create(data->count + 2, &b, &memory));
    find_cells(data, &b);
    merge_cells(gk, n, fmax(least, n / ((double)most + 1.0)), &b);
    size_t parameters = 0;
    for (int a = 0; a < 4; a++)
        parameters += !by->fixed[a];
    *edges = b.n - 1;
    *chi2 = *p_value = NAN;
    if (*edges > parameters) {
        /* The variance of Pearson's statistic in small samples (Haldane 1937) leads to a scaled χ²
         * distribution of that mean and variance, as for the levels of a quantile fit. */
        const double k = (double)b.n;
        *chi2 = statistic(kernels, gk, n, &b, memory, by, &inverse);
        const double excess = 0.5 * (inverse - k * k - 2.0 * k + 2.0) / (n * (k - 1.0));
        const double spread = 1.0 + fmax(-0.5, excess);
        *p_value = gki_chi2_upper(*chi2 / spread, (double)(*edges - parameters) / spread);
    }
    free(b.memory);
    return GKV_OK;
}

gkv_status gki_gk_interval_data_distance(const gki_gk_interval_data *data, const gkv_gk *gk,
                                         double *a2)
{
    bins b = {0};
    double *memory, sum = 0.0, below = 0.0;
    GKV_TRY(bins_create(data->count + 2, &b, &memory));
    find_cells(data, &b);
    gki_gk_fit_inverse(gk, b.n - 1, b.edge, b.z, NULL);
    b.z[b.n - 1] = INFINITY;
    for (size_t i = 0; i + 1 < b.n; i++) {
        below += b.count[i];
        const double p = probability(i > 0 ? b.z[i - 1] : -INFINITY, b.z[i + 1]);
        sum += p > 0 ? 0.5 * p *
                           distance_at(b.z[i], below / data->total,
                                       (data->total - below) / data->total)
                     : 0.0;
    }
    *a2 = data->total * sum;
    free(b.memory);
    return GKV_OK;
}
