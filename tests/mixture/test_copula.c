/* Several dimensions: density, draws, correlation from normal scores. */
#include "support.h"

#include "core/rng.h"
#include "num/linalg.h"
#include "gkvae/mgk.h"

static void reference_density(void **state)
{
    (void)state;
    gkv_gk margins[5];
    double r[25] = {0}, w[5];
    for (int i = 0; i < 5; i++) {
        margins[i] = (gkv_gk){1, 3, .4, 2.3, .8, 0};
        r[i * 5 + i] = 1;
        if (i)
            r[i * 5 + i - 1] = r[(i - 1) * 5 + i] = .4;
    }
    const double x[5] = {0.72921481, -8.97429356, 0.77753354, 2.90054443, -16.21483016};
    gkv_mgk *mgk;
    assert_ok(gkv_mgk_create(5, margins, r, &mgk));
    assert_relative(gkv_mgk_log_pdf(mgk, x, w), -17.429238835636836, 1e-12);
    /* gkv_mgk_transform is the inverse of w. */
    double back[5];
    gkv_mgk_transform(mgk, w, back);
    for (int i = 0; i < 5; i++)
        assert_relative(back[i], x[i], 1e-12);
    assert_int_equal(gkv_mgk_dimensions(mgk), 5);
    assert_true(gkv_mgk_margins(mgk)[3].k == 2.3 && gkv_mgk_cholesky(mgk)[1] == 0);
    gkv_mgk_free(mgk);
    /* With independent margins the log density is a sum. */
    assert_ok(gkv_mgk_create(5, margins, NULL, &mgk));
    double sum = 0;
    for (int i = 0; i < 5; i++)
        sum += gkv_gk_log_pdf(&margins[i], x[i]);
    assert_relative(gkv_mgk_log_pdf(mgk, x, w), sum, 1e-13);
    gkv_mgk_free(mgk);
    gkv_mgk_free(NULL);
    /* Outside a bounded support. */
    const gkv_gk bounded[2] = {{0, 1, 0, 0, .8, 0}, {0, 1, 0, -.5, .8, 0}};
    assert_ok(gkv_mgk_create(2, bounded, NULL, &mgk));
    assert_true(gkv_mgk_log_pdf(mgk, (double[]){0, 2}, w) == -INFINITY);
    assert_true(isfinite(gkv_mgk_log_pdf(mgk, (double[]){0, .9}, w)));
    gkv_mgk_free(mgk);
}

static void cholesky_multiplies_back(void **state)
{
    (void)state;
    enum { D = 40 };
    double a[D * D], l[D * D], v[D], w[D];
    for (int i = 0; i < D; i++)
        for (int j = 0; j < D; j++)
            a[i * D + j] = exp(-.1 * abs(i - j)) + (i == j);
    assert_int_equal(gki_cholesky(D, a, 1e-12, l), 1);
    for (int i = 0; i < D; i++)
        for (int j = 0; j < D; j++) {
            double sum = 0;
            for (int k = 0; k < D; k++)
                sum += l[i * D + k] * l[j * D + k];
            assert_close(sum, a[i * D + j], 1e-14);
            assert_true(j <= i || l[i * D + j] == 0);
        }
    for (int i = 0; i < D; i++)
        v[i] = w[i] = sin(i);
    gki_cholesky_forward(D, l, w);
    for (int i = 0; i < D; i++) {
        double sum = 0;
        for (int k = 0; k < D; k++)
            sum += l[i * D + k] * w[k];
        assert_close(sum, v[i], 1e-14);
    }
    assert_int_equal(gki_cholesky(2, (double[]){1, 2, 2, 1}, 0, l), 0);
    assert_int_equal(gki_cholesky(2, (double[]){1, NAN, NAN, 1}, 0, l), 0);
    assert_int_equal(gki_cholesky(D, a, 1e-12, a), 1); /* l may be a */
    assert_true(a[D + 1] > 0 && a[1] == 0);
    assert_int_equal(gki_cholesky(2, (double[]){1, 1, 1, 1 + 1e-9}, 1e-6, l), 0);
    double flat[] = {1, 1, 1, 1 + 1e-9};
    assert_int_equal(gki_cholesky(2, flat, 1e-6, flat), 0);
}

