/* Declarations for the files of gkvae gk. */
#ifndef GKV_CLI_GK_H
#define GKV_CLI_GK_H

#include "cli.h"
#include "gkvae/gk.h"
#include "gkvae/mgk_mixture.h"
#include "table_input.h"

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

/* The short names of gkv_gk_family, for --family and in JSON. */
#define CLI_FAMILY_WORDS "gk|gh|ggh"

/* gk_model.c: the distribution of "A,B,g,k" or "A,B,g,k,c" in a family. CLI_USAGE with the cause if
 * there is none. The caller frees *model. */
int cli_gk_parse(const char *text, gkv_gk_family family, cli_gk_model *model);

/* gk_model.c: the distributions in a file that gkvae fit --json wrote. The caller frees *model. */
int cli_gk_read_fit(const char *path, cli_gk_model *model);

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
    const char *params, *fit, *columns, *given, *out;
    gkv_gk_family family;
    const cli_gk_function *function;
    bool family_given, upper, log, quiet;
    uint64_t count, seed;
    const char **words; /* the arguments after the function */
    size_t n_words;
    cli_table_arguments table;
} cli_gk_arguments;

extern const cli_gk_function cli_gk_sample, cli_gk_summary, cli_gk_whiten;

/* gk_functions.c: evaluates the function of one column at the numbers that are arguments, or else
 * words on standard input. */
int cli_gk_values(const cli_gk_arguments *a, const cli_gk_model *model);

/* gk_functions.c: prints moments, modes and quartiles of the distribution of one column. */
int cli_gk_print_summary(const cli_gk_model *model);

/* gk_functions.c: evaluates the function of several columns at the rows of a table. */
int cli_gk_rows(const cli_gk_arguments *a, const cli_gk_model *model);

/* gk_functions.c: draws rows. */
int cli_gk_draw(const cli_gk_arguments *a, const cli_gk_model *model);

/* --- messages.c ----------------------------------------------------------- */

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
