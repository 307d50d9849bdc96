/* gkvae fit --multivariate */
#include <math.h>
#include <stdlib.h>

#include "cli_fit.h"
#include "gkvae/mgk_fit.h"

static void print_correlation(const cli_fit_data *data, const gkv_mgk_fit_result *r)
{
    const size_t d = r->d, width = d + 1;
    char(*text)[CLI_CELL] = cli_alloc(d * d, sizeof *text);
    const char **cells = cli_alloc(width * width, sizeof *cells);
    char *align = cli_alloc(width + 1, 1);
    align[0] = 'l';
    for (size_t i = 0; i < d; i++) {
        align[i + 1] = 'r';
        cells[i + 1] = cells[(i + 1) * width] = data->columns[i].name;
        for (size_t j = 0; j < i; j++)
            snprintf(text[i * d + j], CLI_CELL, "%.3f ± %.2g", r->correlation[i * d + j],
                     r->correlation_se[i * d + j]);
        snprintf(text[i * d + i], CLI_CELL, "1");
        for (size_t j = 0; j < d; j++)
            cells[(i + 1) * width + j + 1] = text[i * d + j];
    }
    puts("correlation of the normal scores:");
    cli_table(cells, width, width, align);
    free(align);
    free(cells);
    free(text);
}

static void print_all(const cli_fit_arguments *a, const cli_fit_data *data, const cli_fit_row *rows,
                      const gkv_mgk_fit_result *r)
{
    enum { SHOWN_MAX = 12 }; /* a wider matrix is not readable on a screen */
    cli_fit_print_rows(a, rows, r->d);
    if (r->d > 1 && r->d <= SHOWN_MAX)
        print_correlation(data, r);
    else if (r->d > SHOWN_MAX)
        printf("(the %zu × %zu correlation matrix is in the output of --json)\n", r->d, r->d);
    printf("all together: log-likelihood %.8g, %zu parameters, AIC %.8g, BIC %.8g\n",
           r->log_likelihood, r->parameters, r->aic, r->bic);
    if (isfinite(r->goodness))
        printf("mean χ²/d.o.f. of the margins: %.3f\n", r->goodness);
}

static int print_json(const cli_fit_arguments *a, const cli_fit_data *data, const cli_fit_row *rows,
                      const gkv_mgk *mgk, const gkv_mgk_fit_result *r)
{
    json_t *object = cli_fit_json_begin(), *margins = json_array(), *names = json_array();
    for (size_t i = 0; i < r->d; i++) {
        json_array_append_new(names, json_string(data->columns[i].name));
        json_array_append_new(margins, cli_fit_json_of_row(a, &rows[i], json_object()));
    }
    json_object_set_new(object, "columns", names);
    json_object_set_new(object, "n", json_integer((json_int_t)r->n));
    json_object_set_new(object, "observations", cli_fit_json_number(r->weight));
    json_object_set_new(object, "margins", margins);
    json_object_set_new(object, "correlation", cli_fit_json_matrix(r->correlation, r->d));
    json_object_set_new(object, "cholesky", cli_fit_json_matrix(gkv_mgk_cholesky(mgk), r->d));
    json_object_set_new(object, "correlation_standard_error",
                        cli_fit_json_matrix(r->correlation_se, r->d));
    json_object_set_new(object, "correlation_repair", cli_fit_json_number(r->repair));
    json_object_set_new(object, "log_likelihood", cli_fit_json_number(r->log_likelihood));
    json_object_set_new(object, "parameters", json_integer((json_int_t)r->parameters));
    json_object_set_new(object, "aic", cli_fit_json_number(r->aic));
    json_object_set_new(object, "bic", cli_fit_json_number(r->bic));
    json_object_set_new(object, "goodness", cli_fit_json_number(r->goodness));
    return cli_fit_print_json(object);
}

static int draw(const cli_fit_arguments *a, const cli_fit_data *data, const gkv_mgk_fit_result *r)
{
    cli_fit_margin *margins = cli_alloc(r->d, sizeof *margins);
    for (size_t i = 0; i < r->d; i++) {
        margins[i] = (cli_fit_margin){.components = &r->margins[i].gk, .n_components = 1};
        margins[i].covariance = &r->margins[i].covariance[0][0];
    }
    const int code = cli_fit_picture(a, data, margins);
    free(margins);
    return code;
}

/* Where each margin begins, if parameters are held. */
static int make_starts(const cli_fit_arguments *a, const cli_fit_data *data, gkv_gk *starts)
{
    for (size_t i = 0; i < data->n_columns; i++) {
        const gkv_gk_sample sample = {
            .x = data->columns[i].x, .weights = data->weights, .n = data->n};
        const gkv_status status = cli_fit_start(a, &sample, &starts[i]);
        if (status != GKV_OK)
            return cli_error(cli_code(status), "%s: %s", data->columns[i].name, cli_reason());
    }
    return CLI_OK;
}

/* A joint fit takes values as exact, so that a resolution is no remedy. */
static int refuse(gkv_status status)
{
    return gkv_error_remedy() == GKV_REMEDY_RESOLUTION
               ? cli_error(cli_code(status),
                           "%s. --multivariate takes values as exact: leave this column out "
                           "(--column), and fit it by itself",
                           gkv_error_message())
               : cli_check(status);
}

int cli_fit_multivariate(const cli_fit_arguments *a, const cli_fit_data *data)
{
    gkv_mgk_fit_settings settings;
    gkv_mgk_fit_result result = {.n = 0};
    gkv_mgk *mgk = NULL;
    cli_fit_row *rows = NULL;
    gkv_gk *starts = NULL;
    double *x = cli_fit_rows(data);
    const char **names = cli_fit_names(data);
    int code = CLI_OK;
    gkv_mgk_fit_defaults(&settings);
    cli_fit_settings(a, &settings.margins);
    settings.normal = a->normal;
    settings.names = names;
    if (cli_fit_holds(a) && !a->normal) {
        starts = cli_alloc(data->n_columns, sizeof *starts);
        CLI_TRY(make_starts(a, data, starts));
        settings.starts = starts;
    }
    const gkv_status status = gkv_mgk_fit(data->n, data->n_columns, x, data->weights, &settings,
                                          &(gkv_run_options){.threads = a->threads}, &mgk, &result);
    if (status != GKV_OK) {
        code = refuse(status);
        goto done;
    }
    rows = cli_alloc(result.d, sizeof *rows);
    for (size_t i = 0; i < result.d; i++) {
        rows[i] = (cli_fit_row){.name = data->columns[i].name, .result = result.margins[i]};
        cli_fit_warn(a, rows[i].name, &rows[i].result);
    }
    if (result.repair > 0)
        fprintf(stderr,
                "gkvae: the columns' normal scores are linearly dependent: %.2g of the identity "
                "was mixed into their correlation matrix, and the log-likelihood depends on that "
                "more than on the data; leave out a column\n",
                result.repair);
    if (a->json)
        CLI_TRY(print_json(a, data, rows, mgk, &result));
    else
        print_all(a, data, rows, &result);
    if (a->picture)
        CLI_TRY(draw(a, data, &result));
done:
    free(rows);
    free(starts);
    free(names);
    free(x);
    gkv_mgk_free(mgk);
    gkv_mgk_fit_result_free(&result);
    return code;
}
