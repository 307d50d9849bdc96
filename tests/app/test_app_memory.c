/* Pictures, pages and measurements that run out of memory. */
#define _XOPEN_SOURCE 700
#include "failing_memory.h"

#include "app/picture.h"
#include "app/plot.h"
#include "app/speed.h"
#include "core/error.h"

enum { ALL = 1000 };

static const double numbers[] = {1, 3, 2, 5};

/* A picture or a page is written whole, or the folder stays as it was. */
static gkv_status whole(gkv_status status)
{
    assert_int_equal(count_files(1), status == GKV_OK);
    return status;
}

static gkv_status scatters(void)
{
    const uint8_t labels[] = {0, 1};
    return whole(gki_plot_scatter_labelled(in_folder("a.png"), numbers, labels, 2, NULL));
}

static gkv_status draws_lines(void)
{
    const gki_series series = {.y = numbers, .n = 4};
    return whole(gki_plot_lines(in_folder("a.png"), &series, 1, NULL));
}

static gkv_status draws_fits(void)
{
    const gki_fit_panel panel = {.sample = numbers, .n_sample = 4};
    return whole(gki_plot_fit(in_folder("a.png"), &panel, NULL));
}

static gkv_status draws_margins(void)
{
    const gki_fit_panel panels[] = {{.sample = numbers, .n_sample = 4},
                                    {.sample = numbers, .n_sample = 3}};
    return whole(gki_plot_base_margins(in_folder("a.png"), panels, 2, NULL));
}

/* The picture is made before, and is not counted. */
static gkv_status writes_pages(void)
{
    const char *const columns[] = {"a", "b"}, *const cells[] = {"x", "1"};
    const gki_report_table table = {
        .heading = "t", .columns = columns, .n_columns = 2, .cells = cells, .n_rows = 1};
    const gki_report_figure figures[] = {
        {.heading = "f", .png = GKV_TEST_FIXTURES "/png/grey-8.png", .leads = 1},
        {.heading = "g", .png = GKV_TEST_FIXTURES "/png/grey-8.png"}};
    const gki_report report = {
        .title = "t", .tables = &table, .n_tables = 1, .figures = figures, .n_figures = 2};
    return whole(gki_report_html(in_folder("a.html"), &report));
}

static gkv_status multiplies(void)
{
    double seconds;
    return gki_bench_gemm(4, 1, &seconds);
}

MEMORY_TEST(scatters, ALL)
MEMORY_TEST(draws_lines, ALL)
MEMORY_TEST(draws_fits, ALL)
MEMORY_TEST(draws_margins, ALL)
MEMORY_TEST(writes_pages, ALL)
MEMORY_TEST(multiplies, ALL)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scatters_fails),     cmocka_unit_test(draws_lines_fails),
        cmocka_unit_test(draws_fits_fails),   cmocka_unit_test(draws_margins_fails),
        cmocka_unit_test(writes_pages_fails), cmocka_unit_test(multiplies_fails),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
