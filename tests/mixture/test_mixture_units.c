/* Fits of mixtures to columns of extreme spread: the fit of the same column in an ordinary unit. */
#include "two_components.h"

enum { ROWS = 1500, ASIDE = 300 };

/* log₁₀ of the units of the columns: beyond the squares of a double, and at its limits. */
static const int powers[][D] = {{155, 0, 0},
                                {0, -155, 0},
                                {-300, 0, 0},
                                {300, -300, 20},
                                {0, 0, 300}};
enum { CASES = sizeof powers / sizeof *powers };

static double y[(ROWS + ASIDE) * D];

/* Makes y in these units. Returns log of their product. */
static double convert(const int *power)
{
    double sum = 0;
    for (size_t i = 0; i < (ROWS + ASIDE) * D; i++)
        y[i] = x[i] * pow(10, power[i % D]);
    for (size_t j = 0; j < D; j++)
        sum += power[j] * log(10);
    return sum;
}

/* Checks that `scaled` is `plain` in these units. */
static void assert_same(const gkv_mgk_mixture *plain, const gkv_mgk_mixture *scaled,
                        const int *power)
{
    const double tolerance = 1e-6;
    assert_int_equal(gkv_mgk_mixture_count(scaled), gkv_mgk_mixture_count(plain));
    for (size_t k = 0; k < gkv_mgk_mixture_count(plain); k++) {
        const gkv_mgk *a = gkv_mgk_mixture_component(plain, k),
                      *b = gkv_mgk_mixture_component(scaled, k);
        assert_relative(gkv_mgk_mixture_weights(scaled)[k], gkv_mgk_mixture_weights(plain)[k],
                        tolerance);
        for (size_t j = 0; j < D; j++) {
            const gkv_gk p = gkv_mgk_margins(a)[j], s = gkv_mgk_margins(b)[j];
            const double unit = pow(10, power[j]);
            assert_close(s.a / unit, p.a, tolerance * p.b);
            assert_relative(s.b / unit, p.b, tolerance);
            assert_close(s.g, p.g, tolerance);
            assert_close(s.k, p.k, tolerance);
        }
        for (size_t i = 0; i < D * D; i++)
            assert_close(gkv_mgk_cholesky(b)[i], gkv_mgk_cholesky(a)[i], tolerance);
    }
}

static gkv_mgk_mixture_settings settings_of(const double *rows, bool normal)
{
    gkv_mgk_mixture_settings set;
    gkv_mgk_mixture_defaults(&set);
    set.components = 2;
    set.normal = normal;
    set.held_out = rows + ROWS * D;
    set.held_out_rows = ASIDE;
    return set;
}

/* The last mean log-likelihood that was reported. */
static bool remember(void *last, const gkv_progress *progress)
{
    *(double *)last = ((const gkv_mgk_mixture_progress *)progress->details)->log_likelihood;
    return false;
}

static void units_change_nothing(void **state)
{
    (void)state;
    for (int normal = 0; normal < 2; normal++) {
        gkv_mgk_mixture *plain, *scaled, *again;
        gkv_mgk_mixture_result f, g;
        gkv_mgk_mixture_settings set = settings_of(x, normal);
        assert_ok(gkv_mgk_mixture_fit(ROWS, D, x, &set, NULL, &plain, &f));
        for (size_t c = 0; c < CASES; c++) {
            const double log_unit = convert(powers[c]);
            double last = NAN;
            set = settings_of(y, normal);
            const gkv_run_options options = {.progress = remember, .context = &last};
            assert_ok(gkv_mgk_mixture_fit(ROWS, D, y, &set, &options, &scaled, &g));
            assert_same(plain, scaled, powers[c]);
            assert_int_equal(g.stop, f.stop);
            assert_int_equal(g.iterations, f.iterations);
            assert_close(g.log_likelihood + ROWS * log_unit, f.log_likelihood, 1e-5);
            assert_close(g.held_out + log_unit, f.held_out, 1e-6);
            assert_close(last, g.log_likelihood / ROWS, .1);
            assert_close(mean_of(scaled, ROWS, y), g.log_likelihood / ROWS, 1e-6);
            assert_true(g.unexplained == f.unexplained);
            /* A start is in the unit of the data. */
            set.start = scaled;
            set.max_iterations = 0;
            assert_ok(gkv_mgk_mixture_fit(ROWS, D, y, &set, NULL, &again, &g));
            assert_same(scaled, again, (int[D]){0});
            gkv_mgk_mixture_free(again);
            gkv_mgk_mixture_free(scaled);
        }
        gkv_mgk_mixture_free(plain);
    }
}

