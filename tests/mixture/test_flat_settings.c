/* The flat functions that take all settings, compared with the functions of structs: both give the
 * same bits. */
#include "flat_settings.h"
#include "support.h"

#include "gkvae/flat.h"
#include "gkvae/gk_bootstrap.h"
#include "gkvae/gk_moments.h"
#include "gkvae/mgk_fit.h"
#include "gkvae/mgk_margins.h"
#include "gkvae/mgk_mixture.h"

enum { N = 150, D = 2, K = 2 };

static double x[N * D], weights[N];

static int fill(void **state)
{
    (void)state;
    const gkv_gk gk = {.a = 1, .b = 2, .g = .4, .k = .15, .c = .8};
    gkv_gk_random(&gk, N * D, 11, 0, x);
    for (size_t i = 0; i < N; i++) {
        x[i * D] += i % 3 == 0 ? 12 : 0; /* two clusters in the first column */
        weights[i] = 1 + .25 * (double)(i % 3);
    }
    return 0;
}

#define SAME(x, y, count) assert_memory_equal(x, y, (count) * sizeof(double))

/* --- The distribution ----------------------------------------------------- */

static void values(void **state)
{
    (void)state;
    typedef double of_gk(const gkv_gk *gk, double point);
    static of_gk *const functions[] = {gkv_gk_pdf,
                                       gkv_gk_log_pdf,
                                       gkv_gk_cdf,
                                       gkv_gk_cdf_upper,
                                       gkv_gk_log_cdf,
                                       gkv_gk_log_cdf_upper,
                                       gkv_gk_quantile,
                                       gkv_gk_quantile_upper,
                                       gkv_gk_quantile_log,
                                       gkv_gk_quantile_log_upper,
                                       gkv_gk_Q,
                                       gkv_gk_Q_inverse};
    const double a = .5, b[3] = {2, -1, 1}, g = .3, k[3] = {.1, .1, .2}, c = .7;
    for (int family = 0; family < GKV_GK_FAMILIES; family++)
        for (int f = 0; f < (int)(sizeof functions / sizeof *functions); f++) {
            const bool quantile = f >= GKV_FLAT_QUANTILE && f <= GKV_FLAT_QUANTILE_LOG_UPPER;
            const double points[3] = {quantile ? f < GKV_FLAT_QUANTILE_LOG ? .2 : -.3 : 1.5, .4,
                                      quantile ? f < GKV_FLAT_QUANTILE_LOG ? .9 : -2 : -.5};
            double out[3];
            assert_ok(gkv_flat_gk_evaluate((gkv_gk_family)family, (gkv_flat_function)f, true, 3,
                                           points, 1, &a, 3, b, 1, &g, 3, k, 1, &c, out));
            assert_true(isnan(out[1])); /* B = −1 */
            for (int i = 0; i < 3; i += 2) {
                const gkv_gk gk = {.a = a, .b = b[i], .g = g, .k = k[i], .c = c, .family = family};
                const double one = gkv_flat_gk_value((gkv_gk_family)family, (gkv_flat_function)f,
                                                     points[i], a, b[i], g, k[i], c);
                assert_true(out[i] == functions[f](&gk, points[i]) && one == out[i]);
            }
            assert_true(isnan(gkv_flat_gk_value((gkv_gk_family)family, (gkv_flat_function)f,
                                                points[0], a, b[1], g, k[1], c)));
        }
}

