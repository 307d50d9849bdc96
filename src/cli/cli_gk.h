/* What the parts of gkvae gk share. */
#ifndef GKV_CLI_GK_H
#define GKV_CLI_GK_H

#include "cli.h"
#include "gkvae/gk.h"

/* --- gk_parameters.c ---------------------------------------------------------------------- */

/* The distribution of "A,B,g,k" or "A,B,g,k,c" in the family "gk", "gh" or "ggh". CLI_USAGE
 * with the cause if there is none. */
int cli_gk_parse(const char *text, const char *family, gkv_gk *gk);

/* The distribution of a column in a file that gkvae fit --json wrote: the only one if column
 * is NULL. */
int cli_gk_from_fit(const char *path, const char *column, gkv_gk *gk);

/* --- numbers.c ------------------------------------------------------------------------------ */

/* A decimal number, inf or nan, and nothing else. */
bool cli_is_number(const char *text, double *out);

/* Gives every number of standard input, words between white space, to the function, in
 * memory that does not grow and as soon as it is there. The function returns CLI_OK to go on. */
int cli_numbers_read(int (*use)(void *context, double x), void *context);

/* Prints a line with 17 digits, which give the same double back; inf, -inf or nan. CLI_IO
 * once standard output takes no more. */
int cli_number_print(double value);

#endif
