/* Real series with estimates of another program: daily returns of exchange rates, if SERIES_DIR is
 * the folder of their files.
 *
 * exchange-returns.csv has 1,866 daily log-returns of five currencies to the US dollar (the data
 * set Garch of R's package Ecdat), with the columns cd, dm, bp, dy and sf. mgnk.csv has those of
 * three exchange rates on 1,651 days (mgnk of R's package BSL). The estimates are those of a
 * program that inverts Q by bisection and maximizes the likelihood by BFGS with a numerical
 * Hessian. */
#include "support.h"

#include "gkvae/gk_fit.h"
#include "gkvae/mgk_fit.h"

enum { ROWS_MOST = 2000, COLUMNS_MOST = 5, PARAMETERS = 4 };

/* Reads numbers in rows, after a header, of `columns` fields. Returns the number of rows. */
static size_t read_rows(const char *folder, const char *name, size_t columns, double *x)
{
    char path[512], line[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    if (!file) {
        print_error("%s cannot be read\n", path);
        fail();
        return 0;
    }
    size_t rows = 0;
    assert_non_null(fgets(line, sizeof line, file));
    while (rows < ROWS_MOST && fgets(line, sizeof line, file)) {
        char *next = line;
        for (size_t c = 0; c < columns; c++) {
            char *end;
            x[rows * columns + c] = strtod(next, &end);
            assert_true(end > next);
            next = end + (*end == ',');
        }
        rows++;
    }
    assert_int_equal(fclose(file), 0);
    return rows;
}

static const char *folder_of_series(void)
{
    const char *folder = getenv("SERIES_DIR");
    if (folder && *folder)
        return folder;
    print_message("SERIES_DIR names no folder with exchange-returns.csv and mgnk.csv: left out\n");
    skip();
    return NULL;
}

/* A number as it is printed, and the unit of its last digit. */
typedef struct printed {
    double value, unit;
} printed;

/* The other program's maximum is accurate to about a half of the last printed digit. */
static void agrees(double value, printed with)
{
    assert_close(value, with.value, with.unit);
}

typedef struct published {
    printed estimate[PARAMETERS], se[PARAMETERS];
    printed log_likelihood;
} published;

static gkv_gk_fit_result fit_column(const double *rows, size_t n, size_t columns, size_t column)
{
    static double x[ROWS_MOST];
    gkv_gk_fit_settings set;
    gkv_gk_fit_result fit;
    for (size_t i = 0; i < n; i++)
        x[i] = rows[i * columns + column];
    gkv_gk_fit_defaults(&set);
    set.method = GKV_GK_MLE;
    set.anderson_darling = true;
    assert_ok(gkv_gk_fit(n, x, &set, &fit));
    assert_int_equal(fit.converged, 1);
    return fit;
}

static void exchange_returns(void **state)
{
    (void)state;
    enum { N = 1866, COLUMNS = 5 };
    static const published wanted[COLUMNS] = {
        {{{-8.4948e-5, 1e-9}, {1.66518e-3, 1e-8}, {.020315, 1e-6}, {.34420, 1e-5}},
         {{4.657e-5, 1e-8}, {5.814e-5, 1e-8}, {.03188, 1e-5}, {.02556, 1e-5}},
         {8574.937, 1e-3}},
        {{{-3.8692e-4, 1e-8}, {6.00918e-3, 1e-8}, {.11368, 1e-5}, {.19635, 1e-5}},
         {{1.629e-4, 1e-7}, {1.988e-4, 1e-7}, {.02894, 1e-5}, {.02374, 1e-5}},
         {6477.158, 1e-3}},
        {{{-2.7179e-4, 1e-8}, {5.26072e-3, 1e-8}, {.04750, 1e-5}, {.27703, 1e-5}},
         {{1.434e-4, 1e-7}, {1.838e-4, 1e-7}, {.03143, 1e-5}, {.02554, 1e-5}},
         {6555.172, 1e-3}},
        {{{-2.2786e-4, 1e-8}, {4.84385e-3, 1e-8}, {.16919, 1e-5}, {.26151, 1e-5}},
         {{1.337e-4, 1e-7}, {1.653e-4, 1e-7}, {.03087, 1e-5}, {.02510, 1e-5}},
         {6753.200, 1e-3}},
        {{{-2.5230e-4, 1e-8}, {6.79302e-3, 1e-8}, {.08969, 1e-5}, {.16408, 1e-5}},
         {{1.833e-4, 1e-7}, {2.165e-4, 1e-7}, {.02749, 1e-5}, {.02251, 1e-5}},
         {6314.728, 1e-3}}};
    static double rows[ROWS_MOST * COLUMNS_MOST];
    assert_int_equal(read_rows(folder_of_series(), "exchange-returns.csv", COLUMNS, rows), N);
    for (size_t c = 0; c < COLUMNS; c++) {
        const gkv_gk_fit_result fit = fit_column(rows, N, COLUMNS, c);
        const double estimates[] = {fit.gk.a, fit.gk.b, fit.gk.g, fit.gk.k};
        for (int j = 0; j < PARAMETERS; j++) {
            agrees(estimates[j], wanted[c].estimate[j]);
            agrees(fit.se[j], wanted[c].se[j]);
        }
        agrees(fit.log_likelihood, wanted[c].log_likelihood);
        /* prices of four decimals have equal neighbours, but their returns are on no grid */
        assert_int_equal(fit.test, GKV_GK_TEST_TIES);
        assert_true(isnan(fit.p_value) && fit.tied_value == 0);
        if (c == 0) {
            assert_true(fit.tied == 77);
            agrees(fit.anderson_darling, (printed){.38, .01});
        }
    }
}

static void three_rates(void **state)
{
    (void)state;
    enum { N = 1651, COLUMNS = 3 };
    static const printed wanted[COLUMNS][PARAMETERS] = {
        {{4.946e-4, 1e-7}, {6.7777e-3, 1e-7}, {-.0719, 1e-4}, {.2798, 1e-4}},
        {{4.659e-4, 1e-7}, {5.2364e-3, 1e-7}, {-.1043, 1e-4}, {.2778, 1e-4}},
        {{7.117e-4, 1e-7}, {7.8811e-3, 1e-7}, {-.1031, 1e-4}, {.3785, 1e-4}}};
    static const printed correlation[COLUMNS] = {{.665, 1e-3}, {.814, 1e-3}, {.640, 1e-3}},
                         error[COLUMNS] = {{.014, 1e-3}, {.008, 1e-3}, {.015, 1e-3}};
    static double rows[ROWS_MOST * COLUMNS_MOST];
    assert_int_equal(read_rows(folder_of_series(), "mgnk.csv", COLUMNS, rows), N);
    for (size_t c = 0; c < COLUMNS; c++) {
        const gkv_gk_fit_result fit = fit_column(rows, N, COLUMNS, c);
        const double estimates[] = {fit.gk.a, fit.gk.b, fit.gk.g, fit.gk.k};
        for (int j = 0; j < PARAMETERS; j++)
            agrees(estimates[j], wanted[c][j]);
    }
    gkv_mgk *joint = NULL;
    gkv_mgk_fit_result fit;
    assert_ok(gkv_mgk_fit(N, COLUMNS, rows, NULL, NULL, NULL, &joint, &fit));
    for (size_t i = 1, pair = 0; i < COLUMNS; i++)
        for (size_t j = 0; j < i; j++, pair++) {
            agrees(fit.correlation[i * COLUMNS + j], correlation[pair]);
            agrees(fit.correlation_se[i * COLUMNS + j], error[pair]);
        }
    gkv_mgk_free(joint);
    gkv_mgk_fit_result_free(&fit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exchange_returns),
        cmocka_unit_test(three_rates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
