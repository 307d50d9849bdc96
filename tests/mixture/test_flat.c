/* The flat functions compared with the functions of structs: both give the same bits. */
#include "support.h"

#include "gkvae/flat.h"
#include "gkvae/mgk_fit.h"
#include "gkvae/mgk_mixture.h"

enum { N = 400, D = 2, K = 2, TAILS = 4 };

static double x[N * D], weights[N];
static double a[N], b[N], g[N], k[N], c[N];

static int fill(void **state)
{
    (void)state;
    const gkv_gk gk = {.a = 1, .b = 2, .g = .4, .k = .15, .c = .8};
    gkv_gk_random(&gk, N * D, 11, 0, x);
    for (size_t i = 0; i < N; i++) {
        x[i * D] += i % 3 == 0 ? 12 : 0; /* two clusters in the first column */
        weights[i] = 1 + .25 * (double)(i % 3);
        a[i] = .01 * (double)i;
        b[i] = 1 + .5 * (double)(i / 100); /* runs of equal parameters */
        g[i] = .3 * (double)(i % 5) - .6;
        k[i] = .02 * (double)(i % 7);
        c[i] = .8 - .1 * (double)(i % 2);
    }
    return 0;
}

#define SAME(x, y, count) assert_memory_equal(x, y, (count) * sizeof(double))

/* Every function at every element, with parameters that are all, partly or never arrays. */
static void points(void **state)
{
    (void)state;
    double p[N], out[N], expected[N];
    for (size_t i = 0; i < N; i++)
        p[i] = ((double)i + .5) / N;
    for (int mode = 0; mode < 3; mode++) {
        const size_t n_a = mode > 0 ? N : 1, n_rest = mode > 1 ? N : 1;
#define PARAMETERS n_a, a, n_rest, b, n_rest, g, n_rest, k, n_rest, c
        for (int tail = 0; tail < TAILS; tail++) {
            const gkv_gk_tail which = (gkv_gk_tail)tail;
            double q[N], quantiles[N];
            for (size_t i = 0; i < N; i++) {
                const size_t r = mode > 1 ? i : 0;
                const gkv_gk gk = {
                    .a = a[mode > 0 ? i : 0], .b = b[r], .g = g[r], .k = k[r], .c = c[r]};
                const gkv_gk_at_x at = {.cdf = tail == GKV_GK_LOWER ? expected + i : NULL,
                                        .cdf_upper = tail == GKV_GK_UPPER ? expected + i : NULL,
                                        .log_cdf = tail == GKV_GK_LOG_LOWER ? expected + i : NULL,
                                        .log_cdf_upper =
                                            tail == GKV_GK_LOG_UPPER ? expected + i : NULL};
                assert_ok(gkv_gk_batch_x(&gk, 1, x + i, &at));
                q[i] = tail >= GKV_GK_LOG_LOWER ? log(p[i]) : p[i];
                assert_ok(gkv_gk_batch_quantile(&gk, 1, which, q + i, quantiles + i));
            }
            assert_ok(gkv_flat_gk_cdf(N, x, PARAMETERS, which, out));
            SAME(out, expected, N);
            assert_ok(gkv_flat_gk_quantile(N, q, PARAMETERS, which, out));
            SAME(out, quantiles, N);
        }
        for (int logs = 0; logs < 3; logs++) { /* 2: draws */
            for (size_t i = 0; i < N; i++) {
                const size_t r = mode > 1 ? i : 0;
                const gkv_gk gk = {
                    .a = a[mode > 0 ? i : 0], .b = b[r], .g = g[r], .k = k[r], .c = c[r]};
                const gkv_gk_at_x at = {.pdf = logs == 0 ? expected + i : NULL,
                                        .log_pdf = logs == 1 ? expected + i : NULL};
                if (logs < 2)
                    assert_ok(gkv_gk_batch_x(&gk, 1, x + i, &at));
                else
                    gkv_gk_random(&gk, 1, 5, 700 + i, expected + i);
            }
            if (logs < 2)
                assert_ok(gkv_flat_gk_pdf(N, x, PARAMETERS, logs == 1, out));
            else
                assert_ok(gkv_flat_gk_random(N, PARAMETERS, 5, 700, out));
            SAME(out, expected, N);
        }
    }
    assert_fails(gkv_flat_gk_pdf(N, x, 7, a, 1, b, 1, g, 1, k, 1, c, false, out), GKV_ERR_ARGUMENT,
                 "7 parameters a for 400 elements");
    b[250] = -1;
    assert_fails(gkv_flat_gk_pdf(N, x, 1, a, N, b, 1, g, 1, k, 1, c, false, out), GKV_ERR_ARGUMENT,
                 "element 250");
    b[250] = b[251];
    assert_fails(gkv_flat_gk_cdf(N, x, 1, a, 1, b, 1, g, 1, k, 1, c, (gkv_gk_tail)4, out),
                 GKV_ERR_ARGUMENT, "no tail number 4");
}

