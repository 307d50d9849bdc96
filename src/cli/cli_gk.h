/* Declarations for the files of gkvae gk. */
#ifndef GKV_CLI_GK_H
#define GKV_CLI_GK_H

#include "cli.h"
#include "gkvae/gk.h"
#include "gkvae/mgk_mixture.h"
#include "table_options.h"

/* --- What is evaluated ---------------------------------------------------- */

/* A distribution of one column, or of several together; or those of several columns, each by
 * itself. */
typedef struct cli_gk_model {
    size_t d;                 /* the number of columns */
    char **names;             /* [d]; of the columns */
    gkv_gk *single;           /* [d] the distributions of columns by themselves, or NULL */
    gkv_mgk_mixture *mixture; /* that of all columns together, or NULL */
} cli_gk_model;

void cli_gk_model_free(cli_gk_model *model);

/* gk_parameters.c: the distribution of "A,B,g,k" or "A,B,g,k,c" in the family "gk", "gh" or "ggh".
 * CLI_USAGE with the cause if there is none. The caller frees *model. */
int cli_gk_parse(const char *text, const char *family, cli_gk_model *model);

/* gk_parameters.c: the family "gk", "gh" or "ggh". False if there is none of this name. */
bool cli_gk_find_family(const char *name, int64_t *family);

/* gk_fit_file.c: the distributions in a file that gkvae fit --json wrote. The caller frees
 * *model. */
int cli_gk_read_fit(const char *path, cli_gk_model *model);

/* gk_columns.c: replaces a model by the conditional distribution given "x=1.2,y=3", and then by
 * that of the columns of a list "x,y". Either text may be NULL. A column is given by its name, or
 * by its number from 1. If columns were fitted by themselves, one of them must be chosen. A model
 * of one g-and-k distribution then has `single`. */
int cli_gk_choose(cli_gk_model *model, const char *path, const char *given, const char *columns);

/* --- Functions ------------------------------------------------------------ */

typedef enum cli_gk_quantity { CLI_GK_PDF, CLI_GK_CDF, CLI_GK_QUANTILE, CLI_GK_Z } cli_gk_quantity;

/* A function, and whether it has --upper and --log. */
typedef struct cli_gk_function {
    const char *name;
    cli_gk_quantity quantity;
    bool is_log; /* whether it computes logarithms without --log, too */
    bool has_upper, has_log;
    bool of_rows; /* whether it accepts rows of several columns */
} cli_gk_function;

typedef struct cli_gk_arguments {
    const char *params, *family, *fit, *columns, *given, *out;
    const cli_gk_function *function;
    bool upper, log, quiet;
    uint64_t count, seed;
    const char **words; /* the arguments after the function */
    size_t n_words;
    cli_table_arguments table;
} cli_gk_arguments;

extern const cli_gk_function cli_gk_sample, cli_gk_summary, cli_gk_whiten;

/* gk_values.c: evaluates the function of one column at the numbers that are arguments, or else
 * words on standard input. */
int cli_gk_values(const cli_gk_arguments *a, const cli_gk_model *model);

/* gk_values.c: prints moments, modes and quartiles of the distribution of one column. */
int cli_gk_print_summary(const cli_gk_model *model);

/* gk_rows.c: evaluates the function of several columns at the rows of a table. */
int cli_gk_rows(const cli_gk_arguments *a, const cli_gk_model *model);

/* gk_draws.c: draws rows. */
int cli_gk_draw(const cli_gk_arguments *a, const cli_gk_model *model);

/* --- Rows of numbers: gk_output.c ----------------------------------------- */

/* Where rows go: to standard output or to a file, which appears completely or not at all. */
typedef struct cli_gk_output cli_gk_output;

/* Begins the output of rows of these columns, to standard output if `path` is NULL. A file of text
 * begins with the names, and so does standard output if there are several columns. *out is NULL
 * after an error; else cli_gk_output_end() frees it. */
int cli_gk_output_begin(const char *path, size_t columns, const char *const *names,
                        cli_gk_output **out);

/* Adds n rows [n × columns]. Numbers of text have 17 digits. */
int cli_gk_output_add(cli_gk_output *output, size_t n, const double *rows);

/* Completes the output if `code` is CLI_OK, else removes it. Returns the first code that is not
 * CLI_OK. `output` may be NULL. */
int cli_gk_output_end(cli_gk_output *output, int code);

/* --- texts.c -------------------------------------------------------------- */

/* Whether the text is a decimal number, inf or nan. */
bool cli_is_number(const char *text, double *out);

/* Reads the words of standard input, between white space, and passes each number to the function as
 * soon as it is complete. The memory does not grow. The function returns CLI_OK to continue. */
int cli_numbers_read(int (*use)(void *context, double x), void *context);

/* Writes 17 digits, which read back as the same double; or inf, -inf or nan. */
enum { CLI_NUMBER = 32 };
void cli_number_text(double value, char text[CLI_NUMBER]);

/* Prints a line with this text. CLI_IO if standard output cannot be written to. */
int cli_number_print(double value);

#endif
