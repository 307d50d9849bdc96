/* Line plots: positions of lines, gaps, legends, and errors. */
#define _POSIX_C_SOURCE 200809L

#include "support.h"

#include <float.h>

#include "app/plot.h"
#include "app/picture.h"

enum { BLUE = 0x3F90DA, RED = 0xBD1F01 };

static gki_lines_settings small(void)
{
    gki_lines_settings settings;
    gki_lines_defaults(&settings);
    settings.width = 300;
    settings.height = 200;
    settings.pixel_ratio = 1;
    settings.legend = GKV_LEGEND_NONE;
    return settings;
}

/* The centre of the pixels with this colour in one column, or −1 if there are none. */
static double height_at(picture p, uint32_t colour, int x)
{
    double sum = 0;
    int count = 0;
    for (int y = 0; y < p.height; y++)
        if (count_colour(p, colour, x, y, x + 1, y + 1)) {
            sum += y;
            count++;
        }
    return count ? sum / count : -1;
}

static void lines_pass_through_their_points(void **state)
{
    (void)state;
    const double flat[] = {1, 1, 1}, rising[] = {0, 1, 2};
    const gki_series series[] = {{.name = "flat", .y = flat, .n = 3},
                                 {.name = "rising", .y = rising, .n = 3}};
    const gki_lines_settings settings = small();
    assert_ok(gki_plot_lines(in_folder("lines.png"), series, 2, &settings));
    const picture p = open_picture(in_folder("lines.png"));
    assert_int_equal(p.width, 300);
    assert_int_equal(p.height, 200);
    /* The frame goes from y = 16 to 172 and shows −0.1 … 2.1: 1 is at its centre. */
    for (int x = 60; x < 140; x += 10)
        assert_close(height_at(p, BLUE, x), 94, 1.01);
    const double left = height_at(p, RED, 60), middle = height_at(p, RED, 120),
                 right = height_at(p, RED, 240);
    assert_true(left > middle && middle > right);
    assert_close((left - middle) * 2, middle - right, 3); /* the line is straight */
    close_picture(p);
}

static void gaps_stay_empty(void **state)
{
    (void)state;
    double y[101];
    for (int i = 0; i < 101; i++)
        y[i] = i > 40 && i < 60 ? (i % 2 ? (double)NAN : (double)INFINITY) : 1 + i * 1e-3;
    const gki_series series = {.y = y, .n = 101};
    const gki_lines_settings settings = small();
    assert_ok(gki_plot_lines(in_folder("gap.png"), &series, 1, &settings));
    const picture p = open_picture(in_folder("gap.png"));
    assert_true(count_colour(p, BLUE, 50, 0, 130, 200) > 60);
    assert_true(count_colour(p, BLUE, 190, 0, 280, 200) > 60);
    assert_int_equal(count_colour(p, BLUE, 155, 0, 175, 200), 0);
    close_picture(p);

    y[50] = 1.05; /* a single point in the gap is a dot */
    assert_ok(gki_plot_lines(in_folder("alone.png"), &series, 1, &settings));
    const picture alone = open_picture(in_folder("alone.png"));
    assert_true(count_colour(alone, BLUE, 155, 0, 175, 200) > 2);
    close_picture(alone);
}

static void logarithmic_heights(void **state)
{
    (void)state;
    double y[101];
    for (int i = 0; i < 101; i++)
        y[i] = i == 70 ? -5 : pow(10, i * -0.06); /* a straight line, with a gap */
    const gki_series series = {.y = y, .n = 101};
    gki_lines_settings settings = small();
    settings.log_y = 1;
    assert_ok(gki_plot_lines(in_folder("log.png"), &series, 1, &settings));
    const picture p = open_picture(in_folder("log.png"));
    const double a = height_at(p, BLUE, 70), b = height_at(p, BLUE, 120),
                 c = height_at(p, BLUE, 170);
    assert_true(a > 0 && b > a && c > b);
    assert_close(b - a, c - b, 2);
    close_picture(p);
}

/* The legend is in the corner without a line: there are lines along all edges but the lower
 * right. */
static void the_legend_touches_no_line(void **state)
{
    (void)state;
    double y[200];
    for (int i = 0; i < 200; i++)
        y[i] = i < 110 ? (i % 2 ? 1 : 0) : 1;
    const gki_series series[] = {{.name = "saw", .y = y, .n = 200}};
    gki_lines_settings settings = small();
    assert_ok(gki_plot_lines(in_folder("without.png"), series, 1, &settings));
    settings.legend = GKV_LEGEND_AUTO;
    assert_ok(gki_plot_lines(in_folder("with.png"), series, 1, &settings));
    const picture without = open_picture(in_folder("without.png")),
                  with = open_picture(in_folder("with.png"));
    /* The line is complete above the legend and in the half of the sawtooth. The line of the legend
     * is in the lower right. */
    assert_int_equal(count_colour(with, BLUE, 0, 0, 180, 200),
                     count_colour(without, BLUE, 0, 0, 180, 200));
    assert_int_equal(count_colour(with, BLUE, 180, 0, 300, 90),
                     count_colour(without, BLUE, 180, 0, 300, 90));
    assert_int_equal(count_colour(without, BLUE, 190, 90, 300, 200), 0);
    assert_true(count_colour(with, BLUE, 190, 90, 300, 200) > 10);
    close_picture(without);
    close_picture(with);

    for (int i = 0; i < 200; i++) /* no corner is free, so the legend is at the right */
        y[i] = i % 2;
    assert_ok(gki_plot_lines(in_folder("right.png"), series, 1, &settings));
    const picture right = open_picture(in_folder("right.png"));
    const int edge = 300 - 18;
    assert_true(count_colour(right, BLUE, 60, 100, 180, 160) > 1000);
    assert_int_equal(count_colour(right, BLUE, edge - 30, 100, 300, 200), 0);
    close_picture(right);
}

