/* Densities of tables: bad input, atoms, intervals, and few rows. */
#include "density_fixture.h"

#include "gkvae/gk_fit.h"

enum { N = 300, D = 3 };

static void refuse(const double *x, size_t n, size_t d, gkv_status code, const char *text)
{
    gkv_density *density = NULL;
    const gkv_density_settings settings = quick_settings();
    assert_fails(gkv_density_fit(n, d, x, &settings, ON_THREADS(1), &density), code, text);
    assert_null(density);
}

static void test_bad_input(void **state)
{
    (void)state;
    double *x = make_table(N, D);
    refuse(x, 1, D, GKV_ERR_DATA, "1 rows are too few");
    refuse(x, 9, D, GKV_ERR_DATA, "at least 10");
    refuse(x, 11, 6, GKV_ERR_DATA, "at least 12");
    refuse(x, 30, 0, GKV_ERR_ARGUMENT, "0 columns");
    x[5 * D + 1] = NAN;
    refuse(x, N, D, GKV_ERR_DATA, "row 6, column 2 (x2)");
    x[5 * D + 1] = INFINITY;
    refuse(x, N, D, GKV_ERR_DATA, "row 6, column 2 (x2)");
    for (size_t i = 0; i < N; i++)
        x[i * D + 1] = 7;
    refuse(x, N, D, GKV_ERR_DATA, "column 2 (x2) is constant: all values are 7");
    for (size_t i = 0; i < N; i++)
        x[i * D + 1] = x[i * D];
    refuse(x, N, D, GKV_ERR_DATA, "columns 1 (x1) and 2 (x2) are equal");
    for (size_t i = 0; i < N; i++)
        x[i * D + 1] = -3 * x[i * D] + 1;
    refuse(x, N, D, GKV_ERR_DATA, "columns 1 (x1) and 2 (x2) are functions of each other");
    for (size_t i = 0; i < N; i++)
        x[i * D + 1] = log(x[i * D]);
    refuse(x, N, D, GKV_ERR_DATA, "columns 1 (x1) and 2 (x2) are functions of each other");
    for (size_t i = 0; i < N; i++) {
        x[i * D + 1] = sin(123 * x[i * D]);
        x[i * D + 2] = x[i * D] - 0.5 * x[i * D + 1] + 3;
    }
    refuse(x, N, D, GKV_ERR_DATA, "column 3 (x3) is a linear function");
    free(x);
}

static void test_bad_settings(void **state)
{
    (void)state;
    double *table = make_table(N, D);
    gkv_density_settings s = quick_settings();
    gkv_density *density = NULL;
    const double bad = -2;
    gkv_density_defaults(NULL);
#define REFUSED(text)                                                                       \
    assert_fails(gkv_density_fit(N, D, table, &s, NULL, &density), GKV_ERR_ARGUMENT, text); \
    s = quick_settings()
    s.flow = GKV_PRIOR_FLOWS;
    REFUSED("no prior flow 6");
    s.margin = (gkv_density_margin)7;
    REFUSED("no kind 7");
    s.margin = (gkv_density_margin)-2;
    REFUSED("no kind -2");
    s.folds = 21;
    REFUSED("0 to 20");
    s.folds = 11;
    assert_fails(gkv_density_fit(10, D, table, &s, NULL, &density), GKV_ERR_ARGUMENT,
                 "11 folds are more than the 10 rows");
    s.folds = 0;
    s.learning_rate = NAN;
    REFUSED("out of range");
    s.lower = table;
    REFUSED("need each other");
    s.resolution = (double[]){0, bad, 0};
    REFUSED("resolution of column 2");
    memset(s.candidates, 0, sizeof s.candidates);
    REFUSED("none is chosen");
    free(table);
}

/* Atoms are noted, and columns with them have finite densities. */
static void test_atoms(void **state)
{
    (void)state;
    double *x = make_table(N, 2);
    for (size_t i = 0; i < N; i += 4)
        x[2 * i] = 0;
    const gkv_density_settings settings = quick_settings();
    gkv_density *density = fit_table(N, 2, x, &settings, 1);
    gkv_density_margin_info info;
    assert_ok(gkv_density_get_margin(density, 0, &info));
    assert_close(info.atom_share, 0.25, 1e-12);
    assert_true(info.atom == 0);
    assert_ok(gkv_density_get_margin(density, 1, &info));
    assert_true(info.atom_share == 0);
    double *f = log_densities(density, GKV_DENSITY_CHOSEN, N, x);
    for (size_t i = 0; i < N; i++)
        assert_true(isfinite(f[i]) && f[i] < 20);
    free(f);
    gkv_density_free(density);
    free(x);
}

