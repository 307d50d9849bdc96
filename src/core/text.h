/* Text for messages: text from files that is made safe, and the edit distance of two names. */
#ifndef GKV_CORE_TEXT_H
#define GKV_CORE_TEXT_H

#include <stddef.h>

enum { GKV_PRINTABLE_SIZE = 96 }; /* bytes of the buffer, with the NUL */

/* Copies the text into `buffer` for use in a message and returns the buffer. Control characters
 * become '?', and a text that is too long is cut and ends in "…". So a hostile file can neither
 * control the terminal nor flood the message. Thread-safe. */
const char *gki_text_printable(const char *text, char buffer[GKV_PRINTABLE_SIZE]);

/* The text with '-' in place of each minus of typography, U+2212, which web pages and this
 * program's tables write in numbers. Returns the text itself if it has none or is too long for the
 * buffer. Thread-safe. */
const char *gki_text_plain_minus(const char *text, char buffer[GKV_PRINTABLE_SIZE]);

/* The least number of insertions, deletions, replacements and swaps of neighbouring bytes that turn
 * one text into the other. No byte is edited twice: this is the optimal string alignment form of
 * the Damerau–Levenshtein distance. Only the first 63 bytes of each text count. Neither argument is
 * NULL. Allocates nothing; thread-safe. */
size_t gki_text_distance(const char *a, const char *b);

#endif
