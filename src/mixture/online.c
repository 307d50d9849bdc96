/* The M-step of a mixture from sufficient statistics. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "gk/gk_batch_kernels.h"
#include "gk/validity.h"
#include "mixture/online.h"
#include "num/constants.h"
#include "num/linalg.h"

/* --- The step of one component -------------------------------------------- */

/* The longest steps of A in units of B, and of log B, g and k. */
static const double longest[4] = {1, 0.5, 0.5, 0.2};

/* Computes the mean and the standard deviation of a component's scores in dimension j from its
 * statistics. */
static void moments(const gki_online_layout *layout, const double *sums, size_t j, double *mean,
                    double *sd)
{
    const double n = sums[0];
    *mean = sums[layout->sum + j] / n;
    const double square = sums[layout->square + (layout->dependent ? j * layout->d + j : j)] / n;
    *sd = sqrt(fmax(square - *mean * *mean, 1e-6));
}

/* N: the cells, padded with cells of weight 0 to whole vectors. */
enum { LANES = 8, N = (GKV_ONLINE_CELLS + LANES - 1) / LANES * LANES };

/* The normal probability of each cell, and φ at its upper boundary; 0 in the padding. */
typedef struct levels {
    double probability[N], pdf[N];
} levels;

static levels make_levels(void)
{
    levels normal = {{0}, {0}};
    double below = 0;
    for (size_t i = 0; i < GKV_ONLINE_BOUNDARIES; i++) {
        const double z = gki_online_boundary(i), cdf = 0.5 * erfc(-z / sqrt(2));
        normal.probability[i] = cdf - below;
        normal.pdf[i] = exp(-z * z / 2 - GKV_HALF_LOG_2PI);
        below = cdf;
    }
    normal.probability[GKV_ONLINE_BOUNDARIES] = 1 - below;
    return normal;
}

/* Computes h_θ = ∂Q/∂θ / Q' of a margin at the boundaries, for θ = (A/B, log B, g, k). The
 * derivative of the score of a fixed value in θ is −h_θ. */
static void score_derivatives(const gkv_gk *margin, double h[4][N])
{
    double z[N], g[N], k[N], dq[N];
    for (size_t i = 0; i < N; i++)
        z[i] = gki_online_boundary(i), g[i] = margin->g, k[i] = margin->k;
    const gki_gk_outputs_d out = {.x = h[1], .dq = dq, .x_g = h[2], .x_k = h[3]};
    /* h does not depend on A and B: this uses A = 0, B = 1 */
    gki_gk_batch_shape_d(N, g, k, margin->c, z, &out);
#pragma omp simd
    for (size_t i = 0; i < N; i++) {
        h[0][i] = 1 / dq[i];
        h[1][i] *= h[0][i];
        h[2][i] *= h[0][i];
        h[3][i] *= h[0][i];
    }
}

static double dot(const double *a, const double *b)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t c = 0; c < N; c++)
        sum += a[c] * b[c];
    return sum;
}

/* The normal equations M δ = b of a step, divided by the number of rows. */
typedef struct equations {
    double m[4][4], b[4];
} equations;

/* Adds the residuals √n (n_c/n − p_c)/√p_c of the cells under Cauchy's loss. They are the
 * increments of the whitened quantile residuals of gkvae/gk_fit.h at the levels of the
 * boundaries. */
static void add_cells(const double *cells, double n, double h[4][N], const levels *normal,
                      equations *system)
{
    const double outlier = n / (gki_mgk_outlier_residual * gki_mgk_outlier_residual);
    double derivative[4][N], weighted[4][N], error[N] = {0}, weight[N] = {0};
#pragma omp simd
    for (size_t c = 0; c < GKV_ONLINE_CELLS; c++) {
        error[c] = cells[c] / n - normal->probability[c];
        /* 1/p times Cauchy's weight */
        weight[c] = 1 / (normal->probability[c] + outlier * error[c] * error[c]);
    }
    for (size_t i = 0; i < 4; i++) { /* ∂p_c/∂θ, as ∂F/∂θ = −φ h_θ */
        derivative[i][0] = -normal->pdf[0] * h[i][0];
#pragma omp simd
        for (size_t c = 1; c < N; c++)
            derivative[i][c] = normal->pdf[c - 1] * h[i][c - 1] - normal->pdf[c] * h[i][c];
#pragma omp simd
        for (size_t c = 0; c < N; c++)
            weighted[i][c] = weight[c] * derivative[i][c];
    }
    for (size_t i = 0; i < 4; i++) {
        system->b[i] += dot(weighted[i], error);
        for (size_t j = 0; j <= i; j++) {
            const double product = dot(weighted[i], derivative[j]);
            system->m[i][j] += product;
            system->m[j][i] += j < i ? product : 0;
        }
    }
}

/* Adds the information of the other dimensions about g and k. The score function of a margin's θ is
 * that of the margin alone plus (u − ζ)h_θ, where u = R⁻¹ζ. The mean of this term is 0 if the
 * component is g-and-k, and its information is (R⁻¹)_jj − 1, `information`. A and B follow g and k
 * as in the margin alone. */
