/* The IDX format: a big-endian header (magic number, then each size as 32 bits)
 * and unsigned bytes, the last index running fastest. */
#ifndef GKV_DATA_IDX_H
#define GKV_DATA_IDX_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

enum { GKV_IDX_LABELS = 0x00000801, GKV_IDX_IMAGES = 0x00000803 };

typedef struct gkv_idx {
    size_t count;
    size_t height, width; /* 1 and 1 for labels */
    uint8_t *bytes;       /* count·height·width; free() it */
} gkv_idx;

/* Reads a file that must have this magic number. Errors as gkv_dataset_open(). */
gkv_status gkv_idx_read(const char *path, uint32_t magic, gkv_idx *out);

#endif
