/* The header of a .npy file: a Python dictionary in a text, as in
 *     {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }
 * (NumPy Enhancement Proposal 1, and numpy.lib.format). */
#ifndef GKV_TABLE_NPY_HEADER_H
#define GKV_TABLE_NPY_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

typedef struct gkv_npy_header {
    char type;       /* 'f', 'i' or 'u' */
    size_t size;     /* of an element: 4 or 8 for 'f', else 1, 2, 4 or 8 */
    bool big_endian;
    bool fortran;    /* column by column */
    uint64_t rows, columns; /* one dimension is one column */
} gkv_npy_header;

/* Reads the dictionary, `length` bytes that need not end in a NUL. GKV_ERR_DATA, naming the
 * file, for what is no such dictionary, or of another type or shape. */
gkv_status gkv_npy_header_parse(const char *file, const char *text, size_t length, gkv_npy_header *out);

#endif
