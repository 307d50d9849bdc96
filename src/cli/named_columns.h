/* The columns of a fit by their names: lists of them on the command line, the columns of a table
 * that they match, and rows of them as output. */
#ifndef GKV_CLI_NAMED_COLUMNS_H
#define GKV_CLI_NAMED_COLUMNS_H

#include "cli.h"
#include "gkvae/table.h"

typedef struct cli_named_columns {
    size_t d;
    char **names; /* [d] */
} cli_named_columns;

/* The columns of a list "x,y", by their names or numbers from 1. which[] has an element for each
 * character of the text. CLI_USAGE, with the name of the option. */
int cli_columns_list(const cli_named_columns *columns, const char *option, const char *text,
                     size_t *which, size_t *count);

/* The columns and values of "x=1.2,y=3" after --given. CLI_USAGE; also if all columns are given.
 * which[] and values[] have d + 1 elements. */
int cli_columns_given(const cli_named_columns *columns, const char *text, size_t *which,
                      double *values, size_t *count);

/* Takes the rows of the table, whose columns it finds by name, or by position if the table or the
 * fit has no names. A missing value is NaN. Lines on standard error, unless `quiet`, say what was
 * done. The caller frees *x. CLI_DATA. */
int cli_rows_take(const char *path, const cli_named_columns *columns, const gkv_table *table,
                  bool quiet, double **x);

/* --- Rows of numbers as CSV or as an array -------------------------------- */

typedef struct cli_rows cli_rows;

/* Begins the output of rows of these columns, to standard output if `path` is NULL. A file of text
 * begins with the names, and so does standard output if there are several columns. *out is NULL
 * after an error; else cli_rows_end() frees it. */
int cli_rows_begin(const char *path, size_t columns, const char *const *names, cli_rows **out);

/* Adds n rows [n × columns]. Numbers of text have 17 digits. */
int cli_rows_add(cli_rows *output, size_t n, const double *rows);

/* Completes the output if `code` is CLI_OK, else removes it. Returns the first code that is not
 * CLI_OK. `output` may be NULL. */
int cli_rows_end(cli_rows *output, int code);

#endif
