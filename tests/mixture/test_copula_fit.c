/* The fit in several dimensions: recovery, errors, weights, threads, bad samples. */
#include "support.h"

#include "core/rng.h"
#include "gkvae/mgk_fit.h"
#include "gkvae/mgk_mixture.h"

enum { D = 4, N = 12000 };

static const gkv_gk margins[D] = {{1, 2, .4, .3, .8, 0},
                                  {-200, .7, -.8, .1, .8, 0},
                                  {0, 1, 0, 0, .8, 0},
                                  {5, 3, 1.5, .4, .8, 0}};
static const double r[D * D] = {1, .6, -.3, .1, .6, 1, .2, 0, -.3, .2, 1, -.5, .1, 0, -.5, 1};
static double x[N * D], weights[N];

static int draw(void **state)
{
    (void)state;
    gkv_mgk *mgk;
    assert_ok(gkv_mgk_create(D, margins, r, &mgk));
    assert_ok(gkv_mgk_sample(mgk, N, 21, 0, NULL, x));
    gkv_mgk_free(mgk);
    return 0;
}

/* The log-likelihood from gkv_mgk_log_pdf_many. */
static double log_likelihood(const gkv_mgk *mgk, size_t n, const double *rows, const double *w)
{
    double *log_pdf = test_alloc(n * sizeof *log_pdf), sum = 0;
    assert_ok(gkv_mgk_log_pdf_many(mgk, n, rows, NULL, log_pdf, NULL));
    for (size_t i = 0; i < n; i++)
        if (!w || w[i] > 0)
            sum += (w ? w[i] : 1) * log_pdf[i];
    free(log_pdf);
    return sum;
}

static void recovers_the_truth(void **state)
{
    (void)state;
    gkv_mgk *mgk, *truth;
    gkv_mgk_fit_result f;
    assert_ok(gkv_mgk_fit(N, D, x, NULL, NULL, NULL, &mgk, &f));
    for (size_t j = 0; j < D; j++) {
        const gkv_gk *got = &f.margins[j].gk, *want = &margins[j];
        assert_close(got->a, want->a, 4 * f.margins[j].se[0]);
        assert_close(got->b, want->b, 4 * f.margins[j].se[1]);
        assert_close(got->g, want->g, 4 * f.margins[j].se[2]);
        assert_close(got->k, want->k, 4 * f.margins[j].se[3]);
        assert_memory_equal(got, &gkv_mgk_margins(mgk)[j], sizeof *got);
        for (size_t k = 0; k < D; k++) {
            assert_close(f.correlation[j * D + k], r[j * D + k], 4 * f.correlation_se[j * D + k]);
            assert_close(f.correlation_se[j * D + k],
                         j == k ? 0 : (1 - r[j * D + k] * r[j * D + k]) / sqrt(N), 5e-4);
        }
    }
    assert_int_equal(f.n, N);
    assert_int_equal(f.converged, D);
    assert_int_equal(f.parameters, 4 * D + 6);
    assert_true(f.goodness > .6 && f.goodness < 1.5 && f.fallbacks == 0 && f.shrink == 0);
    assert_relative(f.log_likelihood, log_likelihood(mgk, N, x, NULL), 1e-9);
    assert_relative(f.aic, 2 * 22 - 2 * f.log_likelihood, 1e-14);
    assert_relative(f.bic, 22 * log(N) - 2 * f.log_likelihood, 1e-14);
    /* Twice the gain over the truth is about χ² with 22 degrees of freedom. The fit nearly
     * maximizes the likelihood. */
    assert_ok(gkv_mgk_create(D, margins, r, &truth));
    const double gain = f.log_likelihood - log_likelihood(truth, N, x, NULL);
    assert_true(gain > 0 && gain < 30);
    gkv_mgk_free(truth);
    gkv_mgk_free(mgk);
    gkv_mgk_fit_result_free(&f);
    gkv_mgk_fit_result_free(NULL);
    assert_true(f.margins == NULL);
}

