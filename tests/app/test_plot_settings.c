/* What all plots do with their settings: sizes and ratios that are refused, and texts that are
 * empty or too long. */
#define _POSIX_C_SOURCE 200809L

#include "support.h"

#include "app/plot.h"
#include "app/picture.h"

enum { TEXT = 3000 };

/* The settings that all plots have. */
typedef struct common {
    double width, height, ratio; /* NaN for the default of a side */
    const char *text;            /* of the title and of all labels */
} common;

static const double numbers[] = {1, 3, 2, 5};
static const common plain = {NAN, NAN, 1, NULL};

static double side(double wanted, double usual)
{
    return isnan(wanted) ? usual : wanted;
}

static gkv_status lines(const char *path, const common *c)
{
    const gki_series series = {.name = c->text, .y = numbers, .n = 4};
    gki_lines_settings set;
    gki_lines_defaults(&set);
    set.width = side(c->width, set.width);
    set.height = side(c->height, set.height);
    set.pixel_ratio = c->ratio;
    set.title = set.x_label = set.y_label = c->text;
    return gki_plot_lines(path, &series, 1, &set);
}

static gkv_status bars(const char *path, const common *c)
{
    const gki_bar bar = {.name = c->text, .value = 1, .low = 0, .high = 2};
    gki_bars_settings set;
    gki_bars_defaults(&set);
    set.width = side(c->width, set.width);
    set.row_height = side(c->height, set.row_height);
    set.pixel_ratio = c->ratio;
    set.title = set.x_label = c->text;
    return gki_plot_bars(path, &bar, 1, &set);
}

static gkv_status scatter(const char *path, const common *c)
{
    gki_scatter_settings set;
    gki_scatter_defaults(&set);
    set.width = side(c->width, set.width);
    set.height = side(c->height, set.height);
    set.pixel_ratio = c->ratio;
    set.title = set.x_label = set.y_label = c->text;
    return gki_plot_scatter_labelled(path, numbers, NULL, 2, &set);
}

static gkv_status grid(const char *path, const common *c)
{
    static const float image[] = {0, .5F, .5F, 1};
    const char *const labels[] = {c->text};
    gki_image_grid_settings set;
    gki_image_grid_defaults(&set);
    set.pixel_ratio = c->ratio;
    set.title = set.caption = c->text;
    set.row_labels = set.column_labels = c->text && *c->text ? labels : NULL;
    set.n_row_labels = set.n_column_labels = 1;
    return gki_plot_image_grid(path, image, 1, 1, 2, 2, &set);
}

static gki_fit_settings settings_of_fits(const common *c)
{
    gki_fit_settings set;
    gki_fit_defaults(&set);
    set.pixel_ratio = c->ratio;
    set.title = c->text;
    return set;
}

static gkv_status fit(const char *path, const common *c)
{
    const gki_fit_panel panel = {.title = c->text, .sample = numbers, .n_sample = 4};
    const gki_fit_settings set = settings_of_fits(c);
    return gki_plot_fit(path, &panel, &set);
}

static gkv_status margins(const char *path, const common *c)
{
    const gki_fit_panel panel = {.title = c->text, .sample = numbers, .n_sample = 4};
    const gki_fit_settings set = settings_of_fits(c);
    return gki_plot_base_margins(path, &panel, 1, &set);
}

static gkv_status (*const plots[])(const char *path, const common *c) = {lines, bars, scatter,
                                                                         grid,  fit,  margins};
enum { PLOTS = sizeof plots / sizeof *plots, WITH_SIDES = 3 };

static void pixel_ratios_have_limits(void **state)
{
    (void)state;
    const double wrong[] = {.4, 8.1, NAN};
    count_files(1);
    for (size_t i = 0; i < PLOTS; i++)
        for (size_t w = 0; w < 3; w++)
            assert_fails(plots[i](in_folder("no.png"), &(common){NAN, NAN, wrong[w], NULL}),
                         GKV_ERR_ARGUMENT, "it must be in 0.5 … 8");
    assert_int_equal(count_files(0), 0);
}

static void sides_have_limits(void **state)
{
    (void)state;
    const common wrong[] = {
        {159, NAN, 1, NULL}, {8001, NAN, 1, NULL}, {NAN, 5, 1, NULL}, {NAN, 8001, 1, NULL}};
    for (size_t i = 0; i < WITH_SIDES; i++)
        for (size_t w = 0; w < sizeof wrong / sizeof *wrong; w++)
            assert_fails(plots[i](in_folder("no.png"), &wrong[w]), GKV_ERR_ARGUMENT, "160 … 8000");
    /* the limits of a picture are its pixels */
    assert_fails(lines(in_folder("no.png"), &(common){8000, NAN, 8, NULL}), GKV_ERR_ARGUMENT,
                 "a side must have 1 … 32767");
    assert_fails(lines(in_folder("no.png"), &(common){NAN, 8000, 8, NULL}), GKV_ERR_ARGUMENT,
                 "a side must have 1 … 32767");
    assert_int_equal(count_files(0), 0);
}