static void batches(void **state)
{
    (void)state;
    const gkv_gk gk = {.a = .5, .b = 2, .g = .3, .k = .1, .c = .7};
    double out[N], expected[N];
#define PARAMETERS 1, &gk.a, 1, &gk.b, 1, &gk.g, 1, &gk.k, 1, &gk.c
    assert_ok(gkv_gk_batch_x(&gk, N, x, &(gkv_gk_at_x){.log_cdf_upper = expected}));
    assert_ok(
        gkv_flat_gk_evaluate(GKV_GK_FAMILY_GK, GKV_FLAT_LOG_UPPER, false, N, x, PARAMETERS, out));
    SAME(out, expected, N);
    assert_ok(gkv_gk_batch_z(&gk, N, x, &(gkv_gk_at_z){.x = expected}));
    assert_ok(gkv_flat_gk_evaluate(GKV_GK_FAMILY_GK, GKV_FLAT_Q, false, N, x, PARAMETERS, out));
    SAME(out, expected, N);
    for (size_t i = 0; i < N; i++)
        out[i] = ((double)i + .5) / N; /* in place */
    assert_ok(gkv_gk_batch_quantile(&gk, N, GKV_GK_UPPER, out, expected));
    assert_ok(gkv_flat_gk_evaluate(GKV_GK_FAMILY_GK, GKV_FLAT_QUANTILE_UPPER, false, N, out,
                                   PARAMETERS, out));
    SAME(out, expected, N);
    assert_fails(gkv_flat_gk_evaluate(GKV_GK_FAMILIES, GKV_FLAT_PDF, false, N, x, PARAMETERS, out),
                 GKV_ERR_ARGUMENT, "no family number 3");
    assert_fails(
        gkv_flat_gk_evaluate(GKV_GK_FAMILY_GK, GKV_FLAT_FUNCTIONS, false, N, x, PARAMETERS, out),
        GKV_ERR_ARGUMENT, "no function number");
    assert_fails(gkv_flat_gk_moments(GKV_GK_FAMILIES, 1, PARAMETERS, out), GKV_ERR_ARGUMENT,
                 "no family number 3");
    assert_true(isnan(out[0]) && isnan(out[3]));
    assert_true(isnan(gkv_flat_gk_value(GKV_GK_FAMILIES, GKV_FLAT_PDF, 1, 0, 1, 0, 0, .8)));
    assert_true(isnan(gkv_flat_gk_value(GKV_GK_FAMILY_GK, GKV_FLAT_FUNCTIONS, 1, 0, 1, 0, 0, .8)));
}

static void integrals(void **state)
{
    (void)state;
    const double a = .5, b = 2, g = .3, k[2] = {.1, -.7}, c = .7;
    const gkv_gk gk = {.a = a, .b = b, .g = g, .k = k[0], .c = c, .family = GKV_GK_FAMILY_GGH};
    double moments[2][GKV_FLAT_MOMENTS], valid[2], entropy, third;
    gkv_gk_summary summary;
    assert_ok(gkv_gk_moments(&gk, &summary));
    assert_ok(gkv_gk_entropy(&gk, &entropy));
    assert_ok(gkv_gk_raw_moment(&gk, 3, &third));
    assert_ok(gkv_flat_gk_moments(GKV_GK_FAMILY_GGH, 2, 1, &a, 1, &b, 1, &g, 2, k, 1, &c,
                                  &moments[0][0]));
    SAME(moments[0],
         ((const double[]){summary.mean, summary.variance, summary.skewness, summary.kurtosis}),
         GKV_FLAT_MOMENTS);
    assert_true(isnan(moments[1][0]) && isnan(moments[1][GKV_FLAT_KURTOSIS]));
#define ONE(function, point) gkv_flat_gk_value(GKV_GK_FAMILY_GGH, function, point, a, b, g, k[0], c)
    assert_true(ONE(GKV_FLAT_ENTROPY, 0) == entropy && ONE(GKV_FLAT_RAW_MOMENT, 3) == third);
    assert_true(isnan(ONE(GKV_FLAT_RAW_MOMENT, 1.5)) && isnan(ONE(GKV_FLAT_RAW_MOMENT, 101)));
    assert_ok(gkv_flat_gk_evaluate(GKV_GK_FAMILY_GGH, GKV_FLAT_VALID, false, 2, NULL, 1, &a, 1, &b,
                                   1, &g, 2, k, 1, &c, valid));
    assert_true(valid[0] == 1 && valid[1] == 0);
}

/* --- Fits ----------------------------------------------------------------- */

/* For calls of one thread: progress is reported by the caller's thread, and another one might do
 * all of the work before it. */
static bool stop_at_once(void *context, uint64_t done, uint64_t total)
{
    assert_true(done <= total);
    ++*(int *)context;
    return true;
}

