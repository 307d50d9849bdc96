#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "report/html.h"
#include "report/utf8.h"

/* No picture of a report comes near it. */
static const size_t PNG_LIMIT = (size_t)256 << 20;

void gkv_html_text(gkv_file_writer *out, const char *text)
{
    for (uint32_t c; text && (c = gkv_utf8_next(&text)) != 0;) {
        char bytes[4];
        switch (c) {
        case '&': gkv_file_printf(out, "&amp;"); break;
        case '<': gkv_file_printf(out, "&lt;"); break;
        case '>': gkv_file_printf(out, "&gt;"); break;
        case '"': gkv_file_printf(out, "&quot;"); break;
        case '\'': gkv_file_printf(out, "&#39;"); break;
        default:
            /* Control characters are not allowed in HTML, save these two. */
            if ((c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7F && c < 0xA0))
                c = 0xFFFD;
            gkv_file_write(out, bytes, gkv_utf8_put(c, bytes));
        }
    }
}

static unsigned big_endian(const unsigned char *at)
{
    return (unsigned)at[0] << 24 | (unsigned)at[1] << 16 | (unsigned)at[2] << 8 | at[3];
}

gkv_status gkv_png_read(const char *path, gkv_png *png)
{
    static const unsigned char head[16] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n', 0, 0, 0, 13, 'I', 'H', 'D', 'R'};
    static const unsigned char tail[8] = {'I', 'E', 'N', 'D', 0xAE, 0x42, 0x60, 0x82};
    memset(png, 0, sizeof *png);
    GKV_TRY(gkv_file_read(path, PNG_LIMIT, &png->bytes, &png->count));
    const unsigned char *const bytes = (const unsigned char *)png->bytes;
    if (png->count >= 45 && memcmp(bytes, head, sizeof head) == 0 &&
        memcmp(bytes + png->count - sizeof tail, tail, sizeof tail) == 0) {
        png->width = big_endian(bytes + 16);
        png->height = big_endian(bytes + 20);
    }
    if (png->width && png->height)
        return GKV_OK;
    free(png->bytes);
    png->bytes = NULL;
    return gkv_fail(GKV_ERR_DATA, "%s: is not a PNG picture, or only the beginning of one; draw it again", path);
}

void gkv_html_data_uri(gkv_file_writer *out, const gkv_png *png)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *const bytes = (const unsigned char *)png->bytes;
    gkv_file_printf(out, "data:image/png;base64,");
    char line[4096];
    size_t length = 0;
    for (size_t i = 0; i < png->count; i += 3) {
        const size_t left = png->count - i;
        const unsigned triple = (unsigned)bytes[i] << 16 | (left > 1 ? (unsigned)bytes[i + 1] << 8 : 0) |
                                (left > 2 ? bytes[i + 2] : 0U);
        line[length++] = digits[triple >> 18];
        line[length++] = digits[triple >> 12 & 63];
        line[length++] = left > 1 ? digits[triple >> 6 & 63] : '=';
        line[length++] = left > 2 ? digits[triple & 63] : '=';
        if (length == sizeof line) {
            gkv_file_write(out, line, length);
            length = 0;
        }
    }
    gkv_file_write(out, line, length);
}

int gkv_html_is_number(const char *cell)
{
    static const char *const signs[] = {"−", "±", "≤", "≥", "≈", "-", "+", "<", ">", "~", " "};
    if (!cell)
        return 0;
    for (size_t i = 0; i < sizeof signs / sizeof *signs;) {
        const size_t length = strlen(signs[i]);
        if (strncmp(cell, signs[i], length) == 0) {
            cell += length;
            i = 0;
        } else {
            i++;
        }
    }
    if (*cell == '.')
        cell++;
    return (*cell >= '0' && *cell <= '9') || strncmp(cell, "∞", sizeof "∞" - 1) == 0;
}

int gkv_html_is_blank(const char *cell)
{
    static const char *const words[] = {"", "-", "–", "—", "n/a", "nan"};
    for (size_t i = 0; cell && i < sizeof words / sizeof *words; i++)
        if (strcasecmp(cell, words[i]) == 0)
            return 1;
    return !cell;
}
