/* Choice of the columns of a table. */
#ifndef GKV_CLI_COLUMNS_H
#define GKV_CLI_COLUMNS_H

#include "cli.h"
#include "gkvae/table.h"

/* Finds the indices of the columns that a list such as "height,3" names, by name or by number from
 * 1. NULL stands for all columns of numbers except the index `except` (SIZE_MAX: no exception),
 * including columns with invalid values; a line on standard error then names the columns of text.
 * It is an error to name a column twice. The caller frees *chosen. CLI_USAGE, CLI_DATA. */
int cli_columns_choose(const gkv_table *table, const char *path, const char *list, size_t except,
                       size_t **chosen, size_t *n_chosen);

/* Finds the index of one column; `option` is named in messages. */
int cli_columns_find(const gkv_table *table, const char *option, const char *name, size_t *column);

#endif
