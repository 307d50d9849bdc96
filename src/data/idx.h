/* The IDX format: a header of big-endian 32-bit numbers (the magic number, and then each size),
 * followed by the elements in row-major order. gkv_idx_write() is declared in gkvae/data.h. */
#ifndef GKV_DATA_IDX_H
#define GKV_DATA_IDX_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "data/raster.h"

/* What a file has. Images of numbers are floats that stay as they are; only arrays have them. */
typedef enum gki_idx_kind { GKV_IDX_IMAGES, GKV_IDX_LABELS, GKV_IDX_NUMBERS } gki_idx_kind;

/* Raw files of so many bytes of images are mapped into memory and not copied. Smaller ones are
 * copied, because a file that another program shortens while it is mapped would end the process. */
enum { GKV_MAP_MIN = 64 << 20 };

/* Reads a file of images or of labels. Images are unsigned bytes or integers of 16 bits, in 3
 * dimensions or, with 1, 3 or 4 channels, in 4. Integers of 16 bits are taken for unsigned ones and
 * become 8 bits: as they are if none is above 255, else divided by 257; the note says so. A raw
 * file of bytes that has GKV_MAP_MIN bytes is mapped. Errors as gkv_dataset_open(); *out is then
 * zero. Thread-safe. */
gkv_status gki_idx_read(const char *path, gki_idx_kind kind, gki_raster *out);

/* The header that gkv_idx_write() and gkv_idx_write_labels() write for these sizes, of which the
 * last ones are 0, and its length in bytes. */
enum { GKV_IDX_HEADER_MAX = 20 };
size_t gki_idx_header(size_t count, size_t height, size_t width, size_t channels,
                      uint8_t header[GKV_IDX_HEADER_MAX]);

/* Sets the raster's SHA-256 to that of the file that gkv_idx_write() or
 * gkv_idx_write_labels() would write. */
void gki_idx_digest(gki_raster *raster, gki_idx_kind kind);

#endif