/* Rounded columns, and censored ones: the margins are those of the values before. */
static void test_intervals(void **state)
{
    (void)state;
    enum { ROWS = 800 };
    double *x = make_table(ROWS, 2), *lower = test_alloc(ROWS * 2 * sizeof *lower),
           *upper = test_alloc(ROWS * 2 * sizeof *upper);
    size_t censored = 0;
    gkv_density_settings settings = quick_settings();
    settings.candidates[GKV_DENSITY_FLOW] = settings.candidates[GKV_DENSITY_GK_MIXTURE] = false;
    for (size_t i = 0; i < ROWS; i++) {
        x[2 * i] = 0.25 * round(x[2 * i] / 0.25);
        lower[2 * i] = upper[2 * i] = x[2 * i];
        lower[2 * i + 1] = upper[2 * i + 1] = x[2 * i + 1];
        if (x[2 * i + 1] > 11) {
            lower[2 * i + 1] = 11;
            upper[2 * i + 1] = INFINITY;
            censored++;
        }
    }
    settings.lower = lower;
    settings.upper = upper;
    gkv_density *density = fit_table(ROWS, 2, NULL, &settings, 1);
    gkv_density_margin_info info;
    assert_ok(gkv_density_get_margin(density, 0, &info));
    assert_close(info.resolution, 0.25, 1e-9);
    assert_ok(gkv_density_get_margin(density, 1, &info));
    assert_int_equal(info.intervals, censored);
    assert_int_equal(info.kind, GKV_DENSITY_MARGIN_GK);
    const double z[2] = {0, 1.5};
    double quantiles[2];
    assert_ok(gkv_density_quantiles(density, 1, 2, z, quantiles));
    assert_close(quantiles[0], 10, 0.2);
    assert_close(quantiles[1], 10 + 1.5 * (1 + 0.2 * 2.25), 0.5);
    gkv_density_free(density);
    lower[0] = 1;
    upper[0] = 0;
    density = NULL;
    assert_fails(gkv_density_fit(ROWS, 2, NULL, &settings, NULL, &density), GKV_ERR_DATA,
                 "the interval is empty");
    free(x);
    free(lower);
    free(upper);
}

/* One column, and 30 rows. */
static void test_small(void **state)
{
    (void)state;
    double *x = make_table(30, 1);
    gkv_density_settings settings = quick_settings();
    settings.folds = 5;
    gkv_density *density = fit_table(30, 1, x, &settings, 1);
    gkv_density_candidate_info info;
    assert_ok(gkv_density_get_candidate(density, GKV_DENSITY_FLOW, &info));
    assert_false(info.fitted);
    assert_ok(gkv_density_get_candidate(density, GKV_DENSITY_COPULA, &info));
    assert_true(info.fitted && isfinite(info.held_out));
    assert_int_equal(info.rows, 30);
    double f;
    assert_fails(gkv_density_log_density(density, GKV_DENSITY_FLOW, 1, x, NULL, &f),
                 GKV_ERR_ARGUMENT, "has no flow");
    const double rows[3] = {NAN, INFINITY, 1};
    double *all = log_densities(density, GKV_DENSITY_CHOSEN, 3, rows);
    assert_true(isnan(all[0]) && all[1] == -INFINITY && isfinite(all[2]));
    free(all);
    gkv_density_free(density);
    free(x);
}

/* The fewest rows: finite log densities of rows that the fit has not seen. */
static void test_fewest(void **state)
{
    (void)state;
    static const size_t shapes[][2] = {{10, 1}, {10, 5}, {24, 12}};
    for (size_t s = 0; s < 3; s++) {
        const size_t n = shapes[s][0], d = shapes[s][1];
        double *x = make_table(n + 20, d);
        gkv_density_settings settings = quick_settings();
        settings.folds = 3;
        settings.candidates[GKV_DENSITY_GK_MIXTURE] = settings.candidates[GKV_DENSITY_FLOW] = d < 5;
        gkv_density *density = fit_table(n, d, x, &settings, 1);
        double *f = log_densities(density, GKV_DENSITY_CHOSEN, 20, x + n * d);
        for (size_t i = 0; i < 20; i++)
            assert_true(isfinite(f[i]));
        free(f);
        gkv_density_free(density);
        free(x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_input), cmocka_unit_test(test_bad_settings),
        cmocka_unit_test(test_atoms),     cmocka_unit_test(test_intervals),
        cmocka_unit_test(test_small),     cmocka_unit_test(test_fewest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
