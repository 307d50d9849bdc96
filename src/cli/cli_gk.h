/* Declarations for the files of gkvae gk. */
#ifndef GKV_CLI_GK_H
#define GKV_CLI_GK_H

#include "cli.h"
#include "gkvae/gk.h"

/* --- gk_parameters.c ------------------------------------------------------ */

/* The distribution of "A,B,g,k" or "A,B,g,k,c" in the family "gk", "gh" or "ggh". CLI_USAGE
 * with the cause if there is none. */
int cli_gk_parse(const char *text, const char *family, gkv_gk *gk);

/* The distribution of a column in a file that gkvae fit --json wrote: the only one if column
 * is NULL. */
int cli_gk_from_fit(const char *path, const char *column, gkv_gk *gk);

/* --- texts.c -------------------------------------------------------------- */

/* Whether the text is a decimal number, inf or nan. */
bool cli_is_number(const char *text, double *out);

/* Reads the words of standard input, between white space, and passes each number to the function as
 * soon as it is complete. The memory does not grow. The function returns CLI_OK to continue. */
int cli_numbers_read(int (*use)(void *context, double x), void *context);

/* Prints a line with 17 digits, which read back as the same double; or inf, -inf or nan. CLI_IO if
 * standard output cannot be written to. */
int cli_number_print(double value);

#endif
