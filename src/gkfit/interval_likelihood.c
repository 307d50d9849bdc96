/* The likelihood of intervals, log(Φ(b) − Φ(a)) of the normal scores a and b of their ends, with
 * its derivatives; and the test of fit.
 *
 * With P = Φ(b) − Φ(a), and derivatives of Φ(b) and Φ(a) from the kernel `edges`,
 *
 *     ∂_i log P  = r_b ζ_i(b) − r_a ζ_i(a),  r_b = φ(b)/P, r_a = φ(a)/P
 *     ∂_ij log P = r_b χ_ij(b) − r_a χ_ij(a) − ∂_i log P ∂_j log P,  χ_ij = ζ_ij − z ζ_i ζ_j
 *
 * Differences of Φ cancel in intervals that are much narrower than the distribution. If b − a is
 * below 1e-5, P is the density in the middle times the width, which is then as accurate: to some
 * 1e-10. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "gk/family.h"
#include "gkfit/c_fit.h"
#include "gkfit/fit_family.h"
#include "gkfit/interval_data.h"
#include "num/constants.h"
#include "num/linalg.h"
#include "num/special.h"

enum { CHUNK = 128 };

/* Scores beyond this are clamped, so that z² does not overflow; narrower intervals are points. */
static const double z_most = 1e60, narrow = 1e-5;

/* --- P and r of one interval ---------------------------------------------- */

/* log(1 − e^−d) for d ≥ 0. */
static double log_complement(double d)
{
    return d < 0.69314718055994530942 ? log(-expm1(-d)) : log1p(-exp(-d));
}

/* φ(z)/Φ(z) for z ≤ 0. The difference of the logarithms loses its digits far in the tail. */
static double inverse_mills(double z)
{
    return z < -1e4 ? -z - 1.0 / z : exp(gki_normal_log_pdf(z) - gki_normal_log_cdf(z));
}

typedef struct mass {
    double log_p, ratio_low, ratio_high;
} mass;

/* For a < b with b ≤ 0: Φ(b) − Φ(a) = Φ(b) (1 − Φ(a)/Φ(b)). */
static mass left_mass(double a, double b)
{
    const double log_b = gki_normal_log_cdf(b), d = log_b - gki_normal_log_cdf(a);
    if (isinf(a) || !(d > 0))
        return (mass){.log_p = log_b, .ratio_high = inverse_mills(b)};
    const double r_b = inverse_mills(b) / -expm1(-d);
    return (mass){.log_p = log_b + log_complement(d),
                  .ratio_low = r_b * exp(0.5 * (b - a) * (b + a)),
                  .ratio_high = r_b};
}

/* For a < 0 < b. */
static mass central_mass(double a, double b)
{
    const double root_half = 0.70710678118654752440;
    const double p = 0.5 * (erf(b * root_half) + erf(-a * root_half));
    return (mass){.log_p = log(p),
                  .ratio_low = exp(gki_normal_log_pdf(a)) / p,
                  .ratio_high = exp(gki_normal_log_pdf(b)) / p};
}

static mass mass_of(double a, double b)
{
    if (b <= 0)
        return left_mass(a, b);
    if (a < 0 && !isinf(a) && !isinf(b))
        return central_mass(a, b);
    if (isinf(a)) { /* b > 0 */
        const double log_p = gki_normal_log_cdf(b);
        return (mass){.log_p = log_p, .ratio_high = exp(gki_normal_log_pdf(b) - log_p)};
    }
    if (a < 0) { /* b = ∞ */
        const double log_p = gki_normal_log_cdf(-a);
        return (mass){.log_p = log_p, .ratio_low = exp(gki_normal_log_pdf(a) - log_p)};
    }
    const mass mirrored = left_mass(-b, -a);
    return (mass){.log_p = mirrored.log_p,
                  .ratio_low = mirrored.ratio_high,
                  .ratio_high = mirrored.ratio_low};
}

/* --- A chunk of intervals ------------------------------------------------- */

/* The points of a chunk, also those in the place of narrow intervals, and its other intervals. */
typedef struct parts {
    size_t points, intervals;
    double x[CHUNK], point_weight[CHUNK]; /* points, first x, then z */
    double a[CHUNK], b[CHUNK], r_a[CHUNK], r_b[CHUNK], weight[CHUNK];
    double constant; /* Σ w log P of the intervals, and Σ w log width of narrow ones */
} parts;

static double clamp(double z)
{
    return fmax(-z_most, fmin(z_most, z));
}

/* Normal scores of ends; those of ±∞ are ±∞. */
static void scores(const gkv_gk *gk, size_t n, const double *x, double *z)
{
    gki_gk_fit_inverse(gk, n, x, z, NULL);
    for (size_t i = 0; i < n; i++)
        z[i] = isinf(x[i]) ? x[i] : clamp(z[i]);
}

