/* Functions of several columns; declared in cli_gk.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli_columns.h"
#include "cli_gk.h"
#include "gkvae/mgk_margins.h"

/* --- The columns of the table --------------------------------------------- */

/* Finds the only column of this name. */
static bool find_name(const gkv_table *table, const char *name, size_t *column)
{
    size_t count = 0;
    for (size_t c = 0; c < gkv_table_columns(table); c++)
        if (strcmp(gkv_table_name(table, c), name) == 0) {
            *column = c;
            count++;
        }
    return count == 1;
}

/* Whether the fit was made from a table without a header. */
static bool is_unnamed(const cli_gk_model *model)
{
    for (size_t j = 0; j < model->d; j++)
        if (strncmp(model->names[j], "column ", 7) != 0)
            return false;
    return true;
}

/* Prints which columns of the table are used. */
static void report(const cli_gk_model *model, const gkv_table *table, bool by_name,
                   const size_t *columns)
{
    enum { SHOWN = 8 };
    fprintf(stderr, "gkvae: columns are matched by %s: ", by_name ? "name" : "position");
    for (size_t j = 0; j < model->d && j < SHOWN; j++)
        if (by_name)
            fprintf(stderr, "%s%.80s", j ? ", " : "", gkv_table_name(table, columns[j]));
        else
            fprintf(stderr, "%s%zu is %.80s", j ? ", " : "", columns[j] + 1, model->names[j]);
    if (model->d > SHOWN)
        fprintf(stderr, " and %zu more", model->d - SHOWN);
    fputs("\n", stderr);
}

/* Finds the column of the table for each column of the distribution: by name, or by position if
 * the table or the fit has no names. */
static int match(const cli_gk_arguments *a, const char *path, const cli_gk_model *model,
                 const gkv_table *table, size_t *columns)
{
    const char *missing = NULL;
    gkv_table_form form;
    size_t count = 0;
    gkv_table_get_form(table, &form);
    for (size_t j = 0; j < model->d; j++)
        if (!find_name(table, model->names[j], &columns[j]) && !missing)
            missing = model->names[j];
    const bool by_name = !missing;
    for (size_t c = 0; c < gkv_table_columns(table) && !by_name; c++)
        if (!gkv_table_is_index(table, c) && count++ < model->d)
            columns[count - 1] = c;
    if (!by_name && form.has_header && !is_unnamed(model))
        return cli_error(CLI_DATA, "%s: the table has not one column \"%s\", as the fit has", path,
                         missing);
    if (!by_name && count != model->d)
        return cli_error(CLI_DATA,
                         "%s: the table or the fit has no names of columns, and they cannot be "
                         "matched by position: there are %zu columns for %zu of the fit",
                         path, count, model->d);
    if (!a->quiet)
        report(model, table, by_name && form.has_header, columns);
    return CLI_OK;
}

/* Takes the rows of the table. A missing value is NaN. */
static int take_rows(const cli_gk_arguments *a, const char *path, const cli_gk_model *model,
                     const gkv_table *table, double **x)
{
    const size_t n = gkv_table_rows(table), d = model->d;
    size_t *columns = cli_alloc(d, sizeof *columns), gaps = 0;
    const double *values;
    int code = CLI_OK;
    *x = cli_alloc(n, d * sizeof **x);
    CLI_TRY(match(a, path, model, table, columns));
    for (size_t j = 0; j < d; j++) {
        CLI_CHECK(gkv_table_values(table, columns[j], &values));
        for (size_t i = 0; i < n; i++)
            (*x)[i * d + j] = values[i];
        gaps += gkv_table_missing(table, columns[j], NULL);
    }
    if (gaps > 0 && !a->quiet)
        fprintf(stderr, "gkvae: %s: %zu missing value%s; their results are nan\n", path, gaps,
                cli_plural(gaps));
done:
    free(columns);
    return code;
}

/* --- Results -------------------------------------------------------------- */

static int write_densities(const cli_gk_arguments *a, const cli_gk_model *model, size_t n,
                           const double *x)
{
    const bool log = a->log || a->function->is_log;
    double *density = cli_alloc(n, sizeof *density);
    cli_gk_output *output = NULL;
    int code = CLI_OK;
    CLI_CHECK(gkv_mgk_mixture_log_pdf(model->mixture, n, x, NULL, density));
    for (size_t i = 0; i < n && !log; i++)
        density[i] = exp(density[i]);
    CLI_TRY(cli_gk_output_begin(a->out, 1, &(const char *){log ? "log_pdf" : "pdf"}, &output));
    CLI_TRY(cli_gk_output_add(output, n, density));
done:
    free(density);
    return cli_gk_output_end(output, code);
}

static int write_scores(const cli_gk_arguments *a, const cli_gk_model *model, size_t n,
                        const double *x)
{
    double *scores = cli_alloc(n, model->d * sizeof *scores);
    cli_gk_output *output = NULL;
    int code = CLI_OK;
    CLI_CHECK(a->function == &cli_gk_whiten
                  ? gkv_mgk_mixture_whiten(model->mixture, n, x, NULL, scores)
                  : gkv_mgk_mixture_scores(model->mixture, n, x, NULL, scores));
    CLI_TRY(cli_gk_output_begin(a->out, model->d, (const char *const *)model->names, &output));
    CLI_TRY(cli_gk_output_add(output, n, scores));
done:
    free(scores);
    return cli_gk_output_end(output, code);
}

int cli_gk_rows(const cli_gk_arguments *a, const cli_gk_model *model)
{
    const char *path = a->n_words > 0 ? a->words[0] : "-";
    const char *shown = strcmp(path, "-") == 0 ? "standard input" : path;
    double number, *x = NULL;
    gkv_table *table = NULL;
    int code = CLI_OK;
    if (a->n_words > 0 && (a->n_words > 1 || cli_is_number(path + (path[0] == ' '), &number)))
        return cli_error(CLI_USAGE,
                         "%s: the rows of %zu columns are in one TABLE or on standard "
                         "input, not among the arguments; --column chooses one column",
                         a->words[a->n_words - 1], model->d);
    CLI_TRY(cli_output_spares("--out", a->out, a->n_words > 0 ? path : NULL));
    CLI_TRY(cli_table_read(&a->table, path, a->quiet, &table));
    CLI_TRY(take_rows(a, shown, model, table, &x));
    code = a->function->quantity == CLI_GK_PDF ? write_densities(a, model, gkv_table_rows(table), x)
                                               : write_scores(a, model, gkv_table_rows(table), x);
done:
    free(x);
    gkv_table_free(table);
    return code;
}
