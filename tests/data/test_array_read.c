/* Arrays of NumPy as images, labels and numbers, and the archives that hold them. */
#define _XOPEN_SOURCE 700
#include "support.h"

#include "data/array_read.h"
#include "data/arrays.h"
#include "data/dataset.h"
#include "data/zip_member.h"

static const uint8_t bytes[24] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
static const float numbers[12] = {0, .25F, .5F, .75F, 1};

static void refuses_array(const char *type, const char *shape, size_t size, gki_idx_kind kind,
                          const char *text)
{
    unsigned char array[NPY_MOST];
    gki_raster raster;
    const size_t whole =
        npy_of(array, type, shape, *type == '<' ? (const void *)numbers : bytes, size);
    assert_fails(gki_array_parse("array", array, whole, kind, &raster), GKV_ERR_DATA, text);
    assert_null(raster.bytes);
}

static void shapes_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *shape;
        gki_idx_kind kind;
        const char *text;
    } wrong[] = {
        {"(12,)", GKV_IDX_IMAGES, "the shape is 12; expected images × height × width"},
        {"()", GKV_IDX_IMAGES, "the shape is (); expected images"},
        {"(3, 4)", GKV_IDX_IMAGES, "the shape is 3 × 4; expected images"},
        {"(1, 3, 2, 2)", GKV_IDX_IMAGES, "save array.transpose(0, 2, 3, 1)"},
        {"(1, 1, 6, 2)", GKV_IDX_IMAGES, "save array.transpose(0, 2, 3, 1)"},
        {"(1, 4, 1, 3, 1)", GKV_IDX_IMAGES, "the shape is 1 × 4 × 1 × 3 × 1; expected"},
        {"(1, 2, 3, 2)", GKV_IDX_IMAGES, "with 1, 3 or 4 channels as the last dimension"},
        {"(0, 3, 4)", GKV_IDX_IMAGES, "there is nothing in it"},
        {"(3, 4)", GKV_IDX_LABELS, "expected one number for each image"},
        {"(3, 4, 1)", GKV_IDX_LABELS, "expected one number for each image"},
        {"(4294967296, 4294967296, 2)", GKV_IDX_IMAGES, "more than memory can hold"},
        {"(2, 3, 4)", GKV_IDX_IMAGES, "12 bytes follow the header; expected 24 elements of 1"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refuses_array("|u1", wrong[i].shape, 12, wrong[i].kind, wrong[i].text);
    refuses_array("<f4", "(4611686018427387904, 1, 1)", 12, GKV_IDX_IMAGES, "12 bytes follow");
    gki_raster raster;
    assert_fails(gki_array_parse("array", bytes, 12, GKV_IDX_IMAGES, &raster), GKV_ERR_DATA,
                 "it is not an .npy array");
    assert_fails(gki_array_parse("array", (const uint8_t *)"\x93NUMPY", 6, GKV_IDX_IMAGES, &raster),
                 GKV_ERR_DATA, "array");
}

static void levels_and_labels_are_checked(void **state)
{
    (void)state;
    static const float high[] = {0, 256}, low[] = {-.5F, 1}, half[] = {0, .5F}, none[] = {0, NAN};
    static const int16_t below[] = {-1, 1}, many[] = {0, 300};
    static const struct {
        const char *type;
        const void *elements;
        size_t size;
        gki_idx_kind kind;
        const char *text;
    } wrong[] = {
        {"<f4", high, 8, GKV_IDX_IMAGES, "image 0 has the level 256; expected 0 … 1"},
        {"<f4", low, 8, GKV_IDX_IMAGES, "image 0 has the level -0.5"},
        {"<f4", none, 8, GKV_IDX_IMAGES, "has the level nan"},
        {"<i2", below, 4, GKV_IDX_IMAGES, "expected 0 … 255, or 0 … 65535"},
        {"<f4", half, 8, GKV_IDX_LABELS, "the label of image 1 is 0.5; expected a whole number"},
        {"<f4", none, 8, GKV_IDX_LABELS, "the label of image 1 is nan"},
        {"<i2", many, 4, GKV_IDX_LABELS, "the label of image 1 is 300"},
        {"<i2", below, 4, GKV_IDX_LABELS, "the label of image 0 is -1"},
        {"<i2", many, 4, GKV_IDX_NUMBERS, "takes an array of floats"},
        {"<f4", none, 8, GKV_IDX_NUMBERS, "image 0 has the number nan"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        unsigned char array[NPY_MOST];
        gki_raster raster;
        const size_t size =
            npy_of(array, wrong[i].type, wrong[i].kind == GKV_IDX_LABELS ? "(2,)" : "(1, 1, 2)",
                   wrong[i].elements, wrong[i].size);
        assert_fails(gki_array_parse("array", array, size, wrong[i].kind, &raster), GKV_ERR_DATA,
                     wrong[i].text);
    }
}

/* --- Names of arrays in archives ------------------------------------------ */

static gkv_status open_images(const char *path, gkv_dataset **out)
{
    *out = NULL;
    return gkv_dataset_open(path, NULL, out);
}

static zip archive_of(const char *const names[], size_t count)
{
    zip archive = {.size = 0};
    unsigned char array[NPY_MOST];
    for (size_t i = 0; i < count; i++)
        zip_add(&archive, names[i], i % 2 ? 8 : 0, array,
                npy_of(array, "|u1", "(3, 2, 2)", bytes + i, 12));
    return archive;
}

static void an_array_of_several_is_named(void **state)
{
    (void)state;
    static const char *const names[] = {"x.npy", "folder/", "y.npy"};
    gkv_dataset *dataset = NULL;
    char path[256];
    zip both = archive_of(names, 3), one = archive_of(names, 1);
    snprintf(path, sizeof path, "%s:y", put_zip(&both, "both.npz"));
    assert_ok(open_images(path, &dataset));
    assert_memory_equal(gkv_dataset_pixels(dataset, 0), bytes + 2, 12);
    gkv_dataset_free(dataset);
    strcat(path, ".npy"); /* the whole name */
    assert_ok(open_images(path, &dataset));
    gkv_dataset_free(dataset);
    assert_fails(open_images(in_temporary("both.npz"), &dataset), GKV_ERR_ARGUMENT,
                 "both.npz has 2 arrays: choose one as in FILE.npz:NAME: x, y");
    assert_fails(open_images(in_temporary("both.npz:z"), &dataset), GKV_ERR_ARGUMENT,
                 "has no such array, but x, y");
    assert_ok(open_images(put_zip(&one, "one.npz"), &dataset));
    assert_memory_equal(gkv_dataset_pixels(dataset, 0), bytes, 12);
    gkv_dataset_free(dataset);
    /* what only looks like a name of an array */
    put_npy("plain.npy", "|u1", "(3, 2, 2)", bytes, 12);
    put_npy("a:b", "|u1", "(3, 2, 2)", bytes, 12);
    assert_ok(open_images(in_temporary("a:b"), &dataset));
    gkv_dataset_free(dataset);
    assert_fails(open_images(in_temporary("plain.npy:x"), &dataset), GKV_ERR_ARGUMENT,
                 "is one array, not an archive of several");
    assert_fails(open_images(in_temporary("plain.npy:"), &dataset), GKV_ERR_IO, "plain.npy:");
    assert_fails(open_images(in_temporary("none.npz:x"), &dataset), GKV_ERR_IO, "none.npz:x");
    assert_fails(open_images(in_temporary("a:b/c"), &dataset), GKV_ERR_IO, "a:b/c");
}

/* A large array of bytes is mapped, one of other elements or of another shape is not. */
static void large_arrays_are_mapped(void **state)
{
    (void)state;
    static const struct {
        const char *type, *shape;
        bool mapped;
    } cases[] = {{"|u1", "(65, 1024, 1024)", true},
                 {"|i1", "(65, 1024, 1024)", false},
                 {"|u1", "(64, 1024, 1024)", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gki_raster raster;
        const char *path = put_npy("large.npy", cases[i].type, cases[i].shape, "", 0);
        struct stat about;
        assert_int_equal(stat(path, &about), 0);
        assert_int_equal(truncate(path, about.st_size + (65 << 20)), 0);
        const gkv_status status = gki_array_read(path, GKV_IDX_IMAGES, &raster);
        assert_int_equal(status, i < 2 ? GKV_OK : GKV_ERR_DATA);
        assert_int_equal(raster.mapping != NULL, cases[i].mapped);
        gki_raster_free(&raster);
        unlink(path);
    }
}

static void arrays_may_be_compressed(void **state)
{
    (void)state;
    unsigned char array[NPY_MOST];
    gkv_dataset *dataset = NULL;
    gki_raster raster;
    const size_t size = npy_of(array, "|u1", "(3, 2, 2)", bytes, 12);
    gzFile file = gzopen(in_temporary("a.npy.gz"), "wb");
    assert_int_equal(gzwrite(file, array, (unsigned)size), (int)size);
    assert_int_equal(gzclose(file), Z_OK);
    assert_ok(open_images(in_temporary("a.npy.gz"), &dataset));
    assert_memory_equal(gkv_dataset_pixels(dataset, 0), bytes, 12);
    gkv_dataset_free(dataset);
    put("cut.npy.gz", "\x1f\x8b\x08\0", 4);
    assert_fails(gki_array_read(in_temporary("cut.npy.gz"), GKV_IDX_IMAGES, &raster), GKV_ERR_DATA,
                 "the gzip data stops in the middle");
    assert_fails(gki_array_read(put("empty.npy", "", 0), GKV_IDX_IMAGES, &raster), GKV_ERR_DATA,
                 "empty.npy");
}

static void many_names_are_cut(void **state)
{
    (void)state;
    enum { MANY = 12 };
    static zip archive;
    unsigned char *out = NULL;
    size_t size = 0;
    memset(&archive, 0, sizeof archive);
    for (size_t i = 0; i < MANY; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%zu.csv", i);
        archive.files = 0; /* any number of files */
        zip_add(&archive, name, 0, bytes, 1);
    }
    archive.files = MANY;
    put_zip(&archive, "many.zip");
    assert_fails(
        gki_zip_member(archive.bytes, archive.size, "many.zip", NULL, "--array", &out, &size),
        GKV_ERR_ARGUMENT, "has 12 arrays: choose one with --array: n0.csv, ");
    assert_non_null(strstr(gkv_error_message(), "n7.csv, …"));
    assert_fails(
        gki_zip_member(archive.bytes, archive.size, "many.zip", "x", "--array", &out, &size),
        GKV_ERR_ARGUMENT, "--array x: many.zip has no such array, but n0.csv");
    assert_null(out);
}

/* --- Archives that are damaged or of another kind ------------------------- */

/* The first file of an archive after one of its fields was changed. */
static void refuses_changed(bool in_directory, size_t offset, uint64_t value, size_t width,
                            const char *text)
{
    static const char *const names[] = {"x.npy"};
    zip archive = archive_of(names, 1);
    unsigned char *out = NULL;
    size_t size = 0;
    const size_t first = archive.size;
    put_zip(&archive, "changed.npz");
    npy_put(archive.bytes + (in_directory ? first : 0) + offset, value, width, 0);
    assert_fails(gki_zip_member(archive.bytes, archive.size, "changed", NULL, NULL, &out, &size),
                 GKV_ERR_DATA, text);
    assert_null(out);
}

static void changed_archives_are_refused(void **state)
{
    (void)state;
    refuses_changed(true, 8, 1, 2, "x.npy is encrypted");
    refuses_changed(true, 10, 12, 2, "is compressed by method 12; expected 0 or 8");
    refuses_changed(true, 0, 0, 4, "its directory is empty or cannot be read");
    refuses_changed(true, 28, 60000, 2, "its directory is empty or cannot be read");
    refuses_changed(true, 16, 7, 4, "another checksum than the directory");
    refuses_changed(true, 24, 7, 4, "another checksum than the directory");
    refuses_changed(true, 20, 100000, 4, "a file is not where the directory says");
    refuses_changed(true, 42, 100000, 4, "a file begins behind its end");
    refuses_changed(true, 42, 1, 4, "a file is not where the directory says");
    refuses_changed(false, 26, 60000, 2, "a file is not where the directory says");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_are_checked),
        cmocka_unit_test(levels_and_labels_are_checked),
        cmocka_unit_test(an_array_of_several_is_named),
        cmocka_unit_test(large_arrays_are_mapped),
        cmocka_unit_test(arrays_may_be_compressed),
        cmocka_unit_test(many_names_are_cut),
        cmocka_unit_test(changed_archives_are_refused),
    };
    return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
