/* Folders of PNG files: order, labels, sizes, background, bad files; the same bits on any
 * threads. */
#define _XOPEN_SOURCE 700
#include "support.h"

#include <omp.h>
#include <png.h>

#include "data/dataset.h"
#include "data/idx.h"
#include "data/resize.h"
#include "temporary.h"

/* Writes a grey or colour picture by libpng's simple functions. */
static void put_png(const char *name, unsigned height, unsigned width, unsigned format,
                    const uint8_t *pixels)
{
    png_image image = {
        .version = PNG_IMAGE_VERSION, .width = width, .height = height, .format = format};
    assert_true(png_image_write_to_file(&image, in_temporary(name), 0, pixels, 0, NULL));
}

static void make_folder(const char *name)
{
    assert_int_equal(mkdir(in_temporary(name), 0700), 0);
}

static const uint8_t black[16],
    white[] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};

static gkv_data_settings defaults(void)
{
    gkv_settings settings;
    gkv_settings_defaults(&settings);
    return settings.data;
}

static gkv_status open_folder(const char *name, const gkv_data_settings *settings,
                              gkv_dataset **out)
{
    return gki_dataset_read(in_temporary(name), NULL, settings, NULL, out);
}

static void names_are_sorted_by_bytes(void **state)
{
    (void)state;
    const gkv_data_settings settings = defaults();
    gkv_dataset *dataset = NULL;
    make_folder("order");
    const char *const names[] = {"order/10.png", "order/2.PNG", "order/B.png", "order/a.png"};
    for (int i = 0; i < 4; i++) {
        const uint8_t level[4] = {(uint8_t)i, 9, 9, 9};
        put_png(names[i], 2, 2, PNG_FORMAT_GRAY, level);
    }
    put("order/labels.csv", "x", 1);
    put("order/photo.jpg", "x", 1);
    put("order/.hidden.png", "x", 1);
    assert_ok(open_folder("order", &settings, &dataset));
    assert_int_equal(gkv_dataset_count(dataset), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(gkv_dataset_pixels(dataset, i)[0], i);
        assert_string_equal(gkv_dataset_name(dataset, i), names[i] + 6);
    }
    assert_null(gkv_dataset_labels(dataset));
    assert_non_null(strstr(gkv_dataset_remark(dataset, 0), "1 file of other formats is left out"));
    /* the same as the IDX file of the same images */
    char path[256];
    snprintf(path, sizeof path, "%s", in_temporary("order.idx"));
    assert_ok(gkv_idx_write(path, 4, 2, 2, 1, gkv_dataset_pixels(dataset, 0)));
    gkv_dataset *idx = NULL;
    assert_ok(gkv_dataset_open(path, NULL, &idx));
    assert_string_equal(gkv_dataset_sha256(dataset, GKV_IMAGES_FILE),
                        gkv_dataset_sha256(idx, GKV_IMAGES_FILE));
    gkv_dataset_free(idx);
    gkv_dataset_free(dataset);
}

