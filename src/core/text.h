/* Small services for messages: names made fit to print, and the nearest name. */
#ifndef GKV_CORE_TEXT_H
#define GKV_CORE_TEXT_H

#include <stddef.h>

enum { GKV_PRINTABLE_SIZE = 96 };

/* The text for use in a message, in `buffer`: control characters become '?' and a
 * long text ends in "…", so that a hostile file cannot steer the terminal or
 * drown the message. Returns the buffer. */
const char *gkv_text_printable(const char *text, char buffer[GKV_PRINTABLE_SIZE]);

/* How many insertions, deletions, replacements and swaps of neighbours turn one
 * text into the other, none of them touching the same place twice (the optimal
 * string alignment form of the Damerau–Levenshtein distance). Only the first 63
 * bytes count. */
size_t gkv_text_distance(const char *a, const char *b);

#endif