/* z-scores of R's estimates over many small samples have unit variance. */
static void errors_of_the_correlation(void **state)
{
    (void)state;
    enum { SAMPLES = 60, n = 200 };
    double sum = 0;
    for (size_t s = 0; s < SAMPLES; s++) {
        gkv_mgk *mgk;
        gkv_mgk_fit_result f;
        assert_ok(gkv_mgk_fit(n, D, x + s * n * D, NULL, NULL, NULL, &mgk, &f));
        for (size_t j = 0; j < D; j++)
            for (size_t k = 0; k < j; k++) {
                const double off =
                    (f.correlation[j * D + k] - r[j * D + k]) / f.correlation_se[j * D + k];
                sum += off * off / (SAMPLES * 6);
            }
        gkv_mgk_free(mgk);
        gkv_mgk_fit_result_free(&f);
    }
    assert_true(sum > .75 && sum < 1.35);
}

static void same_on_any_number_of_threads(void **state)
{
    (void)state;
    gkv_mgk *one, *three;
    gkv_mgk_fit_result a, b;
    assert_ok(gkv_mgk_fit(N, D, x, NULL, NULL, &(gkv_run_options){.threads = 1}, &one, &a));
    assert_ok(gkv_mgk_fit(N, D, x, NULL, NULL, &(gkv_run_options){.threads = 3}, &three, &b));
    assert_memory_equal(gkv_mgk_margins(one), gkv_mgk_margins(three), D * sizeof(gkv_gk));
    assert_memory_equal(gkv_mgk_cholesky(one), gkv_mgk_cholesky(three), D * D * sizeof(double));
    assert_true(a.log_likelihood == b.log_likelihood);
    gkv_mgk_free(one);
    gkv_mgk_free(three);
    gkv_mgk_fit_result_free(&a);
    gkv_mgk_fit_result_free(&b);
}

/* Weight 2 is the same row twice. A row of weight 0 is ignored, whatever its values are. */
static void weights_count_rows(void **state)
{
    (void)state;
    enum { n = 900 };
    static double twice[2 * n * D], part[n * D];
    memcpy(part, x, sizeof part);
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        weights[i] = (double)(i % 3);
        for (size_t copy = 0; copy < i % 3; copy++, m++)
            memcpy(twice + m * D, part + i * D, D * sizeof *part);
        if (i % 3 == 0)
            part[i * D + 1] = NAN;
    }
    for (int normal = 0; normal < 2; normal++) {
        gkv_mgk *a, *b;
        gkv_mgk_fit_result fa, fb;
        gkv_mgk_fit_settings set;
        gkv_mgk_fit_defaults(&set);
        set.normal = normal;
        set.shrink = GKV_MGK_SHRINK_AUTO;
        assert_ok(
            gkv_mgk_fit(n, D, part, weights, &set, &(gkv_run_options){.threads = 2}, &a, &fa));
        assert_ok(gkv_mgk_fit(m, D, twice, NULL, &set, &(gkv_run_options){.threads = 2}, &b, &fb));
        assert_true(fa.weight == (double)m);
        for (size_t j = 0; j < D; j++) {
            assert_relative(fa.margins[j].gk.b, fb.margins[j].gk.b, 1e-6);
            assert_close(fa.margins[j].gk.k, fb.margins[j].gk.k, 1e-6);
            assert_relative(fa.margins[j].se[1], fb.margins[j].se[1], 1e-4);
        }
        for (size_t j = 0; j < D * D; j++)
            assert_close(fa.correlation[j], fb.correlation[j], 1e-6);
        assert_relative(fa.log_likelihood, fb.log_likelihood, 1e-7);
        assert_relative(fa.log_likelihood, log_likelihood(a, n, part, weights), 1e-9);
        assert_close(fa.shrink, fb.shrink, 1e-7);
        assert_true(fa.shrink > 0 && fa.shrink < .2);
        gkv_mgk_free(a);
        gkv_mgk_free(b);
        gkv_mgk_fit_result_free(&fa);
        gkv_mgk_fit_result_free(&fb);
    }
}

/* The normal fit maximizes the likelihood: means, standard deviations and Pearson's
 * correlations. */
