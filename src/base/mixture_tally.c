#include "base/mixture_tally.h"

#include <math.h>
#include <string.h>

#include "base/gk.h"
#include "gk/four.h"
#include "nn/kernels.h"

/* Shares below this are left out; scores beyond the bound count as at it, so that no row bends a component. */
static const gkv_real least_share = (gkv_real)1e-3, score_bound = 6;

/* The longest step of log B, g and k, and of A in units of B. */
static const double longest[4] = {1, 0.5, 0.5, 0.2};

/* --- The tally -------------------------------------------------------------------------- */

static double boundary(size_t i)
{
    return -3.1 + 0.2 * (double)i;
}

static size_t cell_of(gkv_real zeta)
{
    const gkv_real place = (zeta + (gkv_real)3.1) * 5 + 1;
    return place < 1 ? 0 : place >= GKV_TALLY_BOUNDARIES ? GKV_TALLY_BOUNDARIES : (size_t)place;
}

static size_t size_of_component(const gkv_base_mixture *self)
{
    const size_t d = self->base.eps.width;
    return 1 + d + (self->spec.dependent ? d * d : d) + (self->shaped ? d * GKV_TALLY_CELLS : 0);
}

gkv_tally_component gkv_tally_at(const gkv_base_mixture *self, const gkv_real *tally, size_t k)
{
    const size_t d = self->base.eps.width;
    gkv_real *at = (gkv_real *)tally + k * size_of_component(self);
    gkv_tally_component it = {.weight = at, .sum = at + 1, .square = at + 1 + d};
    if (self->shaped)
        it.cells = it.square + (self->spec.dependent ? d * d : d);
    return it;
}

size_t gkv_mixture_tally_size(const gkv_base *base)
{
    const gkv_base_mixture *self = gkv_base_mixture_of(base);
    return self->spec.shared_shapes && self->shaped ? 0 : self->components * size_of_component(self);
}

size_t gkv_mixture_tally_parts(const gkv_base *base)
{
    return gkv_base_mixture_of(base)->components;
}

static void add_row(const gkv_base_mixture *self, const gkv_tally_component *to, gkv_real r, const gkv_real *zeta)
{
    const size_t d = self->base.eps.width;
    const gkv_nn_kernels *kernels = gkv_nn_kernels_get();
    gkv_real held[GKV_BASE_MOST_DIMENSIONS];
    for (size_t j = 0; j < d; j++) {
        held[j] = zeta[j] > score_bound ? score_bound : zeta[j] < -score_bound ? -score_bound : zeta[j];
        if (to->cells)
            to->cells[j * GKV_TALLY_CELLS + cell_of(held[j])] += r;
    }
    *to->weight += r;
    kernels->axpy(d, r, held, to->sum);
    for (size_t j = 0; j < d; j++) {
        if (self->spec.dependent)
            kernels->axpy(d - j, r * held[j], held + j, to->square + j * d + j);
        else
            to->square[j] += r * held[j] * held[j];
    }
}

void gkv_mixture_tally(const gkv_base *base, const gkv_workspace *ws, const gkv_slot *weight, size_t rows, size_t part,
                       gkv_real *tally)
{
    const gkv_base_mixture *self = gkv_base_mixture_of(base);
    const size_t d = base->eps.width;
    const gkv_tally_component to = gkv_tally_at(self, tally, part);
    for (size_t row = 0; row < rows; row++) {
        const gkv_real share = gkv_at(ws, self->share, row)[part];
        if (share >= least_share)
            add_row(self, &to, weight ? share * *gkv_at(ws, *weight, row) : share, gkv_at(ws, self->zeta, row) + part * d);
    }
}

/* --- The step ------------------------------------------------------------------------------ */

/* Mean and standard deviation of a component's scores in dimension j. */
static void moments(const gkv_base_mixture *self, const gkv_tally_component *of, size_t j, double *mean, double *sd)
{
    const size_t d = self->base.eps.width;
    const double n = (double)*of->weight;
    *mean = (double)of->sum[j] / n;
    const double square = (double)of->square[self->spec.dependent ? j * d + j : j] / n;
    *sd = sqrt(fmax(square - *mean * *mean, 1e-6));
}

/* Φ at the cells' boundaries, and φ. */
typedef struct levels {
    double cdf[GKV_TALLY_BOUNDARIES], pdf[GKV_TALLY_BOUNDARIES];
} levels;