static void ranges_are_scaled_back(void **state)
{
    (void)state;
    gkv_mgk_mixture *plain[3], *scaled[3];
    gkv_mgk_mixture_result f[3], g[3];
    size_t chosen, same;
    gkv_mgk_mixture_settings set = settings_of(x, true);
    assert_ok(gkv_mgk_mixture_fit_range(ROWS, D, x, &set, 1, 3, NULL, plain, f, &chosen));
    const double log_unit = convert(powers[3]);
    set = settings_of(y, true);
    assert_ok(gkv_mgk_mixture_fit_range(ROWS, D, y, &set, 1, 3, NULL, scaled, g, &same));
    assert_int_equal(same, chosen);
    for (size_t i = 0; i < 3; i++) {
        assert_same(plain[i], scaled[i], powers[3]);
        assert_close(g[i].log_likelihood + ROWS * log_unit, f[i].log_likelihood, 1e-5);
        assert_close(g[i].bic - 2 * ROWS * log_unit, f[i].bic, 1e-4);
        gkv_mgk_mixture_free(plain[i]);
        gkv_mgk_mixture_free(scaled[i]);
    }
}

/* An outlier costs its component as little in a small unit. */
static void outliers_are_unexplained(void **state)
{
    (void)state;
    gkv_mgk_mixture *m;
    gkv_mgk_mixture_result f;
    convert((int[D]){-300, 0, 0});
    y[0] = 1;
    gkv_mgk_mixture_settings set = settings_of(y, false);
    assert_ok(gkv_mgk_mixture_fit(ROWS, D, y, &set, NULL, &m, &f));
    assert_true(f.unexplained == 1 && isfinite(f.log_likelihood));
    gkv_mgk_mixture_free(m);
}

static void what_no_unit_helps_is_refused(void **state)
{
    (void)state;
    gkv_mgk_mixture *m, *all[2];
    gkv_mgk_mixture_result f[2];
    size_t chosen;
    gkv_mgk_mixture_settings set = settings_of(y, false);
    convert((int[D]){0, -310, 0});
    assert_fails(gkv_mgk_mixture_fit(ROWS, D, y, &set, NULL, &m, f), GKV_ERR_DATA,
                 "column 2: A or B");
    assert_true(!m);
    assert_fails(gkv_mgk_mixture_fit_range(ROWS, D, y, &set, 1, 2, NULL, all, f, &chosen),
                 GKV_ERR_DATA, "column 2: A or B");
    assert_true(!all[0] && !all[1]);
    convert((int[D]){-300, 0, 0});
    y[0] = 1e100;
    assert_fails(gkv_mgk_mixture_fit(ROWS, D, y, &set, NULL, &m, f), GKV_ERR_DATA,
                 "the range of column 1");
    assert_true(!m);
}

static void refuses(const gkv_mgk_mixture_settings *set, gkv_status status, const char *text)
{
    gkv_mgk_mixture *m;
    gkv_mgk_mixture_result f;
    assert_fails(gkv_mgk_mixture_fit(ROWS, D, y, set, NULL, &m, &f), status, text);
    assert_null(m);
}

static void settings_are_checked(void **state)
{
    (void)state;
    convert((int[D]){0, 0, 0});
    const gkv_mgk_mixture_settings good = settings_of(y, false);
    gkv_mgk_mixture_settings set = good;
    for (int i = 0; i < 3; i++) {
        set.shrink = ((double[]){-.5, 1.5, NAN})[i];
        refuses(&set, GKV_ERR_ARGUMENT, "the shrinkage must be in [0, 1]");
    }
    for (int i = 0; i < 7; i++) {
        set = good;
        switch (i) {
        case 0: set.advanced.min_scale = 0; break;
        case 1: set.advanced.min_rows = 7; break;
        case 2: set.advanced.log_noise = 1; break;
        case 3: set.patience = 0; break;
        case 4: set.advanced.step = 0; break;
        case 5: set.advanced.step = 1.5; break;
        default: set.tolerance = NAN;
        }
        refuses(&set, GKV_ERR_ARGUMENT, "patience ≥ 1 and a step in (0, 1]");
    }
}

static void weights_are_checked(void **state)
{
    (void)state;
    static double weights[ROWS];
    convert((int[D]){0, 0, 0});
    gkv_mgk_mixture_settings set = settings_of(y, false);
    set.weights = weights;
    set.held_out_rows = 0;
    for (int i = 0; i < 3; i++) {
        weights[4] = ((double[]){-1, NAN, INFINITY})[i];
        refuses(&set, GKV_ERR_DATA, "row 5 of ");
    }
    weights[4] = 0;
    refuses(&set, GKV_ERR_DATA, "all rows have weight 0");
}

static void reasons_have_names(void **state)
{
    (void)state;
    for (int i = 0; i <= GKV_MIXTURE_INTERRUPTED; i++)
        for (int j = 0; j <= i; j++)
            assert_int_equal(strcmp(gkv_mgk_mixture_stop_name((gkv_mgk_mixture_stop)i),
                                    gkv_mgk_mixture_stop_name((gkv_mgk_mixture_stop)j)) == 0,
                             i == j);
    assert_string_equal(gkv_mgk_mixture_stop_name((gkv_mgk_mixture_stop)99), "unknown reason");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_change_nothing),     cmocka_unit_test(ranges_are_scaled_back),
        cmocka_unit_test(outliers_are_unexplained), cmocka_unit_test(what_no_unit_helps_is_refused),
        cmocka_unit_test(settings_are_checked),     cmocka_unit_test(weights_are_checked),
        cmocka_unit_test(reasons_have_names),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
