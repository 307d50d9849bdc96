/* Pictures and pages that are written while calls of the file system fail. */
#define _XOPEN_SOURCE 700
#include "failing_files.h"

#include "app/picture.h"
#include "app/plot.h"

/* The whole picture of noise, which is larger than the buffer of a writer, or none. */
static gkv_status draws(void)
{
    enum { SIDE = 120 };
    static float noise[SIDE * SIDE];
    uint32_t seed = 1;
    count_files(1);
    for (size_t i = 0; i < SIDE * SIDE; i++) {
        seed = seed * 1664525U + 1013904223U;
        noise[i] = (float)(seed >> 8) / 16777216;
    }
    const gkv_status status =
        gki_plot_image_grid(in_folder("noise.png"), noise, 1, 1, SIDE, SIDE, NULL);
    stop_failing();
    if (status == GKV_OK)
        close_picture(open_picture(in_folder("noise.png")));
    return status;
}

static gkv_status writes_pages(void)
{
    const gki_report_figure figure = {.heading = "f", .png = GKV_TEST_FIXTURES "/png/grey-8.png"};
    const gki_report report = {.title = "t", .figures = &figure, .n_figures = 1};
    const gkv_status status = gki_report_html(in_folder("page.html"), &report);
    stop_failing();
    return status;
}

static void pictures_are_whole(void **state)
{
    (void)state;
    assert_true(loses_files(draws, true) > 10);
}

static void pages_are_written(void **state)
{
    (void)state;
    assert_true(loses_files(writes_pages, true) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_are_whole),
        cmocka_unit_test(pages_are_written),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
