/* Declarations for the files of gkvae fit. */
#ifndef GKV_CLI_FIT_H
#define GKV_CLI_FIT_H

#include <jansson.h>

#include "cli.h"
#include "gkvae/gk_bootstrap.h"
#include "gkvae/gk_fit.h"
#include "gkvae/mgk_mixture.h"
#include "table_input.h"

enum { CLI_PARAMETERS = GKV_GK_PARAMETERS };
/* fit_options.c: A, B, g, k; and A, B, g, and k or h. */
extern const char *const cli_parameter_names[CLI_PARAMETERS];
const char *cli_parameter_name(int64_t family, size_t parameter);
double cli_parameter(const gkv_gk *gk, size_t parameter);

typedef struct cli_fit_arguments {
    const char *file, *columns, *weights, *picture, *responsibilities;
    const char *lower, *upper; /* the columns of the ends of intervals, or NULL */
    double resolution;         /* see gkv_gk_sample */
    bool resolution_given;
    cli_table_arguments table;
    bool json, quiet, normal, multivariate, nonparametric;
    gkv_gk_method method;
    int64_t family; /* a gkv_gk_family */
    /* the options that name the weight of the tails k, and h, or NULL */
    const char *tail_named_by[2];
    size_t levels; /* 0: the default of the library */
    double confidence, c;
    bool fixed[CLI_PARAMETERS];
    double value[CLI_PARAMETERS]; /* values of the fixed parameters */
    bool c_given;
    bool free_c;                  /* --free c */
    bool started[CLI_PARAMETERS]; /* by --start */
    double start[CLI_PARAMETERS];
    bool bounded[CLI_PARAMETERS]; /* by --bounds */
    double low[CLI_PARAMETERS], high[CLI_PARAMETERS];
    bool profile;           /* intervals of the profile likelihood */
    size_t replicates;      /* number of bootstrap samples; 0: no bootstrap */
    size_t components;      /* number of components of a mixture, or the least one; 0: no mixture */
    size_t components_most; /* the greatest number of components; 0: only one number */
    size_t restarts;        /* of a mixture's fit; 0: the default of the library */
    bool unshrunk;          /* a mixture without shrinkage */
    /* tolerance of a mixture's fit, in nats; < 0: the default of the library */
    double tolerance;
    double held_out; /* fraction of the rows that is held out of a mixture's fit */
    uint64_t seed;
    int threads;
} cli_fit_arguments;

/* A column to be fitted, without its missing values. */
typedef struct cli_fit_column {
    const char *name;
    const double *x;
    const double *weights; /* NULL: 1 */
    size_t n;
    const double *lower, *upper; /* the ends of intervals in the place of x, or NULL */
} cli_fit_column;

/* The chosen columns. Tables own all of them. */
typedef struct cli_fit_data {
    const cli_fit_column *columns;
    size_t n_columns;
    /* of every column, if all are fitted together */
    size_t n;
    const double *weights;
    /* [n_rows] which rows of the table they are, if all columns are fitted together */
    const bool *complete;
    size_t n_rows;
} cli_fit_data;

/* --- The three kinds of fit ----------------------------------------------- */

/* fit_columns.c: each column by itself. Columns that cannot be fitted are reported and left
 * out; returns the code of the first of them. */
int cli_fit_columns(const cli_fit_arguments *a, const cli_fit_data *data);

/* fit_multivariate.c, fit_mixture.c: all columns together. */
int cli_fit_multivariate(const cli_fit_arguments *a, const cli_fit_data *data);
int cli_fit_mixture(const cli_fit_arguments *a, const cli_fit_data *data);

/* fit_files.c: writes the component of each row of the table, and its responsibilities. */
int cli_fit_write_responsibilities(const cli_fit_arguments *a, const cli_fit_data *data,
                                   const gkv_mgk_mixture *mixture);
/* Whether the name of a file ends in this way. */
bool cli_fit_ends_in(const char *path, const char *end);
/* Finds the rows of a table in which none of the columns is missing. */
int cli_fit_find_complete(const gkv_table *table, const size_t *columns, size_t n_columns,
                          bool *complete);

/* fit_options.c: reads K or A..B of --mixture, and reports options of mixtures without one. */
void cli_fit_set_components(cli_fit_arguments *a, struct argp_state *state, const char *text);
void cli_fit_check_mixture(const cli_fit_arguments *a, struct argp_state *state);

/* fit_options.c: reports arguments that do not go with --resolution, --lower and --upper. */
void cli_fit_check_intervals(const cli_fit_arguments *a, struct argp_state *state);

/* fit_columns.c: the observations of --lower and --upper. An end that is missing is infinite.
 * `weights` is the index of the column of weights, or SIZE_MAX. The caller frees *memory and
 * *name. */
int cli_fit_take_intervals(const cli_fit_arguments *a, const gkv_table *table, size_t weights,
                           double **memory, char **name, cli_fit_column *out);

/* fit_options.c: reports arguments that do not go with --family. */
void cli_fit_check_family(const cli_fit_arguments *a, struct argp_state *state);

