/* The tables that a command reads: by the options of the command line, and of the columns that it
 * names. */
#ifndef GKV_CLI_TABLE_INPUT_H
#define GKV_CLI_TABLE_INPUT_H

#include "cli.h"
#include "gkvae/table.h"

/* The arguments of commands that read a table. Begin with cli_table_begin(), end with
 * cli_table_end(). */
typedef struct cli_table_arguments {
    gkv_table_settings settings;
    char *spellings;      /* the memory of the spellings of --na */
    const char **missing; /* the spellings */
    const char *array;    /* of an archive, or NULL */
} cli_table_arguments;

void cli_table_begin(cli_table_arguments *arguments);
void cli_table_end(cli_table_arguments *arguments);

/* The options. They are a child of a command's argp, which sets the input of the child to a
 * cli_table_arguments at ARGP_KEY_INIT. */
extern const struct argp_child cli_table_options[2];

/* Makes infinite numbers of a text, such as "inf", missing values. */
void cli_table_infinite_is_missing(cli_table_arguments *arguments);

/* Reads a table, also compressed or from an archive. Prints a note on standard error about what was
 * guessed, unless `quiet`. The caller frees *table. */
int cli_table_read(const cli_table_arguments *arguments, const char *path, bool quiet,
                   gkv_table **table);

/* --- Columns and rows ----------------------------------------------------- */

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
