/* Data sets that are written as IDX files: parts, lists of names, files of older exports. */
#define _XOPEN_SOURCE 700
#include "support.h"

#include "core/file.h"
#include "data/dataset.h"
#include "data/idx.h"
#include "temporary.h"

enum { COUNT = 6, SIDE = 2, PIXELS = 3 * COUNT * SIDE * SIDE };

static uint8_t pixels[PIXELS];
static const uint8_t labels[COUNT] = {5, 4, 3, 2, 1, 0};

static gkv_dataset *make(size_t channels, const uint8_t *of_images)
{
    gkv_dataset *dataset = NULL;
    for (size_t i = 0; i < PIXELS; i++)
        pixels[i] = (uint8_t)(7 * i);
    assert_ok(gkv_dataset_from_memory(COUNT, SIDE, SIDE, channels, pixels, of_images, &dataset));
    return dataset;
}

static gkv_status export_to(const char *folder, gkv_dataset *dataset, double share, bool overwrite,
                            size_t *test)
{
    const gkv_export_settings settings = {.test = share, .seed = 1, .overwrite = overwrite};
    return gkv_dataset_export(dataset, in_temporary(folder), &settings, test);
}

static void shares_are_checked(void **state)
{
    (void)state;
    gkv_dataset *dataset = make(1, NULL);
    const double wrong[] = {-.1, 1.1, NAN};
    for (size_t i = 0; i < 3; i++)
        assert_fails(export_to("shares", dataset, wrong[i], false, NULL), GKV_ERR_ARGUMENT,
                     "the share of test images is");
    assert_fails(export_to("shares", dataset, .01, false, NULL), GKV_ERR_ARGUMENT,
                 "a share of 0.01 of 6 images leaves the test part without images");
    assert_fails(export_to("shares", dataset, 1, false, NULL), GKV_ERR_ARGUMENT,
                 "a share of 1 of 6 images leaves the training part without images");
    assert_false(gki_file_exists(in_temporary("shares")));
    gkv_dataset_free(dataset);
}

/* Without settings there is one part, and without labels one file. */
static void parts_are_files(void **state)
{
    (void)state;
    gkv_dataset *plain = make(1, NULL), *labelled = make(1, labels), *again = NULL;
    size_t test = 9;
    assert_ok(gkv_dataset_export(plain, in_temporary("one"), NULL, &test));
    assert_int_equal(test, 0);
    assert_int_equal(entries_of(in_temporary("one")), 1);
    assert_ok(export_to("two", labelled, .5, false, &test));
    assert_int_equal(test, 3);
    assert_int_equal(entries_of(in_temporary("two")), 4);
    assert_ok(gkv_dataset_open(in_temporary("two/t10k-images-idx3-ubyte"),
                               in_temporary("two/t10k-labels-idx1-ubyte"), &again));
    for (size_t i = 0; i < 3; i++) { /* images keep their labels, and their order */
        const size_t from = 5U - gkv_dataset_labels(again)[i];
        assert_memory_equal(gkv_dataset_pixels(again, i), pixels + 4 * from, 4);
        assert_true(i == 0 || gkv_dataset_labels(again)[i] < gkv_dataset_labels(again)[i - 1]);
    }
    gkv_dataset_free(again);
    gkv_dataset_free(plain);
    gkv_dataset_free(labelled);
}

/* Files of an older export would be read with the new ones, so they go. */
static void older_files_go(void **state)
{
    (void)state;
    gkv_dataset *grey = make(1, labels), *colour = make(3, NULL);
    assert_ok(export_to("old", grey, .5, false, NULL));
    put("old/train-images-idx3-ubyte.gz", "x", 1);
    put("old/notes.txt", "x", 1);
    assert_fails(export_to("old", grey, .5, false, NULL), GKV_ERR_IO,
                 "train-images-idx3-ubyte: the file exists; choose another folder");
    assert_ok(export_to("old", colour, 0, true, NULL));
    assert_int_equal(entries_of(in_temporary("old")), 2);
    assert_true(gki_file_exists(in_temporary("old/train-images-idx4-ubyte")));
    assert_true(gki_file_exists(in_temporary("old/notes.txt")));
    assert_ok(export_to("old", colour, .5, true, NULL));
    assert_true(gki_file_exists(in_temporary("old/t10k-images-idx4-ubyte")));
    assert_fails(export_to("old/notes.txt/x", grey, 0, false, NULL), GKV_ERR_IO, "notes.txt");
    gkv_dataset_free(grey);
    gkv_dataset_free(colour);
}

/* A picture of one folder, and one whose name has quotes, with and without labels. */
static void names_are_listed(void **state)
{
    (void)state;
    static const char list[] = "part,file,label\ntrain,\"a\"\"b.png\",\ntrain,\"c.png\",\n",
                      with[] = "part,file,label\ntrain,\"a\"\"b.png\",7\ntrain,\"c.png\",9\n",
                      table[] = "a\"b.png,7\nc.png,9\n";
    char *png = NULL, *text = NULL;
    size_t size = 0;
    gkv_dataset *dataset = NULL;
    assert_int_equal(mkdir(in_temporary("named"), 0700), 0);
    assert_ok(gki_file_read(GKV_TEST_FIXTURES "/png/grey-8.png", 1 << 16, &png, &size));
    put("named/a\"b.png", png, size);
    put("named/c.png", png, size);
    free(png);
    for (int labelled = 0; labelled < 2; labelled++) {
        const char *of = labelled ? put("table.csv", table, sizeof table - 1) : NULL;
        assert_ok(gkv_dataset_open(in_temporary("named"), of, &dataset));
        assert_ok(export_to("list", dataset, 0, true, NULL));
        assert_ok(gki_file_read(in_temporary("list/files.csv"), 1 << 10, &text, &size));
        assert_string_equal(text, labelled ? with : list);
        free(text);
        gkv_dataset_free(dataset);
    }
}

static void sizes_that_idx_cannot_hold(void **state)
{
    (void)state;
    const char *path = in_temporary("no.idx");
    const size_t wrong[][4] = {{0, 1, 1, 1},
                               {1, 0, 1, 1},
                               {1, 1, 0, 1},
                               {1, 1, 1, 0},
                               {(size_t)UINT32_MAX + 1, 1, 1, 1},
                               {UINT32_MAX, UINT32_MAX, UINT32_MAX, 1}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_fails(
            gkv_idx_write(path, wrong[i][0], wrong[i][1], wrong[i][2], wrong[i][3], pixels),
            GKV_ERR_ARGUMENT, "IDX cannot hold");
    assert_fails(gkv_idx_write(path, 1, 1, 1, 2, pixels), GKV_ERR_ARGUMENT,
                 "2 channels; expected 1 or 3");
    assert_fails(gkv_idx_write_labels(path, 0, labels), GKV_ERR_ARGUMENT,
                 "IDX cannot hold 0 labels");
    assert_fails(gkv_idx_write_labels(path, (size_t)UINT32_MAX + 1, labels), GKV_ERR_ARGUMENT,
                 "IDX cannot hold 4294967296 labels");
    assert_false(gki_file_exists(path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_are_checked),
        cmocka_unit_test(parts_are_files),
        cmocka_unit_test(older_files_go),
        cmocka_unit_test(names_are_listed),
        cmocka_unit_test(sizes_that_idx_cannot_hold),
    };
    return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
