/* Densities at their limits: settings just out of range, margins of damaged files, bad intervals,
 * and fits that are stopped at each of their stages. */
#define _XOPEN_SOURCE 700
#include <unistd.h>

#include "density/margin.h"
#include "density_fixture.h"
#include "folder.h"

enum { ROWS = 40, COLUMNS = 2 };

static double *table;

static int make(void **state)
{
    table = make_table(ROWS, COLUMNS);
    return make_temporary_in_memory(state);
}

static int release(void **state)
{
    free(table);
    return remove_temporary(state);
}

/* One candidate and no choice of margins. */
static gkv_density_settings one_candidate(int64_t candidate)
{
    gkv_density_settings settings = quick_settings();
    settings.margin = GKV_DENSITY_MARGIN_T;
    settings.flow_updates = 2;
    settings.max_components = 1;
    for (int64_t c = 0; c < GKV_DENSITY_CANDIDATES; c++)
        settings.candidates[c] = c == candidate;
    return settings;
}

static void is_refused(const gkv_density_settings *settings, const char *text)
{
    gkv_density *density = NULL;
    assert_fails(gkv_density_fit(ROWS, COLUMNS, table, settings, ON_THREADS(1), &density),
                 GKV_ERR_ARGUMENT, text);
    assert_null(density);
}

static void test_settings(void **state)
{
    (void)state;
    const double negative[COLUMNS] = {0, -0.5}, unlimited[COLUMNS] = {INFINITY, 0};
    const struct {
        size_t place;
        double bad;
    } numbers[] = {
        {offsetof(gkv_density_settings, learning_rate), 0},
        {offsetof(gkv_density_settings, learning_rate), 1.5},
        {offsetof(gkv_density_settings, learning_rate), NAN},
        {offsetof(gkv_density_settings, weight_decay), -1},
        {offsetof(gkv_density_settings, weight_decay), 1e6},
        {offsetof(gkv_density_settings, max_freedom), 1},
        {offsetof(gkv_density_settings, max_freedom), 1001},
    };
    const struct {
        size_t place, bad;
        const char *text;
    } counts[] = {
        {offsetof(gkv_density_settings, max_components), 65, "0 to 64, not 65"},
        {offsetof(gkv_density_settings, flow_layers), 0, "not 0 of 8"},
        {offsetof(gkv_density_settings, flow_layers), 65, "not 65 of 8"},
        {offsetof(gkv_density_settings, flow_hidden), 0, "not 2 of 0"},
        {offsetof(gkv_density_settings, flow_hidden), 1025, "not 2 of 1025"},
        {offsetof(gkv_density_settings, patience), 0, "out of range"},
        {offsetof(gkv_density_settings, flow_updates), 0, "out of range"},
        {offsetof(gkv_density_settings, flow_updates), 10000001, "out of range"},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        gkv_density_settings s = quick_settings();
        memcpy((char *)&s + numbers[i].place, &numbers[i].bad, sizeof numbers[i].bad);
        is_refused(&s, "settings of the flow's training are out of range");
    }
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        gkv_density_settings s = quick_settings();
        memcpy((char *)&s + counts[i].place, &counts[i].bad, sizeof counts[i].bad);
        is_refused(&s, counts[i].text);
    }
    gkv_density_settings s = quick_settings();
    s.flow = GKV_PRIOR_FLOWS;
    is_refused(&s, "there is no prior flow");
    s = quick_settings();
    s.resolution = negative;
    is_refused(&s, "resolution");
    s.resolution = unlimited;
    is_refused(&s, "resolution");
}

/* --- Margins -------------------------------------------------------------- */

static gki_margin spline(void)
{
    gki_margin margin = {.kind = GKV_DENSITY_MARGIN_SPLINE,
                         .knots = 3,
                         .lower = {-1, -2, 0.5, 0.1},
                         .upper = {1, -2, 0.5, 0.1}};
    for (size_t i = 0; i < 3; i++) {
        margin.x[i] = margin.z[i] = (double)i - 1;
        margin.slope[i] = 1;
    }
    return margin;
}

