/* Fits, uses and files of densities run out of memory, and lose nothing else by it. */
#define _XOPEN_SOURCE 700
#include "failing_memory.h"

#include "density_fixture.h"
#include "folder.h"

enum { ROWS = 30, COLUMNS = 2 };

static double *table;
static gkv_density *fitted;

static gkv_density_settings tiny_settings(void)
{
    gkv_density_settings settings = quick_settings();
    settings.flow_updates = 2;
    settings.max_components = 1;
    settings.candidates[GKV_DENSITY_NORMAL_MIXTURE] = false; /* as the other mixture */
    return settings;
}

static int make(void **state)
{
    if (make_temporary_in_memory(state) != 0)
        return -1;
    const gkv_density_settings settings = tiny_settings();
    table = make_table(ROWS, COLUMNS);
    fitted = fit_table(ROWS, COLUMNS, table, &settings, 1);
    assert_ok(gkv_density_save(fitted, in_temporary("density.safetensors")));
    return 0;
}

static int release(void **state)
{
    gkv_density_free(fitted);
    free(table);
    return remove_temporary(state);
}

/* A fit that succeeds is the same, whatever was short before: no candidate and no margin is left
 * out because memory was. */
static gkv_status fits(void)
{
    const gkv_density_settings settings = tiny_settings();
    gkv_density *density = NULL;
    const gkv_status status =
        gkv_density_fit(ROWS, COLUMNS, table, &settings, ON_THREADS(1), &density);
    assert_int_equal(status == GKV_OK, density != NULL);
    for (int64_t c = 0; density && c < GKV_DENSITY_CANDIDATES; c++) {
        gkv_density_candidate_info one, other;
        assert_ok(gkv_density_get_candidate(density, c, &one));
        assert_ok(gkv_density_get_candidate(fitted, c, &other));
        assert_true(one.fitted == other.fitted && one.held_out == other.held_out);
    }
    gkv_density_free(density);
    return status;
}

/* One kind of margins and the t copula. */
static gkv_status fit_copula(const gkv_density_settings *settings, const double *x)
{
    gkv_density *density = NULL;
    const gkv_status status = gkv_density_fit(ROWS, COLUMNS, x, settings, ON_THREADS(1), &density);
    assert_int_equal(status == GKV_OK, density != NULL);
    gkv_density_free(density);
    return status;
}

static gkv_density_settings copula_settings(int64_t margin)
{
    gkv_density_settings settings = tiny_settings();
    settings.margin = margin;
    for (int64_t c = 0; c < GKV_DENSITY_CANDIDATES; c++)
        settings.candidates[c] = c == GKV_DENSITY_COPULA;
    return settings;
}

static gkv_status fits_t(void)
{
    const gkv_density_settings settings = copula_settings(GKV_DENSITY_MARGIN_T);
    return fit_copula(&settings, table);
}

static gkv_status fits_intervals(void)
{
    double upper[ROWS * COLUMNS];
    gkv_density_settings settings = copula_settings(GKV_DENSITY_MARGIN_AUTO);
    for (size_t i = 0; i < ROWS * COLUMNS; i++)
        upper[i] = table[i] + 0.5;
    settings.lower = table;
    settings.upper = upper;
    return fit_copula(&settings, NULL);
}

/* Distributions that are derived from a density, and their values. */
static gkv_status is_derived(void)
{
    const size_t first = 0;
    const double score = 0.3;
    double value = 0, p = 0, log_density = -3, z[COLUMNS];
    gkv_status status = gkv_density_quantiles(fitted, 1, 1, &score, &value);
    if (status == GKV_OK)
        status = gkv_density_p_values(fitted, GKV_DENSITY_GK_MIXTURE, 1, &log_density, &p);
    if (status == GKV_OK)
        status = gkv_density_scores(fitted, 1, table, ON_THREADS(1), z, NULL);
    for (int64_t c = 0; c < GKV_DENSITY_FLOW && status == GKV_OK; c++) {
        if (c == GKV_DENSITY_NORMAL_MIXTURE)
            continue;
        gkv_density *part = NULL, *given = NULL;
        status = gkv_density_marginal(fitted, c, 1, &first, &part);
        if (status == GKV_OK)
            status = gkv_density_conditional(fitted, c, 1, &first, &table[0], &given);
        if (status == GKV_OK)
            status = gkv_density_sample(given, GKV_DENSITY_CHOSEN, 1, 1, 0, ON_THREADS(1), &value);
        if (status == GKV_OK)
            status = gkv_density_log_density(part, GKV_DENSITY_CHOSEN, 1, table, ON_THREADS(1),
                                             &log_density);
        gkv_density_free(part);
        gkv_density_free(given);
    }
    return status;
}

static gkv_status is_used(void)
{
    double x[ROWS * COLUMNS], log_density[ROWS];
    const size_t first = 0;
    const double value = 1;
    gkv_density *given = NULL;
    gkv_status status = gkv_density_sample(fitted, GKV_DENSITY_FLOW, ROWS, 1, 0, ON_THREADS(1), x);
    for (int64_t c = 0; c < GKV_DENSITY_CANDIDATES && status == GKV_OK; c++)
        if (c != GKV_DENSITY_NORMAL_MIXTURE)
            status = gkv_density_log_density(fitted, c, ROWS, x, ON_THREADS(1), log_density);
    if (status == GKV_OK)
        status = gkv_density_conditional(fitted, GKV_DENSITY_COPULA, 1, &first, &value, &given);
    gkv_density_free(given);
    return status;
}

static gkv_status is_saved_and_read(void)
{
    gkv_density *density = NULL;
    gkv_status status = gkv_density_save(fitted, in_temporary("saved.safetensors"));
    if (status == GKV_OK)
        status = gkv_density_load(in_temporary("density.safetensors"), &density);
    assert_int_equal(status == GKV_OK, density != NULL);
    gkv_density_free(density);
    return status;
}

MEMORY_TEST(fits, 4)
MEMORY_TEST(fits_t, 40)
MEMORY_TEST(fits_intervals, 3)
MEMORY_TEST(is_derived, 30)
MEMORY_TEST(is_used, 30)
MEMORY_TEST(is_saved_and_read, 60)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fits_fails),           cmocka_unit_test(fits_t_fails),
        cmocka_unit_test(fits_intervals_fails), cmocka_unit_test(is_derived_fails),
        cmocka_unit_test(is_used_fails),        cmocka_unit_test(is_saved_and_read_fails),
    };
    return cmocka_run_group_tests(tests, make, release);
}
