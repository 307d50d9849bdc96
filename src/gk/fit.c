/* The quantile method: generalised least squares by Levenberg–Marquardt. */
#include "gkvae/gk_fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "gk/chi2.h"
#include "gk/normal.h"
#include "gk/sample.h"
#include "gk/validity.h"

enum { LEVELS_MIN = 7, LEVELS_MAX = 99, FREE_PASSES = 5 };

/* In the solver's units: x is (x − centre)/spread, so that bounds and tolerances
 * mean the same for every sample. Its variables are A, B, g and k − k_min(g). */
typedef struct fit {
    size_t n, m;
    double c, centre, spread;
    double *x, *z, *log_phi; /* m each: sample quantiles, Φ⁻¹(p), log φ(z) */
    double *weight;          /* m: 1/q', of the parameters at the last refresh */
    double *step;            /* m + 1: √((n+2)/(p_{i+1} − p_i)) */
    double *column;          /* m: scratch */
    double *memory;
} fit;

void gkv_gk_fit_defaults(gkv_gk_fit_settings *settings)
{
    *settings = (gkv_gk_fit_settings){.c = 0.8, .margin = 1e-4, .max_passes = 20, .pass_tolerance = 1e-3};
    gkv_lm_defaults(&settings->lm);
    /* An error of the estimates far below a thousandth of a standard error. */
    settings->lm.cost_tolerance = 1e-10;
    settings->lm.step_tolerance = 1e-8;
}

static gkv_gk gk_of(const fit *f, const double *v)
{
    return (gkv_gk){.a = v[0], .b = v[1], .g = v[2], .k = gkv_gk_k_min_limit(v[2], f->c, NULL) + v[3], .c = f->c};
}

/* u at the m levels to the m + 1 whitened increments of the bridge. */
static void whiten(const fit *f, const double *u, double *r)
{
    double before = 0.0;
    for (size_t i = 0; i < f->m; i++) {
        r[i] = f->step[i] * (u[i] - before);
        before = u[i];
    }
    r[f->m] = -f->step[f->m] * before;
}

static gkv_status residuals(void *user, const double *v, double *r)
{
    fit *f = user;
    const gkv_gk gk = gk_of(f, v);
    for (size_t i = 0; i < f->m; i++)
        f->column[i] = (f->x[i] - gkv_gk_Q(&gk, f->z[i])) * f->weight[i];
    whiten(f, f->column, r);
    return GKV_OK;
}

/* Columns ∂r/∂(A,B,g,k), k by itself or, along the solver's g, moving with k_min. */
static void derivatives(fit *f, const gkv_gk *gk, double k_slope, double *jacobian)
{
    const size_t rows = f->m + 1;
    for (size_t i = 0; i < f->m; i++) {
        double dq[4];
        gkv_gk_Q_gradient(gk, f->z[i], dq, NULL);
        dq[GKV_GK_G] += k_slope * dq[GKV_GK_K];
        for (size_t j = 0; j < 4; j++)
            jacobian[j * rows + i] = -dq[j] * f->weight[i];
    }
    for (size_t j = 0; j < 4; j++) {
        memcpy(f->column, jacobian + j * rows, f->m * sizeof *f->column);
        whiten(f, f->column, jacobian + j * rows);
    }
}

static gkv_status solver_jacobian(void *user, const double *v, double *jacobian)
{
    fit *f = user;
    const gkv_gk gk = gk_of(f, v);
    double k_slope = 0.0;
    gkv_gk_k_min_limit(gk.g, f->c, &k_slope);
    derivatives(f, &gk, k_slope, jacobian);
    return GKV_OK;
}

/* 1/q'(p) = φ(z)/Q'(z). In small samples the passes may swing between two shapes;
 * after a few, the mean with the last weights is taken. */
static void refresh(fit *f, const double *v, int pass)
{
    const gkv_gk gk = gk_of(f, v);
    for (size_t i = 0; i < f->m; i++) {
        const double fresh = exp(f->log_phi[i] - gkv_gk_log_dQ(&gk, f->z[i]));
        f->weight[i] = pass < FREE_PASSES ? fresh : sqrt(fresh * f->weight[i]);
    }
}

/* m distinct order statistics at nearly equal distances; p = j/(n+1) is exactly
 * the mean, and p(1−p')/(n+2) exactly the covariance, of their uniform scores. */
