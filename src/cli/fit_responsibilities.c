/* The file of gkvae fit --responsibilities; declared in cli_fit.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/inside.h"
#include "cli_fit.h"

bool cli_fit_ends_in(const char *path, const char *end)
{
    const size_t length = strlen(path), tail = strlen(end);
    return length >= tail && strcmp(path + length - tail, end) == 0;
}

int cli_fit_find_complete(const gkv_table *table, const size_t *columns, size_t n_columns,
                          bool *complete)
{
    const size_t rows = gkv_table_rows(table);
    int code = CLI_OK;
    for (size_t row = 0; row < rows; row++)
        complete[row] = true;
    for (size_t c = 0; c < n_columns; c++) {
        const double *values = NULL;
        CLI_CHECK(gkv_table_values(table, columns[c], &values));
        for (size_t row = 0; row < rows; row++)
            complete[row] &= !isnan(values[row]);
    }
done:
    return code;
}

/* The rows of the table: the component, from 1, and the responsibilities [count]. They are NaN for
 * rows that are not complete. */
static int values_of(const cli_fit_arguments *a, const cli_fit_data *data,
                     const gkv_mgk_mixture *mixture, double *values)
{
    const size_t count = gkv_mgk_mixture_count(mixture);
    double *x = cli_fit_rows(data), *r = cli_alloc(data->n * count, sizeof *r);
    int code = CLI_OK;
    CLI_CHECK(gkv_mgk_mixture_responsibilities(mixture, data->n, x,
                                               &(gkv_run_options){.threads = a->threads}, NULL, r));
    for (size_t row = 0, i = 0; row < data->n_rows; row++) {
        double *to = values + row * (count + 1);
        size_t best = 0;
        for (size_t k = 0; k <= count; k++)
            to[k] = NAN;
        if (!data->complete[row])
            continue;
        for (size_t k = 1; k < count; k++)
            best = r[i * count + k] > r[i * count + best] ? k : best;
        to[0] = (double)(best + 1);
        memcpy(to + 1, r + count * i++, count * sizeof *r);
    }
done:
    free(r);
    free(x);
    return code;
}

/* Writes the values as text. A value that is not known is an empty field. */
static int write_csv(const char *path, size_t rows, size_t count, const double *values)
{
    enum { CELL = 24 };
    const size_t header = 32;
    char *text = cli_alloc((rows + 1) * (count + 1) + 1, header), *at = text;
    at += sprintf(at, "component");
    for (size_t k = 0; k < count; k++)
        at += sprintf(at, ",responsibility_%zu", k + 1);
    *at++ = '\n';
    for (size_t i = 0; i < rows; i++) {
        const double *row = values + i * (count + 1);
        for (size_t k = 0; k <= count; k++) {
            char cell[CELL] = "";
            if (!isnan(row[k]))
                snprintf(cell, sizeof cell, "%.12g", row[k]);
            at += sprintf(at, "%s%s", k > 0 ? "," : "", cell);
        }
        *at++ = '\n';
    }
    const int code = cli_check(gki_file_write_atomic(path, text, (size_t)(at - text)));
    free(text);
    return code;
}

int cli_fit_write_responsibilities(const cli_fit_arguments *a, const cli_fit_data *data,
                                   const gkv_mgk_mixture *mixture)
{
    const size_t count = gkv_mgk_mixture_count(mixture);
    double *values = cli_alloc(data->n_rows * (count + 1), sizeof *values);
    int code = CLI_OK;
    CLI_TRY(values_of(a, data, mixture, values));
    code = cli_fit_ends_in(a->responsibilities, ".npy")
               ? cli_check(gkv_npy_write(a->responsibilities, data->n_rows, count + 1, values))
               : write_csv(a->responsibilities, data->n_rows, count, values);
done:
    free(values);
    return code;
}
