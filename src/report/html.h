/* The parts that an HTML page is written from. Writing errors are remembered by the
 * file writer and come out at its commit. */
#ifndef GKV_REPORT_HTML_H
#define GKV_REPORT_HTML_H

#include <stddef.h>

#include "core/file.h"

/* Text with everything escaped that HTML gives a meaning, fit for content and for
 * quoted attributes. NULL writes nothing. */
void gkv_html_text(gkv_file_writer *out, const char *text);

typedef struct gkv_png {
    char *bytes; /* the file, to be freed with free() */
    size_t count;
    unsigned width, height; /* of the picture, pixels */
} gkv_png;

/* Reads a picture. GKV_ERR_IO, or GKV_ERR_DATA for a file that is not a whole PNG. */
gkv_status gkv_png_read(const char *path, gkv_png *png);

/* data:image/png;base64,… */
void gkv_html_data_uri(gkv_file_writer *out, const gkv_png *png);

/* Whether the cell begins as a number: 12, −0.5, +3, ±2, < 0.01, ≈ 4, ∞. */
int gkv_html_is_number(const char *cell);

/* Whether the cell stands for a missing number: empty, –, —, n/a, nan. */
int gkv_html_is_blank(const char *cell);

#endif