static void columns(void **state)
{
    (void)state;
    double estimates[D][4], se[D][4], covariance[D][16], intervals[D][8],
        statistics[D][GKV_FLAT_STATISTICS], one[4], one_statistics[GKV_FLAT_STATISTICS];
    bool converged[D], one_converged;
    gkv_status statuses[D];
    for (int method = GKV_GK_LM; method <= GKV_GK_MLE; method++) {
        gkv_gk_fit_settings set;
        gkv_gk_fit_defaults(&set);
        set.method = (gkv_gk_method)method;
        set.c = .7;
        set.confidence = .9;
        set.anderson_darling = true;
        assert_ok(gkv_flat_gk_fit_many(N, D, x, weights, set.method, .7, .9, 2, &estimates[0][0],
                                       &se[0][0], &covariance[0][0], &intervals[0][0],
                                       &statistics[0][0], converged, statuses));
        for (size_t j = 0; j < D; j++) {
            double column[N];
            for (size_t i = 0; i < N; i++)
                column[i] = x[i * D + j];
            gkv_gk_fit_result r;
            assert_ok(gkv_gk_fit_many(1, &(gkv_gk_sample){.n = N, .x = column, .weights = weights},
                                      &set, NULL, &r, NULL));
            const double expected[GKV_FLAT_STATISTICS] = {
                r.log_likelihood,  r.aic, r.bic, r.chi2, (double)r.dof, r.p_value,
                r.anderson_darling};
            SAME(estimates[j], ((const double[]){r.gk.a, r.gk.b, r.gk.g, r.gk.k}), 4);
            SAME(se[j], r.se, 4);
            SAME(covariance[j], r.covariance, 16);
            SAME(intervals[j], r.low, 4);
            SAME(intervals[j] + 4, r.high, 4);
            SAME(statistics[j], expected, GKV_FLAT_STATISTICS);
            assert_true(converged[j] == r.converged && statuses[j] == GKV_OK);
            assert_ok(gkv_flat_gk_fit(N, column, weights, set.method, .7, .9, one, NULL, NULL, NULL,
                                      one_statistics, &one_converged));
            SAME(one, estimates[j], 4);
            SAME(one_statistics, expected, GKV_FLAT_STATISTICS);
            assert_int_equal(one_converged, r.converged);
        }
    }
    /* Intervals. */
    double low[N], high[N];
    gkv_gk_fit_result r;
    gkv_gk_fit_settings set;
    gkv_gk_fit_defaults(&set);
    set.method = GKV_GK_MLE;
    for (size_t i = 0; i < N; i++) {
        low[i] = x[i * D] - .1;
        high[i] = i % 5 ? x[i * D] + .1 : INFINITY;
    }
    assert_ok(gkv_gk_fit_many(1, &(gkv_gk_sample){.n = N, .lower = low, .upper = high}, &set, NULL,
                              &r, NULL));
    assert_ok(gkv_flat_gk_fit_intervals(N, low, high, NULL, .8, .95, one, se[0], NULL, NULL,
                                        one_statistics, &one_converged));
    SAME(one, ((const double[]){r.gk.a, r.gk.b, r.gk.g, r.gk.k}), 4);
    SAME(se[0], r.se, 4);
    assert_true(one_statistics[GKV_FLAT_LOG_LIKELIHOOD] == r.log_likelihood);
    /* A column without a fit does not affect the other one. */
    double constant[N * D], others[D][4];
    memcpy(constant, x, sizeof x);
    for (size_t i = 0; i < N; i++)
        constant[i * D] = 3;
    assert_fails(gkv_flat_gk_fit_many(N, D, constant, weights, GKV_GK_MLE, .7, .9, 2, &others[0][0],
                                      NULL, NULL, NULL, NULL, converged, statuses),
                 GKV_ERR_DATA, "sample 1 of 2");
    assert_true(isnan(others[0][0]) && !converged[0] && statuses[0] == GKV_ERR_DATA);
    SAME(others[1], estimates[1], 4);
}

