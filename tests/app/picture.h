/* A temporary folder for the tests of pictures, and the pixels of a PNG. The file that includes
 * this defines _POSIX_C_SOURCE first. */
#ifndef GKV_TESTS_PICTURE_H
#define GKV_TESTS_PICTURE_H

#include "support.h"

#include <cairo.h>
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

static char test_folder[64];

static inline int make_folder(void **state)
{
    (void)state;
    strcpy(test_folder, "/tmp/gkv-report-XXXXXX");
    return mkdtemp(test_folder) ? 0 : -1;
}

/* Returns the number of files in the folder, and removes them if `clear` is nonzero. */
static inline int count_files(int clear)
{
    int count = 0;
    DIR *folder = opendir(test_folder);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char path[512];
        if (entry->d_name[0] == '.')
            continue;
        count++;
        snprintf(path, sizeof path, "%s/%s", test_folder, entry->d_name);
        if (clear)
            remove(path);
    }
    if (folder)
        closedir(folder);
    return count;
}

static inline int drop_folder(void **state)
{
    (void)state;
    count_files(1);
    return rmdir(test_folder);
}

/* A path in the folder. The string is valid during the next seven calls. */
static inline const char *in_folder(const char *name)
{
    static char paths[8][256];
    static unsigned turn;
    char *const path = paths[turn++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", test_folder, name);
    return path;
}

static inline char *read_whole(const char *path, size_t *count)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *count = (size_t)ftell(file);
    rewind(file);
    char *bytes = test_alloc(*count + 1);
    assert_int_equal(fread(bytes, 1, *count, file), *count);
    fclose(file);
    return bytes;
}

static inline void assert_same_bytes(const char *first, const char *second)
{
    size_t a_count, b_count;
    char *a = read_whole(first, &a_count), *b = read_whole(second, &b_count);
    assert_int_equal(a_count, b_count);
    assert_memory_equal(a, b, a_count);
    free(a);
    free(b);
}

typedef struct picture {
    cairo_surface_t *surface;
    int width, height;
} picture;

/* Decodes a PNG. The test fails if the file is not one. */
static inline picture open_picture(const char *path)
{
    picture p = {.surface = cairo_image_surface_create_from_png(path)};
    assert_int_equal(cairo_surface_status(p.surface), CAIRO_STATUS_SUCCESS);
    p.width = cairo_image_surface_get_width(p.surface);
    p.height = cairo_image_surface_get_height(p.surface);
    return p;
}

static inline void close_picture(picture p)
{
    cairo_surface_destroy(p.surface);
}

/* 0xRRGGBB */
static inline uint32_t pixel(picture p, int x, int y)
{
    assert_true(x >= 0 && x < p.width && y >= 0 && y < p.height);
    const unsigned char *const row = cairo_image_surface_get_data(p.surface) +
                                     (ptrdiff_t)y * cairo_image_surface_get_stride(p.surface);
    uint32_t value;
    memcpy(&value, row + 4 * (ptrdiff_t)x, sizeof value);
    return value & 0xFFFFFF;
}

/* The number of pixels in the rectangle that have about this colour. */
static inline int count_colour(picture p, uint32_t colour, int left, int top, int right, int bottom)
{
    int count = 0;
    for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x++) {
            const uint32_t seen = pixel(p, x, y);
            int near = 1;
            for (int shift = 0; shift < 24; shift += 8)
                /* a thin line's edge is a tenth white */
                near &= abs((int)(seen >> shift & 255) - (int)(colour >> shift & 255)) <= 24;
            count += near;
        }
    return count;
}

static inline int count_everywhere(picture p, uint32_t colour)
{
    return count_colour(p, colour, 0, 0, p.width, p.height);
}

#endif
