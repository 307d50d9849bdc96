/* Plots of samples and their fits: pages of panels. */
#define _POSIX_C_SOURCE 200809L

#include "support.h"

#include <float.h>

#include "app/plot.h"
#include "app/picture.h"

enum { N = 400, POINTS = 101, RED = 0xBD1F01 };

static double sample[N], x[POINTS], density[POINTS], low[POINTS], high[POINTS];

/* The exact quantiles of a logistic distribution as a sample, and its exact density. */
static gki_fit_panel logistic(void)
{
    for (int i = 0; i < N; i++)
        sample[i] = log((i + 0.5) / (N - i - 0.5));
    for (int i = 0; i < POINTS; i++) {
        x[i] = -8 + 16.0 * i / (POINTS - 1);
        density[i] = 1 / (2 + exp(x[i]) + exp(-x[i]));
        low[i] = density[i] * 0.8;
        high[i] = density[i] * 1.2;
    }
    return (gki_fit_panel){.title = "dimension 7: g = 0.21, k = 0.05",
                           .sample = sample,
                           .n_sample = N,
                           .density_x = x,
                           .density_y = density,
                           .n_density = POINTS,
                           .theoretical = sample,
                           .empirical = sample,
                           .n_quantiles = N};
}

/* Labels of ticks that are wide have their room beside the title of the axis. */
static void wide_labels_widen_the_picture(void **state)
{
    (void)state;
    static double large[N];
    gki_fit_panel panel = logistic();
    gki_fit_settings settings;
    gki_fit_defaults(&settings);
    settings.pixel_ratio = 1;
    assert_ok(gki_plot_fit(in_folder("narrow.png"), &panel, &settings));
    for (int i = 0; i < N; i++)
        large[i] = 50000 + 1000 * sample[i];
    panel.sample = panel.theoretical = panel.empirical = large;
    panel.n_density = 0;
    assert_ok(gki_plot_fit(in_folder("wide.png"), &panel, &settings));
    const picture narrow = open_picture(in_folder("narrow.png")),
                  wide = open_picture(in_folder("wide.png"));
    assert_true(wide.width > narrow.width + 10);
    close_picture(narrow);
    close_picture(wide);
}

static void pages_of_one_to_six(void **state)
{
    (void)state;
    gki_fit_panel panels[6];
    int widths[7], heights[7];
    for (int i = 0; i < 6; i++)
        panels[i] = logistic();
    gki_fit_settings settings;
    gki_fit_defaults(&settings);
    settings.pixel_ratio = 1;
    settings.standard_normal = 1;
    settings.title = "margins";
    for (size_t n = 1; n <= 6; n++) {
        assert_ok(gki_plot_base_margins(in_folder("page.png"), panels, n, &settings));
        const picture p = open_picture(in_folder("page.png"));
        widths[n] = p.width;
        heights[n] = p.height;
        /* Each panel has its red curve. */
        assert_true(count_everywhere(p, RED) > 60 * (int)n);
        close_picture(p);
    }
    assert_true(widths[2] > widths[1] && widths[3] > widths[2] && widths[4] > widths[3]);
    assert_int_equal(widths[5], widths[3]); /* two rows of up to three panels */
    assert_int_equal(widths[6], widths[5]);
    assert_int_equal(heights[4], heights[2]);
    assert_true(heights[6] > heights[4] * 3 / 2);
}

static void bands_are_drawn_when_given(void **state)
{
    (void)state;
    gki_fit_panel panel = logistic();
    gki_fit_settings settings;
    gki_fit_defaults(&settings);
    settings.pixel_ratio = 1;
    assert_ok(gki_plot_fit(in_folder("bare.png"), &panel, &settings));
    panel.density_low = low;
    panel.density_high = high;
    assert_ok(gki_plot_fit(in_folder("band.png"), &panel, &settings));
    const picture bare = open_picture(in_folder("bare.png")),
                  band = open_picture(in_folder("band.png"));
    assert_int_equal(bare.width, band.width);
    /* The colour of the density's band on white: 22 % of the red of the palette. */
    assert_true(count_everywhere(band, 0xF0CEC7) > count_everywhere(bare, 0xF0CEC7) + 500);
    close_picture(band);
    /* The band of the QQ plot is grey: 13 % of the colour of the dashes. */
    double q_low[N], q_high[N];
    for (int i = 0; i < N; i++)
        q_low[i] = sample[i] - .5, q_high[i] = sample[i] + .5;
    panel.density_low = panel.density_high = NULL;
    panel.quantile_low = q_low;
    panel.quantile_high = q_high;
    assert_ok(gki_plot_fit(in_folder("grey.png"), &panel, &settings));
    const picture grey = open_picture(in_folder("grey.png"));
    assert_true(count_everywhere(grey, 0xE3E3E3) > count_everywhere(bare, 0xE3E3E3) + 500);
    assert_true(count_everywhere(grey, 0xF0CEC7) < count_everywhere(bare, 0xF0CEC7) + 100);
    close_picture(grey);

    panel.n_quantiles = 0; /* without a QQ plot the page has only the histogram */
    assert_ok(gki_plot_fit(in_folder("alone.png"), &panel, &settings));
    const picture alone = open_picture(in_folder("alone.png"));
    assert_true(alone.width < bare.width - 200);
    close_picture(alone);
    close_picture(bare);
}