static void dimensions(void **state)
{
    (void)state;
    double estimates[D][4], se[D][4], r[D * D], r_se[D * D], log_likelihood;
    gkv_mgk_fit_settings set;
    gkv_mgk_fit_result fit;
    gkv_mgk *mgk;
    gkv_mgk_fit_defaults(&set);
    set.margins.c = .75;
    set.shrink = GKV_MGK_SHRINK_AUTO;
    assert_ok(gkv_mgk_fit(N, D, x, weights, &set, NULL, &mgk, &fit));
    assert_ok(gkv_flat_mgk_fit(N, D, x, weights, GKV_GK_LM, .75, -1, false, 0, &estimates[0][0],
                               &se[0][0], r, r_se, &log_likelihood));
    for (size_t j = 0; j < D; j++) {
        const gkv_gk *gk = &fit.margins[j].gk;
        SAME(estimates[j], ((const double[]){gk->a, gk->b, gk->g, gk->k}), 4);
        SAME(se[j], fit.margins[j].se, 4);
    }
    SAME(r, fit.correlation, D * D);
    SAME(r_se, fit.correlation_se, D * D);
    assert_true(log_likelihood == fit.log_likelihood);
    gkv_mgk_free(mgk);
    gkv_mgk_fit_result_free(&fit);
}

static void mixtures(void **state)
{
    (void)state;
    double pi[K], parameters[K][D][4], r[K][D * D], log_likelihood, log_pdf[N], expected[N];
    double draws[N * D], expected_draws[N * D];
    size_t count, iterations, component[N], expected_component[N];
    bool converged;
    gkv_mgk_mixture_settings set;
    gkv_mgk_mixture_result fit;
    gkv_mgk_mixture *mixture;
    gkv_mgk_mixture_defaults(&set);
    set.components = K;
    set.weights = weights;
    set.seed = 3;
    set.max_iterations = 20;
    set.advanced.margins.c = .75;
    assert_ok(gkv_mgk_mixture_fit(N, D, x, &set, NULL, &mixture, &fit));
    assert_ok(gkv_flat_mgk_mixture_fit(N, D, x, weights, K, .75, false, 3, 20,
                                       GKV_MGK_TOLERANCE_AUTO, 0, &count, pi, &parameters[0][0][0],
                                       &r[0][0], &log_likelihood, &iterations, &converged));
    assert_true(count == K && fit.components == K && iterations == fit.iterations);
    assert_true(log_likelihood == fit.log_likelihood &&
                converged == (fit.stop == GKV_MIXTURE_CONVERGED));
    SAME(pi, gkv_mgk_mixture_weights(mixture), K);
    for (size_t i = 0; i < K; i++) {
        const gkv_mgk *part = gkv_mgk_mixture_component(mixture, i);
        double correlation[D * D];
        for (size_t j = 0; j < D; j++) {
            const gkv_gk *gk = &gkv_mgk_margins(part)[j];
            SAME(parameters[i][j], ((const double[]){gk->a, gk->b, gk->g, gk->k}), 4);
        }
        gkv_mgk_covariance(part, correlation);
        SAME(r[i], correlation, D * D);
    }
    gkv_mgk_mixture_free(mixture);

    /* The mixture of the arrays, whose Cholesky factors are those of its rounded correlations. */
    gkv_mgk *parts[K];
    for (size_t i = 0; i < K; i++) {
        gkv_gk margins[D];
        for (size_t j = 0; j < D; j++)
            margins[j] = (gkv_gk){.a = parameters[i][j][0],
                                  .b = parameters[i][j][1],
                                  .g = parameters[i][j][2],
                                  .k = parameters[i][j][3],
                                  .c = .75};
        assert_ok(gkv_mgk_create(D, margins, r[i], &parts[i]));
    }
    assert_ok(gkv_mgk_mixture_create(K, pi, (const gkv_mgk *const *)parts, &mixture));
    assert_ok(gkv_mgk_mixture_log_pdf(mixture, N, x, NULL, expected));
    assert_ok(gkv_flat_mgk_mixture_log_pdf(N, D, x, K, pi, &parameters[0][0][0], .75, &r[0][0], 2,
                                           log_pdf));
    SAME(log_pdf, expected, N);
    assert_ok(gkv_mgk_mixture_sample(mixture, N, 8, 90, NULL, expected_draws, expected_component));
    assert_ok(gkv_flat_mgk_mixture_sample(N, D, K, pi, &parameters[0][0][0], .75, &r[0][0], 8, 90,
                                          2, draws, component));
    SAME(draws, expected_draws, N * D);
    assert_memory_equal(component, expected_component, sizeof component);
    for (size_t i = 0; i < K; i++)
        gkv_mgk_free(parts[i]);
    gkv_mgk_mixture_free(mixture);
}