/* Each number of a valid margin in turn is one that it may not be. */
static void test_margins_of_files(void **state)
{
    (void)state;
    const gki_margin good = spline();
    const gki_margin t = {.kind = GKV_DENSITY_MARGIN_T, .t = {0, 1, 5}};
    const gki_margin gk = {.kind = GKV_DENSITY_MARGIN_GK, .gk = {0, 1, 0.2, 0.1, 0.8}};
    const struct {
        const gki_margin *margin;
        size_t place;
        double bad[3];
    } cases[] = {
        {&good, offsetof(gki_margin, knots), {1, 41, 2.5}},
        {&good, offsetof(gki_margin, lower.threshold), {NAN, -INFINITY, -0.5}},
        {&good, offsetof(gki_margin, upper.threshold), {NAN, INFINITY, 0.5}},
        {&good, offsetof(gki_margin, lower.log_share), {0, -INFINITY, NAN}},
        {&good, offsetof(gki_margin, lower.sigma), {0, INFINITY, NAN}},
        {&good, offsetof(gki_margin, upper.sigma), {-1, INFINITY, NAN}},
        {&good, offsetof(gki_margin, upper.xi), {-1, 1, NAN}},
        {&t, offsetof(gki_margin, lower.sigma), {-1, INFINITY, NAN}},
        {&gk, offsetof(gki_margin, upper.sigma), {1e-3, 1e3, NAN}},
        {&good, offsetof(gki_margin, x[1]), {-1, 2, NAN}},
        {&good, offsetof(gki_margin, z[1]), {-1, INFINITY, NAN}},
        {&good, offsetof(gki_margin, slope[1]), {0, INFINITY, NAN}},
        {&good, offsetof(gki_margin, kind), {3, -1, NAN}},
        {&t, offsetof(gki_margin, t.location), {NAN, INFINITY, -INFINITY}},
        {&t, offsetof(gki_margin, t.scale), {0, INFINITY, NAN}},
        {&t, offsetof(gki_margin, t.freedom), {0, INFINITY, NAN}},
        {&gk, offsetof(gki_margin, gk[1]), {0, -1, NAN}},
        {&gk, offsetof(gki_margin, gk[3]), {-0.1, INFINITY, NAN}},
    };
    assert_ok(gki_margin_check(&good));
    assert_ok(gki_margin_check(&t));
    assert_ok(gki_margin_check(&gk));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t k = 0; k < 3; k++) {
            gki_margin bad = *cases[i].margin;
            memcpy((char *)&bad + cases[i].place, &cases[i].bad[k], sizeof(double));
            assert_fails(gki_margin_check(&bad), GKV_ERR_DATA, "not a distribution");
        }
}

/* --- Intervals ------------------------------------------------------------ */

static void test_bad_intervals(void **state)
{
    (void)state;
    static const struct {
        double low, high;
        const char *text;
    } cases[] = {
        {2, 1, "row 4, column 2 (b)"},           {NAN, 1, "row 4, column 2 (b)"},
        {1, NAN, "row 4, column 2 (b)"},         {INFINITY, INFINITY, "row 4, column 2 (b)"},
        {-INFINITY, -INFINITY, "row 4, column"}, {-INFINITY, INFINITY, "is missing"}};
    static const char *const names[] = {"a", "b"};
    double lower[ROWS * COLUMNS], upper[ROWS * COLUMNS];
    gkv_density_settings settings = one_candidate(GKV_DENSITY_COPULA);
    settings.lower = lower;
    settings.upper = upper;
    settings.names = names;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gkv_density *density = NULL;
        memcpy(lower, table, sizeof lower);
        memcpy(upper, table, sizeof upper);
        lower[3 * COLUMNS + 1] = cases[i].low;
        upper[3 * COLUMNS + 1] = cases[i].high;
        assert_fails(gkv_density_fit(ROWS, COLUMNS, NULL, &settings, ON_THREADS(1), &density),
                     GKV_ERR_DATA, cases[i].text);
    }
}

/* --- Stops ---------------------------------------------------------------- */

static bool count_down(void *context, const gkv_progress *progress)
{
    (void)progress;
    size_t *left = context;
    return --*left == 0;
}

/* A fit that is stopped at its n-th report leaves nothing, and the next one is as if it had not
 * been. */