static gkv_status prepare(fit *f, const double *x, size_t n, size_t m, const gkv_gk *rough)
{
    /* The quartiles', not the rough B, which a wild tail makes tiny. */
    const double spread = (gkv_gk_sample_quantile(x, n, 0.75) - gkv_gk_sample_quantile(x, n, 0.25)) / 1.349;
    *f = (fit){.n = n, .m = m, .c = rough->c, .centre = rough->a, .spread = spread};
    GKV_TRY(gkv_alloc(6 * m + 1, sizeof(double), &f->memory));
    double *next = f->memory;
    f->x = next, next += m;
    f->z = next, next += m;
    f->log_phi = next, next += m;
    f->weight = next, next += m;
    f->column = next, next += m;
    f->step = next;
    size_t before = 0;
    for (size_t i = 0; i < m; i++) {
        const double wanted = (double)(i + 1) * ((double)n + 1.0) / ((double)m + 1.0);
        size_t j = (size_t)(wanted + 0.5);
        j = j > before ? j : before + 1;
        j = j > n - (m - 1 - i) ? n - (m - 1 - i) : j;
        f->x[i] = (x[j - 1] - f->centre) / f->spread;
        if (!(fabs(f->x[i]) < 1e100)) /* squares of residuals would overflow */
            return gkv_fail(GKV_ERR_DATA, "the sample has a value, %g, that is 1e100 times its spread %g away from its "
                                          "median", x[j - 1], f->spread);
        f->z[i] = gkv_normal_quantile((double)j / ((double)n + 1.0));
        f->log_phi[i] = gkv_normal_log_pdf(f->z[i]);
        f->step[i] = sqrt(((double)n + 2.0) * ((double)n + 1.0) / (double)(j - before));
        before = j;
    }
    f->step[m] = sqrt(((double)n + 2.0) * ((double)n + 1.0) / (double)(n + 1 - before));
    return GKV_OK;
}

/* Solver's variables of given parameters. */
static void variables_of(const fit *f, const gkv_gk *gk, double margin, double *v)
{
    const gkv_gk near = gkv_gk_project(gk, margin);
    v[0] = (near.a - f->centre) / f->spread;
    v[1] = near.b / f->spread;
    v[2] = near.g;
    v[3] = near.k - gkv_gk_k_min_limit(near.g, f->c, NULL);
}

/* The covariance of (A,B,g,k) from that of the solver's variables: k = k_min(g) + v3. */
static gkv_status covariance_of(const fit *f, gkv_lm *lm, const double *v, double covariance[4][4])
{
    double k_slope = 0.0;
    gkv_gk_k_min_limit(v[2], f->c, &k_slope);
    GKV_TRY(gkv_lm_covariance(lm, 0, &covariance[0][0], NULL));
    if (k_slope == 0)
        return GKV_OK;
    if (isinf(covariance[2][2])) { /* what is not known of g is not known of k */
        covariance[3][3] = INFINITY;
        covariance[0][3] = covariance[3][0] = covariance[1][3] = covariance[3][1] = 0.0;
        return GKV_OK;
    }
    for (int j = 0; j < 4; j++)
        covariance[3][j] += k_slope * covariance[2][j];
    for (int i = 0; i < 4; i++)
        covariance[i][3] += k_slope * covariance[i][2];
    return GKV_OK;
}

static gkv_status iterate(fit *f, gkv_lm *lm, const gkv_gk_fit_settings *set, double *v, gkv_gk_fit_result *result)
{
    const double low[4] = {-1e6, 1e-6, -100.0, set->margin}, high[4] = {1e6, 1e6, 100.0, 25.0};
    gkv_lm_settings lm_set = set->lm;
    lm_set.low = low;
    lm_set.high = high;
    for (int pass = 0; pass < set->max_passes && !result->converged; pass++) {
        double before[4];
        for (int j = 0; j < 4; j++) /* as the solver will move it into its bounds */
            before[j] = v[j] = fmax(low[j], fmin(high[j], v[j]));
        refresh(f, v, pass);
        gkv_lm_result solved;
        GKV_TRY(gkv_lm_solve(lm, residuals, solver_jacobian, f, v, &lm_set, &solved));
        GKV_TRY(covariance_of(f, lm, v, result->covariance));
        if (pass == 0)
            result->cost_before = solved.cost_before;
        result->cost_after = solved.cost_after;
        result->iterations += solved.iterations;
        result->passes++;
        result->stop = solved.stop;
        result->converged = gkv_lm_converged(solved.stop);
        for (int j = 0; j < 4; j++)
            if (!(fabs(v[j] - before[j]) <= set->pass_tolerance * sqrt(result->covariance[j][j])))
                result->converged = 0;
    }
    result->at_bound = v[3] <= set->margin;
    return GKV_OK;
}