static void same_input_same_bytes(void **state)
{
    (void)state;
    const gki_fit_panel panel = logistic();
    assert_ok(gki_plot_fit(in_folder("once.png"), &panel, NULL));
    assert_ok(gki_plot_fit(in_folder("twice.png"), &panel, NULL));
    assert_same_bytes(in_folder("once.png"), in_folder("twice.png"));
}

static void odd_data_give_pictures(void **state)
{
    (void)state;
    const double odd[] = {NAN, INFINITY, DBL_MAX, -DBL_MAX, 3, 3, 3};
    const double spike[] = {0, INFINITY, 1e300, NAN, -1, 0, 0};
    for (size_t from = 0; from < 7; from++) {
        const size_t n = 7 - from;
        const gki_fit_panel panel = {.title = "odd",
                                     .sample = odd + from,
                                     .n_sample = n,
                                     .density_x = odd + from,
                                     .density_y = spike + from,
                                     .density_low = spike + from,
                                     .density_high = odd + from,
                                     .n_density = n,
                                     .theoretical = odd + from,
                                     .empirical = spike + from,
                                     .quantile_low = odd + from,
                                     .quantile_high = spike + from,
                                     .n_quantiles = n};
        gki_fit_settings settings;
        gki_fit_defaults(&settings);
        settings.standard_normal = 1;
        settings.bins = from ? 0 : 500;
        assert_ok(gki_plot_fit(in_folder("odd.png"), &panel, &settings));
        close_picture(open_picture(in_folder("odd.png")));
        assert_ok(gki_plot_base_margins(in_folder("odd.png"), &panel, 1, &settings));
        close_picture(open_picture(in_folder("odd.png")));
    }
}

static void refuses(void **state)
{
    (void)state;
    gki_fit_panel panels[7];
    for (int i = 0; i < 7; i++)
        panels[i] = logistic();
    gki_fit_settings settings;
    gki_fit_defaults(&settings);
    count_files(1);
    const char *const path = in_folder("no.png");
    assert_fails(gki_plot_base_margins(path, panels, 0, NULL), GKV_ERR_ARGUMENT,
                 "0 fitted samples");
    assert_fails(gki_plot_base_margins(path, panels, 7, NULL), GKV_ERR_ARGUMENT, "1 … 6");
    settings.bins = 1;
    assert_fails(gki_plot_fit(path, panels, &settings), GKV_ERR_ARGUMENT, "1 bins");
    panels[1].n_sample = 0;
    assert_fails(gki_plot_base_margins(path, panels, 2, NULL), GKV_ERR_ARGUMENT,
                 "panel 1 (dimension 7");
    panels[1] = logistic();
    panels[1].density_y = NULL;
    assert_fails(gki_plot_fit(path, &panels[1], NULL), GKV_ERR_ARGUMENT, "density");
    panels[1] = logistic();
    panels[1].empirical = NULL;
    assert_fails(gki_plot_fit(path, &panels[1], NULL), GKV_ERR_ARGUMENT, "QQ");
    assert_fails(gki_plot_fit(in_folder("a/b.png"), panels, NULL), GKV_ERR_IO, "a/b.png");
    assert_int_equal(count_files(0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wide_labels_widen_the_picture), cmocka_unit_test(pages_of_one_to_six),
        cmocka_unit_test(bands_are_drawn_when_given),    cmocka_unit_test(same_input_same_bytes),
        cmocka_unit_test(odd_data_give_pictures),        cmocka_unit_test(refuses),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