static void empty_texts_are_no_texts(void **state)
{
    (void)state;
    const common empty = {NAN, NAN, 1, ""};
    for (size_t i = 0; i < PLOTS; i++) {
        assert_ok(plots[i](in_folder("none.png"), &plain));
        assert_ok(plots[i](in_folder("empty.png"), &empty));
        assert_same_bytes(in_folder("none.png"), in_folder("empty.png"));
    }
}

/* A text that is too long for a label ends with an ellipsis, at a whole character. */
static void long_texts_are_cut(void **state)
{
    (void)state;
    static char longer[TEXT + 1], longest[TEXT + 1];
    const common cut = {NAN, NAN, 1, longer}, again = {NAN, NAN, 1, longest};
    for (size_t i = 0; i + 2 <= TEXT; i += 2) {
        memcpy(longer + i, "ü", 2);
        memcpy(longest + i, "ü", 2);
    }
    longer[TEXT - 1000] = '\0';
    for (size_t i = 0; i < PLOTS; i++) {
        assert_ok(plots[i](in_folder("cut.png"), &cut));
        assert_ok(plots[i](in_folder("again.png"), &again));
        assert_same_bytes(in_folder("cut.png"), in_folder("again.png"));
    }
}

static void grids_have_limits(void **state)
{
    (void)state;
    static const struct {
        int scale, gap;
        size_t channels, rows, cols, h, w;
        const char *text;
    } wrong[] = {{0, 4, 1, 1, 1, 2, 2, "1 … 64"},          {65, 4, 1, 1, 1, 2, 2, "1 … 64"},
                 {4, -1, 1, 1, 1, 2, 2, "0 … 256"},        {4, 257, 1, 1, 1, 2, 2, "0 … 256"},
                 {4, 4, 2, 1, 1, 2, 2, "1 or 3"},          {4, 4, 1, 0, 1, 2, 2, "nothing to show"},
                 {4, 4, 1, 1, 0, 2, 2, "nothing to show"}, {4, 4, 1, 1, 1, 0, 2, "nothing to show"},
                 {4, 4, 1, 1, 1, 2, 0, "nothing to show"}, {4, 4, 1, 32768, 1, 2, 2, "too large"},
                 {4, 4, 1, 1, 32768, 2, 2, "too large"},   {4, 4, 1, 1, 1, 65537, 2, "too large"},
                 {4, 4, 1, 1, 1, 2, 65537, "too large"}};
    const float image[4] = {0};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        gki_image_grid_settings set;
        gki_image_grid_defaults(&set);
        set.scale = wrong[i].scale;
        set.gap = wrong[i].gap;
        set.channels = wrong[i].channels;
        assert_fails(gki_plot_image_grid(in_folder("no.png"), image, wrong[i].rows, wrong[i].cols,
                                         wrong[i].h, wrong[i].w, &set),
                     GKV_ERR_ARGUMENT, wrong[i].text);
    }
}

static void ends_of_axes_must_rise(void **state)
{
    (void)state;
    static const struct {
        double low, high;
        int log;
        const char *text;
    } wrong[] = {{INFINITY, NAN, 0, "must rise"},
                 {NAN, INFINITY, 0, "must rise"},
                 {2, 2, 0, "must rise"},
                 {0, NAN, 1, "above 0"},
                 {NAN, -1, 1, "above 0"}};
    const gki_series series = {.y = numbers, .n = 4};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        gki_lines_settings set;
        gki_lines_defaults(&set);
        set.y_low = wrong[i].low;
        set.y_high = wrong[i].high;
        set.log_y = wrong[i].log;
        assert_fails(gki_plot_lines(in_folder("no.png"), &series, 1, &set), GKV_ERR_ARGUMENT,
                     wrong[i].text);
    }
}

static void dots_have_limits(void **state)
{
    (void)state;
    static const double wrong[][2] = {{.1, 1}, {21, 1}, {NAN, 1}, {1, 0}, {1, 1.1}, {1, NAN}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        gki_scatter_settings set;
        gki_scatter_defaults(&set);
        set.radius = wrong[i][0];
        set.opacity = wrong[i][1];
        assert_fails(gki_plot_scatter_labelled(in_folder("no.png"), numbers, NULL, 2, &set),
                     GKV_ERR_ARGUMENT, "opacity");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixel_ratios_have_limits), cmocka_unit_test(sides_have_limits),
        cmocka_unit_test(empty_texts_are_no_texts), cmocka_unit_test(long_texts_are_cut),
        cmocka_unit_test(grids_have_limits),        cmocka_unit_test(ends_of_axes_must_rise),
        cmocka_unit_test(dots_have_limits),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
