/* Continuous images from files: what they must be, and what settings change. */
#define _XOPEN_SOURCE 700
#include "support.h"

#include "data/arrays.h"
#include "data/dataset.h"

static const float numbers[12] = {-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11};

static gkv_data_settings continuous(void)
{
    gkv_settings settings;
    gkv_settings_defaults(&settings);
    settings.data.binarization = GKV_BINARIZE_CONTINUOUS;
    return settings.data;
}

static gkv_status open_numbers(const char *path, const gkv_data_settings *settings,
                               gkv_dataset **out)
{
    return gkv_dataset_open_as(path, NULL, settings, out);
}

static void numbers_are_read_and_scaled(void **state)
{
    (void)state;
    gkv_data_settings settings = continuous();
    gkv_dataset *dataset = NULL;
    const char *grey = put_npy("grey.npy", "<f4", "(3, 2, 2)", numbers, sizeof numbers);
    assert_ok(open_numbers(grey, &settings, &dataset));
    assert_close((double)gkv_dataset_numbers(dataset, 0)[1], 1. / 12, 1e-7);
    assert_close((double)gkv_dataset_numbers(dataset, 2)[3], 1, 0);
    gkv_dataset_free(dataset);
    strcpy(settings.range, "-1,1");
    assert_ok(open_numbers(grey, &settings, &dataset));
    assert_close((double)gkv_dataset_numbers(dataset, 0)[3], 1.5, 1e-7);
    gkv_dataset_free(dataset);
    settings = continuous();
    settings.channels = GKV_CHANNELS_COLOUR;
    const char *colour = put_npy("colour.npy", "<f4", "(2, 1, 2, 3)", numbers, sizeof numbers);
    assert_ok(open_numbers(colour, &settings, &dataset));
    assert_int_equal(gkv_dataset_channels(dataset), 3);
    gkv_dataset_free(dataset);
}

static void refuses(const char *path, const gkv_data_settings *settings, gkv_status status,
                    const char *text)
{
    gkv_dataset *dataset = NULL;
    assert_fails(open_numbers(path, settings, &dataset), status, text);
    assert_null(dataset);
}

static void other_files_are_refused(void **state)
{
    (void)state;
    const gkv_data_settings settings = continuous();
    const float equal[4] = {3, 3, 3, 3}, none[4] = {0, 1, NAN, 2};
    const uint8_t whole[4] = {1, 2, 3, 4};
    refuses(GKV_TEST_FIXTURES "/mnist-small/t10k-images-idx3-ubyte.gz", &settings, GKV_ERR_DATA,
            "takes a .npy or .npz array of floats");
    refuses(GKV_TEST_FIXTURES "/png", &settings, GKV_ERR_DATA,
            "takes a .npy or .npz array of floats");
    refuses(put_npy("whole.npy", "|u1", "(1, 2, 2)", whole, 4), &settings, GKV_ERR_DATA,
            "this one has whole numbers");
    refuses(put_npy("none.npy", "<f4", "(1, 2, 2)", none, sizeof none), &settings, GKV_ERR_DATA,
            "image 0 has the number nan");
    refuses(put_npy("equal.npy", "<f4", "(1, 2, 2)", equal, sizeof equal), &settings, GKV_ERR_DATA,
            "equal.npy: ");
    refuses(put_npy("four.npy", "<f4", "(1, 3, 1, 4)", numbers, sizeof numbers), &settings,
            GKV_ERR_DATA, "continuous images have 4 channels; expected 1 or 3");
    refuses(in_temporary("missing.npy"), &settings, GKV_ERR_IO, "missing.npy");
}

static void settings_of_levels_are_refused(void **state)
{
    (void)state;
    const char *grey = put_npy("grey.npy", "<f4", "(3, 2, 2)", numbers, sizeof numbers),
               *colour = put_npy("colour.npy", "<f4", "(2, 1, 2, 3)", numbers, sizeof numbers);
    gkv_data_settings settings = continuous();
    strcpy(settings.resize, "4x4");
    refuses(grey, &settings, GKV_ERR_CONFIG, "data.resize changes levels");
    settings = continuous();
    settings.invert = true;
    refuses(grey, &settings, GKV_ERR_CONFIG, "data.invert changes levels");
    settings = continuous();
    settings.channels = GKV_CHANNELS_GREY;
    refuses(colour, &settings, GKV_ERR_DATA, "have 3 channels; expected 1, without a change");
    settings.channels = GKV_CHANNELS_COLOUR;
    refuses(grey, &settings, GKV_ERR_DATA, "have 1 channels; expected 3, without a change");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read_and_scaled),
        cmocka_unit_test(other_files_are_refused),
        cmocka_unit_test(settings_of_levels_are_refused),
    };
    return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
