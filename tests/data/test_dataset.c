/* Data sets from memory and by settings, and the content of the fixture. */
#define _XOPEN_SOURCE 700
#include "support.h"

#include "data/dataset.h"
#include "gkvae/data.h"
#include "temporary.h"

enum { TRAIN = 2000, TEST = 500, SIDE = 28 };

static gkv_data_settings fixture(void)
{
    gkv_data_settings settings = {.dataset = "mnist-small", .folder = GKV_TEST_FIXTURES};
    return settings;
}

static void memory_is_copied(void **state)
{
    (void)state;
    uint8_t pixels[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, labels[] = {250, 3};
    gkv_dataset *dataset = NULL;
    assert_ok(gkv_dataset_from_memory(2, 2, 3, 1, pixels, labels, &dataset));
    memset(pixels, 0, sizeof pixels);
    memset(labels, 0, sizeof labels);
    assert_int_equal(gkv_dataset_count(dataset), 2);
    assert_int_equal(gkv_dataset_height(dataset), 2);
    assert_int_equal(gkv_dataset_width(dataset), 3);
    assert_int_equal(gkv_dataset_pixels(dataset, 1)[0], 7);
    assert_int_equal(gkv_dataset_labels(dataset)[0], 250);
    gkv_dataset_free(dataset);
    assert_ok(gkv_dataset_from_memory(12, 1, 1, 1, pixels, NULL, &dataset));
    assert_null(gkv_dataset_labels(dataset));
    gkv_dataset_free(dataset);
    gkv_dataset_free(NULL);
}

static gkv_dataset *colours(size_t count, size_t height, size_t width, const uint8_t *pixels)
{
    gkv_dataset *dataset = NULL;
    assert_ok(gkv_dataset_from_memory(count, height, width, 3, pixels, NULL, &dataset));
    return dataset;
}

/* Continuous images: scaled by their own range or by that of the settings. */
static void numbers_are_scaled(void **state)
{
    (void)state;
    const float numbers[] = {-2, 0, 1, 2, 0.5F, -1};
    gkv_settings settings;
    gkv_dataset *dataset = NULL;
    double mean[3];
    gkv_settings_defaults(&settings);
    assert_ok(gkv_dataset_from_numbers(2, 1, 3, 1, numbers, NULL, &settings.data, &dataset));
    for (size_t i = 0; i < 6; i++) {
        assert_close((double)gkv_dataset_numbers(dataset, 0)[i], ((double)numbers[i] + 2) / 4,
                     1e-7);
        assert_close(gkv_dataset_pixels(dataset, 0)[i], 255 * ((double)numbers[i] + 2) / 4, 0.5);
    }
    assert_ok(gkv_dataset_mean(dataset, 2, 0, mean));
    assert_close(mean[1], (0.5 + 0.625) / 2, 1e-7);
    gki_dataset_identify(dataset, &settings.data);
    assert_string_equal(settings.data.range, "-2,2");
    assert_ok(gki_dataset_turn(dataset, false, true));
    assert_int_equal(gkv_dataset_height(dataset), 3);
    assert_close((double)gkv_dataset_numbers(dataset, 1)[2], 0.25, 1e-7);
    gkv_dataset_free(dataset);
    strcpy(settings.data.range, "0,1");
    assert_ok(gkv_dataset_from_numbers(2, 1, 1, 3, numbers, NULL, &settings.data, &dataset));
    assert_close((double)gkv_dataset_numbers(dataset, 1)[0], 2, 1e-7);
    assert_int_equal(gkv_dataset_pixels(dataset, 1)[0], 255);
    assert_int_equal(gkv_dataset_pixels(dataset, 0)[0], 0);
    assert_null(gkv_dataset_numbers(dataset, 2));
    gkv_dataset_free(dataset);
    const float bad[] = {0, 1, INFINITY}, equal[] = {3, 3, 3};
    assert_fails(gkv_dataset_from_numbers(1, 1, 3, 1, bad, NULL, NULL, &dataset), GKV_ERR_DATA,
                 "number 2 is inf");
    assert_fails(gkv_dataset_from_numbers(1, 1, 3, 1, equal, NULL, NULL, &dataset), GKV_ERR_DATA,
                 "nothing to model");
    assert_fails(gkv_dataset_from_numbers(SIZE_MAX, 1, 3, 1, bad, NULL, NULL, &dataset),
                 GKV_ERR_ARGUMENT, "count");
}

static void colour_keeps_its_channels(void **state)
{
    (void)state;
    const uint8_t pixels[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    gkv_dataset *dataset = colours(1, 1, 4, pixels);
    double mean[12];
    assert_int_equal(gkv_dataset_channels(dataset), 3);
    assert_ok(gkv_dataset_mean(dataset, 1, 0, mean));
    assert_close(mean[11], 12.0 / 255, 1e-15);
    gkv_dataset_free(dataset);
    dataset = colours(1, 2, 2, pixels);
    assert_ok(gki_dataset_turn(dataset, false, true));
    const uint8_t turned[] = {1, 2, 3, 7, 8, 9, 4, 5, 6, 10, 11, 12};
    assert_memory_equal(gkv_dataset_pixels(dataset, 0), turned, sizeof turned);
    gkv_dataset_free(dataset);
    assert_fails(gkv_dataset_from_memory(1, 1, 6, 2, pixels, NULL, &dataset), GKV_ERR_ARGUMENT,
                 "channels 2");
    assert_int_equal(gkv_dataset_channels(NULL), 0);
}

static void bad_arguments_are_refused(void **state)
{
    (void)state;
    const uint8_t pixel = 0;
    gkv_dataset *dataset = (gkv_dataset *)1;
    assert_fails(gkv_dataset_from_memory(1, 1, 1, 1, NULL, NULL, &dataset), GKV_ERR_ARGUMENT,
                 "pixels is NULL");
    assert_null(dataset);
    assert_fails(gkv_dataset_from_memory(0, 1, 1, 1, &pixel, NULL, &dataset), GKV_ERR_ARGUMENT,
                 "count 0");
    assert_fails(gkv_dataset_from_memory(1, 0, 1, 1, &pixel, NULL, &dataset), GKV_ERR_ARGUMENT,
                 "height 0");
    assert_fails(gkv_dataset_from_memory(1, 1, 0, 1, &pixel, NULL, &dataset), GKV_ERR_ARGUMENT,
                 "width 0");
    assert_fails(gkv_dataset_from_memory(SIZE_MAX / 2, 2, 2, 1, &pixel, NULL, &dataset),
                 GKV_ERR_ARGUMENT, "addressed");
    /* each product is too large: that of the first two sizes, of three, and of all */
    const size_t sizes[][4] = {{SIZE_MAX / 2, 3, 1, 1},
                               {SIZE_MAX / 4, 2, 3, 1},
                               {SIZE_MAX / 4, 2, 1, 3},
                               {SIZE_MAX / 4, 2, 1, 1}};
    const float number = 0;
    for (size_t i = 0; i < 4; i++) {
        const size_t *is = sizes[i];
        if (i < 3)
            assert_fails(
                gkv_dataset_from_memory(is[0], is[1], is[2], is[3], &pixel, NULL, &dataset),
                GKV_ERR_ARGUMENT, "addressed");
        assert_fails(
            gkv_dataset_from_numbers(is[0], is[1], is[2], is[3], &number, NULL, NULL, &dataset),
            GKV_ERR_ARGUMENT, "count 0");
        assert_null(dataset);
    }
    assert_fails(gkv_dataset_from_memory(1, 1, 1, 1, &pixel, NULL, NULL), GKV_ERR_ARGUMENT,
                 "out is NULL");
    const gkv_data_settings settings = fixture();
    assert_fails(gkv_dataset_load((gkv_split)2, &settings, &dataset), GKV_ERR_ARGUMENT, "split 2");
    assert_fails(gkv_data_describe((gkv_split)2, &settings, &(gkv_data_info){0}), GKV_ERR_ARGUMENT,
                 "split 2");
}

static void mean_is_of_its_range(void **state)
{
    (void)state;
    const uint8_t pixels[] = {0, 255, 51, 255, 102, 255};
    double mean[2];
    gkv_dataset *dataset = NULL;
    assert_ok(gkv_dataset_from_memory(3, 1, 2, 1, pixels, NULL, &dataset));
    assert_ok(gkv_dataset_mean(dataset, 3, 0, mean));
    assert_close(mean[0], 0.2, 1e-15);
    assert_true(mean[1] == 1);
    assert_ok(gkv_dataset_mean(dataset, 1, 1, mean));
    assert_close(mean[0], 0.2, 1e-15);
    assert_ok(gkv_dataset_mean(dataset, 1, 0, mean));
    assert_true(mean[0] == 0);
    assert_fails(gkv_dataset_mean(dataset, 0, 1, mean), GKV_ERR_ARGUMENT, "0 images from number 1");
    assert_fails(gkv_dataset_mean(dataset, 1, 3, mean), GKV_ERR_ARGUMENT, "from number 3");
    assert_fails(gkv_dataset_mean(dataset, 1, 4, mean), GKV_ERR_ARGUMENT, "from number 4");
    assert_fails(gkv_dataset_mean(dataset, 4, 0, mean), GKV_ERR_ARGUMENT, "has 3");
    gkv_dataset_free(dataset);
}

/* Sums of many images beyond 16 bits, and of pixels beside the last whole block. */
static void mean_of_many_is_exact(void **state)
{
    (void)state;
    enum { COUNT = 700, NINE = 9, PIXELS = NINE * NINE, FIRST = 3 };
    uint8_t *pixels = test_alloc(COUNT * PIXELS);
    double mean[PIXELS];
    gkv_dataset *dataset = NULL;
    for (size_t i = 0; i < COUNT * PIXELS; i++)
        pixels[i] = i % 5 == 0 ? (uint8_t)(i / 7) : 255;
    assert_ok(gkv_dataset_from_memory(COUNT, NINE, NINE, 1, pixels, NULL, &dataset));
    assert_ok(gkv_dataset_mean(dataset, COUNT - FIRST, FIRST, mean));
    for (size_t p = 0; p < PIXELS; p++) {
        double sum = 0;
        for (size_t i = FIRST; i < COUNT; i++)
            sum += pixels[i * PIXELS + p];
        assert_true(mean[p] == sum / (255.0 * (COUNT - FIRST)));
    }
    gkv_dataset_free(dataset);
    free(pixels);
}

static void fixture_is_read_by_its_standard_names(void **state)
{
    (void)state;
    const gkv_data_settings settings = fixture();
    for (int split = GKV_TRAIN; split <= GKV_TEST; split++) {
        gkv_dataset *dataset = NULL;
        double mean[SIDE * SIDE], total = 0;
        assert_ok(gkv_dataset_load((gkv_split)split, &settings, &dataset));
        const size_t count = split == GKV_TEST ? TEST : TRAIN;
        assert_int_equal(gkv_dataset_count(dataset), count);
        assert_int_equal(gkv_dataset_height(dataset), SIDE);
        assert_int_equal(gkv_dataset_width(dataset), SIDE);
        assert_int_equal(gkv_dataset_labels(dataset)[0], split == GKV_TEST ? 7 : 5);
        assert_ok(gkv_dataset_mean(dataset, count, 0, mean));
        for (int p = 0; p < SIDE * SIDE; p++)
            total += mean[p];
        /* The sums of all grey levels, by an independent count. */
        assert_relative(total * 255 * (double)count, split == GKV_TEST ? 13533903 : 52720651,
                        1e-12);
        assert_true(mean[0] == 0 && mean[14 * SIDE + 14] > 0.4);
        gkv_dataset_free(dataset);
    }
}

static void paths_in_settings_come_first(void **state)
{
    (void)state;
    gkv_data_settings settings = fixture();
    gkv_dataset *dataset = NULL;
    snprintf(settings.train_images, GKV_PATH_SIZE, "%s/mnist-small/t10k-images-idx3-ubyte.gz",
             GKV_TEST_FIXTURES);
    assert_ok(gkv_dataset_load(GKV_TRAIN, &settings, &dataset));
    assert_int_equal(gkv_dataset_count(dataset), TEST);
    /* the labels of the folder may not belong to these images */
    assert_null(gkv_dataset_labels(dataset));
    gkv_dataset_free(dataset);
    snprintf(settings.train_labels, GKV_PATH_SIZE, "%s/mnist-small/t10k-labels-idx1-ubyte.gz",
             GKV_TEST_FIXTURES);
    assert_ok(gkv_dataset_load(GKV_TRAIN, &settings, &dataset));
    assert_int_equal(gkv_dataset_labels(dataset)[0], 7);
    gkv_dataset_free(dataset);
    settings.train_images[0] = '\0'; /* the images of the folder with too few labels */
    assert_fails(gkv_dataset_load(GKV_TRAIN, &settings, &dataset), GKV_ERR_DATA,
                 "count is 500; expected 2000");
    snprintf(settings.test_images, GKV_PATH_SIZE, "/nowhere/images");
    assert_fails(gkv_dataset_load(GKV_TEST, &settings, &dataset), GKV_ERR_IO,
                 "/nowhere/images: cannot be opened");
}

static void files_are_known_by_their_sha256(void **state)
{
    (void)state;
    gkv_data_settings settings = fixture();
    gkv_dataset *dataset = NULL, *copy = NULL;
    assert_ok(gkv_dataset_load(GKV_TRAIN, &settings, &dataset));
    assert_non_null(strstr(gkv_dataset_path(dataset, GKV_IMAGES_FILE), "train-images"));
    assert_non_null(strstr(gkv_dataset_path(dataset, GKV_LABELS_FILE), "train-labels"));
    gki_dataset_identify(dataset, &settings);
    assert_int_equal(strlen(settings.train_images_sha256), 64);
    assert_string_equal(settings.train_labels_sha256, gkv_dataset_sha256(dataset, GKV_LABELS_FILE));
    assert_ok(gkv_dataset_load(GKV_TRAIN, &settings, &copy));
    gkv_dataset_free(copy);
    assert_ok(gkv_dataset_load(GKV_TEST, &settings, &copy));
    gkv_dataset_free(copy);
    settings.train_labels_sha256[3] ^= 1;
    assert_fails(gkv_dataset_load(GKV_TRAIN, &settings, &copy), GKV_ERR_DATA,
                 "data.train_labels_sha256");
    assert_null(copy);
    gkv_dataset_free(dataset);
    const uint8_t pixel = 7;
    assert_ok(gkv_dataset_from_memory(1, 1, 1, 1, &pixel, NULL, &dataset));
    assert_string_equal(gkv_dataset_sha256(dataset, GKV_IMAGES_FILE), "");
    assert_string_equal(gkv_dataset_path(dataset, GKV_IMAGES_FILE), "");
    assert_string_equal(gkv_dataset_path(NULL, GKV_IMAGES_FILE), "");
    assert_string_equal(gkv_dataset_sha256(NULL, GKV_IMAGES_FILE), "");
    assert_string_equal(gkv_dataset_path(dataset, (gkv_dataset_file)2), "");
    assert_string_equal(gkv_dataset_sha256(dataset, (gkv_dataset_file)2), "");
    assert_ok(gki_dataset_check_file(dataset, &settings));
    gkv_dataset_free(dataset);
}

static void images_are_inverted_and_transposed(void **state)
{
    (void)state;
    gkv_data_settings settings = fixture();
    gkv_dataset *plain = NULL, *turned = NULL;
    assert_ok(gkv_dataset_load(GKV_TEST, &settings, &plain));
    settings.invert = settings.transpose = true;
    assert_ok(gkv_dataset_load(GKV_TEST, &settings, &turned));
    for (size_t i = 0; i < TEST; i++) {
        const uint8_t *a = gkv_dataset_pixels(plain, i), *b = gkv_dataset_pixels(turned, i);
        for (size_t y = 0; y < SIDE; y++)
            for (size_t x = 0; x < SIDE; x++)
                assert_int_equal(b[x * SIDE + y], 255 - a[y * SIDE + x]);
    }
    assert_memory_equal(gkv_dataset_labels(plain), gkv_dataset_labels(turned), TEST);
    gkv_dataset_free(plain);
    gkv_dataset_free(turned);
}

static void missing_files_are_named(void **state)
{
    (void)state;
    gkv_dataset *dataset = (gkv_dataset *)1;
    gkv_data_settings settings = {.dataset = "mnist"};
    snprintf(settings.folder, sizeof settings.folder, "%s", temporary);
    assert_fails(gkv_dataset_load(GKV_TRAIN, &settings, &dataset), GKV_ERR_IO,
                 "/mnist/train-images-idx3-ubyte: no such file, nor with .gz; set data.folder to "
                 "the folder");
    assert_null(dataset);
    assert_fails(gkv_dataset_load(GKV_TEST, &settings, &dataset), GKV_ERR_IO,
                 "t10k-images-idx3-ubyte: no such");
    assert_ok(gki_file_make_folder(in_temporary("mnist")));
    put("mnist/t10k-images-idx3-ubyte", "", 0);
    assert_fails(
        gkv_dataset_load(GKV_TEST, &settings, &dataset), GKV_ERR_IO,
        "/mnist/t10k-labels-idx1-ubyte: no such file, nor with .gz; set data.folder to the folder");
    snprintf(settings.dataset, sizeof settings.dataset, "my-own");
    assert_fails(gkv_dataset_load(GKV_TEST, &settings, &dataset), GKV_ERR_IO,
                 "data.test_images to its path");
}

/* Files of another spelling, in the folder or beside it, are named. */
static void near_files_are_named(void **state)
{
    (void)state;
    gkv_dataset *dataset = NULL;
    gkv_data_settings settings = {.dataset = "near"};
    snprintf(settings.folder, sizeof settings.folder, "%s", temporary);
    assert_ok(gki_file_make_folder(in_temporary("near")));
    put("near/train.images.idx3", "", 0);
    put("near/t10k-images-idx3-ubytes", "", 0);
    put("Train_Images.IDX3-ubyte", "", 0);
    assert_fails(gkv_dataset_load(GKV_TRAIN, &settings, &dataset), GKV_ERR_IO,
                 "/Train_Images.IDX3-ubyte: rename or move it, or set data.train_images");
    put("near/t10k.images.idx3_ubyte_gz", "", 0);
    assert_fails(gkv_dataset_load(GKV_TEST, &settings, &dataset), GKV_ERR_IO,
                 "/near/t10k.images.idx3_ubyte_gz: rename or move it, or set data.test_images");
    assert_int_equal(remove(in_temporary("Train_Images.IDX3-ubyte")), 0);
    assert_fails(gkv_dataset_load(GKV_TRAIN, &settings, &dataset), GKV_ERR_IO,
                 "(\"near\" is none)");
    snprintf(settings.folder, sizeof settings.folder, "~/data");
    assert_fails(gkv_dataset_load(GKV_TRAIN, &settings, &dataset), GKV_ERR_IO,
                 "the shell expands ~ only at the start of a word");
    snprintf(settings.folder, sizeof settings.folder, "no such folder");
    assert_fails(gkv_dataset_load(GKV_TRAIN, &settings, &dataset), GKV_ERR_IO,
                 " (relative to the current folder, /");
    assert_fails(gkv_dataset_open("no such file", NULL, &dataset), GKV_ERR_IO,
                 " (relative to the current folder, /");
}

static void own_data_needs_no_labels_and_raw_comes_first(void **state)
{
    (void)state;
    uint8_t bytes[18] = {0};
    gkv_dataset *dataset = NULL;
    gkv_data_settings settings = {.dataset = "own"};
    snprintf(settings.folder, sizeof settings.folder, "%s", temporary);
    assert_ok(gki_file_make_folder(in_temporary("own")));
    idx_header(bytes, 0x803, 2, 1, 1);
    put_gzip("own/train-images-idx3-ubyte.gz", bytes, 18, "wb");
    assert_ok(gkv_dataset_load(GKV_TRAIN, &settings, &dataset));
    assert_int_equal(gkv_dataset_count(dataset), 2);
    assert_null(gkv_dataset_labels(dataset));
    gkv_dataset_free(dataset);
    idx_header(bytes, 0x803, 1, 1, 2);
    put("own/train-images-idx3-ubyte", bytes, 18);
    assert_ok(gkv_dataset_load(GKV_TRAIN, &settings, &dataset));
    assert_int_equal(gkv_dataset_count(dataset), 1);
    gkv_dataset_free(dataset);
}

static void fixture_is_described(void **state)
{
    (void)state;
    const gkv_data_settings settings = fixture();
    gkv_data_info info;
    assert_ok(gkv_data_describe(GKV_TRAIN, &settings, &info));
    assert_int_equal(info.count, TRAIN);
    assert_int_equal(info.height, SIDE);
    assert_int_equal(info.width, SIDE);
    assert_string_equal(info.images.path,
                        GKV_TEST_FIXTURES "/mnist-small/train-images-idx3-ubyte.gz");
    assert_string_equal(info.images.sha256,
                        "8cb5b72ddf37da10c8f4bd8993b392f78d0acb4b3b9f4e793a305096038112f9");
    assert_string_equal(info.labels.sha256,
                        "21a5d1c59a939a5fbc1a788098cd679bc9501e7f04c55dc4a275cc07b1f51c78");
    assert_int_equal(info.images.checksum, GKV_CHECKSUM_UNKNOWN);
    assert_int_equal(info.classes, 10);
    for (int c = 0; c < 10; c++)
        assert_int_equal(info.per_class[c], 200);
    assert_int_equal(info.per_class[10], 0);
    assert_relative(info.mean_grey, 52720651.0 / (TRAIN * SIDE * SIDE), 1e-15);
    assert_relative(info.share_on, 209166.0 / (TRAIN * SIDE * SIDE), 1e-15);
    assert_ok(gkv_data_describe(GKV_TEST, &settings, &info));
    assert_relative(info.share_on, 53636.0 / (TEST * SIDE * SIDE), 1e-15);
    assert_int_equal(info.per_class[9], 50);
}

static void other_content_at_a_known_path_is_noticed(void **state)
{
    (void)state;
    gkv_data_info info;
    gkv_data_settings settings = {.dataset = "fashion-mnist"};
    snprintf(settings.folder, sizeof settings.folder, "%s", temporary);
    uint8_t bytes[17] = {0}, labels[9] = {0};
    idx_header(bytes, 0x803, 1, 1, 1);
    idx_header(labels, 0x801, 1, 0, 0);
    labels[8] = 255;
    assert_ok(gki_file_make_folder(in_temporary("fashion-mnist")));
    put("fashion-mnist/train-images-idx3-ubyte", bytes, sizeof bytes);
    put("fashion-mnist/train-labels-idx1-ubyte", labels, sizeof labels);
    assert_ok(gkv_data_describe(GKV_TRAIN, &settings, &info));
    assert_int_equal(info.images.checksum, GKV_CHECKSUM_DIFFERENT);
    assert_int_equal(info.labels.checksum, GKV_CHECKSUM_DIFFERENT);
    assert_int_equal(info.classes, 256);
    assert_int_equal(info.per_class[255], 1);
    snprintf(settings.train_images, GKV_PATH_SIZE, "%s/fashion-mnist/train-images-idx3-ubyte",
             temporary);
    assert_ok(gkv_data_describe(GKV_TRAIN, &settings, &info));
    /* a file of the user has no known checksum */
    assert_int_equal(info.images.checksum, GKV_CHECKSUM_UNKNOWN);
    assert_string_equal(info.labels.path, "");
    assert_int_equal(info.classes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_copied),
        cmocka_unit_test(numbers_are_scaled),
        cmocka_unit_test(colour_keeps_its_channels),
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(mean_is_of_its_range),
        cmocka_unit_test(mean_of_many_is_exact),
        cmocka_unit_test(fixture_is_read_by_its_standard_names),
        cmocka_unit_test(paths_in_settings_come_first),
        cmocka_unit_test(files_are_known_by_their_sha256),
        cmocka_unit_test(images_are_inverted_and_transposed),
        cmocka_unit_test(missing_files_are_named),
        cmocka_unit_test(near_files_are_named),
        cmocka_unit_test(own_data_needs_no_labels_and_raw_comes_first),
        cmocka_unit_test(fixture_is_described),
        cmocka_unit_test(other_content_at_a_known_path_is_noticed),
    };
    return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
