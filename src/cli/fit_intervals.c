/* Intervals: the options for them, and their columns; declared in cli_fit.h. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "cli_columns.h"
#include "cli_fit.h"

void cli_fit_check_intervals(const cli_fit_arguments *a, struct argp_state *state)
{
    const bool joint = a->components || a->multivariate;
    if (a->resolution_given && joint)
        argp_error(state, "--resolution is for fits of single columns");
    if (!a->lower && !a->upper)
        return;
    if (!a->lower || !a->upper)
        argp_error(state, "--lower and --upper go together");
    if (a->columns)
        argp_error(state, "--column does not go with --lower and --upper");
    if (a->resolution_given)
        argp_error(state, "--resolution does not go with --lower and --upper");
    if (joint)
        argp_error(state, "--lower and --upper are for the fit of a single distribution");
    if (a->method != GKV_GK_MLE)
        argp_error(state, "--lower and --upper need --method mle");
    if (a->picture)
        argp_error(state, "--picture does not go with --lower and --upper");
    if (a->replicates && !a->nonparametric)
        argp_error(state, "--lower and --upper have the bootstrap with --nonparametric only");
}

gkv_gk_sample cli_fit_sample(const cli_fit_arguments *a, const cli_fit_column *column)
{
    return (gkv_gk_sample){.n = column->n,
                           .x = column->x,
                           .weights = column->weights,
                           .lower = column->lower,
                           .upper = column->upper,
                           .resolution = a->resolution};
}

/* Copies the ends and weights of the rows that have an end and a weight. Returns their number. */
static size_t copy_rows(size_t rows, const double *from, const double *to, const double *w,
                        double *lower, double *upper, double *weights)
{
    size_t n = 0;
    for (size_t i = 0; i < rows; i++) {
        if ((isnan(from[i]) && isnan(to[i])) || (w && isnan(w[i])))
            continue;
        lower[n] = isnan(from[i]) ? -INFINITY : from[i];
        upper[n] = isnan(to[i]) ? INFINITY : to[i];
        if (w)
            weights[n] = w[i];
        n++;
    }
    return n;
}

int cli_fit_take_intervals(const cli_fit_arguments *a, const gkv_table *table, size_t weights,
                           double **memory, char **name, cli_fit_column *out)
{
    const size_t rows = gkv_table_rows(table);
    const double *from, *to, *w = NULL;
    size_t lower, upper;
    int code = CLI_OK;
    CLI_TRY(cli_columns_find(table, "--lower", a->lower, &lower));
    CLI_TRY(cli_columns_find(table, "--upper", a->upper, &upper));
    CLI_CHECK(gkv_table_values(table, lower, &from));
    CLI_CHECK(gkv_table_values(table, upper, &to));
    if (weights != SIZE_MAX)
        CLI_CHECK(gkv_table_values(table, weights, &w));
    *memory = cli_alloc(3 * rows, sizeof **memory);
    *name = cli_text("[%s, %s]", gkv_table_name(table, lower), gkv_table_name(table, upper));
    double *lows = *memory, *highs = lows + rows, *own = highs + rows;
    const size_t n = copy_rows(rows, from, to, w, lows, highs, own);
    *out = (cli_fit_column){
        .name = *name, .weights = w ? own : NULL, .n = n, .lower = lows, .upper = highs};
    if (n < rows && !a->quiet)
        fprintf(stderr, "gkvae: %zu of %zu rows dropped: both ends%s missing\n", rows - n, rows,
                w ? ", or the weight, are" : " are");
done:
    return code;
}
