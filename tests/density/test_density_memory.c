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

MEMORY_TEST(fits, 6)
MEMORY_TEST(is_used, 30)
MEMORY_TEST(is_saved_and_read, 60)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fits_fails),
        cmocka_unit_test(is_used_fails),
        cmocka_unit_test(is_saved_and_read_fails),
    };
    return cmocka_run_group_tests(tests, make, release);
}
