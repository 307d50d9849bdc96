/* A list of texts that owns them, for as long as a page or table shows them. */
#ifndef GKV_CLI_TEXTS_H
#define GKV_CLI_TEXTS_H

#include <stddef.h>

/* Begin with {0}; end with cli_texts_free(). */
typedef struct cli_texts {
    char **list;
    size_t count, capacity;
} cli_texts;

/* Takes ownership of an allocated text and returns it. */
const char *cli_texts_keep(cli_texts *all, char *text);

/* The number with `places` decimal places; "–" if it is not finite. */
const char *cli_texts_number(cli_texts *all, double value, int places);

/* The same, with its standard error if that is finite, as in "3.35 ± 0.34". */
const char *cli_texts_with_error(cli_texts *all, double value, double error, int places);

void cli_texts_free(cli_texts *all);

#endif