static void scores_recover_correlation(void **state)
{
    (void)state;
    enum { D = 3, N = 20000 };
    const gkv_gk margins[D] = {{3, 1, 2, .5, .8, 0}, {0, 5, -1, 1, .8, 0}, {0, 1, 0, 0, .8, 0}};
    const double r[D * D] = {1, .6, -.3, .6, 1, .2, -.3, .2, 1};
    gkv_mgk *mgk;
    assert_ok(gkv_mgk_create(D, margins, r, &mgk));
    static double x[N * D], e[N * D];
    gki_rng_normal_d(gki_rng_at(4, GKV_STREAM_USER, 0, 0), N * D, e);
    for (int i = 0; i < N; i++)
        gkv_mgk_transform(mgk, e + i * D, x + i * D);
    double estimate[D * D], l[D * D];
    assert_ok(
        gkv_mgk_correlation(N, D, x, margins, 0, &(gkv_run_options){.threads = 1}, estimate, l));
    for (int i = 0; i < D * D; i++) {
        assert_close(estimate[i], r[i], 4.5 / sqrt(N));
        assert_close(l[i], gkv_mgk_cholesky(mgk)[i], 6 / sqrt(N));
    }
    double shrunk[D * D];
    assert_ok(
        gkv_mgk_correlation(N, D, x, margins, .25, &(gkv_run_options){.threads = 1}, shrunk, NULL));
    assert_relative(shrunk[1], .75 * estimate[1], 1e-14);
    assert_true(shrunk[0] == 1);
    /* One outlier has little effect. */
    x[4] = 1e250;
    assert_ok(
        gkv_mgk_correlation(N, D, x, margins, 0, &(gkv_run_options){.threads = 1}, estimate, l));
    assert_close(estimate[1], .6, .03);
    gkv_mgk_free(mgk);
}

static void degenerate_scores_are_repaired(void **state)
{
    (void)state;
    enum { D = 6, N = 4 };
    gkv_gk margins[D];
    double x[N * D], r[D * D], l[D * D];
    for (int j = 0; j < D; j++)
        margins[j] = gkv_gk_standard();
    for (int i = 0; i < N; i++)
        for (int j = 0; j < D; j++)
            /* equal columns, a constant one, rank < d */
            x[i * D + j] = j == 5 ? 7 : j < 3 ? i : sin(i * j);
    assert_ok(gkv_mgk_correlation(N, D, x, margins, 0, &(gkv_run_options){.threads = 1}, r, l));
    gkv_mgk *mgk;
    assert_ok(gkv_mgk_create(D, margins, r, &mgk));
    gkv_mgk_free(mgk);
    assert_close(r[1], 1, 1e-5);
    assert_true(r[5] == 0 && r[35] == 1);
    for (int i = 0; i < D * D; i++)
        assert_true(isfinite(l[i]));
}

static void infinite_values_have_no_density(void **state)
{
    (void)state;
    enum { WIDE = 70 };
    /* Margins with unbounded support, with very light tails, and with bounded support. */
    const gkv_gk shapes[] = {{0, 1, .5, .2, .8, 0}, {0, 1, 0, -.5, .8, 0}, {0, 1, 0, 0, .8, 0}};
    for (size_t s = 0; s < 3; s++) {
        const gkv_gk margins[2] = {shapes[s], gkv_gk_standard()};
        gkv_mgk *mgk;
        double w[2];
        assert_ok(gkv_mgk_create(2, margins, (double[]){1, .5, .5, 1}, &mgk));
        const double rows[][2] = {
            {INFINITY, 0}, {-INFINITY, 0}, {0, INFINITY}, {INFINITY, -INFINITY}};
        for (size_t i = 0; i < 4; i++) {
            double many;
            assert_true(gkv_mgk_log_pdf(mgk, rows[i], w) == -INFINITY);
            assert_true(gkv_mgk_log_pdf(mgk, rows[i], NULL) == -INFINITY);
            assert_ok(gkv_mgk_log_pdf_many(mgk, 1, rows[i], &(gkv_run_options){.threads = 1}, &many,
                                           NULL));
            assert_true(many == -INFINITY);
        }
        assert_true(isnan(gkv_mgk_log_pdf(mgk, (double[]){NAN, 0}, w)));
        assert_true(isnan(gkv_mgk_log_pdf(mgk, (double[]){NAN, INFINITY}, NULL)));
        const double some[2] = {.3, -.2};
        assert_true(gkv_mgk_log_pdf(mgk, some, NULL) == gkv_mgk_log_pdf(mgk, some, w));
        gkv_mgk_free(mgk);
    }
    gkv_gk margins[WIDE];
    double x[WIDE], w[WIDE];
    gkv_mgk *mgk;
    for (size_t j = 0; j < WIDE; j++) {
        margins[j] = shapes[0];
        x[j] = .01 * (double)j;
    }
    assert_ok(gkv_mgk_create(WIDE, margins, NULL, &mgk));
    assert_true(gkv_mgk_log_pdf(mgk, x, NULL) == gkv_mgk_log_pdf(mgk, x, w));
    gkv_mgk_free(mgk);
}