/* fit_options.c: "g-and-k", "g-and-h" or "generalised g-and-h, c = 0.8"; the caller frees it. */
char *cli_fit_family_text(const gkv_gk *gk);

/* The library's settings for one margin. */
void cli_fit_settings(const cli_fit_arguments *a, gkv_gk_fit_settings *settings);

/* fit_options.c: reads --free. */
void cli_fit_free(cli_fit_arguments *a, struct argp_state *state, const char *text);

/* fit_options.c: read --fix, --start and --bounds, and report arguments that do not go with
 * them. */
void cli_fit_fix(cli_fit_arguments *a, struct argp_state *state, const char *text);
void cli_fit_set_start(cli_fit_arguments *a, struct argp_state *state, const char *text);
void cli_fit_bound(cli_fit_arguments *a, struct argp_state *state, const char *text);
void cli_fit_check_parameters(const cli_fit_arguments *a, struct argp_state *state);

/* fit_options.c: whether parameters are held fixed, and whether there is a start; and the start
 * of the fit of a sample, in which held parameters have their final values. */
bool cli_fit_holds(const cli_fit_arguments *a);
bool cli_fit_starts(const cli_fit_arguments *a);
gkv_status cli_fit_start(const cli_fit_arguments *a, const gkv_gk_sample *sample, gkv_gk *start);

/* The values of all columns row by row, as the library expects them. The caller frees the array. */
double *cli_fit_rows(const cli_fit_data *data);
/* Their names; the caller frees the array. */
const char **cli_fit_names(const cli_fit_data *data);

/* --- fit_show.c, fit_json.c ----------------------------------------------- */

/* A fit of one column. */
typedef struct cli_fit_row {
    const char *name;
    gkv_gk_fit_result result;
    bool bootstrapped;
    gkv_gk_bootstrap_result bootstrap;
} cli_fit_row;

/* Why the test of fit has no p-value, or NULL. The caller frees the text. */
char *cli_fit_note(const cli_fit_row *row);

/* Whether the fit itself has standard errors. The octile method gives none without a bootstrap. */
bool cli_fit_has_errors(const cli_fit_row *row);

/* Reports on standard error what limits the meaning of a fit that succeeded. */
void cli_fit_warn(const cli_fit_arguments *a, const char *name, const gkv_gk_fit_result *result);

void cli_fit_print_rows(const cli_fit_arguments *a, const cli_fit_row *rows, size_t n_rows);

/* The key "schema" of the JSON of fits. A change of what a key means makes it another one. */
#define CLI_FIT_SCHEMA "gkvae-fit-1"

/* An object with the schema, for a whole fit. */
json_t *cli_fit_json_begin(void);
/* Adds the fit of a column to an object, and returns the object. */
json_t *cli_fit_json_of_row(const cli_fit_arguments *a, const cli_fit_row *row, json_t *object);

/* A number, or null if it is not finite. */
json_t *cli_fit_json_number(double value);
/* d × d numbers as an array of arrays. */
json_t *cli_fit_json_matrix(const double *values, size_t d);
/* Prints and frees the value; CLI_DATA if a name is not UTF-8. */
int cli_fit_print_json(json_t *value);
/* Prints the fits of columns as an array, which it is even for one column. */
int cli_fit_print_json_rows(const cli_fit_arguments *a, const cli_fit_row *rows, size_t n);

/* Prints a value to the precision of its standard error, of which `digits` digits are shown: a
 * value with a standard error of 1e-7 is 100000000.0000012, not 1e+08. */
enum { CLI_CELL = 48 };
void cli_fit_put_value(char cell[CLI_CELL], double value, double se, int digits);
/* Prints a parameter to the precision of its standard error; or without one to this number of
 * digits, except for an A far from 0, which has a digit more than a thousandth of B. */
void cli_fit_put_parameter(char cell[CLI_CELL], const gkv_gk *gk, size_t p, double se, int digits);

/* --- fit_mixture_notes.c -------------------------------------------------- */

/* Notes on standard error what limits the meaning of a mixture. */
void cli_fit_note_mixture(const cli_fit_arguments *a, const cli_fit_data *data,
                          const gkv_mgk_mixture *mixture);

/* --- fit_files.c ---------------------------------------------------------- */

/* The distribution that was fitted to a column: a mixture, usually of one component. */
typedef struct cli_fit_margin {
    const gkv_gk *components;
    const double *weights; /* of the components, with sum 1; NULL for one component */
    size_t n_components;
    const double *covariance; /* of the parameters, 4 × 4; NULL: no bands are drawn */
} cli_fit_margin;

/* Draws for each of one to six columns a histogram with the density and its confidence band by the
 * delta method, and a QQ plot with the pointwise band of samples of the fitted distribution. */
int cli_fit_picture(const cli_fit_arguments *a, const cli_fit_data *data,
                    const cli_fit_margin *margins);
/* CLI_USAGE if there are more columns than a picture can show. */
int cli_fit_check_picture(const cli_fit_arguments *a, size_t n_columns);

#endif
