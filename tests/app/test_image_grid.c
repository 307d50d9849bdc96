/* Grids of images, pixel by pixel. */
#define _POSIX_C_SOURCE 200809L

#include "support.h"

#include "app/plot.h"
#include "app/picture.h"

static gki_image_grid_settings plain(int scale, int gap)
{
    gki_image_grid_settings settings;
    gki_image_grid_defaults(&settings);
    settings.scale = scale;
    settings.gap = gap;
    settings.pixel_ratio = 1;
    return settings;
}

enum { MARGIN = 12 };

static void pixels_are_at_their_positions(void **state)
{
    (void)state;
    /* Two rows of three images of 2×3 pixels: all levels differ. */
    float images[36];
    for (int i = 0; i < 36; i++)
        images[i] = (float)(i * 7) / 255.0F;
    gki_image_grid_settings settings = plain(3, 5);
    assert_ok(gki_plot_image_grid(in_folder("grid.png"), images, 2, 3, 2, 3, &settings));
    const picture p = open_picture(in_folder("grid.png"));
    assert_int_equal(p.width, 2 * MARGIN + 3 * 9 + 2 * 5);
    assert_int_equal(p.height, 2 * MARGIN + 2 * 6 + 5);
    for (int row = 0; row < 2; row++)
        for (int column = 0; column < 3; column++)
            for (int y = 0; y < 6; y++)
                for (int x = 0; x < 9; x++) {
                    const int i = ((row * 3 + column) * 2 + y / 3) * 3 + x / 3;
                    const uint32_t grey = (uint32_t)(i * 7);
                    assert_int_equal(pixel(p, MARGIN + column * 14 + x, MARGIN + row * 11 + y),
                                     grey << 16 | grey << 8 | grey);
                }
    assert_int_equal(pixel(p, MARGIN + 9, MARGIN), 0xFFFFFF); /* the gap */
    assert_int_equal(pixel(p, 0, 0), 0xFFFFFF);
    close_picture(p);
}

static void colours_are_red_green_and_blue(void **state)
{
    (void)state;
    /* Two images of 1 × 2 pixels, of values beyond the range and NaN too. */
    static const float images[] = {1, 0, 0, 0, 1, 0, 0, 0, 2, 0.2F, NAN, 0.4F};
    static const float without[] = {-INFINITY, 0, 0, 0, 0, 0, 0, 0, 2, 0.2F, NAN, 0.4F};
    static const uint32_t wanted[] = {0xFF0000, 0x00FF00, 0x0000FF, 0xD55E00};
    gki_image_grid_settings settings = plain(2, 0);
    settings.channels = 3;
    assert_ok(gki_plot_image_grid(in_folder("colour.png"), images, 1, 2, 1, 2, &settings));
    const picture p = open_picture(in_folder("colour.png"));
    for (int i = 0; i < 4; i++)
        assert_int_equal(pixel(p, MARGIN + 2 * i + 1, MARGIN + 1), wanted[i]);
    close_picture(p);
    /* an image that is left out stays white */
    assert_ok(gki_plot_image_grid(in_folder("one.png"), without, 1, 2, 1, 2, &settings));
    const picture one = open_picture(in_folder("one.png"));
    for (int i = 0; i < 4; i++)
        assert_int_equal(pixel(one, MARGIN + 2 * i + 1, MARGIN + 1), i < 2 ? 0xFFFFFF : wanted[i]);
    close_picture(one);
    settings.channels = 2;
    assert_fails(gki_plot_image_grid(in_folder("two.png"), images, 1, 2, 1, 2, &settings),
                 GKV_ERR_ARGUMENT, "2 channels");
}

static void black_is_black_and_inverted_white(void **state)
{
    (void)state;
    const float black[784] = {0};
    gki_image_grid_settings settings = plain(2, 0);
    assert_ok(gki_plot_image_grid(in_folder("black.png"), black, 1, 1, 28, 28, &settings));
    picture p = open_picture(in_folder("black.png"));
    assert_int_equal(count_colour(p, 0, MARGIN, MARGIN, MARGIN + 56, MARGIN + 56), 56 * 56);
    assert_int_equal(count_everywhere(p, 0), 56 * 56);
    close_picture(p);
    settings.invert = 1;
    assert_ok(gki_plot_image_grid(in_folder("white.png"), black, 1, 1, 28, 28, &settings));
    p = open_picture(in_folder("white.png"));
    assert_int_equal(pixel(p, MARGIN + 20, MARGIN + 20), 0xFFFFFF);
    close_picture(p);
}

