/* Files that the library writes of images: NumPy archives and PNG files, which its own readers read
 * back. tests/cli reads archives with NumPy. */
#define _XOPEN_SOURCE 700
#include "folder.h"

#include "core/file.h"
#include "data/zip_member.h"
#include "gkvae/data.h"

enum { COUNT = 3, HEIGHT = 5, WIDTH = 4 };

static float floats[COUNT * HEIGHT * WIDTH];
static uint8_t levels[COUNT * HEIGHT * WIDTH * 3];

static int fill(void **state)
{
    for (size_t i = 0; i < COUNT * HEIGHT * WIDTH; i++)
        floats[i] = (float)i / 64;
    for (size_t i = 0; i < sizeof levels; i++)
        levels[i] = (uint8_t)(i * 41);
    return make_temporary(state);
}

/* The member is a .npy file with this description, and then these elements. */
static void assert_member(const char *archive, const char *name, const char *description,
                          const void *elements, size_t size)
{
    enum { HEADER = 128 };
    char *bytes = NULL;
    unsigned char *member = NULL;
    size_t count, length;
    assert_ok(gki_file_read(archive, SIZE_MAX, &bytes, &count));
    assert_ok(gki_zip_member((unsigned char *)bytes, count, archive, name, NULL, &member, &length));
    assert_int_equal(length, HEADER + size);
    assert_memory_equal(member, "\x93NUMPY\x01\x00\x76\x00", 10);
    assert_memory_equal(member + 10, description, strlen(description));
    assert_memory_equal(member + HEADER, elements, size);
    free(bytes);
    free(member);
}

static void archives(void **state)
{
    (void)state;
    const char *path = in_temporary("some.npz");
    const gkv_npz_array arrays[] = {
        {.name = "images", .rank = 3, .sizes = {COUNT, HEIGHT, WIDTH}, .floats = floats},
        {.name = "labels", .rank = 1, .sizes = {COUNT}, .bytes = levels},
        {.name = "none", .rank = 2, .sizes = {0, 7}},
    };
    assert_ok(gkv_npz_write(path, 3, arrays));
    assert_member(path, "images", "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 5, 4), }",
                  floats, sizeof floats);
    assert_member(path, "labels", "{'descr': '|u1', 'fortran_order': False, 'shape': (3, ), }",
                  levels, COUNT);
    assert_member(path, "none", "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 7), }", "",
                  0);
    gkv_dataset *images = NULL;
    assert_ok(gkv_dataset_open(in_temporary("some.npz:images"), in_temporary("some.npz:labels"),
                               &images));
    assert_int_equal(gkv_dataset_count(images), COUNT);
    assert_int_equal(gkv_dataset_pixels(images, 0)[32], 128); /* 255·32/64, rounded */
    assert_memory_equal(gkv_dataset_labels(images), levels, COUNT);
    gkv_dataset_free(images);
}

static void archives_that_are_refused(void **state)
{
    (void)state;
    const char *path = in_temporary("refused.npz");
    gkv_npz_array arrays[] = {{.name = "a", .rank = 1, .sizes = {1}, .floats = floats},
                              {.name = "b", .rank = 1, .sizes = {1}, .floats = floats}};
    assert_fails(gkv_npz_write(path, 0, arrays), GKV_ERR_ARGUMENT, "0 arrays");
    assert_fails(gkv_npz_write(path, 257, arrays), GKV_ERR_ARGUMENT, "257 arrays");
    arrays[1].name = "a";
    assert_fails(gkv_npz_write(path, 2, arrays), GKV_ERR_ARGUMENT, "two arrays are named a");
    static const char *const names[] = {"", "a b", "../a", NULL};
    for (size_t i = 0; i < 4; i++) {
        arrays[1].name = names[i];
        assert_fails(gkv_npz_write(path, 2, arrays), GKV_ERR_ARGUMENT, "name of array 1");
    }
    arrays[1].name = "b";
    arrays[1].rank = 5;
    assert_fails(gkv_npz_write(path, 2, arrays), GKV_ERR_ARGUMENT, "5 dimensions");
    arrays[1].rank = 2;
    arrays[1].sizes[0] = arrays[1].sizes[1] = SIZE_MAX / 8;
    assert_fails(gkv_npz_write(path, 2, arrays), GKV_ERR_ARGUMENT, "larger than memory");
    arrays[1].sizes[0] = (size_t)1 << 30;
    arrays[1].sizes[1] = 1;
    assert_fails(gkv_npz_write(path, 2, arrays), GKV_ERR_ARGUMENT, "4 GiB or more");
    arrays[1].sizes[0] = 1;
    arrays[1].floats = NULL;
    assert_fails(gkv_npz_write(path, 2, arrays), GKV_ERR_ARGUMENT, "are NULL");
    arrays[1].floats = floats;
    assert_fails(gkv_npz_write(in_temporary("no-folder/a.npz"), 2, arrays), GKV_ERR_IO,
                 "no-folder");
    assert_false(gki_file_exists(path));
}

static void png_files(void **state)
{
    (void)state;
    for (size_t channels = 1; channels <= 3; channels += 2) {
        const char *folder = in_temporary(channels == 1 ? "grey" : "colour");
        assert_int_equal(mkdir(folder, 0777), 0);
        for (size_t i = 0; i < COUNT; i++) {
            char path[600];
            snprintf(path, sizeof path, "%s/%zu.png", folder, i);
            assert_ok(gkv_png_write(path, HEIGHT, WIDTH, channels,
                                    levels + i * HEIGHT * WIDTH * channels));
        }
        gkv_dataset *images = NULL;
        assert_ok(gkv_dataset_open(folder, NULL, &images));
        assert_int_equal(gkv_dataset_count(images), COUNT);
        assert_int_equal(gkv_dataset_channels(images), channels);
        assert_memory_equal(gkv_dataset_pixels(images, 0), levels,
                            COUNT * HEIGHT * WIDTH * channels);
        gkv_dataset_free(images);
    }
    const char *path = in_temporary("refused.png");
    assert_fails(gkv_png_write(path, 0, 1, 1, levels), GKV_ERR_ARGUMENT, "0 × 1");
    assert_fails(gkv_png_write(path, 1, 65536, 1, levels), GKV_ERR_ARGUMENT, "65536");
    assert_fails(gkv_png_write(path, 1, 1, 2, levels), GKV_ERR_ARGUMENT, "2 channels");
    assert_fails(gkv_png_write(in_temporary("none/a.png"), 1, 1, 1, levels), GKV_ERR_IO, "none");
    assert_false(gki_file_exists(path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(archives),
        cmocka_unit_test(archives_that_are_refused),
        cmocka_unit_test(png_files),
    };
    return cmocka_run_group_tests(tests, fill, remove_temporary);
}
