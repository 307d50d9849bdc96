/* The IDX format: a header of big-endian 32-bit numbers (the magic number, and then each size),
 * followed by unsigned bytes in row-major order. gkv_idx_write() is declared in gkvae/data.h. */
#ifndef GKV_DATA_IDX_H
#define GKV_DATA_IDX_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "gkvae/settings.h"

enum { GKV_IDX_LABELS = 0x00000801, GKV_IDX_IMAGES = 0x00000803 };

typedef struct gki_idx {
    size_t count;
    size_t height, width;         /* 1 and 1 for labels */
    char sha256[GKV_DIGEST_SIZE]; /* of the uncompressed content */
    uint8_t *bytes;               /* [count·height·width]; the caller frees it with free() */
} gki_idx;

/* Reads a file with this magic number. Errors as gkv_dataset_open(); *out is then zero.
 * Thread-safe. */
gkv_status gki_idx_read(const char *path, uint32_t magic, gki_idx *out);

#endif