static void normal_fit_is_moments(void **state)
{
    (void)state;
    gkv_mgk *mgk;
    gkv_mgk_fit_result f;
    gkv_mgk_fit_settings set;
    gkv_mgk_fit_defaults(&set);
    set.normal = 1;
    assert_ok(gkv_mgk_fit(N, D, x, NULL, &set, NULL, &mgk, &f));
    double mean[D] = {0}, c[D * D] = {0};
    for (size_t i = 0; i < N * D; i++)
        mean[i % D] += x[i] / N;
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < D * D; j++)
            c[j] += (x[i * D + j / D] - mean[j / D]) * (x[i * D + j % D] - mean[j % D]) / N;
    for (size_t j = 0; j < D; j++) {
        assert_relative(f.margins[j].gk.b, sqrt(c[j * D + j]), 1e-9);
        const gkv_gk_fit_result *m = &f.margins[j];
        assert_true(m->gk.g == 0 && m->gk.k == 0 && m->method == GKV_GK_MLE && m->parameters == 2);
        assert_close(m->high[GKV_GK_A] - m->gk.a, 1.959963984540054 * m->se[GKV_GK_A],
                     1e-9 * m->se[GKV_GK_A]);
        assert_relative(m->low[GKV_GK_B] * m->high[GKV_GK_B], m->gk.b * m->gk.b, 1e-12);
        assert_true(isnan(m->chi2) && isnan(m->log_likelihood));
        for (size_t k = 0; k < D; k++)
            assert_close(f.correlation[j * D + k], c[j * D + k] / sqrt(c[j * D + j] * c[k * D + k]),
                         1e-9);
    }
    assert_relative(f.log_likelihood, log_likelihood(mgk, N, x, NULL), 1e-10);
    assert_true(f.parameters == 2 * D + 6 && isnan(f.goodness));
    gkv_mgk_free(mgk);
    gkv_mgk_fit_result_free(&f);
    set.independent = 1;
    assert_ok(gkv_mgk_fit(N, D, x, NULL, &set, NULL, &mgk, &f));
    assert_true(f.correlation[1] == 0 && f.correlation_se[1] == 0 && f.parameters == 2 * D);
    gkv_mgk_free(mgk);
    gkv_mgk_fit_result_free(&f);
}

/* A fixed parameter keeps its value in the start of each margin, and does not count as a
 * parameter. */
static void held_parameters(void **state)
{
    (void)state;
    gkv_mgk *mgk;
    gkv_mgk_fit_result f;
    gkv_mgk_fit_settings set;
    gkv_gk starts[D];
    gkv_mgk_fit_defaults(&set);
    for (int j = 0; j < D; j++)
        starts[j] = (gkv_gk){.b = 1, .g = .1 * j, .k = .1, .c = .8};
    set.margins.fixed[GKV_GK_G] = 1;
    assert_fails(gkv_mgk_fit(N, D, x, NULL, &set, NULL, &mgk, &f), GKV_ERR_ARGUMENT,
                 "need a start");
    set.starts = starts;
    assert_ok(gkv_mgk_fit(N, D, x, NULL, &set, NULL, &mgk, &f));
    assert_int_equal(f.parameters, 3 * D + D * (D - 1) / 2);
    for (int j = 0; j < D; j++) {
        assert_true(f.margins[j].gk.g == starts[j].g && f.margins[j].se[GKV_GK_G] == 0);
        assert_true(gkv_mgk_margins(mgk)[j].g == starts[j].g);
    }
    gkv_mgk_free(mgk);
    gkv_mgk_fit_result_free(&f);
}

