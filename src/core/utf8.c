#include "core/utf8.h"

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