static void sub_folders_are_labels(void **state)
{
    (void)state;
    gkv_data_settings settings = defaults();
    gkv_dataset *dataset = NULL;
    make_folder("train");
    make_folder("train/cat");
    make_folder("train/ant");
    make_folder("train/empty");
    put_png("train/cat/1.png", 2, 2, PNG_FORMAT_GRAY, white);
    put_png("train/ant/1.png", 2, 2, PNG_FORMAT_GRAY, black);
    put_png("train/ant/2.png", 2, 2, PNG_FORMAT_GRAY, black);
    assert_ok(open_folder("train", &settings, &dataset));
    assert_memory_equal(gkv_dataset_labels(dataset), "\0\0\1", 3);
    assert_string_equal(gkv_dataset_name(dataset, 2), "cat/1.png");
    gkv_dataset_free(dataset);
    /* the training folder numbers those of the test folder */
    make_folder("test");
    make_folder("test/cat");
    make_folder("test/bee");
    put_png("test/cat/9.png", 2, 2, PNG_FORMAT_GRAY, white);
    put_png("test/bee/9.png", 2, 2, PNG_FORMAT_GRAY, white);
    snprintf(settings.train_images, sizeof settings.train_images, "%s", in_temporary("train"));
    snprintf(settings.test_images, sizeof settings.test_images, "%s", in_temporary("test"));
    assert_ok(gkv_dataset_load(GKV_TEST, &settings, &dataset));
    assert_memory_equal(gkv_dataset_labels(dataset), "\2\1", 2);
    gkv_dataset_free(dataset);
    /* numbers are themselves */
    make_folder("digits");
    make_folder("digits/07");
    make_folder("digits/3");
    put_png("digits/07/1.png", 2, 2, PNG_FORMAT_GRAY, white);
    put_png("digits/3/1.png", 2, 2, PNG_FORMAT_GRAY, black);
    settings = defaults();
    assert_ok(open_folder("digits", &settings, &dataset));
    assert_memory_equal(gkv_dataset_labels(dataset), "\7\3", 2);
    gkv_dataset_free(dataset);
    put_png("digits/1.png", 2, 2, PNG_FORMAT_GRAY, white);
    assert_fails(open_folder("digits", &settings, &dataset), GKV_ERR_DATA,
                 "in the folder and in its sub-folder 07");
}

static void channels_and_background_are_as_set(void **state)
{
    (void)state;
    gkv_data_settings settings = defaults();
    gkv_dataset *dataset = NULL;
    const uint8_t rgba[] = {0, 0, 0, 255, 0, 0, 0, 0, 200, 200, 200, 128, 9, 9, 9, 0};
    const uint8_t rgb[] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 7, 7, 7};
    make_folder("mixed");
    put_png("mixed/1.png", 2, 2, PNG_FORMAT_RGBA, rgba);
    assert_ok(open_folder("mixed", &settings, &dataset));
    assert_int_equal(gkv_dataset_channels(dataset), 1); /* all of it is grey */
    assert_memory_equal(gkv_dataset_pixels(dataset, 0), "\x00\xff\xe3\xff", 4);
    gkv_dataset_free(dataset);
    strcpy(settings.background, "black");
    assert_ok(open_folder("mixed", &settings, &dataset));
    assert_memory_equal(gkv_dataset_pixels(dataset, 0), "\x00\x00\x64\x00", 4);
    gkv_dataset_free(dataset);
    strcpy(settings.background, "ff8000");
    assert_ok(open_folder("mixed", &settings, &dataset));
    assert_int_equal(gkv_dataset_channels(dataset), 3);
    assert_memory_equal(gkv_dataset_pixels(dataset, 0) + 3, "\xff\x80\x00", 3);
    gkv_dataset_free(dataset);
    settings = defaults();
    put_png("mixed/2.png", 2, 2, PNG_FORMAT_RGB, rgb);
    assert_ok(open_folder("mixed", &settings, &dataset));
    assert_int_equal(gkv_dataset_channels(dataset), 3);
    assert_memory_equal(gkv_dataset_pixels(dataset, 0), "\x00\x00\x00\xff\xff\xff\xe3", 7);
    assert_memory_equal(gkv_dataset_pixels(dataset, 1), rgb, 12);
    gkv_dataset_free(dataset);
    settings.channels = GKV_CHANNELS_GREY;
    assert_ok(open_folder("mixed", &settings, &dataset));
    assert_memory_equal(gkv_dataset_pixels(dataset, 1), "\x4c\x96\x1d\x07", 4);
    gkv_dataset_free(dataset);
}