static void add_point(parts *p, double x, double weight)
{
    p->x[p->points] = x;
    p->point_weight[p->points++] = weight;
}

static void add_interval(parts *p, double a, double b, double weight)
{
    const mass m = mass_of(a, b);
    const size_t i = p->intervals++;
    p->constant += weight * m.log_p;
    p->a[i] = isinf(a) ? 0.0 : a; /* its r is 0 */
    p->b[i] = isinf(b) ? 0.0 : b;
    p->r_a[i] = m.ratio_low;
    p->r_b[i] = m.ratio_high;
    p->weight[i] = weight;
}

static void divide(const gki_gk_interval_data *data, const gkv_gk *gk, size_t first, size_t count,
                   parts *p)
{
    double a[CHUNK], b[CHUNK];
    const double *low = data->lower + first, *high = data->upper + first;
    p->points = p->intervals = 0;
    p->constant = 0.0;
    scores(gk, count, low, a);
    scores(gk, count, high, b);
    for (size_t i = 0; i < count; i++) {
        const double w = data->weight[first + i], width = high[i] - low[i];
        if (width > 0 && !(b[i] - a[i] < narrow))
            add_interval(p, a[i], b[i], w);
        else {
            add_point(p, low[i] + 0.5 * width, w);
            /* points have a density; a narrow interval, a probability */
            p->constant += width > 0 ? w * (log(width) - GKV_HALF_LOG_2PI) : 0.0;
        }
    }
}

/* Adds the derivatives of the intervals. */
static void add_derivatives(const gki_gk_fit_kernels *kernels, const parts *p, const gkv_gk *gk,
                            gki_gk_sums *sums)
{
    const size_t n = p->intervals;
    double slope_a[4 * CHUNK], slope_b[4 * CHUNK], bend_a[GKV_GK_PAIRS * CHUNK],
        bend_b[GKV_GK_PAIRS * CHUNK];
    kernels->edges(n, gk, p->a, slope_a, bend_a);
    kernels->edges(n, gk, p->b, slope_b, bend_b);
    for (size_t i = 0; i < n; i++) {
        double s[4];
        for (size_t j = 0; j < 4; j++) {
            s[j] = p->r_b[i] * slope_b[j * n + i] - p->r_a[i] * slope_a[j * n + i];
            sums->score[j] += p->weight[i] * s[j];
        }
        for (size_t j = 0, pair = 0; j < 4; j++)
            for (size_t l = j; l < 4; l++, pair++) {
                const double outer = s[j] * s[l], bend = p->r_b[i] * bend_b[pair * n + i] -
                                                         p->r_a[i] * bend_a[pair * n + i];
                sums->hessian[pair] += p->weight[i] * (bend - outer);
                sums->outer[pair] += p->weight[i] * outer;
            }
    }
}

static void add_chunk(const gki_gk_fit_kernels *kernels, const gki_gk_interval_data *data,
                      const gkv_gk *gk, size_t first, size_t count, double *log_likelihood,
                      gki_gk_sums *sums)
{
    double log_dq[CHUNK];
    parts p;
    divide(data, gk, first, count, &p);
    gki_gk_fit_inverse(gk, p.points, p.x, p.x, sums ? NULL : log_dq);
    for (size_t i = 0; i < p.points; i++)
        p.x[i] = clamp(p.x[i]);
    if (sums) {
        kernels->sums(p.points, gk, p.x, p.point_weight, sums);
        sums->log_likelihood += p.constant;
        add_derivatives(kernels, &p, gk, sums);
        return;
    }
    double sum = p.constant;
    for (size_t i = 0; i < p.points; i++)
        sum -= p.point_weight[i] * (0.5 * p.x[i] * p.x[i] + log_dq[i]);
    *log_likelihood += sum;
}

void gki_gk_interval_data_sums(const gki_gk_fit_kernels *kernels, const gki_gk_interval_data *data,
                               const gkv_gk *gk, size_t first, size_t count, double *log_likelihood,
                               gki_gk_sums *sums)
{
    for (size_t i = 0; i < count; i += CHUNK)
        add_chunk(kernels, data, gk, first + i, count - i < CHUNK ? count - i : CHUNK,
                  log_likelihood, sums);
}

/* ∂_i log P, i = A, B, g, k, c. */
static void add_c_chunk(const gki_gk_interval_data *data, const gkv_gk *gk, size_t first,
                        size_t count, gki_gk_c_sums *sums)
{
    parts p;
    divide(data, gk, first, count, &p);
    gki_gk_fit_inverse(gk, p.points, p.x, p.x, NULL);
    for (size_t i = 0; i < p.points; i++)
        p.x[i] = clamp(p.x[i]);
    gki_gk_add_point_slopes(gk, p.points, p.x, p.point_weight, sums);
    for (size_t i = 0; i < p.intervals; i++) {
        gki_wide ignored[GKI_GK_WITH_C], z_a[GKI_GK_WITH_C], z_b[GKI_GK_WITH_C];
        double s[GKI_GK_WITH_C];
        gki_gk_jet jet = gki_gk_jet_at(gk, p.a[i], 1);
        gki_gk_slopes_with_c(gk, &jet, p.a[i], ignored, z_a);
        jet = gki_gk_jet_at(gk, p.b[i], 1);
        gki_gk_slopes_with_c(gk, &jet, p.b[i], ignored, z_b);
        for (int j = 0; j < GKI_GK_WITH_C; j++)
            s[j] = p.r_b[i] * (double)z_b[j] - p.r_a[i] * (double)z_a[j];
        gki_gk_add_slopes(p.weight[i], s, sums);
    }
}

