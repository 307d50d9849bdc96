/* Reading of a table by the options of the command line. */
#ifndef GKV_CLI_TABLE_OPTIONS_H
#define GKV_CLI_TABLE_OPTIONS_H

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

/* --- table_archive.c ------------------------------------------------------ */

/* gkv_table_read() for a file that may be compressed by gzip or be a zip archive, of which `array`
 * names a member; NULL is the only one. "-" is standard input. Prints messages. */
int cli_table_open(const char *path, const char *array, const gkv_table_settings *settings,
                   gkv_table **table);

#endif
