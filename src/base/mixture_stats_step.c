/* A component's step from what a stats says of it. */
#include <math.h>
#include <string.h>

#include "base/base_gk.h"
#include "base/mixture_stats.h"
#include "num/constants.h"
#include "num/linalg.h"

/* The longest step of log B, g and k, and of A in units of B. */
static const double longest[4] = {1, 0.5, 0.5, 0.2};

/* Mean and standard deviation of a component's scores in dimension j. */
static void moments(const gkv_base_mixture *self, const gkv_stats_component *of, size_t j, double *mean, double *sd)
{
    const size_t d = self->base.eps.width;
    const double n = (double)*of->weight;
    *mean = (double)of->sum[j] / n;
    const double square = (double)of->square[self->spec.dependent ? j * d + j : j] / n;
    *sd = sqrt(fmax(square - *mean * *mean, 1e-6));
}

/* Cells, and a few more of no weight to fill whole vectors. */
enum { LANES = 8, N = (GKV_STATS_CELLS + LANES - 1) / LANES * LANES };

/* The normal probability of each cell, and φ at the boundaries above them; 0 where there are none. */
typedef struct levels {
    double probability[N], pdf[N];
} levels;

static levels make_levels(void)
{
    levels it = {{0}, {0}};
    double below = 0;
    for (size_t i = 0; i < GKV_STATS_BOUNDARIES; i++) {
        const double z = gkv_stats_boundary(i), cdf = 0.5 * erfc(-z / sqrt(2));
        it.probability[i] = cdf - below;
        it.pdf[i] = exp(-z * z / 2 - GKV_HALF_LOG_2PI);
        below = cdf;
    }
    it.probability[GKV_STATS_BOUNDARIES] = 1 - below;
    return it;
}

/* h_θ = ∂Q/∂θ / Q' of a margin for θ = (A/B, log B, g, k), at the boundaries: as θ moves, the score of a value moves by
 * −h_θ. */
