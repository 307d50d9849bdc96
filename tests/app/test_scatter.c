/* Labelled points. */
#define _POSIX_C_SOURCE 200809L

#include "support.h"

#include "app/plot.h"
#include "app/picture.h"

static gki_scatter_settings plain(void)
{
    gki_scatter_settings settings;
    gki_scatter_defaults(&settings);
    settings.width = 300;
    settings.height = 300;
    settings.pixel_ratio = 1;
    settings.opacity = 1;
    settings.radius = 5;
    settings.name_groups = 0;
    return settings;
}

static void points_are_at_their_values(void **state)
{
    (void)state;
    const double xy[] = {0, 0, 1, 0, 0, 1, 1, 1, NAN, 0.5, 0.5, INFINITY};
    const uint8_t labels[] = {0, 1, 1, 0, 1, 1};
    gki_scatter_settings settings = plain();
    settings.n_labels = 2;
    assert_ok(gki_plot_scatter_labelled(in_folder("points.png"), xy, labels, 6, &settings));
    const picture p = open_picture(in_folder("points.png"));
    assert_int_equal(p.width, 300);
    /* One dot in each quarter of the frame: blue at both ends of the diagonal. */
    assert_true(count_colour(p, 0x3F90DA, 20, 150, 120, 290) > 40);
    assert_true(count_colour(p, 0x3F90DA, 150, 0, 250, 150) > 40);
    assert_true(count_colour(p, 0xBD1F01, 20, 0, 120, 150) > 40);
    assert_true(count_colour(p, 0xBD1F01, 150, 150, 250, 290) > 40);
    assert_int_equal(count_colour(p, 0x3F90DA, 20, 0, 120, 150), 0);
    /* the points that are not finite */
    assert_int_equal(count_colour(p, 0xBD1F01, 70, 60, 180, 220), 0);
    close_picture(p);
}

/* Points are sorted by label and all at one position. Neither label hides the other. */
static void no_label_covers_the_others(void **state)
{
    (void)state;
    enum { N = 4000 };
    static double xy[2 * N];
    static uint8_t labels[N];
    uint32_t seed = 9;
    for (int i = 0; i < N; i++) {
        labels[i] = i >= N / 2;
        for (int k = 0; k < 2; k++) {
            seed = seed * 1664525U + 1013904223U;
            xy[2 * i + k] = (seed >> 8) / 16777216.0;
        }
    }
    gki_scatter_settings settings = plain();
    assert_ok(gki_plot_scatter_labelled(in_folder("cover.png"), xy, labels, N, &settings));
    const picture p = open_picture(in_folder("cover.png"));
    const int blue = count_colour(p, 0x3F90DA, 60, 40, 220, 250),
              red = count_colour(p, 0xBD1F01, 60, 40, 220, 250);
    assert_true(blue > 5000 && red > 5000 && abs(blue - red) < (blue + red) / 5);
    close_picture(p);
    assert_ok(gki_plot_scatter_labelled(in_folder("again.png"), xy, labels, N, &settings));
    assert_same_bytes(in_folder("cover.png"), in_folder("again.png"));
}

static void without_labels_there_is_one_colour(void **state)
{
    (void)state;
    const double xy[] = {1, 2, 3, 4, -5, 6};
    gki_scatter_settings settings = plain();
    assert_ok(gki_plot_scatter_labelled(in_folder("alike.png"), xy, NULL, 3, &settings));
    const picture p = open_picture(in_folder("alike.png"));
    assert_true(count_everywhere(p, 0x3F90DA) > 180);
    assert_int_equal(count_everywhere(p, 0xBD1F01), 0);
    close_picture(p);
}

static void odd_data_give_pictures(void **state)
{
    (void)state;
    const double odd[] = {NAN, NAN, 1e308, -1e308, -1e308, 1e308, 5, 5, 5, 5};
    const uint8_t labels[] = {3, 3, 4, 9, 9};
    const char *const names[10] = {
        "", NULL, "", "\xff\xfe", "a name that is longer than its legend is wide",
        "", "",   "", "",         "<b>"};
    gki_scatter_settings settings = plain();
    settings.name_groups = 1;
    settings.label_names = names;
    for (size_t n = 1; n <= 5; n++)
        for (size_t from = 0; from + n <= 5; from++) {
            assert_ok(gki_plot_scatter_labelled(in_folder("odd.png"), odd + 2 * from, labels + from,
                                                n, &settings));
            close_picture(open_picture(in_folder("odd.png")));
        }
}

static void refuses(void **state)
{
    (void)state;
    const double xy[] = {1, 2, 3, 4};
    const uint8_t labels[] = {0, 7};
    gki_scatter_settings settings = plain();
    count_files(1);
    const char *const path = in_folder("no.png");
    assert_fails(gki_plot_scatter_labelled(path, xy, labels, 0, NULL), GKV_ERR_ARGUMENT,
                 "0 points");
    settings.n_labels = 7;
    assert_fails(gki_plot_scatter_labelled(path, xy, labels, 2, &settings), GKV_ERR_DATA,
                 "point 1 has label 7");
    settings.n_labels = 11;
    assert_fails(gki_plot_scatter_labelled(path, xy, labels, 2, &settings), GKV_ERR_ARGUMENT,
                 "11 labels");
    assert_fails(gki_plot_scatter_labelled(in_folder("a/b.png"), xy, labels, 2, NULL), GKV_ERR_IO,
                 "a/b.png");
    assert_int_equal(count_files(0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_are_at_their_values),
        cmocka_unit_test(no_label_covers_the_others),
        cmocka_unit_test(without_labels_there_is_one_colour),
        cmocka_unit_test(odd_data_give_pictures),
        cmocka_unit_test(refuses),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
