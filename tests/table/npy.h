/* .npy files in memory, for tests. */
#ifndef GKV_TESTS_TABLE_NPY_H
#define GKV_TESTS_TABLE_NPY_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Writes magic number, version, length and the given dictionary. Returns the offset of the
 * numbers. */
static inline size_t npy_header(unsigned char *out, unsigned version, const char *dictionary)
{
    const size_t length = strlen(dictionary), width = version == 1 ? 2 : 4;
    memcpy(out, "\x93NUMPY", 6);
    out[6] = (unsigned char)version;
    out[7] = 0;
    for (size_t i = 0; i < width; i++)
        out[8 + i] = (unsigned char)((uint64_t)length >> (8 * i));
    memcpy(out + 8 + width, dictionary, length);
    return 8 + width + length;
}

/* Writes the low `size` bytes of a number in either byte order. */
static inline size_t npy_put(unsigned char *out, uint64_t bits, size_t size, int big_endian)
{
    for (size_t i = 0; i < size; i++)
        out[big_endian ? size - 1 - i : i] = (unsigned char)(bits >> (8 * i));
    return size;
}

#endif