static void odd_data_give_pictures(void **state)
{
    (void)state;
    const double huge[] = {-DBL_MAX, 0, DBL_MAX}, nothing[] = {NAN, INFINITY}, equal[] = {7, 7},
                 one[] = {3};
    const double jumps[] = {0, 1e300, -1e300, 1};
    const gki_series odd[] = {
        {.name = "huge", .y = huge, .n = 3},
        {.name = "nothing", .y = nothing, .n = 2, .markers = 1},
        {.name = "equal", .y = equal, .n = 2},
        {.name = "one", .y = one, .n = 1},
        {.name = "empty"},
        {.name = "x", .x = huge, .y = huge, .n = 3, .style = GKV_LINE_DOTTED},
    };
    for (int log = 0; log < 2; log++) {
        gki_lines_settings settings = small();
        settings.log_y = log;
        settings.legend = GKV_LEGEND_AUTO;
        settings.title =
            "a title that is much longer than the picture is wide, so that it must be cut short";
        settings.x_label = settings.y_label =
            "also a label that is too long for the side of so small a picture";
        for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
            assert_ok(gki_plot_lines(in_folder("odd.png"), &odd[i], 1, &settings));
            close_picture(open_picture(in_folder("odd.png")));
        }
        assert_ok(gki_plot_lines(in_folder("odd.png"), odd, 6, &settings));
    }
    /* Far beyond the ends of the caller, a line is clipped exactly. */
    gki_lines_settings settings = small();
    settings.y_low = 0;
    settings.y_high = 1;
    const gki_series series = {.y = jumps, .n = 4};
    assert_ok(gki_plot_lines(in_folder("jumps.png"), &series, 1, &settings));
    const picture p = open_picture(in_folder("jumps.png"));
    for (int y = 30; y < 160; y += 10) /* up at the left end, down in the middle, up at the right */
        for (int third = 0; third < 3; third++)
            assert_true(count_colour(p, BLUE, 20 + 90 * third, y, 110 + 90 * third, y + 1) >= 1);
    close_picture(p);
}

static void same_input_same_bytes(void **state)
{
    (void)state;
    const double y[] = {3, 1, 4, 1, 5};
    const gki_series series = {.name = "π", .y = y, .n = 5, .markers = 1};
    assert_ok(gki_plot_lines(in_folder("once.png"), &series, 1, NULL));
    assert_ok(gki_plot_lines(in_folder("twice.png"), &series, 1, NULL));
    assert_same_bytes(in_folder("once.png"), in_folder("twice.png"));
    const picture p = open_picture(in_folder("once.png"));
    assert_int_equal(p.width, 1280);
    assert_int_equal(p.height, 800);
    close_picture(p);
}

static void refuses(void **state)
{
    (void)state;
    const double y[] = {1, 2};
    const gki_series good = {.y = y, .n = 2}, bad = {.name = "loss", .n = 2};
    count_files(1);
    const char *const path = in_folder("no.png");
    assert_fails(gki_plot_lines(path, &good, 0, NULL), GKV_ERR_ARGUMENT, "0 series");
    assert_fails(gki_plot_lines(path, &good, 11, NULL), GKV_ERR_ARGUMENT, "11 series");
    assert_fails(gki_plot_lines(path, &bad, 1, NULL), GKV_ERR_ARGUMENT, "loss");
    assert_fails(gki_plot_lines("", &good, 1, NULL), GKV_ERR_ARGUMENT, "no path");
    assert_fails(gki_plot_lines("/dev/null", &good, 1, NULL), GKV_ERR_IO, "/dev/null");
    assert_fails(gki_plot_lines(in_folder("a/b.png"), &good, 1, NULL), GKV_ERR_IO, "No such file");
    assert_int_equal(count_files(0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_pass_through_their_points),
        cmocka_unit_test(gaps_stay_empty),
        cmocka_unit_test(logarithmic_heights),
        cmocka_unit_test(the_legend_touches_no_line),
        cmocka_unit_test(odd_data_give_pictures),
        cmocka_unit_test(same_input_same_bytes),
        cmocka_unit_test(refuses),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
