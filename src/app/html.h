/* Parts of an HTML page. The file writer remembers errors of writing, and its commit returns
 * them. */
#ifndef GKV_APP_HTML_H
#define GKV_APP_HTML_H

#include <stddef.h>

#include "core/file.h"

/* Writes text in which all characters with a meaning in HTML are escaped, for use as content and in
 * quoted attributes. Control characters and malformed bytes become U+FFFD. NULL writes nothing. */
void gki_html_text(gki_file_writer *out, const char *text);

typedef struct gki_png {
    char *bytes; /* [count] the bytes of the file; the caller frees them with free() */
    size_t count;
    unsigned width, height; /* of the picture, in pixels */
} gki_png;

/* Reads a picture. GKV_ERR_IO, GKV_ERR_DATA for a file that is not a complete PNG,
 * GKV_ERR_MEMORY. */
gkv_status gki_png_read(const char *path, gki_png *png);

/* Writes the picture as a data URI: data:image/png;base64,… */
void gki_html_data_uri(gki_file_writer *out, const gki_png *png);

/* Nonzero if the cell begins with a number, as in 12, −0.5, +3, ±2, < 0.01, ≈ 4 or ∞. */
int gki_html_is_number(const char *cell);

/* Nonzero if the cell stands for a missing number: NULL, empty, -, –, —, n/a or nan. */
int gki_html_is_blank(const char *cell);

#endif
