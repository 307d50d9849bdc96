/* Declarations for the files of gkvae density. */
#ifndef GKV_CLI_DENSITY_H
#define GKV_CLI_DENSITY_H

#include <jansson.h>

#include "cli.h"
#include "gkvae/density.h"
#include "table_input.h"

/* --- density_run.c: what the commands share ------------------------------- */

/* The arguments of commands that open a density: FOLDER or FILE.safetensors, and --candidate. */
typedef struct cli_density_arguments {
    const char *run;   /* the first argument */
    const char *table; /* the second one, for commands that read rows */
    const char *out;
    int64_t candidate; /* GKV_DENSITY_CHOSEN unless --candidate says another */
    bool quiet, json;
    uint64_t count, seed;
    int threads;
    cli_table_arguments input;
} cli_density_arguments;

/* Handles the keys of the shared options: 'M' candidate, 'o' out, 'n' count, 'S' seed, 't' threads,
 * 'j' json, 'q' quiet, and the arguments, of which there are `most`. ARGP_ERR_UNKNOWN for
 * others. */
int cli_density_parse(cli_density_arguments *a, int key, char *arg, struct argp_state *state,
                      int most);

/* The names of the candidates, and of the margins after "auto", as values of options in --help, as
 * in "auto|t". cli_density_fill_names() writes them before cli_parse(). */
enum { CLI_DENSITY_NAMES = 256 };
extern char cli_density_candidates[CLI_DENSITY_NAMES], cli_density_margins[CLI_DENSITY_NAMES];
void cli_density_fill_names(void);

/* Joins the names of a table, from number 0 until NULL, after `first`, which may be NULL: as in
 * "auto|s|t". The caller frees the text. */
char *cli_density_join(const char *first, const char *(*name_of)(int64_t number),
                       const char *between);

/* Options that several of the commands have. */
#define CANDIDATE                                                            \
    {                                                                        \
        "candidate", 'M', cli_density_candidates, 0,                         \
            "Use this candidate (default: the one that validation chose)", 0 \
    }
#define THREADS                                                                         \
    {                                                                                   \
        "threads", 't', "N", 0,                                                         \
            "The number of threads. The results do not depend on it (default: one per " \
            "processor)",                                                               \
            0                                                                           \
    }
#define JSON                                                     \
    {                                                            \
        "json", 'j', NULL, 0, "Print JSON (default: a table)", 0 \
    }
#define QUIET                                                                                      \
    {                                                                                              \
        "quiet", 'q', NULL, 0, "Print no notes on how the table was read (default: print them)", 0 \
    }
#define OUT(what)                                                                                  \
    {                                                                                              \
        "out", 'o', "FILE.csv|FILE.npy", CLI_ONCE,                                                 \
            what " to this file, CSV with a header or a NumPy array (default: standard output)", 0 \
    }

/* cli_density_parse() of a command that reads a folder and a table. */
error_t cli_density_parse_table(int key, char *arg, struct argp_state *state);

/* The options of a call of the library: the threads, and Ctrl-C. */
gkv_run_options cli_density_options(const cli_density_arguments *a);

/* The mean and its standard error of values, or of differences if `other` is not NULL. */
double cli_density_mean(size_t n, const double *values, const double *other, double *se);

/* Writes a->count draws, a part at a time. */
int cli_density_write_draws(const cli_density_arguments *a, const gkv_density *density,
                            int64_t candidate);

/* Opens the density and finds the candidate. The caller frees *density. */
int cli_density_open(const cli_density_arguments *a, gkv_density **density, int64_t *candidate);

/* The rows of the table, x[n × d]. With `complete`, rows with a missing value are left out, and
 * (*lines)[i] is the number of row i in the table from 1; else missing values are NaN. `lines` may
 * be NULL. */
int cli_density_rows(const cli_density_arguments *a, const gkv_density *density, bool complete,
                     size_t *n, double **x, size_t **lines);

/* The names of the columns; the caller frees the array. */
char **cli_density_names(const gkv_density *density);

/* --- density_show.c ------------------------------------------------------- */

/* Prints margins, candidates and warnings. */
void cli_density_print(const gkv_density *density);

/* The same as JSON; the key "schema" is gkvae-density-1. */
json_t *cli_density_json(const gkv_density *density);

/* A number, or null if it is not finite. */
json_t *cli_density_number(double value);

/* Prints JSON, and releases it. */
int cli_density_print_json(json_t *value);

/* The parameters of a margin in words; the caller frees the text. */
char *cli_density_margin_text(const gkv_density_margin_info *info);

/* --- density_page.c ------------------------------------------------------- */

/* Writes FOLDER/index.html and its pictures. x[n × d] are the rows of the fit. */
int cli_density_page(const char *folder, const char *command, const gkv_density *density, size_t n,
                     const double *x);

#endif