static levels make_levels(void)
{
    levels it;
    for (size_t i = 0; i < GKV_TALLY_BOUNDARIES; i++) {
        it.cdf[i] = 0.5 * erfc(-boundary(i) / sqrt(2));
        it.pdf[i] = exp(-boundary(i) * boundary(i) / 2 - GKV_HALF_LOG_2PI);
    }
    return it;
}

/* ∂F(x_i)/∂(A/B, log B, g, k) at the boundaries x_i = Q(z_i) of a margin: −φ(z_i) ∂Q/∂θ / Q'(z_i). */
static void slopes_of(const gkv_gk *margin, const levels *at, double slope[GKV_TALLY_BOUNDARIES][4])
{
    enum { N = GKV_TALLY_BOUNDARIES };
    double z[N], g[N], k[N], x[N], dq[N], x_g[N], x_k[N];
    for (size_t i = 0; i < N; i++)
        z[i] = boundary(i), g[i] = margin->g, k[i] = margin->k;
    const gkv_gk_outputs_d out = {.x = x, .dq = dq, .x_g = x_g, .x_k = x_k};
    gkv_gk_batch_shape_d(N, g, k, margin->c, z, &out); /* of A = 0, B = 1, which is all that matters */
    for (size_t i = 0; i < N; i++) {
        const double scale = -at->pdf[i] / dq[i];
        slope[i][0] = scale, slope[i][1] = scale * x[i], slope[i][2] = scale * x_g[i], slope[i][3] = scale * x_k[i];
    }
}

static const unsigned char none_held[4] = {0};

/* One step of Levenberg–Marquardt on the residuals √n (n_c/n − p_c)/√p_c, Cauchy's loss around them: they are the
 * increments of the whitened quantile residuals of gkvae/gk_fit.h at the boundaries' levels. Two residuals more are
 * g and k over their prior's deviation, `strength` being what their squares weigh against one row. 0 if there is no step. */
static int fit_cells(const gkv_real *cells, double n, const gkv_gk *margin, const levels *at, const double strength[2],
                     double delta[4])
{
    static const double damping = 1e-3;
    double slope[GKV_TALLY_BOUNDARIES][4], m[4][4] = {{0}};
    double b[4] = {0, 0, -strength[0] * margin->g, -strength[1] * margin->k};
    m[2][2] = strength[0], m[3][3] = strength[1];
    slopes_of(margin, at, slope);
    for (size_t c = 0; c < GKV_TALLY_CELLS; c++) {
        const double above = c < GKV_TALLY_BOUNDARIES ? at->cdf[c] : 1, below = c > 0 ? at->cdf[c - 1] : 0;
        const double p = above - below, off = (double)cells[c] / n - p, r = sqrt(n / p) * off / gkv_base_wild_residual;
        const double weight = 1 / (p * (1 + r * r));
        double d[4];
        for (size_t i = 0; i < 4; i++) {
            d[i] = (c < GKV_TALLY_BOUNDARIES ? slope[c][i] : 0) - (c > 0 ? slope[c - 1][i] : 0);
            b[i] += weight * d[i] * off;
        }
        for (size_t i = 0; i < 4; i++)
            for (size_t j = 0; j <= i; j++)
                m[i][j] += weight * d[i] * d[j];
    }
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < i; j++)
            m[j][i] = m[i][j];
        m[i][i] *= 1 + damping;
    }
    return gkv_symmetric_solve(m, none_held, b, delta);
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
static void step_correlation(const gkv_base_mixture *self, const gkv_tally_component *of, double share, double *r)
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

void gkv_tally_step(const gkv_base_mixture *self, const gkv_gk *old, const gkv_real *tally, size_t k, double share,
                    const gkv_tally_prior *prior, gkv_gk *margins, double *r)
{
    const size_t d = self->base.eps.width;
    const gkv_tally_component of = gkv_tally_at(self, tally, k);
    const levels at = make_levels();
    const double rows = (double)*of.weight / share;
    const double strength[2] = {1 / (rows * prior->variance[0]), 1 / (rows * prior->variance[1])};
    for (size_t j = 0; j < d; j++) {
        double mean, sd, delta[4] = {0};
        moments(self, &of, j, &mean, &sd);
        delta[0] = mean, delta[1] = log(sd);
        if (of.cells && !fit_cells(of.cells + j * GKV_TALLY_CELLS, (double)*of.weight, &old[j], &at, strength, delta))
            memset(delta, 0, sizeof delta);
        margins[j] = step_margin(&old[j], delta, share);
    }
    if (r)
        step_correlation(self, &of, share, r);
}
