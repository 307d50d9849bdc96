/* Base64; declared in base64.h. */
#include "app/base64.h"

void gki_base64_write(gki_file_writer *out, const void *bytes, size_t count)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *const from = bytes;
    char line[4096];
    size_t length = 0;
    for (size_t i = 0; i < count; i += 3) {
        const size_t left = count - i;
        const unsigned triple = (unsigned)from[i] << 16 |
                                (left > 1 ? (unsigned)from[i + 1] << 8 : 0) |
                                (left > 2 ? from[i + 2] : 0U);
        line[length++] = digits[triple >> 18];
        line[length++] = digits[triple >> 12 & 63];
        line[length++] = left > 1 ? digits[triple >> 6 & 63] : '=';
        line[length++] = left > 2 ? digits[triple & 63] : '=';
        if (length == sizeof line) {
            gki_file_write(out, line, length);
            length = 0;
        }
    }
    gki_file_write(out, line, length);
}