static void unusual_values_are_bounded_or_shown(void **state)
{
    (void)state;
    const float unusual[4] = {-3, 7, NAN, INFINITY};
    gki_image_grid_settings settings = plain(1, 0);
    assert_ok(gki_plot_image_grid(in_folder("unusual.png"), unusual, 1, 1, 1, 4, &settings));
    const picture p = open_picture(in_folder("unusual.png"));
    assert_int_equal(pixel(p, MARGIN, MARGIN), 0x000000);
    assert_int_equal(pixel(p, MARGIN + 1, MARGIN), 0xFFFFFF);
    assert_int_equal(pixel(p, MARGIN + 2, MARGIN), 0xD55E00);
    assert_int_equal(pixel(p, MARGIN + 3, MARGIN), 0xFFFFFF);
    close_picture(p);
}

static void texts_widen_the_page(void **state)
{
    (void)state;
    const float images[4 * 16] = {0};
    const char *const rows[] = {"data", "reconstruction"}, *const columns[] = {"a", "b"};
    gki_image_grid_settings settings = plain(8, 2);
    assert_ok(gki_plot_image_grid(in_folder("bare.png"), images, 4, 1, 4, 4, &settings));
    settings.block_rows = 2;
    assert_ok(gki_plot_image_grid(in_folder("blocks.png"), images, 4, 1, 4, 4, &settings));
    settings.row_labels = rows;
    settings.n_row_labels = 2;
    settings.column_labels = columns;
    settings.n_column_labels = 2; /* one more than there are columns */
    settings.title = "Title, with a malformed byte \xff and\na line break";
    settings.caption = "caption";
    assert_ok(gki_plot_image_grid(in_folder("words.png"), images, 4, 1, 4, 4, &settings));
    const picture bare = open_picture(in_folder("bare.png")),
                  blocks = open_picture(in_folder("blocks.png")),
                  words = open_picture(in_folder("words.png"));
    assert_int_equal(blocks.height - bare.height, 16); /* two image pixels between the blocks */
    assert_true(words.width > bare.width + 60 && words.height > blocks.height + 40);
    assert_int_equal(count_everywhere(words, 0x000000) >= 4 * 32 * 32, 1);
    close_picture(bare);
    close_picture(blocks);
    close_picture(words);
}

static void same_input_same_bytes(void **state)
{
    (void)state;
    float images[100];
    for (int i = 0; i < 100; i++)
        images[i] = (float)i / 100;
    gki_image_grid_settings settings;
    gki_image_grid_defaults(&settings);
    settings.title = "twice";
    assert_ok(gki_plot_image_grid(in_folder("once.png"), images, 2, 2, 5, 5, &settings));
    assert_ok(gki_plot_image_grid(in_folder("twice.png"), images, 2, 2, 5, 5, &settings));
    assert_same_bytes(in_folder("once.png"), in_folder("twice.png"));
}

/* A large image is drawn, less enlarged and then of fewer pixels, and keeps its grey. */
static void large_images_are_bounded(void **state)
{
    (void)state;
    enum { LONG = 65536 };
    float *image = test_alloc(2 * LONG * sizeof *image);
    for (size_t i = 0; i < 2 * LONG; i++)
        image[i] = i % 2 ? 1.0F : 0.0F;
    const gki_image_grid_settings settings = plain(4, 0);
    assert_ok(gki_plot_image_grid(in_folder("long.png"), image, 2, 1, LONG, 1, &settings));
    picture p = open_picture(in_folder("long.png"));
    assert_true(p.height <= 16000 && p.height > 8000);
    close_picture(p);
    assert_ok(gki_plot_image_grid(in_folder("wide.png"), image, 1, 1, 1, LONG, &settings));
    p = open_picture(in_folder("wide.png"));
    assert_true(p.width <= 16000 && p.width > 8000);
    close_picture(p);
    free(image);
}

static void refuses(void **state)
{
    (void)state;
    const float image[1] = {0};
    count_files(1);
    const char *const path = in_folder("no.png");
    assert_fails(gki_plot_image_grid(path, image, SIZE_MAX, 1, 1, 1, NULL), GKV_ERR_ARGUMENT,
                 "too large");
    assert_fails(gki_plot_image_grid(path, image, 32767, 1, 28, 28, NULL), GKV_ERR_ARGUMENT,
                 "fewer or smaller");
    assert_fails(gki_plot_image_grid(NULL, image, 1, 1, 1, 1, NULL), GKV_ERR_ARGUMENT, "no path");
    assert_fails(gki_plot_image_grid(in_folder("missing/a.png"), image, 1, 1, 1, 1, NULL),
                 GKV_ERR_IO, "missing/a.png");
    assert_fails(gki_plot_image_grid(test_folder, image, 1, 1, 1, 1, NULL), GKV_ERR_IO,
                 "regular file");
    assert_int_equal(count_files(0), 0); /* no temporary file either */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixels_are_at_their_positions),
        cmocka_unit_test(colours_are_red_green_and_blue),
        cmocka_unit_test(black_is_black_and_inverted_white),
        cmocka_unit_test(unusual_values_are_bounded_or_shown),
        cmocka_unit_test(texts_widen_the_page),
        cmocka_unit_test(same_input_same_bytes),
        cmocka_unit_test(large_images_are_bounded),
        cmocka_unit_test(refuses),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