static void same_fit(const double *row, const gkv_gk_fit_result *r)
{
    SAME(row, ((const double[]){r->gk.a, r->gk.b, r->gk.g, r->gk.k}), 4);
    SAME(row + GKV_FLAT_FIT_SE, r->se, 4);
    SAME(row + GKV_FLAT_FIT_COVARIANCE, r->covariance, 16);
    SAME(row + GKV_FLAT_FIT_LOW, r->low, 4);
    SAME(row + GKV_FLAT_FIT_HIGH, r->high, 4);
    const double rest[] = {r->log_likelihood,
                           r->aic,
                           r->bic,
                           r->chi2,
                           (double)r->dof,
                           r->p_value,
                           r->test,
                           r->anderson_darling,
                           (double)r->n,
                           r->total,
                           (double)r->levels,
                           (double)r->parameters,
                           (double)r->iterations,
                           (double)r->newton,
                           r->converged,
                           r->at_bound,
                           r->symmetric,
                           r->method,
                           r->resolution,
                           r->heaps,
                           r->tied_value,
                           r->tied};
    SAME(row + GKV_FLAT_FIT_LOG_LIKELIHOOD, rest, GKV_FLAT_FIT_C - GKV_FLAT_FIT_LOG_LIKELIHOOD);
    assert_true(row[GKV_FLAT_FIT_C] == r->gk.c);
    for (int i = GKV_FLAT_FIT_C_SE; i < GKV_FLAT_FIT_NUMBERS; i++) /* c is not estimated */
        assert_true(isnan(row[i]));
}

static void samples(void **state)
{
    (void)state;
    const size_t starts[] = {0, N, N + 100, N + 103}; /* the third sample is too short */
    const double low[4] = {-INFINITY, 0, -1, .2}, high[4] = {INFINITY, INFINITY, 1, 3};
    double row[3][GKV_FLAT_FIT_NUMBERS];
    gkv_status statuses[3];
    gkv_gk_fit_settings set;
    gkv_gk_fit_result r[2];
    const gkv_gk begin = {.a = NAN, .b = NAN, .g = .3, .k = NAN, .c = .7};
    gkv_gk_fit_defaults(&set);
    set.method = GKV_GK_MLE;
    set.c = .7;
    set.confidence = .9;
    set.levels = 20;
    set.start = &begin;
    set.anderson_darling = true;
    set.fixed[GKV_GK_G] = true;
    memcpy(set.low, low, sizeof low);
    memcpy(set.high, high, sizeof high);
    assert_ok(gkv_gk_fit_many(2,
                              (const gkv_gk_sample[]){{.n = N, .x = x, .resolution = .01},
                                                      {.n = 100, .x = x + N, .resolution = .01}},
                              &set, NULL, r, NULL));
    gkv_flat_settings *flat = flat_settings(
        gkv_flat_fit_settings, "method", "mle", "c", "0.7", "confidence", "0.9", "levels", "20",
        "resolution", "0.01", "anderson_darling", "yes", "start.g", "9", "fixed.g", "0.3", "low.B",
        "0", "low.g", "-1", "low.k", ".2", "high.A", "inf", "high.g", "1", "high.k", "3", NULL);
#define FIT(options) gkv_flat_gk_fit(3, starts, x, NULL, NULL, flat, options, &row[0][0], statuses)
    assert_fails(FIT(NULL), GKV_ERR_DATA, "sample 3 of 3");
    same_fit(row[0], &r[0]);
    same_fit(row[1], &r[1]);
    assert_true(isnan(row[2][0]) && isnan(row[2][GKV_FLAT_FIT_CONVERGED]));
    assert_true(statuses[0] == GKV_OK && statuses[2] == GKV_ERR_DATA);
    assert_true(row[0][GKV_GK_G] == .3 && row[0][GKV_FLAT_FIT_SE + GKV_GK_G] == 0);
    assert_fails(
        gkv_flat_gk_fit(1, (const size_t[]){9, 4}, x, NULL, NULL, NULL, NULL, &row[0][0], statuses),
        GKV_ERR_ARGUMENT, "gkv_flat_gk_fit: starts[0] = 9 is above");
    assert_true(isnan(row[0][0]) && statuses[0] == GKV_ERR_ARGUMENT);
    int calls = 0;
    gkv_run_options *options = NULL;
    assert_ok(gkv_flat_options(1, stop_at_once, &calls, &options));
    assert_fails(FIT(options), GKV_ERR_INTERRUPTED, "interrupted");
    assert_int_equal(calls, 1);
    gkv_flat_free(options);
    /* a start */
    gkv_gk_fit_result from;
    gkv_gk_fit_defaults(&set);
    set.start = &begin;
    set.c = .7;
    assert_ok(gkv_gk_fit(N, x, &set, &from));
    gkv_flat_settings *started =
        flat_settings(gkv_flat_fit_settings, "c", "0.7", "start.g", "0.3", NULL);
    assert_ok(gkv_flat_gk_fit(1, starts, x, NULL, NULL, started, NULL, row[0], NULL));
    same_fit(row[0], &from);
    gkv_flat_free(started);
    gkv_flat_free(flat);
}

