/* The table of what fits need to know of the families, and kernels of fits for families without
 * kernels of their own, from the jets of gk/family.h. They are scalar, and compute in long double,
 * as the functions of gkvae/gk.h. */
#include "gkfit/fit_family.h"

#include <math.h>
#include <string.h>

#include "gk/family.h"
#include "gk/score.h"
#include "num/special.h"

/* --- The table ------------------------------------------------------------ */

static const gki_gk_fit_family *const families[GKV_GK_FAMILIES] = {
    [GKV_GK_FAMILY_GK] = &gki_gk_fit_family_gk,
    [GKV_GK_FAMILY_GH] = &gki_gk_fit_family_gh,
    [GKV_GK_FAMILY_GGH] = &gki_gk_fit_family_ggh,
};

const gki_gk_fit_family *gki_gk_fit_family_of(int64_t family)
{
    return family >= 0 && family < GKV_GK_FAMILIES ? families[family] : NULL;
}

double gki_gk_fit_margin(const gkv_gk_fit_settings *set)
{
    return gki_gk_fit_family_of(set->family)->has_pole(set->c) ? set->advanced.margin : 0.0;
}

double gki_gk_fit_most_g(const gkv_gk_fit_settings *set)
{
    return gki_gk_fit_family_of(set->family)->most_g;
}

double gkv_gk_fit_g_max(int64_t family)
{
    const gki_gk_fit_family *row = gki_gk_fit_family_of(family);
    return row ? row->most_g : NAN;
}

const char *gkv_gk_fit_method_name(gkv_gk_method method, int64_t family)
{
    const gki_gk_fit_family *row = gki_gk_fit_family_of(family);
    switch (row ? (int)method : -1) {
    case GKV_GK_LM: return "least squares on quantiles";
    case GKV_GK_MLE: return "maximum likelihood";
    case GKV_GK_OCTILES: return row->letters.g ? "letter values" : "octile method";
    default: return "unknown";
    }
}

/* --- For every family ----------------------------------------------------- */

void gki_gk_fit_inverse(const gkv_gk *gk, size_t n, const double *x, double *z, double *log_dq)
{
    const gki_gk_family_ops *ops = gki_gk_family_of(gk->family);
    if (ops->inverse) {
        ops->inverse(gk, n, x, z, log_dq);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        z[i] = gkv_gk_Q_inverse(gk, x[i]);
        if (log_dq)
            log_dq[i] = gkv_gk_log_dQ(gk, z[i]);
    }
}

void gki_gk_fit_scale_by_quartiles(gkv_gk *start)
{
    start->b = gki_gk_fit_scale_of_k(start->k);
    start->b *= 1.349 / (gkv_gk_Q(start, 0.6744898) - gkv_gk_Q(start, -0.6744898));
}

void gki_gk_fit_square_bound(double unit, size_t n, const double *g, double *bound, double *slope,
                             double *curvature)
{
    for (size_t i = 0; i < n; i++) {
        bound[i] = unit * g[i] * g[i];
        slope[i] = 2.0 * unit * g[i];
        curvature[i] = 2.0 * unit;
    }
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

static void k_min_of_family(size_t n, const gki_k_min_table *table, const double *g, double *bound,
                            double *slope, double *curvature)
{
    gki_gk_fit_family_of(table->family)->k_min(n, table->c, g, bound, slope, curvature);
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
static void lane_terms(const gki_gk_fit_lanes *fit, size_t lane, const double *v, double *r,
                       double *out)
{
    const size_t lanes = fit->lanes, column = fit->rows * lanes;
    double bound, slope, curvature, before[5] = {0};
    k_min_of_family(1, fit->table, &v[2 * lanes + lane], &bound, &slope, &curvature);
    if (fit->plain[lane] > 0)
        bound = slope = 0.0;
    const gkv_gk gk = {.a = v[lane],
                       .b = v[lanes + lane],
                       .g = v[2 * lanes + lane],
                       .k = bound + v[3 * lanes + lane],
                       .c = fit->table->c,
                       .family = fit->table->family};
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

static void terms(const gki_gk_fit_lanes *fit, const double *v, double *r, double *out)
{
    for (size_t lane = 0; lane < fit->lanes; lane++)
        lane_terms(fit, lane, v, r, out);
}

static void residuals(const gki_gk_fit_lanes *fit, const double *v, double *r)
{
    terms(fit, v, r, NULL);
}

static void jacobian(const gki_gk_fit_lanes *fit, const double *v, double *out)
{
    terms(fit, v, NULL, out);
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

const gki_gk_fit_kernels *gki_gk_scalar_kernels(void)
{
    static const gki_gk_fit_kernels kernels = {.scores = scores,
                                               .k_min = k_min_of_family,
                                               .weights = weights,
                                               .residuals = residuals,
                                               .jacobian = jacobian,
                                               .terms = terms,
                                               .sums = sums,
                                               .edges = edges};
    return &kernels;
}
