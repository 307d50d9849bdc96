/* Text that may be malformed, made safe to draw and to write. */
#ifndef GKV_REPORT_UTF8_H
#define GKV_REPORT_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The character at *text, which is moved past it. A malformed, overlong or
 * surrogate sequence gives U+FFFD and moves one byte. 0 at the end. */
uint32_t gkv_utf8_next(const char **text);

/* Writes the character as 1 … 4 bytes; returns how many. */
size_t gkv_utf8_put(uint32_t character, char out[4]);

#endif
