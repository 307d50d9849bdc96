/* Data sets that are read, exported and described while memory runs out. */
#define _XOPEN_SOURCE 700
#include "failing_memory.h"

#include "core/error.h"
#include "data/dataset.h"
#include "folder.h"

enum { DENSE = 10, COUNT = 6, SIDE = 4, PIXELS = COUNT * SIDE * SIDE };

static const uint8_t labels[COUNT] = {0, 1, 2, 0, 1, 2};

static const char *small(const char *name)
{
    static char path[1024];
    snprintf(path, sizeof path, "%s/mnist-small/%s", GKV_TEST_FIXTURES, name);
    return path;
}

static gkv_data_settings defaults(void)
{
    gkv_settings settings;
    gkv_settings_defaults(&settings);
    return settings.data;
}

static gkv_status open_as(const char *images, const char *labels_path,
                          const gkv_data_settings *settings)
{
    gkv_dataset *dataset = NULL;
    const gkv_status status = gkv_dataset_open_as(images, labels_path, settings, &dataset);
    assert_int_equal(status == GKV_OK, dataset != NULL);
    gkv_dataset_free(dataset);
    return status;
}

static gkv_status read_gzip(void)
{
    const gkv_data_settings settings = defaults();
    return open_as(small("t10k-images-idx3-ubyte.gz"), NULL, &settings);
}

/* The levels are changed, so they are copied. */
static gkv_status read_changed(void)
{
    gkv_data_settings settings = defaults();
    settings.invert = settings.transpose = true;
    strcpy(settings.resize, "3x2");
    return open_as(in_temporary("images"), in_temporary("labels"), &settings);
}

static gkv_status read_pictures(void)
{
    gkv_data_settings settings = defaults();
    settings.channels = GKV_CHANNELS_GREY;
    settings.skip_bad = true;
    strcpy(settings.resize, "4x4");
    return open_as(GKV_TEST_FIXTURES "/png", NULL, &settings);
}

static gkv_status write_idx(void)
{
    uint8_t pixels[PIXELS];
    for (size_t i = 0; i < PIXELS; i++)
        pixels[i] = (uint8_t)i;
    GKV_TRY(gkv_idx_write(in_temporary("images"), COUNT, SIDE, SIDE, pixels));
    return gkv_idx_write_labels(in_temporary("labels"), COUNT, labels);
}

static gkv_status export_parts(void)
{
    gkv_dataset *dataset = NULL;
    gkv_data_info info;
    size_t test = 0;
    gkv_status status = GKV_OK;
    const gkv_export_settings settings = {.test = .5, .seed = 1, .overwrite = true};
    GKV_TRY_GOTO(gkv_dataset_open(in_temporary("images"), in_temporary("labels"), &dataset));
    GKV_TRY_GOTO(gkv_dataset_describe(dataset, &info));
    GKV_TRY_GOTO(gkv_dataset_check(dataset, NULL, ON_THREADS(1)));
    GKV_TRY_GOTO(gkv_dataset_export(dataset, in_temporary("exported"), &settings, &test));
    assert_int_equal(test, COUNT / 2);
done:
    gkv_dataset_free(dataset);
    return status;
}

static gkv_status load_part(void)
{
    gkv_data_settings settings = defaults();
    gkv_dataset *dataset = NULL;
    strcpy(settings.dataset, "mnist-small");
    strcpy(settings.folder, GKV_TEST_FIXTURES);
    const gkv_status status = gkv_dataset_load(GKV_TEST, &settings, &dataset);
    assert_int_equal(status == GKV_OK, dataset != NULL);
    gkv_dataset_free(dataset);
    return status;
}

MEMORY_TEST(write_idx, DENSE)
MEMORY_TEST(read_gzip, DENSE)
MEMORY_TEST(read_changed, DENSE)
MEMORY_TEST(read_pictures, DENSE)
MEMORY_TEST(export_parts, DENSE)
MEMORY_TEST(load_part, DENSE)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(write_idx_fails),    cmocka_unit_test(read_gzip_fails),
        cmocka_unit_test(read_changed_fails), cmocka_unit_test(read_pictures_fails),
        cmocka_unit_test(export_parts_fails), cmocka_unit_test(load_part_fails),
    };
    return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
