/* The flat functions compared with the functions of structs: both give the same bits. */
#include "flat_settings.h"
#include "support.h"

#include "gkvae/flat.h"
#include "gkvae/mgk_fit.h"
#include "gkvae/mgk_mixture.h"

enum { N = 400, D = 2, K = 2, TAILS = 4, FIT = GKV_FLAT_FIT_NUMBERS };

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
#define AT(i)                                                                         \
    {                                                                                 \
        .a = a[mode > 0 ? i : 0], .b = b[mode > 1 ? i : 0], .g = g[mode > 1 ? i : 0], \
        .k = k[mode > 1 ? i : 0], .c = c[mode > 1 ? i : 0]                            \
    }
        for (int tail = 0; tail < TAILS; tail++) {
            const gkv_gk_tail which = (gkv_gk_tail)tail;
            double q[N], quantiles[N];
            for (size_t i = 0; i < N; i++) {
                const gkv_gk gk = AT(i);
                const gkv_gk_at_x outputs = {
                    .cdf = tail == GKV_GK_LOWER ? expected + i : NULL,
                    .cdf_upper = tail == GKV_GK_UPPER ? expected + i : NULL,
                    .log_cdf = tail == GKV_GK_LOG_LOWER ? expected + i : NULL,
                    .log_cdf_upper = tail == GKV_GK_LOG_UPPER ? expected + i : NULL};
                assert_ok(gkv_gk_batch_x(&gk, 1, x + i, &outputs));
                q[i] = tail >= GKV_GK_LOG_LOWER ? log(p[i]) : p[i];
                assert_ok(gkv_gk_batch_quantile(&gk, 1, which, q + i, quantiles + i));
            }
            assert_ok(gkv_flat_gk_evaluate(GKV_GK_FAMILY_GK,
                                           (gkv_flat_function)(GKV_FLAT_CDF + tail), false, N, x,
                                           PARAMETERS, out));
            SAME(out, expected, N);
            assert_ok(gkv_flat_gk_evaluate(GKV_GK_FAMILY_GK,
                                           (gkv_flat_function)(GKV_FLAT_QUANTILE + tail), false, N,
                                           q, PARAMETERS, out));
            SAME(out, quantiles, N);
        }
        for (int logs = 0; logs < 2; logs++) {
            for (size_t i = 0; i < N; i++) {
                const gkv_gk gk = AT(i);
                const gkv_gk_at_x outputs = {.pdf = logs == 0 ? expected + i : NULL,
                                             .log_pdf = logs == 1 ? expected + i : NULL};
                assert_ok(gkv_gk_batch_x(&gk, 1, x + i, &outputs));
            }
            assert_ok(gkv_flat_gk_evaluate(GKV_GK_FAMILY_GK, logs ? GKV_FLAT_LOG_PDF : GKV_FLAT_PDF,
                                           false, N, x, PARAMETERS, out));
            SAME(out, expected, N);
        }
        for (int family = 0; family < GKV_GK_FAMILIES; family++) {
            for (size_t i = 0; i < N; i++) {
                gkv_gk gk = AT(i);
                gk.family = (gkv_gk_family)family;
                gkv_gk_random(&gk, 1, 5, 700 + i, expected + i);
            }
            assert_ok(gkv_flat_gk_draw((gkv_gk_family)family, N, PARAMETERS, 5, 700, out));
            SAME(out, expected, N);
        }
    }
}

