/* Reads PNG pictures (ISO/IEC 15948) with libpng. All functions are thread-safe. */
#ifndef GKV_DATA_PNG_READ_H
#define GKV_DATA_PNG_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

/* The most pixels of a picture that is read, and the most bytes of a file. */
enum { GKV_PNG_PIXELS_MAX = 1 << 25, GKV_PNG_BYTES_MAX = 1 << 28 };

/* The first bytes of a file that hold its header. */
enum { GKV_PNG_HEADER = 33 };

/* What the header of a picture states. */
typedef struct gki_png_header {
    size_t height, width;
    bool coloured; /* its pixels may differ from grey */
} gki_png_header;

/* Reads the header from the first bytes of a file of `size` bytes. GKV_ERR_DATA if it is not that
 * of a PNG picture, if the picture has more than GKV_PNG_PIXELS_MAX pixels, or if the file cannot
 * hold them, since deflate compresses at most 1032 times. Messages do not name the file. */
gkv_status gki_png_header_read(const uint8_t *bytes, size_t there, uint64_t size,
                               gki_png_header *out);

/* Decodes a picture: grey, palette and colour of 1 to 16 bits, with opacity or a transparent
 * colour, interlaced or not. Levels of 16 bits are divided by 257; those of fewer bits than 8 are
 * stretched to 0 … 255. Gamma and profiles are not applied. *header is that of the file. *channels
 * is 1 for grey, 3 for colour, and 4 for colour with opacity, as which grey with opacity comes. The
 * caller frees *out with free(). GKV_ERR_DATA for damaged files, without the file's name.
 * GKV_ERR_MEMORY. */
gkv_status gki_png_decode(const uint8_t *bytes, size_t size, gki_png_header *header, uint8_t **out,
                          size_t *channels);

#endif