static void censored(void **state)
{
    (void)state;
    double upper[N], row[GKV_FLAT_FIT_NUMBERS];
    gkv_gk_fit_settings set;
    gkv_gk_fit_result r;
    for (size_t i = 0; i < N; i++)
        upper[i] = i % 5 ? x[i] + .1 : INFINITY;
    gkv_gk_fit_defaults(&set);
    set.method = GKV_GK_MLE;
    set.family = GKV_GK_FAMILY_GH;
    set.intervals = GKV_GK_PROFILE;
    set.anderson_darling = true;
    const gkv_gk_sample sample = {.n = N, .lower = x, .upper = upper, .weights = weights};
    assert_ok(gkv_gk_fit_many(1, &sample, &set, NULL, &r, NULL));
    gkv_flat_settings *flat =
        flat_settings(gkv_flat_fit_settings, "method", "mle", "family", "gh", "intervals",
                      "profile", "anderson_darling", "yes", NULL);
    assert_ok(gkv_flat_gk_fit(1, (const size_t[]){0, N}, x, upper, weights, flat, NULL, row, NULL));
    gkv_flat_free(flat);
    same_fit(row, &r);
}

static void bootstraps(void **state)
{
    (void)state;
    enum { REPLICATES = 40 };
    double estimates[REPLICATES * 4], expected[REPLICATES * 4], row[GKV_FLAT_BOOTSTRAP_NUMBERS];
    gkv_gk_fit_settings set;
    gkv_gk_fit_result fit;
    gkv_gk_bootstrap_result b;
    gkv_gk_fit_defaults(&set);
    set.anderson_darling = true;
    const gkv_gk_sample sample = {.n = N, .x = x, .weights = weights};
    assert_ok(gkv_gk_fit_many(1, &sample, &set, NULL, &fit, NULL));
    assert_ok(gkv_gk_bootstrap(
        &sample, &fit, &set,
        &(gkv_gk_bootstrap_settings){.replicates = REPLICATES, .seed = 4, .confidence = .9}, NULL,
        expected, &b));
    int calls = 0;
    gkv_flat_settings *flat = flat_settings(gkv_flat_fit_settings, "seed", "4", "confidence", "0.9",
                                            "anderson_darling", "yes", NULL);
    gkv_run_options *options = NULL;
    assert_ok(gkv_flat_options(1, stop_at_once, &calls, &options));
#define BOOTSTRAP(options) \
    gkv_flat_gk_bootstrap(N, x, NULL, weights, REPLICATES, flat, options, estimates, row)
    assert_ok(BOOTSTRAP(NULL));
    SAME(estimates, expected, REPLICATES * 4);
    SAME(row, b.se, 4);
    SAME(row + GKV_FLAT_BOOTSTRAP_BIAS, b.bias, 4);
    SAME(row + GKV_FLAT_BOOTSTRAP_LOW, b.low, 4);
    SAME(row + GKV_FLAT_BOOTSTRAP_HIGH, b.high, 4);
    SAME(row + GKV_FLAT_BOOTSTRAP_COVARIANCE, b.covariance, 16);
    SAME(row + GKV_FLAT_BOOTSTRAP_P_CHI2, ((const double[]){b.p_chi2, b.p_anderson_darling}), 2);
    assert_true(row[GKV_FLAT_BOOTSTRAP_USED] == (double)b.used && b.used == REPLICATES);
    assert_fails(BOOTSTRAP(options), GKV_ERR_INTERRUPTED, "interrupted");
    assert_true(calls > 0 && isnan(row[0]) && isnan(estimates[0]));
    gkv_flat_free(options);
    gkv_flat_free(flat);
}

