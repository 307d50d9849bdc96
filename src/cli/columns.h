/* Columns of numbers from a text file. */
#ifndef GKV_CLI_COLUMNS_H
#define GKV_CLI_COLUMNS_H

#include "cli.h"

typedef struct cli_column {
    char *name;      /* from the header, or "column 3" */
    bool is_text;    /* its first value is no number, and so none is kept */
    double *values;
    char *fault;     /* the first value that is no number: where and what, or NULL */
} cli_column;

typedef struct cli_columns_file {
    cli_column *columns;
    size_t n_columns, n_rows;
} cli_columns_file;

/* Reads the file, or standard input if it is "-". Fields are separated by what the first
 * line has of ; , and tab, looked for in this order, or else by blanks; they may be
 * quoted. A first line without any number is a header; empty lines and lines that begin
 * with # are passed over. Every line must have as many fields as the first: else it is
 * CLI_DATA with file and line. A column that begins with a number, or with a sign that
 * one is missing (nothing, NA, NaN, null), but is not of numbers throughout has a fault,
 * which is of no concern unless the column is wanted. */
int cli_columns_read(const char *path, cli_columns_file *out);
void cli_columns_free(cli_columns_file *file);

/* The places of the columns that a list such as "height,3" names: by name, or by number
 * from 1; one of text or with a fault is CLI_DATA. NULL stands for all columns of numbers,
 * those with a fault among them. *chosen is the caller's, to be freed. */
int cli_columns_choose(const cli_columns_file *file, const char *path, const char *list, size_t **chosen,
                       size_t *n_chosen);

#endif
