/* Choice of the columns of a table. */
#ifndef GKV_CLI_COLUMNS_H
#define GKV_CLI_COLUMNS_H

#include "cli.h"
#include "gkvae/table.h"

/* Finds the indices of the columns that a list such as "height,3" names, by name or by number from
 * 1. NULL stands for all columns of numbers except row names and the index `except` (SIZE_MAX: no
 * exception), including columns with invalid values; lines on standard error, unless `quiet`, then
 * name the columns of text, those without values, and those of row names. It is an error to name a
 * column twice. The caller frees *chosen. CLI_USAGE, CLI_DATA. */
int cli_columns_choose(const gkv_table *table, const char *path, const char *list, size_t except,
                       bool quiet, size_t **chosen, size_t *n_chosen);

/* Finds the index of one column, which has numbers and perhaps missing values; `option` is named in
 * messages. */
int cli_columns_find(const gkv_table *table, const char *option, const char *name, size_t *column);

/* Makes a table of the columns with the rows in which none of them is missing. A line on standard
 * error, unless `quiet`, counts the others. The caller frees *out. */
int cli_columns_complete(const gkv_table *table, const size_t *columns, size_t n_columns,
                         bool quiet, gkv_table **out);

#endif