/* --- Several dimensions --------------------------------------------------- */

static void one_component(void **state)
{
    (void)state;
    double margins[D][GKV_FLAT_FIT_NUMBERS], r[D * D], r_se[D * D], l[D * D],
        numbers[GKV_FLAT_MIXTURE_NUMBERS], parameters[D][4];
    gkv_mgk_fit_settings set;
    gkv_mgk_fit_result fit;
    gkv_mgk *mgk;
    gkv_mgk_fit_defaults(&set);
    set.margins.c = .75;
    set.margins.confidence = .9;
    set.shrink = .1;
    assert_ok(gkv_mgk_fit(N, D, x, weights, &set, NULL, &mgk, &fit));
    gkv_flat_settings *flat = flat_settings(gkv_flat_mgk_settings, "c", "0.75", "confidence", "0.9",
                                            "shrink", "0.1", NULL);
    assert_ok(gkv_flat_mgk_fit(N, D, x, weights, flat, NULL, &margins[0][0], r, r_se, l, numbers));
    for (size_t j = 0; j < D; j++) {
        same_fit(margins[j], &fit.margins[j]);
        memcpy(parameters[j], margins[j], sizeof parameters[j]);
    }
    SAME(r, fit.correlation, D * D);
    SAME(r_se, fit.correlation_se, D * D);
    SAME(l, gkv_mgk_cholesky(mgk), D * D);
    SAME(numbers,
         ((const double[]){fit.log_likelihood, fit.aic, fit.bic, (double)fit.parameters, 1}), 5);
    assert_true(
        numbers[GKV_FLAT_MIXTURE_SHRINK] == .1 && numbers[GKV_FLAT_MIXTURE_CONVERGED] == 1 &&
        numbers[GKV_FLAT_MIXTURE_FALLBACKS] == 0 && isnan(numbers[GKV_FLAT_MIXTURE_ITERATIONS]));
    /* automatic shrinkage, and what outputs hold after an error */
    assert_ok(gkv_flat_set(flat, "shrink", "auto"));
    assert_ok(gkv_flat_mgk_fit(N, D, x, weights, flat, NULL, NULL, NULL, NULL, NULL, numbers));
    assert_true(numbers[GKV_FLAT_MIXTURE_SHRINK] >= 0 && numbers[GKV_FLAT_MIXTURE_SHRINK] != .1);
    assert_fails(
        gkv_flat_mgk_fit(2, D, x, weights, flat, NULL, &margins[0][0], r, r_se, NULL, numbers),
        GKV_ERR_DATA, "");
    assert_true(isnan(margins[0][0]) && isnan(r[3]) && isnan(r_se[0]) && isnan(numbers[0]));
    gkv_flat_free(flat);
    /* Missing values. */
    double holes[N * D], expected[N * D];
    memcpy(holes, x, sizeof x);
    for (size_t i = 0; i < N; i += 4)
        holes[i * D + i % 8 / 4] = NAN;
    memcpy(expected, holes, sizeof x);
    assert_ok(gkv_mgk_impute(mgk, N, 3, 5, NULL, expected));
    assert_ok(gkv_flat_mgk_impute(N, D, &parameters[0][0], .75, NULL, l, 3, 5, 2, holes));
    SAME(holes, expected, N * D);
    gkv_mgk_free(mgk);
    gkv_mgk_fit_result_free(&fit);
}

