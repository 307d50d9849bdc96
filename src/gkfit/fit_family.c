/* The kernels of fits for the families other than g-and-k, from the jets of gk/family.h. They are
 * scalar, and compute in long double, as the functions of gkvae/gk.h. */
#include "gkfit/fit_family.h"

#include <math.h>
#include <string.h>

#include "gk/family.h"
#include "gk/gk_batch_kernels.h"
#include "gk/score.h"
#include "num/special.h"

/* --- What depends on the family ------------------------------------------- */

double gki_gk_fit_margin(const gkv_gk_fit_settings *set)
{
    const gki_gk_family_ops *ops = gki_gk_family_of(set->family);
    const bool touches = set->family == GKV_GK_FAMILY_GK || ops->bound_limit(1.0, set->c, NULL) > 0;
    return touches ? set->advanced.margin : 0.0;
}

double gki_gk_fit_most_g(const gkv_gk_fit_settings *set)
{
    return set->family == GKV_GK_FAMILY_GH ? 10.0 : 100.0;
}

void gki_gk_fit_inverse(const gkv_gk *gk, size_t n, const double *x, double *z, double *log_dq)
{
    const gki_gk_columns_d column = {&gk->a, &gk->b, &gk->g, &gk->k, gk->c};
    if (gk->family == GKV_GK_FAMILY_GK) {
        gki_gk_batch_inverse_d(n, 1, &column, x, z, log_dq, NULL, NULL);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        z[i] = gkv_gk_Q_inverse(gk, x[i]);
        if (log_dq)
            log_dq[i] = gkv_gk_log_dQ(gk, z[i]);
    }
}

void gki_gk_fit_forward(const gkv_gk *gk, size_t n, const double *z, double *x)
{
    const gki_gk_columns_d column = {&gk->a, &gk->b, &gk->g, &gk->k, gk->c};
    if (gk->family == GKV_GK_FAMILY_GK) {
        gki_gk_batch_forward_d(n, 1, &column, z, &(gki_gk_outputs_d){.x = x});
        return;
    }
    for (size_t i = 0; i < n; i++)
        x[i] = gkv_gk_Q(gk, z[i]);
}

/* --- Kernels -------------------------------------------------------------- */

static void scores(size_t n, const double *p, double *z, double *ln, double *phi)
{
    for (size_t i = 0; i < n; i++) {
        z[i] = gki_normal_quantile(p[i]);
        ln[i] = log1p(z[i] * z[i]);
        phi[i] = exp(gki_normal_log_pdf(z[i]));
    }
}

/* The bound is 0 or proportional to g². */
static void least_h(int64_t family, size_t n, double c, const double *g, double *bound,
                    double *slope, double *curvature)
{
    const double unit = gki_gk_family_of(family)->bound_limit(1.0, c, NULL);
    for (size_t i = 0; i < n; i++) {
        bound[i] = unit * g[i] * g[i];
        slope[i] = 2.0 * unit * g[i];
        curvature[i] = 2.0 * unit;
    }
}

static void weights(size_t n, const gkv_gk *gk, const gki_gk_fit_levels *levels, double *weight,
                    double *excess)
{
    for (size_t i = 0; i < n; i++) {
        const gki_gk_jet jet = gki_gk_jet_at(gk, levels->z[i], 1);
        const double dq = (double)(gk->b * jet.rho * expl(jet.lambda)), phi = levels->phi[i];
        weight[i] = phi / dq;
        excess[i] = levels->noise[i] * (double)gki_gk_neg_log_pdf_slope(&jet, levels->z[i]) * dq /
                    (phi * phi);
    }
}

/* One lane of several fits: r and the Jacobian, either of which may be NULL. */
static void lane_terms(int64_t family, const gki_gk_fit_lanes *fit, size_t lane, const double *v,
                       double *r, double *out)
{
    const size_t lanes = fit->lanes, column = fit->rows * lanes;
    double bound, slope, curvature, before[5] = {0};
    least_h(family, 1, fit->table->c, &v[2 * lanes + lane], &bound, &slope, &curvature);
    if (fit->plain[lane] > 0)
        bound = slope = 0.0;
    const gkv_gk gk = {.a = v[lane],
                       .b = v[lanes + lane],
                       .g = v[2 * lanes + lane],
                       .k = bound + v[3 * lanes + lane],
                       .c = fit->table->c,
                       .family = family};
    for (size_t i = lane; i < column; i += lanes) {
        const gki_wide z = fit->z[i];
        const gki_gk_jet jet = gki_gk_jet_at(&gk, z, 1);
        const double unit = (double)(z * expl(jet.lambda)), w = fit->weight[i];
        const double by_k = -w * gk.b * unit * (double)jet.lambda_k;
        const double u[5] = {-w, -w * unit, -w * gk.b * unit * (double)jet.lambda_g + slope * by_k,
                             by_k, w * (fit->x[i] - (gk.a + gk.b * unit))};
        for (size_t j = 0; j < 4 && out; j++)
            out[j * column + i] = fit->step[i] * (u[j] - before[j]);
        if (r)
            r[i] = fit->step[i] * (u[4] - before[4]);
        memcpy(before, u, sizeof before);
    }
}

