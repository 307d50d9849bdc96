/* What the parts of gkvae fit share. */
#ifndef GKV_CLI_FIT_H
#define GKV_CLI_FIT_H

#include <jansson.h>

#include "cli.h"
#include "gkvae/gk_bootstrap.h"
#include "gkvae/gk_fit.h"

enum { CLI_PARAMETERS = GKV_GK_PARAMETERS };
extern const char *const cli_parameter_names[CLI_PARAMETERS]; /* A, B, g, k */
double cli_parameter(const gkv_gk *gk, size_t parameter);

typedef struct cli_fit_arguments {
    const char *file, *columns, *weights, *picture;
    bool json, quiet, normal, multivariate, nonparametric;
    gkv_gk_method method;
    size_t levels;               /* 0: the library's */
    double confidence, c;
    bool fixed[CLI_PARAMETERS];
    double value[CLI_PARAMETERS]; /* of those that are fixed */
    bool c_given;
    size_t replicates;           /* of the bootstrap; 0: none */
    size_t components;           /* of a mixture; 0: none */
    double tolerance;            /* of a mixture's fit, in nats; < 0: the library's */
    double held_out;             /* the share of its rows that is watched, not fitted */
    uint64_t seed;
    int threads;
} cli_fit_arguments;

/* A column to be fitted. */
typedef struct cli_fit_column {
    const char *name;
    const double *x;
} cli_fit_column;

/* The columns that were chosen, of n values each; all are the table's. */
typedef struct cli_fit_data {
    const cli_fit_column *columns;
    size_t n_columns, n;
    const double *weights;     /* NULL: 1 */
    const char *weights_name;
} cli_fit_data;

/* --- The three kinds of fit ----------------------------------------------------------------- */

/* fit_columns.c: each column by itself. Columns that cannot be fitted are reported and left
 * out; returns the code of the first of them. */
int cli_fit_columns(const cli_fit_arguments *a, const cli_fit_data *data);

/* fit_multivariate.c, fit_mixture.c: all columns together. */
int cli_fit_multivariate(const cli_fit_arguments *a, const cli_fit_data *data);
int cli_fit_mixture(const cli_fit_arguments *a, const cli_fit_data *data);

/* The library's settings for one margin. */
void cli_fit_settings(const cli_fit_arguments *a, gkv_gk_fit_settings *settings);

/* Whether parameters are held, and where the fit of a sample then begins, which is where they
 * stay. */
bool cli_fit_holds(const cli_fit_arguments *a);
gkv_status cli_fit_start(const cli_fit_arguments *a, const gkv_gk_sample *sample, gkv_gk *start);

/* The columns as the library wants several: row by row. The caller frees it. */
double *cli_fit_rows(const cli_fit_data *data);
/* Their names; the caller frees the array. */
const char **cli_fit_names(const cli_fit_data *data);

/* --- fit_show.c, fit_json.c ------------------------------------------------------------------------------- */

/* A fit of one column. */
typedef struct cli_fit_row {
    const char *name;
    gkv_gk_fit_result result;
    bool bootstrapped;
    gkv_gk_bootstrap_result bootstrap;
} cli_fit_row;

/* Errors of the octile method there are only by bootstrap. */
bool cli_fit_has_errors(const cli_fit_row *row);

/* Tells on standard error what is to be known of a fit that succeeded. */
void cli_fit_warn(const cli_fit_arguments *a, const char *name, const gkv_gk_fit_result *result);

void cli_fit_print_rows(const cli_fit_arguments *a, const cli_fit_row *rows, size_t n_rows);
json_t *cli_fit_json_of_row(const cli_fit_arguments *a, const cli_fit_row *row);

/* A number, or null if it is not finite. */
json_t *cli_fit_json_number(double value);
/* d × d numbers as an array of arrays. */
json_t *cli_fit_json_matrix(const double *values, size_t d);
/* Prints and frees it; CLI_DATA if a name is no UTF-8. */
int cli_fit_print_json(json_t *value);

/* A value with as many digits as its standard error, which is good for `digits`, leaves a
 * meaning: 100000000.0000012 where that is known to 1e-7, and not 1e+08. */
enum { CLI_CELL = 48 };
void cli_fit_put_value(char cell[CLI_CELL], double value, double se, int digits);

/* --- fit_picture.c ------------------------------------------------------------------------------ */

/* A column and what was fitted to it: a mixture, as a rule of one. */
typedef struct cli_fit_margin {
    const gkv_gk *components;
    const double *shares;             /* sum to 1; NULL for one component */
    size_t n_components;
    const double *covariance;         /* of the parameters, 4 × 4; NULL: no bands */
} cli_fit_margin;

/* One histogram with density, and its confidence band by the delta method, and a QQ plot with the
 * band that samples of the fitted distribution keep to; or a page of two to six of them. */
int cli_fit_picture(const cli_fit_arguments *a, const cli_fit_data *data, const cli_fit_margin *margins);
/* Says what more columns a picture has than it can. */
int cli_fit_check_picture(const cli_fit_arguments *a, size_t n_columns);

#endif