/* What the elements hold if parameters are invalid, and after an error. */
static void refusals_of_points(void **state)
{
    (void)state;
    double out[N], expected[N];
#define ALL 1, a, N, b, 1, g, 1, k, 1, c
    assert_fails(gkv_flat_gk_evaluate(GKV_GK_FAMILY_GK, GKV_FLAT_PDF, false, N, x, 7, a, 1, b, 1, g,
                                      1, k, 1, c, out),
                 GKV_ERR_ARGUMENT,
                 "gkv_flat_gk_evaluate: there are 7 parameters a for 400 elements");
    assert_true(isnan(out[0]) && isnan(out[N - 1]));
    assert_ok(gkv_flat_gk_draw(GKV_GK_FAMILY_GK, N, ALL, 5, 0, expected));
    b[250] = -1;
    assert_ok(gkv_flat_gk_draw(GKV_GK_FAMILY_GK, N, ALL, 5, 0, out));
    assert_true(isnan(out[250]));
    expected[250] = out[250];
    SAME(out, expected, N);
    b[250] = b[251];
    assert_fails(gkv_flat_gk_draw(GKV_GK_FAMILIES, N, ALL, 5, 0, out), GKV_ERR_ARGUMENT,
                 "gkv_flat_gk_draw: there is no family number 3");
    assert_true(isnan(out[0]));
    assert_ok(gkv_flat_gk_draw(GKV_GK_FAMILY_GK, N, ALL, 5, 0, NULL));
}

/* The columns of a matrix are samples of its transpose. */
static void columns(void **state)
{
    (void)state;
    const size_t starts[D + 1] = {0, N, 2 * N};
    double transposed[D * N], both[D * N], row[D][FIT], one[FIT];
    gkv_status statuses[D];
    for (size_t j = 0; j < D; j++)
        for (size_t i = 0; i < N; i++) {
            transposed[j * N + i] = x[i * D + j];
            both[j * N + i] = weights[i];
        }
    gkv_run_options *threads = NULL;
    assert_ok(gkv_flat_options(2, NULL, NULL, &threads));
    gkv_flat_settings *flat = NULL;
    for (int method = GKV_GK_LM; method <= GKV_GK_MLE; method++) {
        gkv_gk_fit_settings set;
        gkv_gk_fit_defaults(&set);
        set.method = (gkv_gk_method)method;
        set.c = .7;
        set.confidence = .9;
        set.anderson_darling = true;
        gkv_flat_free(flat);
        flat = flat_settings(gkv_flat_fit_settings, "method", method == GKV_GK_LM ? "lm" : "mle",
                             "c", "0.7", "confidence", "0.9", "anderson_darling", "yes", NULL);
        assert_ok(gkv_flat_gk_fit(D, starts, transposed, NULL, both, flat, threads, &row[0][0],
                                  statuses));
        for (size_t j = 0; j < D; j++) {
            gkv_gk_fit_result r;
            assert_ok(gkv_gk_fit_many(
                1, &(gkv_gk_sample){.n = N, .x = transposed + j * N, .weights = weights}, &set,
                NULL, &r, NULL));
            SAME(row[j], ((const double[]){r.gk.a, r.gk.b, r.gk.g, r.gk.k}), 4);
            SAME(row[j] + GKV_FLAT_FIT_SE, r.se, 4);
            SAME(row[j] + GKV_FLAT_FIT_COVARIANCE, r.covariance, 16);
            SAME(row[j] + GKV_FLAT_FIT_LOW, r.low, 4);
            SAME(row[j] + GKV_FLAT_FIT_HIGH, r.high, 4);
            SAME(row[j] + GKV_FLAT_FIT_LOG_LIKELIHOOD,
                 ((const double[]){r.log_likelihood, r.aic, r.bic, r.chi2, (double)r.dof,
                                   r.p_value}),
                 6);
            assert_true(row[j][GKV_FLAT_FIT_ANDERSON_DARLING] == r.anderson_darling);
            assert_true(row[j][GKV_FLAT_FIT_CONVERGED] == r.converged && statuses[j] == GKV_OK);
            assert_ok(gkv_flat_gk_fit(1, (const size_t[]){0, N}, transposed + j * N, NULL, weights,
                                      flat, NULL, one, NULL));
            SAME(one, row[j], FIT);
        }
    }
    /* Censored observations. */
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
    gkv_flat_settings *mle = flat_settings(gkv_flat_fit_settings, "method", "mle", NULL);
    assert_ok(gkv_flat_gk_fit(1, starts, low, high, NULL, mle, NULL, one, NULL));
    SAME(one, ((const double[]){r.gk.a, r.gk.b, r.gk.g, r.gk.k}), 4);
    SAME(one + GKV_FLAT_FIT_SE, r.se, 4);
    assert_true(one[GKV_FLAT_FIT_LOG_LIKELIHOOD] == r.log_likelihood);
    gkv_flat_free(mle);
    /* A column without a fit does not affect the other one. */
    double others[D][FIT];
    for (size_t i = 0; i < N; i++)
        transposed[i] = 3;
    assert_fails(
        gkv_flat_gk_fit(D, starts, transposed, NULL, both, flat, threads, &others[0][0], statuses),
        GKV_ERR_DATA, "sample 1 of 2");
    assert_true(isnan(others[0][0]) && isnan(others[0][GKV_FLAT_FIT_CONVERGED]));
    assert_true(statuses[0] == GKV_ERR_DATA && statuses[1] == GKV_OK);
    SAME(others[1], row[1], FIT);
    gkv_flat_free(flat);
    gkv_flat_free(threads);
}