static void moves_of(const gkv_gk *margin, double h[4][N])
{
    double z[N], g[N], k[N], dq[N];
    for (size_t i = 0; i < N; i++)
        z[i] = gkv_stats_boundary(i), g[i] = margin->g, k[i] = margin->k;
    const gkv_gk_outputs_d out = {.x = h[1], .dq = dq, .x_g = h[2], .x_k = h[3]};
    gkv_gk_batch_shape_d(N, g, k, margin->c, z, &out); /* of A = 0, B = 1, which is all that matters */
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

/* What makes a step, as normal equations of one row: M δ = b. */
typedef struct equations {
    double m[4][4], b[4];
} equations;

/* Of the residuals √n (n_c/n − p_c)/√p_c under Cauchy's loss: the increments of the whitened quantile residuals of
 * gkvae/gk_fit.h at the boundaries' levels. */
static void add_cells(const gkv_real *cells, double n, double h[4][N], const levels *at, equations *to)
{
    const double wild = n / (gkv_base_outlier_residual * gkv_base_outlier_residual);
    double slope[4][N], weighted[4][N], off[N] = {0}, weight[N] = {0};
    for (size_t c = 0; c < GKV_STATS_CELLS; c++) {
        off[c] = (double)cells[c] / n - at->probability[c];
        weight[c] = 1 / (at->probability[c] + wild * off[c] * off[c]); /* 1/p, and Cauchy's 1/(1 + r²/5²) */
    }
    for (size_t i = 0; i < 4; i++) { /* ∂p_c/∂θ, as ∂F/∂θ = −φ h_θ */
        slope[i][0] = -at->pdf[0] * h[i][0];
#pragma omp simd
        for (size_t c = 1; c < N; c++)
            slope[i][c] = at->pdf[c - 1] * h[i][c - 1] - at->pdf[c] * h[i][c];
#pragma omp simd
        for (size_t c = 0; c < N; c++)
            weighted[i][c] = weight[c] * slope[i][c];
    }
    for (size_t i = 0; i < 4; i++) {
        to->b[i] += dot(weighted[i], off);
        for (size_t j = 0; j <= i; j++) {
            const double product = dot(weighted[i], slope[j]);
            to->m[i][j] += product;
            to->m[j][i] += j < i ? product : 0;
        }
    }
}

/* Of what other dimensions say of g and k. The score function of a margin's θ is that of the margin alone and
 * (u − ζ)h_θ, u = ζWWᵀ, whose mean is 0 where components are g-and-k and whose information is that of WWᵀ_jj − 1. A and B
 * follow g and k as the margin alone has them. */
static void add_coupling(const gkv_real *coupling, double n, double coupled, double h[4][N], const levels *at,
                         equations *to)
{
    double edge[N], own[2][N], likely[2][N], pull[N] = {0};
    const double (*m)[4] = (const double (*)[4])to->m;
    const double det = m[0][0] * m[1][1] - m[0][1] * m[1][0];
    if (!(det > 0))
        return;
    for (size_t c = 0; c < GKV_STATS_CELLS; c++)
        pull[c] = (double)coupling[c] / n;
    for (size_t s = 0; s < 2; s++) {
        const double a = (m[1][1] * m[0][2 + s] - m[0][1] * m[1][2 + s]) / det;
        const double log_b = (m[0][0] * m[1][2 + s] - m[1][0] * m[0][2 + s]) / det;
#pragma omp simd
        for (size_t c = 0; c < N; c++)
            edge[c] = h[2 + s][c] - a * h[0][c] - log_b * h[1][c];
#pragma omp simd
        for (size_t c = 1; c < N; c++) /* a cell's is the mean of its boundaries' */
            own[s][c] = (edge[c - 1] + edge[c]) / 2;
        own[s][0] = edge[0]; /* the outermost have one each */
        own[s][GKV_STATS_BOUNDARIES] = edge[GKV_STATS_BOUNDARIES - 1];
#pragma omp simd
        for (size_t c = 0; c < N; c++)
            likely[s][c] = coupled * at->probability[c] * own[s][c];
    }
    for (size_t s = 0; s < 2; s++) {
        to->b[2 + s] += dot(pull, own[s]);
        for (size_t t = 0; t < 2; t++)
            to->m[2 + s][2 + t] += dot(likely[s], own[t]);
    }
}

/* Of g and k over their prior's deviation, their squares weighing so much against one row. */
static void add_prior(const double strength[2], const gkv_gk *margin, equations *to)
{
    const double shape[2] = {margin->g, margin->k};
    for (size_t s = 0; s < 2; s++) {
        to->m[2 + s][2 + s] += strength[s];
        to->b[2 + s] -= strength[s] * shape[s];
    }
}

/* One step of Levenberg–Marquardt. 0 if there is none. */
static int solve(equations *it, double delta[4])
{
    static const double damping = 1e-3;
    static const unsigned char held[4] = {0};
    for (size_t i = 0; i < 4; i++)
        it->m[i][i] *= 1 + damping;
    return gkv_solve4x4_symmetric(it->m, held, it->b, delta);
}

static double held_to(double most, double x)
{
    return fmin(fmax(x, -most), most);
}

static gkv_gk step_margin(const gkv_gk *old, const double delta[4], double share)
{
    gkv_gk gk = *old;
    gk.a += share * old->b * held_to(longest[0], delta[0]);
    gk.b *= exp(share * held_to(longest[1], delta[1]));
    gk.g += share * held_to(longest[2], delta[2]);
    gk.k = fmax(gk.k + share * held_to(longest[3], delta[3]), gkv_base_gk_free_k); /* at which no g is to be searched for */
    return gk;
}

/* R to what the scores' correlation is. */
static void step_correlation(const gkv_base_mixture *self, const gkv_stats_component *of, double share, double *r)
{
    const size_t d = self->base.eps.width;
    const double n = (double)*of->weight;
    double mean[GKV_BASE_MOST_DIMENSIONS], sd[GKV_BASE_MOST_DIMENSIONS];
    for (size_t j = 0; j < d; j++)
        moments(self, of, j, &mean[j], &sd[j]);
    for (size_t i = 0; i < d; i++)
        for (size_t j = i + 1; j < d; j++) {
            const double found = ((double)of->square[i * d + j] / n - mean[i] * mean[j]) / (sd[i] * sd[j]);
            r[i * d + j] += share * (held_to(1, found) - r[i * d + j]);
            r[j * d + i] = r[i * d + j];
        }
}

void gkv_stats_step(const gkv_base_mixture *self, const gkv_params *params, const gkv_gk *old, const gkv_real *stats,
                    size_t k, double share, const gkv_stats_prior *prior, gkv_gk *margins, double *r)
{
    const size_t d = self->base.eps.width;
    const gkv_stats_component of = gkv_stats_at(self, stats, k);
    const levels at = make_levels();
    const double n = (double)*of.weight, rows = n / share;
    const double strength[2] = {1 / (rows * prior->variance[0]), 1 / (rows * prior->variance[1])};
    for (size_t j = 0; j < d; j++) {
        double mean, sd, delta[4] = {0};
        moments(self, &of, j, &mean, &sd);
        delta[0] = mean, delta[1] = log(sd);
        if (of.cells) {
            equations normal = {0};
            double h[4][N];
            moves_of(&old[j], h);
            add_cells(of.cells + j * GKV_STATS_CELLS, n, h, &at, &normal);
            if (of.coupling)
                add_coupling(of.coupling + j * GKV_STATS_CELLS, n, gkv_stats_coupled(self, params, k, j), h, &at, &normal);
            add_prior(strength, &old[j], &normal);
            if (!solve(&normal, delta))
                memset(delta, 0, sizeof delta);
        }
        margins[j] = step_margin(&old[j], delta, share);
    }
    if (r)
        step_correlation(self, &of, share, r);
}
