/* UTF-8 text that may be malformed: reading and writing of characters. Thread-safe. */
#ifndef GKV_CORE_UTF8_H
#define GKV_CORE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Returns the character at *text and advances *text behind it. A malformed or overlong sequence or
 * a surrogate gives U+FFFD and advances by one byte. At the end the result is 0, and *text does not
 * change. */
uint32_t gki_utf8_next(const char **text);

/* Whether all of the text is UTF-8: well-formed, without surrogates. */
bool gki_utf8_is_valid(const char *text);

/* Writes the character as 1 … 4 bytes and returns their number. */
size_t gki_utf8_put(uint32_t character, char out[4]);

#endif