static void bad_files_are_named_or_skipped(void **state)
{
    (void)state;
    gkv_data_settings settings = defaults();
    gkv_dataset *dataset = NULL;
    make_folder("bad");
    put_png("bad/1.png", 2, 2, PNG_FORMAT_GRAY, white);
    put("bad/2.png", "\x89PNG\r\n", 6);
    put_png("bad/3.png", 2, 2, PNG_FORMAT_GRAY, black);
    put_png("bad/4.png", 2, 3, PNG_FORMAT_GRAY, black);
    assert_int_equal(symlink("nowhere", in_temporary("bad/5.png")), 0);
    assert_fails(
        open_folder("bad", &settings, &dataset), GKV_ERR_DATA,
        "3 of the 5 PNG files cannot be used (data.skip_bad = yes leaves them out): 2.png: ");
    assert_non_null(strstr(gkv_error_message(), "4.png: it has 2 × 3 pixels, and most have 2 × 2"));
    assert_non_null(strstr(gkv_error_message(), "5.png: it cannot be opened"));
    settings.skip_bad = true;
    assert_ok(open_folder("bad", &settings, &dataset));
    assert_int_equal(gkv_dataset_count(dataset), 2);
    assert_memory_equal(gkv_dataset_pixels(dataset, 1), black, 4);
    assert_string_equal(gkv_dataset_name(dataset, 1), "3.png");
    assert_non_null(strstr(gkv_dataset_remark(dataset, 0), "3 files are left out"));
    assert_non_null(strstr(gkv_dataset_skipped(dataset, 1), "4.png: "));
    assert_null(gkv_dataset_skipped(dataset, 3));
    gkv_dataset_free(dataset);
    strcpy(settings.resize, "4x4");
    assert_ok(open_folder("bad", &settings, &dataset));
    assert_int_equal(gkv_dataset_count(dataset), 3);
    assert_int_equal(gkv_dataset_height(dataset), 4);
    gkv_dataset_free(dataset);
    put("bad/6.png", "x", 1);
    assert_ok(open_folder("bad", &settings, &dataset)); /* three are named, and all are counted */
    assert_non_null(strstr(gkv_dataset_remark(dataset, 0), "3 files are left out"));
    assert_null(strstr(gkv_dataset_remark(dataset, 0), "…"));
    gkv_dataset_free(dataset);
    put("bad/7.png", "x", 1);
    put("bad/a.gif", "x", 1);
    put("bad/b.gif", "x", 1);
    assert_ok(open_folder("bad", &settings, &dataset));
    assert_non_null(strstr(gkv_dataset_remark(dataset, 0), "4 files are left out"));
    assert_non_null(strstr(gkv_dataset_remark(dataset, 0), "; …"));
    assert_non_null(
        strstr(gkv_dataset_remark(dataset, 1), "2 files of other formats are left out"));
    gkv_dataset_free(dataset);
    assert_int_equal(remove(in_temporary("bad/2.png")), 0);
    assert_int_equal(remove(in_temporary("bad/6.png")), 0);
    assert_int_equal(remove(in_temporary("bad/7.png")), 0);
    assert_int_equal(unlink(in_temporary("bad/5.png")), 0);
    put("bad/\n\033[31m.png", "x", 1); /* controls no terminal */
    assert_ok(open_folder("bad", &settings, &dataset));
    assert_non_null(strstr(gkv_dataset_skipped(dataset, 0), "??[31m.png: it is "));
    assert_non_null(strstr(gkv_dataset_remark(dataset, 0), "1 file is left out"));
    gkv_dataset_free(dataset);
    make_folder("none");
    assert_fails(open_folder("none", &settings, &dataset), GKV_ERR_DATA, "no PNG file");
    put("none/1.png", "", 0);
    assert_fails(open_folder("none", &settings, &dataset), GKV_ERR_DATA,
                 "1 of the 1 PNG files cannot be used: 1.png: it is empty");
}

/* A declared 65,535² reserves no memory. */
static void bombs_cost_nothing(void **state)
{
    (void)state;
    static const uint8_t bomb[33] =
        "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xff\xff\0\0\xff\xff\x08\x06\0\0\0";
    const gkv_data_settings settings = defaults();
    gkv_dataset *dataset = NULL;
    make_folder("bomb");
    for (char name[] = "bomb/a.png"; name[5] <= 'z'; name[5]++)
        put(name, bomb, sizeof bomb);
    assert_fails(open_folder("bomb", &settings, &dataset), GKV_ERR_DATA,
                 "26 of the 26 PNG files cannot be used: a.png: the header states 65535 × 65535");
}

