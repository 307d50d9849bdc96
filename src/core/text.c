#include "core/text.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "core/utf8.h"
#include "core/plain_locale.h"

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

/* --- UTF-8 ---------------------------------------------------------------- */

enum { REPLACEMENT = 0xFFFD };

uint32_t gki_utf8_next(const char **text)
{
    const unsigned char *const s = (const unsigned char *)*text;
    if (s[0] == 0)
        return 0;
    (*text)++;
    if (s[0] < 0x80)
        return s[0];
    /* 0x80 … 0xC1 and bytes above 0xF4 cannot begin a character. */
    const int more = s[0] < 0xC2 || s[0] > 0xF4 ? 0 : s[0] < 0xE0 ? 1 : s[0] < 0xF0 ? 2 : 3;
    if (more == 0)
        return REPLACEMENT;
    static const uint32_t first_bits[4] = {0, 0x1F, 0x0F, 0x07};
    static const uint32_t smallest[4] = {0, 0x80, 0x800, 0x10000};
    uint32_t character = s[0] & first_bits[more];
    for (int i = 1; i <= more; i++) {
        if ((s[i] & 0xC0) != 0x80) /* also stops at the terminating 0 */
            return REPLACEMENT;
        character = character << 6 | (s[i] & 0x3FU);
    }
    if (character < smallest[more] || character > 0x10FFFF ||
        (character >= 0xD800 && character <= 0xDFFF))
        return REPLACEMENT;
    *text += more;
    return character;
}

bool gki_utf8_is_valid(const char *text)
{
    static const char written[] = "\xEF\xBF\xBD"; /* U+FFFD may be in a text as well */
    for (const char *next = text; *next; text = next)
        if (gki_utf8_next(&next) == REPLACEMENT && strncmp(text, written, sizeof written - 1) != 0)
            return false;
    return true;
}

size_t gki_utf8_put(uint32_t character, char out[4])
{
    if (character < 0x80) {
        out[0] = (char)character;
        return 1;
    }
    const size_t length = character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    static const unsigned char lead[5] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = length - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (character & 0x3F));
        character >>= 6;
    }
    out[0] = (char)(lead[length] | character);
    return length;
}

const char *gki_text_plain_minus(const char *text, char buffer[GKV_PRINTABLE_SIZE])
{
    static const char minus[] = "\u2212";
    const size_t width = sizeof minus - 1, length = strlen(text);
    size_t end = 0;
    if (!strchr(text, minus[0]) || length >= GKV_PRINTABLE_SIZE)
        return text;
    for (size_t i = 0; i < length;) {
        const bool found = strncmp(text + i, minus, width) == 0;
        buffer[end++] = found ? '-' : text[i];
        i += found ? width : 1;
    }
    buffer[end] = '\0';
    return buffer;
}

/* --- The locale of numbers ------------------------------------------------ */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static locale_t plain;

static void make(void)
{
    plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

locale_t gki_plain_locale_enter(void)
{
    pthread_once(&once, make);
    return uselocale(plain);
}
