/* Data sets are read whole or not at all while calls of the file system fail. */
#define _XOPEN_SOURCE 700
#include "failing_files.h"

#include "core/error.h"
#include "data/dataset.h"
#include "temporary.h"

enum { PICTURES = 3, COUNT = 6, SIDE = 4, PIXELS = COUNT * SIDE * SIDE };

static const uint8_t labels[COUNT] = {0, 1, 2, 0, 1, 2};
static uint8_t pixels[PIXELS];

static int make(void **state)
{
    uint8_t bytes[16 + PIXELS];
    if (make_temporary_in_memory(state) != 0)
        return -1;
    for (size_t i = 0; i < PIXELS; i++)
        pixels[i] = (uint8_t)(5 * i);
    const size_t length = idx_header(bytes, 0x803, COUNT, SIDE, SIDE);
    memcpy(bytes + length, pixels, PIXELS);
    put("images", bytes, length + PIXELS);
    put_gzip("images.gz", bytes, length + PIXELS, "wb");
    const size_t short_length = idx_header(bytes, 0x801, COUNT, 0, 0);
    memcpy(bytes + short_length, labels, COUNT);
    assert_int_equal(mkdir(in_temporary("pictures"), 0700), 0);
    for (int i = 0; i < PICTURES; i++) {
        char name[32];
        snprintf(name, sizeof name, "pictures/%d.png", i);
        assert_ok(gki_file_copy(GKV_TEST_FIXTURES "/png/grey-8.png", in_temporary(name)));
    }
    put("labels", bytes, short_length + COUNT);
    return 0;
}

/* Frees a data set that was opened, whose images and labels are those of the files. */
static gkv_status take(gkv_status status, gkv_dataset *dataset)
{
    stop_failing();
    assert_int_equal(status == GKV_OK, dataset != NULL);
    if (dataset) {
        assert_int_equal(gkv_dataset_count(dataset), COUNT);
        assert_memory_equal(gkv_dataset_pixels(dataset, 0), pixels, PIXELS);
        assert_memory_equal(gkv_dataset_labels(dataset), labels, COUNT);
    }
    gkv_dataset_free(dataset);
    return status;
}

static gkv_status reads(void)
{
    gkv_dataset *dataset = NULL;
    const gkv_status status =
        gkv_dataset_open(in_temporary("images"), in_temporary("labels"), &dataset);
    return take(status, dataset);
}

static gkv_status reads_gzip(void)
{
    gkv_dataset *dataset = NULL;
    const gkv_status status =
        gkv_dataset_open(in_temporary("images.gz"), in_temporary("labels"), &dataset);
    return take(status, dataset);
}

/* No picture is lost, also where bad ones are left out. */
static gkv_status reads_pictures_with(bool skip_bad)
{
    gkv_settings settings;
    gkv_dataset *dataset = NULL;
    gkv_settings_defaults(&settings);
    strcpy(settings.data.resize, "4x4");
    settings.data.skip_bad = skip_bad;
    const gkv_status status =
        gkv_dataset_open_as(in_temporary("pictures"), NULL, &settings.data, &dataset);
    assert_int_equal(status == GKV_OK, dataset != NULL);
    assert_true(!dataset || gkv_dataset_count(dataset) == PICTURES);
    gkv_dataset_free(dataset);
    return status;
}

static gkv_status reads_pictures(void)
{
    return reads_pictures_with(false);
}

static gkv_status reads_good_pictures(void)
{
    return reads_pictures_with(true);
}

static gkv_status exports(void)
{
    gkv_dataset *dataset = NULL, *again = NULL;
    size_t test = 0;
    const gkv_export_settings settings = {.overwrite = true};
    assert_ok(gkv_dataset_from_memory(COUNT, SIDE, SIDE, 1, pixels, labels, &dataset));
    const gkv_status status =
        gkv_dataset_export(dataset, in_temporary("exported"), &settings, &test);
    stop_failing();
    gkv_dataset_free(dataset);
    if (status != GKV_OK)
        return status;
    const gkv_status read =
        gkv_dataset_open(in_temporary("exported/train-images-idx3-ubyte"),
                         in_temporary("exported/train-labels-idx1-ubyte"), &again);
    return take(read, again);
}

/* A folder for temporary files with a copy in it, after what others have left was removed. */
static gkv_status copies(void)
{
    char *scratch = NULL, copy[512];
    gki_folder_sweep(temporary);
    gkv_status status = gki_folder_scratch(temporary, &scratch);
    assert_int_equal(status == GKV_OK, scratch != NULL);
    if (status == GKV_OK) {
        snprintf(copy, sizeof copy, "%s/labels", scratch);
        status = gki_file_copy(in_temporary("labels"), copy);
    }
    stop_failing();
    if (status == GKV_OK) {
        assert_int_equal(entries_of(scratch), 1);
        /* there is a file of that name, and a folder is none */
        assert_fails(gki_file_copy(in_temporary("labels"), copy), GKV_ERR_IO, "cannot be made");
        strcat(copy, "-2");
        assert_fails(gki_file_copy(temporary, copy), GKV_ERR_IO, "cannot be read");
        assert_fails(gki_file_copy(in_temporary("none"), copy), GKV_ERR_IO, "cannot be opened");
    }
    gki_folder_remove(scratch);
    free(scratch);
    return status;
}

static void files_are_copied(void **state)
{
    (void)state;
    char *scratch = NULL;
    assert_true(loses_files(copies, false) > 4);
    assert_fails(gki_folder_scratch(in_temporary("none"), &scratch), GKV_ERR_IO,
                 "the folder cannot be found");
    assert_null(scratch);
    gki_folder_sweep(in_temporary("none"));
}

static void files_are_read(void **state)
{
    (void)state;
    assert_true(loses_files(reads, true) > 2);
}

static void gzip_files_are_read(void **state)
{
    (void)state;
    assert_true(loses_files(reads_gzip, true) > 2);
}

static void folders_are_read(void **state)
{
    (void)state;
    assert_true(loses_files(reads_pictures, true) > 3 * PICTURES);
    assert_true(loses_files(reads_good_pictures, true) > 3 * PICTURES);
}

static void data_sets_are_exported(void **state)
{
    (void)state;
    assert_true(loses_files(exports, true) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_copied),       cmocka_unit_test(files_are_read),
        cmocka_unit_test(gzip_files_are_read),    cmocka_unit_test(folders_are_read),
        cmocka_unit_test(data_sets_are_exported),
    };
    return cmocka_run_group_tests(tests, make, remove_temporary);
}