static void test_stops(void **state)
{
    (void)state;
    gkv_density_settings settings = quick_settings();
    settings.margin = GKV_DENSITY_MARGIN_T;
    settings.flow_updates = 2;
    settings.max_components = 1;
    gkv_status status = GKV_ERR_INTERRUPTED;
    size_t stops = 0;
    for (; status == GKV_ERR_INTERRUPTED && stops < 1000; stops++) {
        gkv_density *density = NULL;
        size_t left = stops + 1;
        const gkv_run_options options = {.threads = 1, .progress = count_down, .context = &left};
        status = gkv_density_fit(ROWS, COLUMNS, table, &settings, &options, &density);
        assert_int_equal(status == GKV_OK, density != NULL);
        assert_true(status == GKV_OK || *gkv_error_message());
        gkv_density_free(density);
    }
    assert_ok(status);
    assert_true(stops > 10);
}

/* --- The state of a training ---------------------------------------------- */

static gkv_status fit_folds(size_t folds, uint64_t seed, size_t *left, gkv_density **density)
{
    char path[512];
    snprintf(path, sizeof path, "%s", in_temporary("state.safetensors"));
    gkv_density_settings settings = one_candidate(GKV_DENSITY_FLOW);
    settings.flow_updates = 40;
    settings.checkpoint = path;
    settings.seed = seed;
    settings.folds = folds;
    const gkv_run_options options = {
        .threads = 1, .progress = left ? count_down : NULL, .context = left};
    return gkv_density_fit(ROWS, COLUMNS, table, &settings, &options, density);
}

static gkv_status fit_flow(uint64_t seed, size_t *left, gkv_density **density)
{
    return fit_folds(1, seed, left, density);
}

/* A fit of two folds that is stopped again and again ends as one that is not. */
static void test_many_stops(void **state)
{
    (void)state;
    gkv_density *whole = NULL, *density = NULL;
    size_t stops = 0;
    assert_ok(fit_folds(2, 1, NULL, &whole));
    for (gkv_status status = GKV_ERR_INTERRUPTED; status != GKV_OK; stops++) {
        size_t left = 8 + 3 * stops;
        status = fit_folds(2, 1, &left, &density);
        assert_true(status == GKV_OK || status == GKV_ERR_INTERRUPTED);
    }
    assert_true(stops > 3);
    double *a = log_densities(whole, GKV_DENSITY_FLOW, ROWS, table),
           *b = log_densities(density, GKV_DENSITY_FLOW, ROWS, table);
    assert_memory_equal(a, b, ROWS * sizeof *a);
    free(a);
    free(b);
    gkv_density_free(whole);
    gkv_density_free(density);
}

/* A state is of one fit; a damaged one is refused. */
static void test_states(void **state)
{
    (void)state;
    gkv_density *density = NULL;
    const char *path = in_temporary("state.safetensors");
    for (size_t stop = 1; access(path, F_OK) != 0 && stop < 200; stop++) {
        size_t left = stop;
        const gkv_status status = fit_flow(1, &left, &density);
        assert_true(status == GKV_ERR_INTERRUPTED);
    }
    assert_int_equal(access(path, F_OK), 0);
    assert_fails(fit_flow(2, NULL, &density), GKV_ERR_CONFIG, "other rows or with other settings");
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, -9, SEEK_END), 0);
    assert_int_equal(fputc(0x55, file), 0x55);
    assert_int_equal(fclose(file), 0);
    assert_fails(fit_flow(1, NULL, &density), GKV_ERR_DATA, "damaged");
    assert_int_equal(truncate(path, 20), 0);
    assert_fails(fit_flow(1, NULL, &density), GKV_ERR_DATA, "state.safetensors");
    assert_null(density);
    assert_int_equal(remove(path), 0);
    assert_ok(fit_flow(1, NULL, &density));
    gkv_density_free(density);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings),      cmocka_unit_test(test_margins_of_files),
        cmocka_unit_test(test_bad_intervals), cmocka_unit_test(test_stops),
        cmocka_unit_test(test_many_stops),    cmocka_unit_test(test_states),
    };
    return cmocka_run_group_tests(tests, make, release);
}