static void terms(int64_t family, const gki_gk_fit_lanes *fit, const double *v, double *r,
                  double *out)
{
    for (size_t lane = 0; lane < fit->lanes; lane++)
        lane_terms(family, fit, lane, v, r, out);
}

/* Whether x is outside a bounded support. The callers clamp its score of ±∞. */
static bool is_outside(double z)
{
    return fabs(z) > 1e50;
}

static void sums(size_t n, const gkv_gk *gk, const double *z, const double *weight,
                 gki_gk_sums *out)
{
    for (size_t i = 0; i < n; i++) {
        const gki_gk_jet jet = gki_gk_jet_at(gk, z[i], 1);
        const double w = weight ? weight[i] : 1.0;
        gki_wide score[4];
        double hessian[4][4];
        if (!(w > 0))
            continue;
        if (is_outside(z[i])) { /* the likelihood is 0, and so is Q' */
            out->log_likelihood -= w * 0.5 * z[i] * z[i];
            continue;
        }
        gki_gk_score_wide(gk, &jet, z[i], score);
        gki_gk_second_derivatives(gk, &jet, z[i], hessian, NULL);
        out->log_likelihood -= w * (0.5 * z[i] * z[i] + (double)gki_gk_log_dQ_wide(gk, &jet));
        for (size_t j = 0, pair = 0; j < 4; j++) {
            out->score[j] += w * (double)score[j];
            for (size_t l = j; l < 4; l++, pair++) {
                out->hessian[pair] += w * hessian[j][l];
                out->outer[pair] += w * (double)(score[j] * score[l]);
            }
        }
    }
}

static void edges(size_t n, const gkv_gk *gk, const double *z, double *slope, double *curvature)
{
    for (size_t i = 0; i < n; i++) {
        const gki_gk_jet jet = gki_gk_jet_at(gk, z[i], 1);
        const gki_wide unit = z[i] / jet.rho;
        const double zeta[4] = {(double)(-expl(-jet.lambda) / (gk->b * jet.rho)),
                                (double)(-unit / gk->b), (double)(-unit * jet.lambda_g),
                                (double)(-unit * jet.lambda_k)};
        double second[4][4];
        const bool outside = is_outside(z[i]); /* F does not change there */
        for (size_t j = 0; j < 4; j++)
            slope[j * n + i] = outside ? 0.0 : zeta[j];
        for (size_t pair = 0; pair < GKV_GK_PAIRS && curvature; pair++)
            curvature[pair * n + i] = 0.0;
        if (!curvature || outside)
            continue;
        gki_gk_second_derivatives(gk, &jet, z[i], NULL, second);
        for (size_t j = 0, pair = 0; j < 4; j++)
            for (size_t l = j; l < 4; l++, pair++)
                curvature[pair * n + i] = second[j][l] - z[i] * zeta[j] * zeta[l];
    }
}

/* --- Tables --------------------------------------------------------------- */

#define TABLE(name, FAMILY)                                                                     \
    static void name##_k_min(size_t n, const gki_k_min_table *table, const double *g,           \
                             double *bound, double *slope, double *curvature)                   \
    {                                                                                           \
        least_h(FAMILY, n, table->c, g, bound, slope, curvature);                               \
    }                                                                                           \
    static void name##_residuals(const gki_gk_fit_lanes *fit, const double *v, double *r)       \
    {                                                                                           \
        terms(FAMILY, fit, v, r, NULL);                                                         \
    }                                                                                           \
    static void name##_jacobian(const gki_gk_fit_lanes *fit, const double *v, double *jacobian) \
    {                                                                                           \
        terms(FAMILY, fit, v, NULL, jacobian);                                                  \
    }                                                                                           \
    static void name##_terms(const gki_gk_fit_lanes *fit, const double *v, double *r,           \
                             double *jacobian)                                                  \
    {                                                                                           \
        terms(FAMILY, fit, v, r, jacobian);                                                     \
    }                                                                                           \
    static const gki_gk_fit_kernels name = {.scores = scores,                                   \
                                            .k_min = name##_k_min,                              \
                                            .weights = weights,                                 \
                                            .residuals = name##_residuals,                      \
                                            .jacobian = name##_jacobian,                        \
                                            .terms = name##_terms,                              \
                                            .sums = sums,                                       \
                                            .edges = edges}

TABLE(gh, GKV_GK_FAMILY_GH);
TABLE(ggh, GKV_GK_FAMILY_GGH);

const gki_gk_fit_kernels *gki_gk_family_kernels(int64_t family)
{
    return family == GKV_GK_FAMILY_GH    ? &gh
           : family == GKV_GK_FAMILY_GGH ? &ggh
                                         : gki_gk_fit_kernels_get();
}
