#include "core/text.h"

#include <string.h>

const char *gki_text_printable(const char *text, char buffer[GKV_PRINTABLE_SIZE])
{
    static const char dots[] = "…";
    size_t length = strlen(text);
    const int cut = length >= GKV_PRINTABLE_SIZE;
    if (cut) {
        length = GKV_PRINTABLE_SIZE - sizeof dots;
        while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
            length--; /* does not cut inside a UTF-8 character */
    }
    for (size_t i = 0; i < length; i++) {
        const unsigned char byte = (unsigned char)text[i];
        buffer[i] = byte < 0x20 || byte == 0x7F ? '?' : text[i];
    }
    memcpy(buffer + length, cut ? dots : "", cut ? sizeof dots : 1);
    return buffer;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t gki_text_distance(const char *a, const char *b)
{
    enum { LONGEST = 63 };
    /* rows[i % 3][j] is the distance between the first i bytes of a and the first j bytes of b. */
    size_t rows[3][LONGEST + 1];
    const size_t m = least(strlen(a), LONGEST), n = least(strlen(b), LONGEST);
    for (size_t i = 0; i <= m; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            if (i == 0) {
                row[j] = j;
                continue;
            }
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], above2[j - 2] + 1);
        }
    }
    return rows[m % 3][n];
}
