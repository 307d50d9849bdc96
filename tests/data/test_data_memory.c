/* Data sets that are read, exported and described while memory runs out. */
#define _XOPEN_SOURCE 700
#include <fcntl.h>

#include "failing_memory.h"

#include "core/error.h"
#include "core/file.h"
#include "data/dataset.h"
#include "data/arrays.h"
#include "data/reader.h"

enum { ALL = 1000, FEW = 20, COUNT = 6, SIDE = 4, PIXELS = COUNT * SIDE * SIDE };

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
    GKV_TRY(gkv_idx_write(in_temporary("images"), COUNT, SIDE, SIDE, 1, pixels));
    return gkv_idx_write_labels(in_temporary("labels"), COUNT, labels);
}

static gkv_status export_parts(void)
{
    gkv_dataset *dataset = NULL;
    gkv_data_info info;
    size_t test = 0;
    gkv_status status = GKV_OK;
    const gkv_data_settings as = defaults();
    const gkv_export_settings settings = {.test = .5, .seed = 1, .overwrite = true};
    GKV_TRY_GOTO(gkv_dataset_open_as(in_temporary("folder"), NULL, &as, &dataset));
    GKV_TRY_GOTO(gkv_dataset_describe(dataset, &info));
    GKV_TRY_GOTO(gkv_dataset_check(dataset, NULL, ON_THREADS(1)));
    GKV_TRY_GOTO(gkv_dataset_export(dataset, in_temporary("exported"), &settings, &test));
    assert_int_equal(test, 2);
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

static gkv_status read_numbers(void)
{
    gkv_data_settings settings = defaults();
    settings.binarization = GKV_BINARIZE_CONTINUOUS;
    settings.transpose = true;
    strcpy(settings.train_images, in_temporary("numbers.npy"));
    gkv_dataset *dataset = NULL;
    const gkv_status status = gkv_dataset_load(GKV_TRAIN, &settings, &dataset);
    assert_int_equal(status == GKV_OK, dataset != NULL);
    assert_true(!dataset || gkv_dataset_numbers(dataset, COUNT - 1));
    gkv_dataset_free(dataset);
    return status;
}

static gkv_status take_numbers(void)
{
    const float numbers[] = {.5F, -1, 3, 8};
    gkv_dataset *dataset = NULL;
    const gkv_status status = gkv_dataset_from_numbers(2, 2, 1, 1, numbers, labels, NULL, &dataset);
    assert_int_equal(status == GKV_OK, dataset != NULL);
    gkv_dataset_free(dataset);
    return status;
}

static gkv_status read_archive(void)
{
    const gkv_data_settings settings = defaults();
    return open_as(in_temporary("arrays.npz:x"), in_temporary("arrays.npz:y"), &settings);
}

/* Words of labels are numbered as those of the training images. */
static gkv_status read_words(const char *images, const char *table, const char *test, int first)
{
    gkv_data_settings settings = defaults();
    gkv_dataset *dataset = NULL;
    strcpy(settings.train_images, images);
    strcpy(settings.train_labels, table);
    strcpy(settings.test_images, images);
    strcpy(settings.test_labels, test);
    strcpy(settings.resize, "2x2");
    const gkv_status status = gkv_dataset_load(GKV_TEST, &settings, &dataset);
    for (int i = 0; dataset && i < 2; i++) /* of ant, bee and cow */
        assert_int_equal(gkv_dataset_labels(dataset)[i], first + i);
    gkv_dataset_free(dataset);
    return status;
}

static gkv_status read_words_of_a_file(void)
{
    return read_words(in_temporary("two"), in_temporary("words.csv"), in_temporary("test.csv"), 1);
}

static gkv_status read_words_of_a_folder(void)
{
    return read_words(in_temporary("flat"), in_temporary("files.csv"), in_temporary("tests.csv"),
                      1);
}

static gkv_status read_words_of_folders(void)
{
    return read_words(in_temporary("folder"), "", "", 0);
}

/* Pictures in a folder and in folders of classes, and a file of another format. */
static void put_pictures(void)
{
    size_t size = 0;
    char *png = NULL;
    assert_ok(gki_file_read(GKV_TEST_FIXTURES "/png/grey-8.png", 1 << 16, &png, &size));
    static const char *const folders[] = {"flat", "folder", "folder/ant", "folder/bee",
                                          "folder/cow"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        assert_int_equal(mkdir(in_temporary(folders[i]), 0700), 0);
    put("flat/1.png", png, size);
    put("flat/2.png", png, size);
    put("folder/bee/1.png", png, size);
    put("folder/cow/2.png", png, size);
    put("folder/ant/0.png", png, size);
    put("folder/ant/0.jpg", png, size);
    free(png);
}

static int make(void **state)
{
    static const char words[] = "label\nant\nbee\n", tests[] = "label\nbee\ncow\n",
                      files[] = "file,label\n1,ant\n2,bee\n", of_files[] = "2,cow\n1,bee\n";
    static zip archive;
    unsigned char array[NPY_MOST];
    float numbers[PIXELS];
    uint8_t pixels[PIXELS];
    if (make_temporary_in_memory(state) != 0)
        return -1;
    for (size_t i = 0; i < PIXELS; i++) {
        numbers[i] = (float)i / 7;
        pixels[i] = (uint8_t)i;
    }
    put_npy("numbers.npy", "<f4", "(6, 4, 4)", numbers, sizeof numbers);
    zip_add(&archive, "x.npy", 8, array,
            npy_of(array, "<f4", "(6, 4, 4)", numbers, sizeof numbers));
    zip_add(&archive, "y.npy", 0, array, npy_of(array, "|u1", "(6,)", labels, COUNT));
    put_zip(&archive, "arrays.npz");
    assert_ok(gkv_idx_write(in_temporary("two"), 2, SIDE, SIDE, 1, pixels));
    put("words.csv", words, sizeof words - 1);
    put("test.csv", tests, sizeof tests - 1);
    put("files.csv", files, sizeof files - 1);
    put("tests.csv", of_files, sizeof of_files - 1);
    put_pictures();
    return 0;
}

/* A file that somebody else has opened, such as standard input; the reader closes it. */
static gkv_status read_descriptor(void)
{
    gki_reader *reader = NULL;
    uint8_t *bytes = NULL;
    size_t size = 0;
    const int file = open(small("t10k-labels-idx1-ubyte.gz"), O_RDONLY | O_CLOEXEC);
    assert_true(file >= 0);
    gkv_status status = gki_reader_open_descriptor(file, "input", &reader);
    assert_int_equal(status == GKV_OK, reader != NULL);
    if (status == GKV_OK)
        status = gki_reader_read_all(reader, &bytes, &size);
    assert_true(status != GKV_OK || size > 8);
    free(bytes);
    gki_reader_close(reader);
    assert_true(fcntl(file, F_GETFD) < 0);
    return status;
}

static gkv_status write_picture(void)
{
    const uint8_t levels[6] = {0, 50, 100, 150, 200, 255};
    return gkv_png_write(in_temporary("picture.png"), 2, 3, 1, levels);
}

MEMORY_TEST(read_descriptor, ALL)
MEMORY_TEST(write_picture, ALL)
MEMORY_TEST(write_idx, ALL)
MEMORY_TEST(read_gzip, ALL)
MEMORY_TEST(read_changed, ALL)
MEMORY_TEST(read_pictures, FEW)
MEMORY_TEST(export_parts, ALL)
MEMORY_TEST(load_part, ALL)
MEMORY_TEST(read_numbers, ALL)
MEMORY_TEST(take_numbers, ALL)
MEMORY_TEST(read_archive, ALL)
MEMORY_TEST(read_words_of_a_file, ALL)
MEMORY_TEST(read_words_of_a_folder, ALL)
MEMORY_TEST(read_words_of_folders, ALL)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(write_idx_fails),
        cmocka_unit_test(read_descriptor_fails),
        cmocka_unit_test(write_picture_fails),
        cmocka_unit_test(read_gzip_fails),
        cmocka_unit_test(read_changed_fails),
        cmocka_unit_test(read_pictures_fails),
        cmocka_unit_test(export_parts_fails),
        cmocka_unit_test(load_part_fails),
        cmocka_unit_test(read_numbers_fails),
        cmocka_unit_test(take_numbers_fails),
        cmocka_unit_test(read_archive_fails),
        cmocka_unit_test(read_words_of_a_file_fails),
        cmocka_unit_test(read_words_of_a_folder_fails),
        cmocka_unit_test(read_words_of_folders_fails),
    };
    return cmocka_run_group_tests(tests, make, remove_temporary);
}