static double pi[K], parameters[K * D * 4], mean[K * D], cholesky[K * D * D];
#define MIXTURE K, pi, parameters, .75, mean, cholesky

static void same_mixture(const gkv_mgk_mixture *mixture, const double *p, const double *v,
                         const double *m, const double *l)
{
    const size_t d = gkv_mgk_mixture_dimensions(mixture);
    SAME(p, gkv_mgk_mixture_weights(mixture), gkv_mgk_mixture_count(mixture));
    for (size_t i = 0; i < gkv_mgk_mixture_count(mixture); i++) {
        const gkv_mgk *part = gkv_mgk_mixture_component(mixture, i);
        for (size_t j = 0; j < d; j++) {
            const gkv_gk *gk = &gkv_mgk_margins(part)[j];
            SAME(v + 4 * (i * d + j), ((const double[]){gk->a, gk->b, gk->g, gk->k}), 4);
        }
        SAME(m + i * d, gkv_mgk_mean(part), d);
        SAME(l + i * d * d, gkv_mgk_cholesky(part), d * d);
    }
}

static void mixtures(void **state)
{
    (void)state;
    double numbers[GKV_FLAT_MIXTURE_NUMBERS];
    gkv_mgk_mixture_settings set;
    gkv_mgk_mixture_result fit, fits[K];
    gkv_mgk_mixture *mixture, *chosen[K];
    size_t best;
    gkv_mgk_mixture_defaults(&set);
    set.components = K;
    set.weights = weights;
    set.seed = 3;
    set.restarts = 2;
    set.max_iterations = 20;
    set.advanced.margins.c = .75;
    gkv_flat_settings *flat =
        flat_settings(gkv_flat_mixture_settings, "c", "0.75", "restarts", "2", "seed", "3",
                      "max_iterations", "20", "shrink", "auto", "tolerance", "auto", NULL);
    int calls = 0;
    gkv_run_options *options = NULL;
    assert_ok(gkv_flat_options(1, stop_at_once, &calls, &options));
#define FIT_MIXTURE(least, options)                                                       \
    gkv_flat_mixture_fit(N, D, x, weights, least, K, flat, options, pi, parameters, mean, \
                         cholesky, numbers)
    assert_ok(gkv_mgk_mixture_fit_range(N, D, x, &set, 1, K, NULL, chosen, fits, &best));
    assert_ok(FIT_MIXTURE(1, NULL));
    same_mixture(chosen[best], pi, parameters, mean, cholesky);
    assert_true(numbers[GKV_FLAT_MIXTURE_BIC] == fits[best].bic);
    gkv_mgk_mixture_free(chosen[0]);
    gkv_mgk_mixture_free(chosen[1]);
    assert_fails(FIT_MIXTURE(K + 1, NULL), GKV_ERR_ARGUMENT, "1 ≤ least ≤ most");
    assert_true(isnan(pi[0]) && isnan(cholesky[K * D * D - 1]) && isnan(numbers[0]));
    assert_fails(FIT_MIXTURE(K, options), GKV_ERR_INTERRUPTED, "interrupted");
    assert_true(calls > 0 && isfinite(pi[0]));
    gkv_flat_free(options);

    assert_ok(gkv_mgk_mixture_fit(N, D, x, &set, NULL, &mixture, &fit));
    assert_ok(FIT_MIXTURE(K, NULL));
    gkv_flat_free(flat);
    same_mixture(mixture, pi, parameters, mean, cholesky);
    assert_true(numbers[GKV_FLAT_MIXTURE_COMPONENTS] == K);
    SAME(numbers, ((const double[]){fit.log_likelihood, fit.aic, fit.bic, (double)fit.parameters}),
         4);
    assert_true(numbers[GKV_FLAT_MIXTURE_ITERATIONS] == (double)fit.iterations);

    double out[N * K], r[N * K], expected[N * K], expected_r[N * K];
    assert_ok(gkv_mgk_mixture_responsibilities(mixture, N, x, NULL, expected, expected_r));
    assert_ok(gkv_flat_mixture_evaluate(N, D, x, MIXTURE, 2, out, r));
    SAME(out, expected, N);
    SAME(r, expected_r, N * K);
    assert_ok(gkv_flat_mixture_evaluate(N, D, x, MIXTURE, 2, out, NULL));
    assert_ok(gkv_mgk_mixture_log_pdf(mixture, N, x, NULL, expected));
    SAME(out, expected, N);
    size_t component[N], expected_component[N];
    assert_ok(gkv_mgk_mixture_sample(mixture, N, 8, 90, NULL, expected, expected_component));
    assert_ok(gkv_flat_mixture_draw(N, D, MIXTURE, 8, 90, 2, out, component));
    SAME(out, expected, N * D);
    assert_memory_equal(component, expected_component, sizeof component);
    for (int whiten = 0; whiten < 2; whiten++) {
        assert_ok(whiten ? gkv_mgk_mixture_whiten(mixture, N, x, NULL, expected)
                         : gkv_mgk_mixture_scores(mixture, N, x, NULL, expected));
        assert_ok(gkv_flat_mixture_scores(N, D, x, MIXTURE, whiten, 2, out));
        SAME(out, expected, N * D);
    }
    assert_ok(gkv_mgk_mixture_margin_cdf(mixture, 1, GKV_GK_LOG_UPPER, N, x, expected));
    assert_ok(gkv_flat_mixture_margin(D, MIXTURE, 1, GKV_FLAT_LOG_UPPER, N, x, out));
    SAME(out, expected, N);
    memcpy(r, out, sizeof r);
    assert_ok(gkv_mgk_mixture_margin_quantile(mixture, 1, GKV_GK_LOG_UPPER, N, r, expected));
    assert_ok(gkv_flat_mixture_margin(D, MIXTURE, 1, GKV_FLAT_QUANTILE_LOG_UPPER, N, r, out));
    SAME(out, expected, N);
    assert_fails(gkv_flat_mixture_margin(D, MIXTURE, 1, GKV_FLAT_PDF, N, x, out), GKV_ERR_ARGUMENT,
                 "gkv_flat_mixture_margin: the margin of a mixture has no function number 0");
    assert_true(isnan(out[0]));

    /* A marginal and a conditional distribution. */
    const size_t which[] = {1};
    double p[K], v[K * D * 4], m[K * D], l[K * D * D];
    size_t count;
    gkv_mgk_mixture *part;
    assert_ok(gkv_mgk_mixture_marginal(mixture, 1, which, &part));
    assert_ok(gkv_flat_mixture_part(D, MIXTURE, 1, which, NULL, &count, p, v, m, l));
    assert_int_equal(count, gkv_mgk_mixture_count(part));
    same_mixture(part, p, v, m, l);
    gkv_mgk_mixture_free(part);
    const double given[] = {2.5};
    assert_ok(gkv_mgk_mixture_conditional(mixture, 1, which, given, &part));
    assert_ok(gkv_flat_mixture_part(D, MIXTURE, 1, which, given, &count, p, v, m, l));
    assert_int_equal(count, gkv_mgk_mixture_count(part));
    same_mixture(part, p, v, m, l);
    /* it can be evaluated in turn */
    assert_ok(gkv_mgk_mixture_log_pdf(part, N, x, NULL, expected));
    assert_ok(gkv_flat_mixture_evaluate(N, 1, x, count, p, v, .75, m, l, 1, out, NULL));
    SAME(out, expected, N);
    gkv_mgk_mixture_free(part);
    gkv_mgk_mixture_free(mixture);
    const size_t none[] = {D};
    assert_fails(gkv_flat_mixture_part(D, MIXTURE, 1, none, given, &count, p, v, m, l),
                 GKV_ERR_ARGUMENT, "coordinate");
    assert_true(count == 0 && isnan(p[0]) && isnan(v[0]) && isnan(m[0]) && isnan(l[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),        cmocka_unit_test(batches),  cmocka_unit_test(integrals),
        cmocka_unit_test(samples),       cmocka_unit_test(censored), cmocka_unit_test(bootstraps),
        cmocka_unit_test(one_component), cmocka_unit_test(mixtures),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}