static void bad_and_odd_samples(void **state)
{
    (void)state;
    enum { n = 40, wide = 60 };
    static double y[n * wide];
    gkv_mgk *mgk;
    gkv_mgk_fit_result f;
    gkv_mgk_fit_settings set;
    gkv_mgk_fit_defaults(&set);
    /* Fewer rows than columns, and duplicate rows. */
    gki_rng_normal_d(gki_rng_at(1, GKV_STREAM_USER, 0, 0), n * wide / 2, y);
    memcpy(y + n * wide / 2, y, sizeof y / 2);
    set.normal_fallback = 1;
    assert_ok(gkv_mgk_fit(n, wide, y, NULL, &set, &(gkv_run_options){.threads = 2}, &mgk, &f));
    assert_true(isfinite(f.log_likelihood) && f.repair > 0 && f.repair < .5);
    assert_relative(f.log_likelihood, log_likelihood(mgk, n, y, NULL), 1e-6);
    gkv_mgk_free(mgk);
    gkv_mgk_fit_result_free(&f);
    set.shrink = GKV_MGK_SHRINK_AUTO;
    assert_ok(gkv_mgk_fit(n, wide, y, NULL, &set, &(gkv_run_options){.threads = 2}, &mgk, &f));
    assert_true(f.shrink > .3 && f.shrink <= 1 && f.repair == 0);
    gkv_mgk_free(mgk);
    gkv_mgk_fit_result_free(&f);
    /* A constant column is refused, with and without the fallback. */
    memcpy(y, x, n * D * sizeof *y);
    for (size_t i = 0; i < n; i++)
        y[i * D + 2] = 7;
    assert_fails(gkv_mgk_fit(n, D, y, NULL, NULL, &(gkv_run_options){.threads = 2}, &mgk, &f),
                 GKV_ERR_DATA, "column 3: ");
    assert_true(mgk == NULL && f.margins == NULL);
    assert_fails(gkv_mgk_fit(n, D, y, NULL, &set, &(gkv_run_options){.threads = 2}, &mgk, &f),
                 GKV_ERR_DATA, "column 3 is constant");
    /* If half of a column is one value, the margin is normal with normal_fallback. */
    for (size_t i = 0; i < n; i++)
        y[i * D + 2] = i % 2 ? 7 : (double)i;
    assert_fails(gkv_mgk_fit(n, D, y, NULL, NULL, &(gkv_run_options){.threads = 2}, &mgk, NULL),
                 GKV_ERR_DATA, "column 3: ");
    assert_ok(gkv_mgk_fit(n, D, y, NULL, &set, &(gkv_run_options){.threads = 2}, &mgk, &f));
    assert_true(f.fallbacks == 1 && f.margins[2].gk.k == 0 && f.parameters == 4 * D - 2 + 6);
    gkv_mgk_free(mgk);
    gkv_mgk_fit_result_free(&f);
    y[5 * D + 3] = NAN;
    assert_fails(gkv_mgk_fit(n, D, y, NULL, &set, &(gkv_run_options){.threads = 2}, &mgk, NULL),
                 GKV_ERR_DATA, "row 6, column 4");
    y[5 * D + 3] = -INFINITY;
    assert_fails(gkv_mgk_fit(n, D, y, NULL, &set, &(gkv_run_options){.threads = 2}, &mgk, NULL),
                 GKV_ERR_DATA, "row 6, column 4");
    assert_fails(gkv_mgk_fit(1, D, y, NULL, &set, &(gkv_run_options){.threads = 2}, &mgk, NULL),
                 GKV_ERR_DATA, "2 rows");
    assert_fails(gkv_mgk_fit(0, D, y, NULL, &set, &(gkv_run_options){.threads = 2}, &mgk, NULL),
                 GKV_ERR_DATA, "2 rows");
    assert_fails(gkv_mgk_fit(n, 0, y, NULL, &set, &(gkv_run_options){.threads = 2}, &mgk, NULL),
                 GKV_ERR_ARGUMENT, "1 column");
    weights[0] = -1;
    assert_fails(gkv_mgk_fit(n, D, x, weights, &set, &(gkv_run_options){.threads = 2}, &mgk, NULL),
                 GKV_ERR_DATA, "row 1 of 40 has weight -1");
    const gkv_gk other_family = {.b = 1, .k = .1, .c = .8, .family = GKV_GK_FAMILY_GH};
    gkv_mgk_fit_defaults(&set);
    set.margins.start = &other_family;
    assert_fails(gkv_mgk_fit(n, D, x, NULL, &set, &(gkv_run_options){.threads = 2}, &mgk, NULL),
                 GKV_ERR_ARGUMENT, "not the g-and-h family");
    gkv_mgk_fit_defaults(&set);
    set.margins.c = 1;
    for (int normal = 0; normal < 2; normal++) {
        set.normal = normal;
        assert_fails(gkv_mgk_fit(n, D, x, NULL, &set, &(gkv_run_options){.threads = 2}, &mgk, NULL),
                     GKV_ERR_ARGUMENT, "c must be between 0 and 1");
    }
    gkv_mgk_fit_defaults(&set);
    assert_fails(gkv_mgk_fit(n, D, x, NULL, &set, &(gkv_run_options){.threads = -1}, &mgk, NULL),
                 GKV_ERR_ARGUMENT, "threads = -1");
    set.shrink = 1.5;
    assert_fails(gkv_mgk_fit(n, D, x, NULL, &set, &(gkv_run_options){.threads = 2}, &mgk, NULL),
                 GKV_ERR_ARGUMENT, "shrinkage");
}

