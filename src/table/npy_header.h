/* The header of a .npy file. It is the text of a Python dictionary, as in
 *     {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }
 * (NumPy Enhancement Proposal 1, and numpy.lib.format). */
#ifndef GKV_TABLE_NPY_HEADER_H
#define GKV_TABLE_NPY_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "table/text_records.h"

enum { GKV_NPY_DIMENSIONS = 64 };

typedef struct gki_npy_header {
    char type;       /* 'f', 'i' or 'u', or 'b' for truth values */
    size_t size;     /* the bytes of an element: 2, 4 or 8 for 'f', else 1, 2, 4 or 8 */
    bool big_endian; /* the byte order of elements */
    bool fortran;    /* true for column-major order */
    size_t dimensions;
    uint64_t lengths[GKV_NPY_DIMENSIONS];
} gki_npy_header;

/* Reads magic number, version and dictionary from a source at its first byte. GKV_ERR_DATA,
 * GKV_ERR_IO, GKV_ERR_MEMORY. */
gkv_status gki_npy_header_read(gki_source *source, gki_npy_header *out);

/* Makes the header of an array of this machine's byte order in C order, for elements of type 'f',
 * or 'u' of one byte. It has space for any two lengths, and for any four whose product a size_t can
 * hold. */
enum { GKV_NPY_HEADER_SIZE = 128 };
void gki_npy_header_make(char type, size_t size, size_t dimensions, const size_t *lengths,
                         char out[GKV_NPY_HEADER_SIZE]);

/* The element at `bytes`. */
double gki_npy_element(const gki_npy_header *header, const unsigned char *bytes);

#endif
