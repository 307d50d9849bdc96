/* Which columns of a table are wanted. */
#ifndef GKV_CLI_COLUMNS_H
#define GKV_CLI_COLUMNS_H

#include "cli.h"
#include "gkvae/table.h"

/* The places of the columns that a list such as "height,3" names: by name, or by number
 * from 1. NULL stands for all columns of numbers but `except` (a place, or SIZE_MAX), those
 * with a fault among them; columns of text are then named on standard error. A column named twice is refused. *chosen is the caller's, to be freed. CLI_USAGE, CLI_DATA. */
int cli_columns_choose(const gkv_table *table, const char *path, const char *list, size_t except, size_t **chosen,
                       size_t *n_chosen);

/* The place of one column; `option` is what named it. A column without fault is CLI_OK. */
int cli_columns_find(const gkv_table *table, const char *option, const char *name, size_t *column);

#endif