void gki_gk_interval_data_c_sums(const gki_gk_interval_data *data, const gkv_gk *gk, size_t first,
                                 size_t count, gki_gk_c_sums *sums)
{
    for (size_t i = 0; i < count; i += CHUNK)
        add_c_chunk(data, gk, first + i, count - i < CHUNK ? count - i : CHUNK, sums);
}

/* --- The test of fit by counts in bins ------------------------------------ */

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

/* φ times the derivatives of the score of an edge in A, B, g, k and c; those of ±∞ are 0. */
static void edge_slopes(const gkv_gk *gk, const double *memory, size_t edges, size_t i, double z,
                        bool free_c, double out[GKI_GK_WITH_C])
{
    gki_wide ignored[GKI_GK_WITH_C], slopes[GKI_GK_WITH_C];
    memset(out, 0, GKI_GK_WITH_C * sizeof *out);
    if (i >= edges)
        return;
    const double phi = exp(gki_normal_log_pdf(z));
    for (size_t a = 0; a < 4; a++)
        out[a] = phi * memory[a * edges + i];
    if (!free_c)
        return;
    const gki_gk_jet jet = gki_gk_jet_at(gk, z, 1);
    gki_gk_slopes_with_c(gk, &jet, z, ignored, slopes);
    out[4] = phi * (double)slopes[4];
}

/* What c explains beyond the other parameters, of which d is the step: c_psi = J_cᵀr, c_normal =
 * J_cᵀJ_c and cross = J_cᵀJ. */
static double explained_by_c(double normal[4][4], const bool fixed[4], const double cross[4],
                             const double d[4], double c_psi, double c_normal)
{
    double follow[4], rest = c_normal;
    if (!gki_solve4x4_symmetric(normal, fixed, cross, follow))
        return 0.0;
    for (int a = 0; a < 4; a++) {
        c_psi -= cross[a] * d[a];
        rest -= cross[a] * follow[a];
    }
    return rest > 1e-10 * c_normal ? c_psi * c_psi / rest : 0.0;
}

/* Returns χ² from the standardized counts and their derivatives J. *inverse becomes Σ 1/p. */
static double statistic(const gki_gk_fit_kernels *kernels, const gkv_gk *gk, double total,
                        const bins *b, double *memory, const gki_gk_test_parameters *by,
                        double *inverse)
{
    const size_t edges = b->n - 1;
    double chi2 = 0.0, explained = 0.0, psi[4] = {0}, normal[4][4] = {{0}}, d[4] = {0},
           before = -INFINITY, cross[4] = {0}, c_psi = 0.0, c_normal = 0.0;
    double low[GKI_GK_WITH_C] = {0}, high[GKI_GK_WITH_C];
    kernels->edges(edges, gk, b->z, memory, NULL);
    *inverse = 0.0;
    for (size_t i = 0; i < b->n; i++) {
        const double p = fmax(probability(before, b->z[i]), 1e-300), root = sqrt(total / p);
        const double r = (b->count[i] - total * p) / sqrt(total * p);
        double j[GKI_GK_WITH_C];
        edge_slopes(gk, memory, edges, i, b->z[i], by->free_c, high);
        for (size_t a = 0; a < GKI_GK_WITH_C; a++)
            j[a] = root * (high[a] - low[a]);
        memcpy(low, high, sizeof low);
        j[2] += by->slope * j[3];
        for (size_t a = 0; a < 4; a++)
            psi[a] += j[a] * r;
        for (size_t a = 0; a < 4; a++)
            for (size_t c = 0; c < 4; c++)
                normal[a][c] += j[a] * j[c];
        for (size_t a = 0; a < 4; a++)
            cross[a] += j[4] * j[a];
        c_psi += j[4] * r;
        c_normal += j[4] * j[4];
        chi2 += r * r;
        *inverse += 1.0 / p;
        before = b->z[i];
    }
    if (gki_solve4x4_symmetric(normal, by->fixed, psi, d))
        for (int a = 0; a < 4; a++)
            explained += d[a] * psi[a];
    if (by->free_c)
        explained += explained_by_c(normal, by->fixed, cross, d, c_psi, c_normal);
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
    size_t parameters = by->free_c;
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
