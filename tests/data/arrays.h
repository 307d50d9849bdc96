/* Arrays of NumPy in the temporary folder: .npy files, and zip archives of them (.npz). */
#ifndef GKV_TESTS_DATA_ARRAYS_H
#define GKV_TESTS_DATA_ARRAYS_H

#include <zlib.h>

#include "folder.h"
#include "table/npy.h"

enum { NPY_MOST = 4096, ZIP_MOST = 1 << 14, ZIP_FILES = 4 };

/* Writes an .npy array of `size` bytes to `out` [NPY_MOST]; returns how many there are in all. */
static inline size_t npy_of(unsigned char *out, const char *type, const char *shape,
                            const void *bytes, size_t size)
{
    char dictionary[128];
    snprintf(dictionary, sizeof dictionary, "{'descr': '%s', 'fortran_order': False, 'shape': %s}",
             type, shape);
    const size_t header = npy_header(out, 1, dictionary);
    assert_true(header + size <= NPY_MOST);
    memcpy(out + header, bytes, size);
    return header + size;
}

static inline const char *put_npy(const char *name, const char *type, const char *shape,
                                  const void *bytes, size_t size)
{
    unsigned char file[NPY_MOST];
    return put(name, file, npy_of(file, type, shape, bytes, size));
}

/* A zip archive that is written file by file. */
typedef struct zip {
    unsigned char bytes[ZIP_MOST], directory[ZIP_MOST];
    size_t size, directory_size, files;
} zip;

/* The compressed bytes, without the header of zlib; returns how many there are. */
static inline size_t zip_deflate(const void *bytes, size_t size, unsigned char *out, size_t most)
{
    z_stream z = {.zalloc = Z_NULL};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)bytes;
    z.avail_in = (uInt)size;
    z.next_out = out;
    z.avail_out = (uInt)most;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return most - z.avail_out;
}

/* Adds a file that is stored (0) or deflated (8). */
static inline void zip_add(zip *archive, const char *name, unsigned method, const void *bytes,
                           size_t size)
{
    static unsigned char data[ZIP_MOST];
    const size_t length = strlen(name), place = archive->size;
    const size_t packed = method ? zip_deflate(bytes, size, data, sizeof data) : size;
    if (!method)
        memcpy(data, bytes, size);
    const struct {
        size_t offset, bytes;
        uint64_t value;
    } fields[] = {/* the local header, from 30 on the name; and the entry of the directory */
                  {0, 4, 0x04034b50}, {8, 2, method}, {14, 4, crc32(0, bytes, (uInt)size)},
                  {18, 4, packed},    {22, 4, size},  {26, 2, length}};
    unsigned char *local = archive->bytes + archive->size,
                  *entry = archive->directory + archive->directory_size;
    assert_true(archive->size + 30 + length + packed < ZIP_MOST && archive->files < ZIP_FILES);
    memset(local, 0, 30);
    memset(entry, 0, 46);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        npy_put(local + fields[i].offset, fields[i].value, fields[i].bytes, 0);
        if (i > 0)
            npy_put(entry + 2 + fields[i].offset, fields[i].value, fields[i].bytes, 0);
    }
    npy_put(entry, 0x02014b50, 4, 0);
    npy_put(entry + 42, place, 4, 0);
    memcpy(local + 30, name, length);
    memcpy(entry + 46, name, length);
    memcpy(local + 30 + length, data, packed);
    archive->size += 30 + length + packed;
    archive->directory_size += 46 + length;
    archive->files++;
}

/* Ends the archive and writes it to a file of that name. */
static inline const char *put_zip(zip *archive, const char *name)
{
    const size_t first = archive->size;
    memcpy(archive->bytes + archive->size, archive->directory, archive->directory_size);
    archive->size += archive->directory_size;
    unsigned char *end = archive->bytes + archive->size;
    memset(end, 0, 22);
    npy_put(end, 0x06054b50, 4, 0);
    npy_put(end + 8, archive->files, 2, 0);
    npy_put(end + 10, archive->files, 2, 0);
    npy_put(end + 12, archive->directory_size, 4, 0);
    npy_put(end + 16, first, 4, 0);
    archive->size += 22;
    return put(name, archive->bytes, archive->size);
}

#endif