static void refusals(void **state)
{
    (void)state;
    gkv_gk margins[2] = {{0, 1, 0, 0, .8, 0}, {0, 1, 0, -.6, .8, 0}};
    gkv_mgk *mgk;
    double r[4], x[4] = {1, 2, 3, 4};
    assert_fails(gkv_mgk_create(2, margins, NULL, &mgk), GKV_ERR_ARGUMENT, "margin 2 of 2");
    assert_true(mgk == NULL);
    for (int64_t family = GKV_GK_FAMILY_GH; family <= GKV_GK_FAMILIES; family++) {
        margins[1] = (gkv_gk){0, 1, 0, .1, .8, family};
        assert_fails(gkv_mgk_create(2, margins, NULL, &mgk), GKV_ERR_ARGUMENT,
                     gkv_gk_family_name(family));
        assert_non_null(strstr(gkv_error_message(),
                               "margin 2 of 2: a multivariate distribution is for the g-and-k"));
        assert_fails(gkv_mgk_create_latent(2, margins, NULL, NULL, &mgk), GKV_ERR_ARGUMENT,
                     "margin 2 of 2");
        assert_fails(
            gkv_mgk_correlation(2, 2, x, margins, 0, &(gkv_run_options){.threads = 1}, r, NULL),
            GKV_ERR_ARGUMENT, "margin 2 of 2");
        assert_true(mgk == NULL);
    }
    margins[1] = gkv_gk_standard();
    assert_fails(gkv_mgk_create(0, margins, NULL, &mgk), GKV_ERR_ARGUMENT, "one dimension");
    assert_fails(gkv_mgk_create(2, margins, (double[]){1, .5, .4, 1}, &mgk), GKV_ERR_ARGUMENT,
                 "element (1, 0)");
    assert_fails(gkv_mgk_create(2, margins, (double[]){1, 2, 2, 1}, &mgk), GKV_ERR_ARGUMENT,
                 "correlation matrix");
    assert_fails(gkv_mgk_create(2, margins, (double[]){1, NAN, NAN, 1}, &mgk), GKV_ERR_ARGUMENT,
                 "correlation matrix");
    assert_fails(gkv_mgk_create(2, margins, (double[]){1, 1, 1, 1}, &mgk), GKV_ERR_NUMERIC,
                 "not positive definite");
    assert_fails(
        gkv_mgk_correlation(1, 2, x, margins, 0, &(gkv_run_options){.threads = 1}, r, NULL),
        GKV_ERR_ARGUMENT, "2 rows");
    assert_fails(
        gkv_mgk_correlation(2, 2, x, margins, 2, &(gkv_run_options){.threads = 1}, r, NULL),
        GKV_ERR_ARGUMENT, "shrinkage");
    x[3] = NAN;
    assert_fails(
        gkv_mgk_correlation(2, 2, x, margins, 0, &(gkv_run_options){.threads = 1}, r, NULL),
        GKV_ERR_DATA, "row 2, column 2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_density),
        cmocka_unit_test(cholesky_multiplies_back),
        cmocka_unit_test(scores_recover_correlation),
        cmocka_unit_test(degenerate_scores_are_repaired),
        cmocka_unit_test(infinite_values_have_no_density),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
