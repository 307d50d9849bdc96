/* Tables as .npy files. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "table/number_table.h"

/* the header has space for any two lengths; NumPy can map files with this alignment */
enum { ALIGNMENT = 64, HEADER_SIZE = 128 };

/* Writes magic number, version, length and dictionary. Blanks fill the header up to the final
 * newline. */
static void make_header(size_t rows, size_t columns, size_t size, char out[HEADER_SIZE])
{
    enum { FIXED = 10 };
    _Static_assert(HEADER_SIZE % ALIGNMENT == 0,
                   "the numbers must begin at a multiple of 64 bytes");
    memset(out, ' ', HEADER_SIZE);
    memcpy(out, "\x93NUMPY\x01\x00", 8);
    out[8] = HEADER_SIZE - FIXED;
    out[9] = 0;
    const int length =
        snprintf(out + FIXED, HEADER_SIZE - FIXED,
                 "{'descr': '%cf%zu', 'fortran_order': False, 'shape': (%zu, %zu), }",
                 __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? '>' : '<', size, rows, columns);
    out[FIXED + length] = ' ';
    out[HEADER_SIZE - 1] = '\n';
}

static gkv_status write_array(const char *path, const void *values, size_t rows, size_t columns,
                              size_t size)
{
    char header[HEADER_SIZE];
    size_t bytes = 0;
    if (columns == 0)
        return gki_fail(GKV_ERR_ARGUMENT, "writing %s: there are no columns", path);
    if (__builtin_mul_overflow(rows, columns, &bytes) ||
        __builtin_mul_overflow(bytes, size, &bytes))
        return gki_fail(GKV_ERR_ARGUMENT, "%s: %zu × %zu numbers are more than memory can hold",
                        path, rows, columns);
    gki_file_writer *writer = NULL;
    make_header(rows, columns, size, header);
    GKV_TRY(gki_file_begin(path, &writer));
    /* gki_file_commit returns the errors of these calls */
    gki_file_write(writer, header, sizeof header);
    gki_file_write(writer, values, bytes);
    return gki_file_commit(writer);
}

gkv_status gkv_npy_write(const char *path, size_t rows, size_t columns, const double *values)
{
    GKV_NEED(path);
    if (rows > 0)
        GKV_NEED(values);
    return write_array(path, values, rows, columns, sizeof *values);
}

gkv_status gkv_npy_write_float(const char *path, size_t rows, size_t columns, const float *values)
{
    GKV_NEED(path);
    if (rows > 0)
        GKV_NEED(values);
    return write_array(path, values, rows, columns, sizeof *values);
}