/* An output that is not wanted changes nothing, and no rows need no array. */
static void outputs_are_optional(void **state)
{
    (void)state;
    double margins[D][FIT], same[D][FIT], numbers[GKV_FLAT_MIXTURE_NUMBERS],
        again[GKV_FLAT_MIXTURE_NUMBERS], pi[K], parameters[K * D * 4], out[N];
    assert_ok(
        gkv_flat_mgk_fit(N, D, x, NULL, NULL, NULL, &margins[0][0], NULL, NULL, NULL, numbers));
    assert_ok(gkv_flat_mgk_fit(N, D, x, NULL, NULL, NULL, &same[0][0], NULL, NULL, NULL, NULL));
    SAME(margins, same, D * FIT);
    assert_ok(gkv_flat_mgk_fit(N, D, x, NULL, NULL, NULL, NULL, NULL, NULL, NULL, again));
    assert_true(numbers[0] == again[0] && isfinite(numbers[0]));
    gkv_flat_settings *flat = flat_settings(gkv_flat_mixture_settings, "normal", "yes", "seed", "3",
                                            "max_iterations", "5", "tolerance", "0", NULL);
    assert_ok(
        gkv_flat_mixture_fit(N, D, x, NULL, K, K, flat, NULL, pi, parameters, NULL, NULL, NULL));
    assert_ok(gkv_flat_mixture_fit(N, D, x, NULL, K, K, flat, NULL, NULL, NULL, NULL, NULL, NULL));
    gkv_flat_free(flat);
    assert_true(fabs(pi[0] + pi[1] - 1) < 1e-12);
#define MIXTURE K, pi, parameters, .8, NULL, NULL
    assert_ok(gkv_flat_mixture_evaluate(0, D, NULL, MIXTURE, 1, NULL, NULL));
    assert_ok(gkv_flat_mixture_evaluate(N, D, x, MIXTURE, 1, NULL, NULL));
    assert_ok(gkv_flat_mixture_draw(0, D, MIXTURE, 1, 0, 1, NULL, NULL));
    assert_ok(gkv_flat_mixture_margin(D, MIXTURE, 0, GKV_FLAT_CDF, N, x, NULL));
    assert_ok(gkv_flat_mixture_scores(N, D, x, MIXTURE, false, 1, NULL));
    assert_fails(gkv_flat_mixture_draw(1, D, MIXTURE, 1, 0, 1, NULL, NULL), GKV_ERR_ARGUMENT,
                 "gkv_flat_mixture_draw: x is NULL");
    pi[0] = -1;
    out[0] = 0;
    assert_fails(gkv_flat_mixture_evaluate(N, D, x, MIXTURE, 1, out, NULL), GKV_ERR_ARGUMENT,
                 "weight");
    assert_true(isnan(out[0]) && isnan(out[N - 1]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points),
        cmocka_unit_test(refusals_of_points),
        cmocka_unit_test(columns),
        cmocka_unit_test(outputs_are_optional),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}