/* One outlier at a million standard deviations changes the estimates little. */
static void one_far_outlier(void **state)
{
    (void)state;
    gkv_mgk *mgk;
    gkv_mgk_fit_result before, after;
    const double keep = x[8 * D];
    assert_ok(gkv_mgk_fit(N, D, x, NULL, NULL, NULL, &mgk, &before));
    gkv_mgk_free(mgk);
    x[8 * D] = 1e6;
    assert_ok(gkv_mgk_fit(N, D, x, NULL, NULL, NULL, &mgk, &after));
    assert_relative(after.log_likelihood, log_likelihood(mgk, N, x, NULL), 1e-9);
    gkv_mgk_free(mgk);
    x[8 * D] = keep;
    for (size_t p = 0; p < 4; p++)
        assert_true(fabs((&after.margins[0].gk.a)[p] - (&before.margins[0].gk.a)[p]) <
                    before.margins[0].se[p]);
    for (size_t j = 0; j < D * D; j++)
        assert_close(after.correlation[j], before.correlation[j], .01);
    gkv_mgk_fit_result_free(&before);
    gkv_mgk_fit_result_free(&after);
}

static void margins_of_other_families_are_refused(void **state)
{
    (void)state;
    double zeros[40] = {0};
    gkv_mgk_fit_settings joint;
    gkv_mgk_mixture_settings several;
    gkv_mgk *mgk;
    gkv_mgk_mixture *mixture;
    gkv_mgk_fit_defaults(&joint);
    joint.margins.family = GKV_GK_FAMILY_GH;
    assert_fails(gkv_mgk_fit(20, 2, zeros, NULL, &joint, NULL, &mgk, NULL), GKV_ERR_ARGUMENT,
                 "g-and-k family");
    gkv_mgk_mixture_defaults(&several);
    several.components = 1;
    several.advanced.margins.family = GKV_GK_FAMILY_GGH;
    assert_fails(gkv_mgk_mixture_fit(20, 2, zeros, &several, NULL, &mixture, NULL),
                 GKV_ERR_ARGUMENT, "g-and-k family");
}

/* The margins share one c, which is not estimated. */
static void no_free_c(void **state)
{
    (void)state;
    const double rows[20] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    gkv_mgk_fit_settings set;
    gkv_mgk_fit_result result;
    gkv_mgk *fit = NULL;
    gkv_mgk_fit_defaults(&set);
    set.margins.method = GKV_GK_MLE;
    set.margins.free_c = true;
    assert_int_equal(gkv_mgk_fit(20, 1, rows, NULL, &set, NULL, &fit, &result), GKV_ERR_ARGUMENT);
    assert_non_null(strstr(gkv_error_message(), "share one c"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(margins_of_other_families_are_refused),
        cmocka_unit_test(recovers_the_truth),
        cmocka_unit_test(errors_of_the_correlation),
        cmocka_unit_test(same_on_any_number_of_threads),
        cmocka_unit_test(weights_count_rows),
        cmocka_unit_test(normal_fit_is_moments),
        cmocka_unit_test(held_parameters),
        cmocka_unit_test(bad_and_odd_samples),
        cmocka_unit_test(one_far_outlier),
        cmocka_unit_test(no_free_c),
    };
    return cmocka_run_group_tests(tests, draw, NULL);
}
