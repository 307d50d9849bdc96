/* Numbers and choices as text: the values of settings. The decimal mark is a point in every locale.
 * All functions are thread-safe. */
#ifndef GKV_CORE_PARSE_H
#define GKV_CORE_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each reads the whole text, and returns false, with *out unchanged, if it is something else. */
bool gki_parse_number(const char *text, double *out); /* a finite decimal number */
bool gki_parse_integer(const char *text, int64_t *out);
bool gki_parse_unsigned(const char *text, uint64_t *out);

/* The index of a name in a list like "a, b, c"; −1 if it is none of them. nearest[size], unless it
 * is NULL, then receives the most similar of them. */
int gki_parse_choice(const char *list, const char *text, size_t size, char *nearest);

#endif