static void threads_change_nothing(void **state)
{
    (void)state;
    enum { N = 150, SIDE = 37 };
    gkv_data_settings settings = defaults();
    gkv_dataset *one = NULL, *four = NULL;
    uint8_t pixels[SIDE * SIDE * 3];
    char name[32];
    strcpy(settings.resize, "16x20");
    make_folder("many");
    for (unsigned n = 0; n < N; n++) {
        for (unsigned i = 0; i < sizeof pixels; i++)
            pixels[i] = (uint8_t)((i + n) * 2654435761u >> 24);
        snprintf(name, sizeof name, "many/%u.png", n);
        put_png(name, SIDE, SIDE, PNG_FORMAT_RGB, pixels);
    }
    omp_set_dynamic(0);
    omp_set_max_active_levels(0);
    assert_ok(open_folder("many", &settings, &one));
    omp_set_max_active_levels(1);
    assert_ok(open_folder("many", &settings, &four));
    assert_memory_equal(gkv_dataset_pixels(one, 0), gkv_dataset_pixels(four, 0), N * 16 * 20 * 3);
    assert_string_equal(gkv_dataset_sha256(one, GKV_IMAGES_FILE),
                        gkv_dataset_sha256(four, GKV_IMAGES_FILE));
    gkv_dataset_free(one);
    gkv_dataset_free(four);
}

static void areas_are_averaged_and_lines_drawn(void **state)
{
    (void)state;
    const uint8_t line[] = {0, 30, 90, 240, 100, 100};
    uint8_t out[12];
    assert_ok(gki_resize(line, 1, 6, 1, 1, 3, out));
    assert_memory_equal(out, "\x0f\xa5\x64", 3);
    assert_ok(gki_resize(line, 1, 6, 1, 1, 4, out)); /* 1½ pixels each */
    assert_int_equal(out[0], 10);                    /* (0 + 30/2)/1.5 */
    assert_int_equal(out[1], 70);                    /* (30/2 + 90)/1.5 */
    assert_ok(gki_resize(line, 6, 1, 1, 1, 1, out));
    assert_int_equal(out[0], 93); /* 560/6 */
    assert_ok(gki_resize(line, 1, 2, 1, 1, 4, out));
    assert_memory_equal(out, "\x00\x08\x17\x1e", 4); /* 0, 7.5, 22.5, 30 */
    assert_ok(gki_resize(line, 1, 2, 3, 2, 2, out)); /* colours do not mix */
    assert_memory_equal(out, line, 6);
    assert_memory_equal(out + 6, line, 6);
}

static void sizes_are_two_numbers(void **state)
{
    (void)state;
    static const char *const none[] = {"", "7", "0x4", "4x0", "x"};
    gkv_data_settings settings = defaults();
    uint8_t pixels[4] = {1, 2, 3, 4};
    gki_raster raster = {.count = 1, .height = 2, .width = 2, .channels = 1, .bytes = pixels};
    size_t height, width;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        strcpy(settings.resize, none[i]);
        assert_false(gki_resize_wanted(&settings, &height, &width));
        assert_ok(gki_raster_resize(&raster, &settings));
        assert_ptr_equal(raster.bytes, pixels);
    }
    strcpy(settings.resize, "2x2");
    assert_true(gki_resize_wanted(&settings, &height, &width));
    assert_ok(gki_raster_resize(&raster, &settings)); /* they have it already */
    assert_ptr_equal(raster.bytes, pixels);
    raster.count = SIZE_MAX / 8;
    strcpy(settings.resize, "4x3");
    assert_fails(gki_raster_resize(&raster, &settings), GKV_ERR_DATA, "more than memory can hold");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_sorted_by_bytes),
        cmocka_unit_test(sub_folders_are_labels),
        cmocka_unit_test(channels_and_background_are_as_set),
        cmocka_unit_test(bad_files_are_named_or_skipped),
        cmocka_unit_test(bombs_cost_nothing),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(areas_are_averaged_and_lines_drawn),
        cmocka_unit_test(sizes_are_two_numbers),
    };
    return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