static void add_coupling(const double *coupling, double n, double information, double h[4][N],
                         const levels *normal, equations *system)
{
    double edge[N], effect[2][N], expected[2][N], mean[N] = {0};
    const double(*m)[4] = (const double(*)[4])system->m;
    const double det = m[0][0] * m[1][1] - m[0][1] * m[1][0];
    if (!(det > 0))
        return;
#pragma omp simd
    for (size_t c = 0; c < GKV_ONLINE_CELLS; c++)
        mean[c] = coupling[c] / n;
    for (size_t s = 0; s < 2; s++) {
        const double a = (m[1][1] * m[0][2 + s] - m[0][1] * m[1][2 + s]) / det;
        const double log_b = (m[0][0] * m[1][2 + s] - m[1][0] * m[0][2 + s]) / det;
#pragma omp simd
        for (size_t c = 0; c < N; c++)
            edge[c] = h[2 + s][c] - a * h[0][c] - log_b * h[1][c];
#pragma omp simd
        for (size_t c = 1; c < N; c++) /* a cell has the mean of its two boundaries */
            effect[s][c] = (edge[c - 1] + edge[c]) / 2;
        effect[s][0] = edge[0]; /* the outermost cells have one boundary each */
        effect[s][GKV_ONLINE_BOUNDARIES] = edge[GKV_ONLINE_BOUNDARIES - 1];
#pragma omp simd
        for (size_t c = 0; c < N; c++)
            expected[s][c] = information * normal->probability[c] * effect[s][c];
    }
    for (size_t s = 0; s < 2; s++) {
        system->b[2 + s] += dot(mean, effect[s]);
        for (size_t t = 0; t < 2; t++)
            system->m[2 + s][2 + t] += dot(expected[s], effect[t]);
    }
}

/* Adds the prior of g and k, as ridge terms whose strength is relative to one row. */
static void add_prior(const double strength[2], const gkv_gk *margin, equations *system)
{
    const double shape[2] = {margin->g, margin->k};
    for (size_t s = 0; s < 2; s++) {
        system->m[2 + s][2 + s] += strength[s];
        system->b[2 + s] -= strength[s] * shape[s];
    }
}

/* Solves for one step of Levenberg–Marquardt. Returns 0 if the equations are singular. */
static int solve_damped(equations *system, double delta[4])
{
    static const double damping = 1e-3;
    static const bool held[4] = {0};
    for (size_t i = 0; i < 4; i++)
        system->m[i][i] *= 1 + damping;
    return gki_solve4x4_symmetric(system->m, held, system->b, delta);
}

static double clamp_step(double most, double x)
{
    return fmin(fmax(x, -most), most);
}

static gkv_gk step_margin(const gkv_gk *old, const double delta[4], double step)
{
    gkv_gk gk = *old;
    gk.a += step * old->b * clamp_step(longest[0], delta[0]);
    gk.b *= exp(step * clamp_step(longest[1], delta[1]));
    gk.g += step * clamp_step(longest[2], delta[2]);
    /* every g is valid for this k */
    gk.k = fmax(gk.k + step * clamp_step(longest[3], delta[3]), GKV_GK_FREE_K + 1e-4);
    return gk;
}

/* gki_online_step_margins() with the levels, which are the same for all components. */
static void step_margins(const gki_online_stats *stats, size_t k, const gkv_gk *old,
                         double fraction, const gki_shape_prior *prior, const levels *expected,
                         gkv_gk *margins)
{
    const gki_online_layout *layout = &stats->layout;
    const double *sums = stats->values + k * layout->size, n = sums[0], rows = n / fraction;
    const double strength[2] = {1 / (rows * prior->variance[0]), 1 / (rows * prior->variance[1])};
    for (size_t j = 0; j < layout->d; j++) {
        const size_t cells = j * GKV_ONLINE_CELLS;
        double mean, sd, delta[4] = {0};
        moments(layout, sums, j, &mean, &sd);
        delta[0] = mean, delta[1] = log(sd);
        if (layout->cells) {
            equations normal = {0};
            double h[4][N];
            score_derivatives(&old[j], h);
            add_cells(sums + layout->cells + cells, n, h, expected, &normal);
            if (layout->coupling)
                add_coupling(sums + layout->coupling + cells, n,
                             stats->information[k * layout->d + j], h, expected, &normal);
            add_prior(strength, &old[j], &normal);
            if (!solve_damped(&normal, delta))
                memset(delta, 0, sizeof delta);
        }
        margins[j] = step_margin(&old[j], delta, fraction);
    }
}

void gki_online_step_margins(const gki_online_stats *stats, size_t k, const gkv_gk *old,
                             double fraction, const gki_shape_prior *prior, gkv_gk *margins)
{
    const levels expected = make_levels();
    step_margins(stats, k, old, fraction, prior, &expected, margins);
}

