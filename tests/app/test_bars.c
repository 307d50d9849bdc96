/* Values with intervals. */
#define _POSIX_C_SOURCE 200809L

#include "support.h"

#include "app/plot.h"
#include "app/picture.h"

enum { BLUE = 0x3F90DA };

static gki_bars_settings plain(void)
{
    gki_bars_settings settings;
    gki_bars_defaults(&settings);
    settings.width = 400;
    settings.row_height = 40;
    settings.pixel_ratio = 1;
    return settings;
}

/* The first and the last column with this colour in a row of the picture, or −1 and −1 if there is
 * none. */
static void extent(picture p, int y, int *first, int *last)
{
    *first = *last = -1;
    for (int x = 0; x < p.width; x++)
        if (count_colour(p, BLUE, x, y, x + 1, y + 1) > 0) {
            *first = *first < 0 ? x : *first;
            *last = x;
        }
}

static void rows_and_whiskers(void **state)
{
    (void)state;
    const gki_bar bars[] = {
        {"one", 1, 0, 2}, {"two", 3, 2, 4}, {"three", 2, NAN, 4}, {"four", NAN, 0, 1}};
    gki_bars_settings settings = plain();
    assert_ok(gki_plot_bars(in_folder("bars.png"), bars, 4, &settings));
    const picture p = open_picture(in_folder("bars.png"));
    assert_int_equal(p.width, 400);
    assert_int_equal(p.height, 16 + 4 * 40 + 28);
    int first[4], last[4];
    for (int i = 0; i < 4; i++)
        extent(p, 16 + 40 * i + 20, &first[i], &last[i]);
    /* The axis goes from 0 to 4 with a margin of 4 % on both sides. The first whisker gives the
     * scale of the second. */
    assert_true(abs((last[0] - first[0]) - (last[1] - first[1])) <= 2);
    assert_true(abs(last[0] - first[1]) <= 2);
    /* A dot without whiskers is at its value, centred between them, and has the width of a dot. */
    assert_true(abs((first[2] + last[2]) / 2 - last[0]) <= 2 && last[2] - first[2] < 12);
    assert_int_equal(first[3], -1);
    close_picture(p);
    assert_ok(gki_plot_bars(in_folder("again.png"), bars, 4, &settings));
    assert_same_bytes(in_folder("bars.png"), in_folder("again.png"));
}

/* The axis includes the reference, so other positions change. */
static void reference(void **state)
{
    (void)state;
    const gki_bar bar = {"one", 1, 0.5, 1.5};
    gki_bars_settings settings = plain();
    int first, last, with_first, with_last;
    assert_ok(gki_plot_bars(in_folder("without.png"), &bar, 1, &settings));
    picture p = open_picture(in_folder("without.png"));
    extent(p, 36, &first, &last);
    close_picture(p);
    settings.reference = 5;
    assert_ok(gki_plot_bars(in_folder("with.png"), &bar, 1, &settings));
    p = open_picture(in_folder("with.png"));
    extent(p, 36, &with_first, &with_last);
    close_picture(p);
    assert_true(4 * (with_last - with_first) < last - first + 10 && with_last < (first + last) / 2);
}

static void odd_data_give_pictures(void **state)
{
    (void)state;
    const gki_bar odd[] = {
        {NULL, NAN, NAN, NAN},
        {"", 1e308, -1e308, 1e308},
        {"\xff\xfe", 5, 5, 5},
        {"back to front", 1, 2, 0},
        {"a name that is far longer than the half of the picture that there is for all of them", 0,
         0, 0}};
    gki_bars_settings settings = plain();
    settings.title = settings.x_label = "nats";
    for (size_t n = 1; n <= 5; n++)
        for (size_t from = 0; from + n <= 5; from++) {
            assert_ok(gki_plot_bars(in_folder("odd.png"), odd + from, n, &settings));
            close_picture(open_picture(in_folder("odd.png")));
        }
    assert_ok(gki_plot_bars(in_folder("odd.png"), odd, 1, NULL));
}

static void refuses(void **state)
{
    (void)state;
    const gki_bar bar = {"one", 1, 0, 2};
    gki_bars_settings settings = plain();
    count_files(1);
    const char *const path = in_folder("no.png");
    assert_fails(gki_plot_bars(path, &bar, 0, NULL), GKV_ERR_ARGUMENT, "0 values");
    assert_fails(gki_plot_bars(path, &bar, GKV_BARS_MAX + 1, NULL), GKV_ERR_ARGUMENT, "501 values");
    assert_fails(gki_plot_bars(path, NULL, 1, NULL), GKV_ERR_ARGUMENT, "without values");
    assert_fails(gki_plot_bars(NULL, &bar, 1, NULL), GKV_ERR_ARGUMENT, "without a path");
    settings.reference = INFINITY;
    assert_fails(gki_plot_bars(path, &bar, 1, &settings), GKV_ERR_ARGUMENT, "reference");
    assert_fails(gki_plot_bars(in_folder("a/b.png"), &bar, 1, NULL), GKV_ERR_IO, "a/b.png");
    assert_int_equal(count_files(0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_and_whiskers),
        cmocka_unit_test(reference),
        cmocka_unit_test(odd_data_give_pictures),
        cmocka_unit_test(refuses),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