/* Back to the sample's units, and what follows from the estimates. */
static void conclude(const fit *f, const double *v, const double *x, gkv_gk_fit_result *result)
{
    const double unit[4] = {f->spread, f->spread, 1.0, 1.0};
    result->gk = gk_of(f, v);
    result->gk.a = f->centre + f->spread * v[0];
    result->gk.b = f->spread * v[1];
    for (int i = 0; i < 4; i++)
        result->se[i] = unit[i] * sqrt(result->covariance[i][i]); /* first: a square may overflow */
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            result->covariance[i][j] *= unit[i] * unit[j];
    result->n = f->n;
    result->levels = f->m;
    result->chi2 = 2.0 * result->cost_after;
    result->dof = f->m - 4;
    result->p_value = gkv_chi2_upper(result->chi2, (double)result->dof);
    result->log_likelihood = gkv_gk_log_likelihood(&result->gk, x, f->n);
    result->aic = 8.0 - 2.0 * result->log_likelihood;
    result->bic = 4.0 * log((double)f->n) - 2.0 * result->log_likelihood;
}

static gkv_status fit_from(fit *f, gkv_lm *lm, const gkv_gk_fit_settings *set, const gkv_gk *start, const double *x,
                           gkv_gk_fit_result *result)
{
    double v[4];
    memset(result, 0, sizeof *result);
    variables_of(f, start, set->margin, v);
    GKV_TRY(iterate(f, lm, set, v, result));
    conclude(f, v, x, result);
    return GKV_OK;
}

static gkv_status check_settings(const gkv_gk_fit_settings *set, size_t n)
{
    if (set->levels && (set->levels < LEVELS_MIN || set->levels > n))
        return gkv_fail(GKV_ERR_ARGUMENT, "a fit of %zu values needs %d … %zu levels, not %zu", n, LEVELS_MIN, n,
                        set->levels);
    if (!(set->c > 0 && set->c < 1))
        return gkv_fail(GKV_ERR_ARGUMENT, "c must be between 0 and 1 for a fit, not %g", set->c);
    if (!(set->margin > 0 && set->margin < 1))
        return gkv_fail(GKV_ERR_ARGUMENT, "the margin of validity must be in (0, 1), not %g", set->margin);
    if (set->max_passes < 1 || !(set->pass_tolerance > 0))
        return gkv_fail(GKV_ERR_ARGUMENT, "a fit needs max_passes ≥ 1 and pass_tolerance > 0");
    return GKV_OK;
}

gkv_status gkv_gk_fit_sorted(const double *x, size_t n, const gkv_gk_fit_settings *settings, gkv_gk_fit_result *result)
{
    gkv_gk_fit_settings set;
    if (settings)
        set = *settings;
    else
        gkv_gk_fit_defaults(&set);
    memset(result, 0, sizeof *result);
    gkv_gk rough;
    GKV_TRY(gkv_gk_check_sorted(x, n));
    GKV_TRY(check_settings(&set, n));
    GKV_TRY(gkv_gk_fit_octiles(x, n, set.c, &rough));
    const size_t by_size = n / 4 < LEVELS_MIN ? LEVELS_MIN : n / 4 > LEVELS_MAX ? LEVELS_MAX : n / 4;

    fit f = {0};
    gkv_lm *lm = NULL;
    gkv_status status = prepare(&f, x, n, set.levels ? set.levels : by_size, &rough);
    if (status != GKV_OK)
        goto done;
    GKV_TRY_GOTO(gkv_lm_create(f.m + 1, 4, &lm));
    gkv_gk start = set.start ? *set.start : rough;
    start.c = set.c;
    GKV_TRY_GOTO(fit_from(&f, lm, &set, &start, x, result));
    if (set.start && (!result->converged || result->p_value < 1e-3)) {
        /* A far start may end in a poor minimum: the octiles get their turn. */
        gkv_gk_fit_result second;
        GKV_TRY_GOTO(fit_from(&f, lm, &set, &rough, x, &second));
        if (second.log_likelihood > result->log_likelihood) {
            second.cost_before = result->cost_before;
            second.passes += result->passes;
            second.iterations += result->iterations;
            *result = second;
        }
    }
done:
    gkv_lm_free(lm);
    free(f.memory);
    return status;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

gkv_status gkv_gk_fit(const double *x, size_t n, const gkv_gk_fit_settings *settings, gkv_gk_fit_result *result)
{
    for (size_t i = 0; i < n; i++) /* before sorting: NaN has no order, and the place is worth naming */
        if (!isfinite(x[i]))
            return gkv_fail(GKV_ERR_DATA, "a g-and-k fit needs finite values: value %zu of %zu is %g", i, n, x[i]);
    double *sorted = NULL;
    GKV_TRY(gkv_alloc(n, sizeof *sorted, &sorted));
    if (n > 0)
        memcpy(sorted, x, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, ascending);
    const gkv_status status = gkv_gk_fit_sorted(sorted, n, settings, result);
    free(sorted);
    return status;
}