/* An output that is not wanted changes nothing, and no rows need no array. */
static void outputs_are_optional(void **state)
{
    (void)state;
    double margins[D][4], same[D][4], pi[K], parameters[K][D][4], likelihood, again;
    assert_ok(gkv_flat_mgk_fit(N, D, x, NULL, GKV_GK_LM, .8, 0, false, 1, &margins[0][0], NULL,
                               NULL, NULL, &likelihood));
    assert_ok(gkv_flat_mgk_fit(N, D, x, NULL, GKV_GK_LM, .8, 0, false, 1, &same[0][0], NULL, NULL,
                               NULL, NULL));
    SAME(margins, same, D * 4);
    assert_ok(gkv_flat_mgk_fit(N, D, x, NULL, GKV_GK_LM, .8, 0, false, 1, NULL, NULL, NULL, NULL,
                               &again));
    assert_true(likelihood == again);
    assert_ok(gkv_flat_mgk_mixture_fit(N, D, x, NULL, K, .8, true, 3, 5, 0, 1, NULL, pi,
                                       &parameters[0][0][0], NULL, NULL, NULL, NULL));
    assert_ok(gkv_flat_mgk_mixture_fit(N, D, x, NULL, K, .8, true, 3, 5, 0, 1, NULL, NULL, NULL,
                                       NULL, &likelihood, NULL, NULL));
    assert_ok(
        gkv_flat_mgk_mixture_log_pdf(0, D, NULL, K, pi, &parameters[0][0][0], .8, NULL, 1, NULL));
    assert_ok(gkv_flat_mgk_mixture_sample(0, D, K, pi, &parameters[0][0][0], .8, NULL, 1, 0, 1,
                                          NULL, NULL));
    assert_fails(gkv_flat_mgk_mixture_sample(1, D, K, pi, &parameters[0][0][0], .8, NULL, 1, 0, 1,
                                             NULL, NULL),
                 GKV_ERR_ARGUMENT, "x");
    assert_true(isfinite(likelihood) && fabs(pi[0] + pi[1] - 1) < 1e-12);
    pi[0] = -1;
    assert_fails(
        gkv_flat_mgk_mixture_log_pdf(N, D, x, K, pi, &parameters[0][0][0], .8, NULL, 1, NULL),
        GKV_ERR_ARGUMENT, "weight");
}

/* y ≈ b0 exp(−b1 t) */
enum { POINTS = 30, P = 2 };

static gkv_status decay(void *context, const double *v, double *r)
{
    const double *y = context;
    for (int i = 0; i < POINTS; i++)
        r[i] = v[0] * exp(-v[1] * .1 * i) - y[i];
    return GKV_OK;
}

static void least_squares(void **state)
{
    (void)state;
    double y[POINTS], w[POINTS], start[P] = {1, .2}, flat_start[P] = {1, .2};
    double covariance[P * P], expected[P * P], cost;
    const double low[P] = {0, .25};
    size_t iterations;
    bool converged;
    for (int i = 0; i < POINTS; i++) {
        y[i] = 3 * exp(-.07 * i) + .05 * sin(i);
        w[i] = 1 + i % 2;
    }
    gkv_lm *lm;
    gkv_lm_settings set;
    gkv_lm_result result;
    gkv_lm_defaults(&set);
    set.weights = w;
    set.low = low;
    set.loss = GKV_LM_HUBER;
    set.loss_scale = .04;
    assert_ok(gkv_lm_create(POINTS, P, &lm));
    assert_ok(gkv_lm_solve(lm, decay, NULL, y, &set, NULL, start, &result));
    assert_ok(gkv_lm_covariance(lm, 0, expected, NULL));
    gkv_lm_free(lm);
    assert_ok(gkv_flat_lm_solve(POINTS, P, decay, NULL, y, w, low, NULL, NULL, GKV_LM_HUBER, .04,
                                5000, flat_start, covariance, &cost, &iterations, &converged));
    SAME(flat_start, start, P);
    SAME(covariance, expected, P * P);
    assert_true(cost == result.cost_after && iterations == result.iterations && converged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points),
        cmocka_unit_test(columns),
        cmocka_unit_test(dimensions),
        cmocka_unit_test(mixtures),
        cmocka_unit_test(outputs_are_optional),
        cmocka_unit_test(least_squares),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}