/* Writes the correlation of component k's scores to r[d × d]. mean[d] is scratch. */
static void correlation(const gki_online_stats *stats, size_t k, double *r, double *mean)
{
    const gki_online_layout *layout = &stats->layout;
    const size_t d = layout->d;
    const double *sums = stats->values + k * layout->size;
    double *sd = r; /* of dimension j at r[j, j], until the end */
    for (size_t i = 0; i < d; i++) {
        moments(layout, sums, i, &mean[i], &sd[i * d + i]);
        for (size_t j = 0; j < i; j++) {
            const double product = sums[layout->square + j * d + i] / sums[0] - mean[j] * mean[i];
            r[i * d + j] = r[j * d + i] = clamp_step(1, product / (sd[j * d + j] * sd[i * d + i]));
        }
    }
    for (size_t j = 0; j < d; j++)
        r[j * d + j] = 1;
}

/* --- The M-step of all components ----------------------------------------- */

gki_online_layout gki_online_layout_of(size_t d, int dependent, int shaped)
{
    gki_online_layout layout = {.d = d, .sum = 1, .square = 1 + d, .dependent = dependent};
    layout.size = layout.square + (dependent ? d * d : d);
    if (shaped) {
        layout.cells = layout.size;
        layout.size += d * GKV_ONLINE_CELLS;
    }
    if (shaped && dependent) {
        layout.coupling = layout.size;
        layout.size += d * GKV_ONLINE_CELLS;
    }
    return layout;
}

/* The least weight of a component. */
static const double least_weight = 1e-6;

/* The distance of each half of a split component from the old location, in standard deviations. It
 * is so small that the density hardly changes. The next M-steps separate the halves if the data
 * support that. */
static const double apart = 0.1;

static double rows_of(const gki_online_stats *stats, size_t k)
{
    return stats->values[k * stats->layout.size];
}

/* The data of an M-step. */
typedef struct maximize_job {
    const gkv_mgk_mixture *old;
    const gki_online_stats *stats;
    gki_shape_prior prior;
    levels expected;
    double *rows; /* [count] the rows that each component will represent */
    double total, forgetting;
} maximize_job;

static gkv_status maximize_component(const void *job, size_t k, gkv_gk *margins, double *scratch,
                                     gkv_mgk_mixture *mixture)
{
    const maximize_job *m_step = job;
    const gkv_mgk *old = m_step->old->components[k];
    const double n = rows_of(m_step->stats, k), fraction = n / m_step->rows[k],
                 weight = m_step->old->weights[k];
    double *r = scratch, *l = m_step->stats->layout.dependent ? scratch + old->d * old->d : NULL;
    mixture->weights[k] =
        weight + m_step->forgetting * (fmax(n / m_step->total, least_weight) - weight);
    if (!(n > 1))
        return gki_mgk_build_waypoint(old->d, old->margins, NULL, old->cholesky,
                                      &mixture->components[k]);
    step_margins(m_step->stats, k, old->margins, fraction, &m_step->prior, &m_step->expected,
                 margins);
    if (l) {
        correlation(m_step->stats, k, r, l); /* the factor overwrites l */
        gki_mgk_correlation_between(old, fraction, r);
        gki_mgk_correlation_factor(old->d, r, l);
    }
    return gki_mgk_build_waypoint(old->d, margins, NULL, l, &mixture->components[k]);
}

gkv_status gki_online_maximize(const gkv_mgk_mixture *old, const gki_online_stats *stats,
                               double forgetting, int threads, gkv_mgk_mixture **out)
{
    const size_t d = old->d, count = old->count;
    maximize_job job = {
        .old = old, .stats = stats, .expected = make_levels(), .forgetting = forgetting};
    gkv_gk *margins = NULL;
    gkv_status status = GKV_OK;
    *out = NULL;
    for (size_t k = 0; k < count; k++)
        job.total += rows_of(stats, k);
    if (!(job.total > 0))
        return GKV_OK;
    GKV_TRY_GOTO(gki_alloc(count * d, sizeof *margins, &margins));
    GKV_TRY_GOTO(gki_alloc(count, sizeof *job.rows, &job.rows));
    for (size_t k = 0; k < count; k++) {
        job.rows[k] = rows_of(stats, k) + (1 / forgetting - 1) * old->weights[k] * job.total;
        memcpy(margins + k * d, old->components[k]->margins, d * sizeof *margins);
    }
    job.prior = gki_shape_prior_of_rows(count, d, margins, job.rows);
    status = gki_mgk_mixture_make(count, d, maximize_component, &job, 2 * d * d, threads, out);
done:
    free(margins);
    free(job.rows);
    return status;
}

gkv_status gki_online_reinitialise(gkv_mgk_mixture *mixture, const gki_online_stats *stats,
                                   size_t per_group, double forgetting, size_t *count)
{
    const gki_mgk_split split = {
        .per_group = per_group, .min_rows = GKV_ONLINE_ROWS_MIN, .apart = apart};
    double *rows = NULL, window = 0; /* window: the rows that the mixture represents */
    GKV_TRY(gki_alloc(mixture->count, sizeof *rows, &rows));
    for (size_t k = 0; k < mixture->count; k++)
        window += rows_of(stats, k) / forgetting;
    for (size_t k = 0; k < mixture->count; k++)
        rows[k] = mixture->weights[k] * window;
    const gkv_status status = gki_mgk_mixture_reinitialise(mixture, &split, rows, count);
    free(rows);
    return status;
}
