/* gkvae fit */
#include "fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "columns.h"
#include "gkvae/plot.h"

enum { PARAMETERS = GKV_GK_PARAMETERS };
static const char *const parameter_names[PARAMETERS] = {"A", "B", "g", "k"};
static const double z_95 = 1.959963984540054;

typedef struct fit_arguments {
    const char *file, *columns, *picture;
    bool octile, json;
    size_t levels;
} fit_arguments;

static const struct argp_option options[] = {
    {"column", 'c', "NAME|NUMBER,…", 0, "Which columns, by the header's name or by number from 1 (default: all that "
                                       "hold numbers)", 0},
    {"method", 'm', "octile|lm", 0, "The closed form from the octiles, or least squares on quantiles by "
                                    "Levenberg–Marquardt (default: lm)", 0},
    {"levels", 'l', "M", 0, "Quantiles that lm fits (default: a quarter of the sample, held to 7 … 99)", 0},
    {"json", 'j', NULL, 0, "Print JSON (default: a table)", 0},
    {"picture", 'p', "FILE.png", 0, "Draw histogram, density and QQ plot of up to six columns (default: no)", 0},
    {.name = NULL},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    fit_arguments *a = state->input;
    switch (key) {
    case 'c': a->columns = arg; return 0;
    case 'p': a->picture = cli_path(state, "--picture", arg); return 0;
    case 'j': a->json = true; return 0;
    case 'l': a->levels = (size_t)cli_whole(state, "--levels", arg, 7, 10000000); return 0;
    case 'm':
        if (strcmp(arg, "octile") != 0 && strcmp(arg, "lm") != 0)
            argp_error(state, "--method %s: must be octile or lm", arg);
        a->octile = strcmp(arg, "octile") == 0;
        return 0;
    case ARGP_KEY_ARG:
        if (a->file)
            argp_error(state, "one file only: %s is too many", arg);
        a->file = arg;
        return 0;
    case ARGP_KEY_END:
        if (!a->file)
            argp_error(state, "which file? A path, or - for standard input, is needed");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* --- Fitting ------------------------------------------------------------------------------ */

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static gkv_status fit_row(const fit_arguments *a, cli_fit_row *row)
{
    gkv_gk_fit_result *result = &row->result;
    gkv_gk_fit_settings settings;
    gkv_gk_fit_defaults(&settings);
    settings.levels = a->levels;
    row->full = !a->octile;
    if (row->full)
        return gkv_gk_fit_sorted(row->sorted, row->n, &settings, result);
    const gkv_status status = gkv_gk_fit_octiles(row->sorted, row->n, settings.c, &result->gk);
    for (size_t i = 0; i < row->n && status == GKV_OK; i++)
        result->log_likelihood += gkv_gk_log_pdf(&result->gk, row->sorted[i]);
    result->aic = 2 * PARAMETERS - 2 * result->log_likelihood;
    result->n = row->n;
    return status;
}

static double estimate(const gkv_gk *gk, size_t parameter)
{
    return (const double[PARAMETERS]){gk->a, gk->b, gk->g, gk->k}[parameter];
}

static void warn(const cli_fit_row *row)
{
    if (!row->full)
        return;
    if (!row->result.converged)
        fprintf(stderr, "gkvae: %s: not converged after %d passes: the last says that %s\n", row->name,
                row->result.passes, gkv_lm_stop_name(row->result.stop));
    if (row->result.at_bound)
        fprintf(stderr, "gkvae: %s: k is at its least valid value: the tails are lighter than a g-and-k's can be, "
                        "and the standard errors too large\n", row->name);
}

/* --- Output ------------------------------------------------------------------------------- */

enum { CELL = 48 };

/* A value with as many digits as its standard error, which is good for `digits`, leaves a
 * meaning: 100000000.0000012 where that is known to 1e-7, and not 1e+08. */
static void put_value(char cell[CELL], double value, double se, int digits)
{
    if (!isfinite(value) || !(se > 0 && isfinite(se))) {
        snprintf(cell, CELL, "%.6g", value);
        return;
    }
    const double order = floor(log10(se));
    const double places = fmax(0, digits - 1 - order);
    const double significant = floor(log10(fmax(fabs(value), se))) - order + digits;
    if (places <= 12 && fabs(value) < 1e15 && se < 1e6)
        snprintf(cell, CELL, "%.*f", (int)places, value);
    else
        snprintf(cell, CELL, "%#.*g", (int)fmin(significant, 17), value);
}

/* A table of one fit: a line a parameter, then what concerns them all. */
static void print_one(const cli_fit_row *row)
{
    const gkv_gk_fit_result *r = &row->result;
    char text[PARAMETERS][4][CELL];
    const char *cells[(PARAMETERS + 1) * 5] = {"", "estimate", row->full ? "standard error" : "",
                                               row->full ? "95% from" : "", row->full ? "to" : ""};
    for (size_t i = 0; i < PARAMETERS; i++) {
        const double value = estimate(&r->gk, i), se = r->se[i];
        const double known = row->full ? se : NAN;
        put_value(text[i][0], value, known, 3);
        snprintf(text[i][1], CELL, "%.3g", se);
        put_value(text[i][2], value - z_95 * se, known, 3);
        put_value(text[i][3], value + z_95 * se, known, 3);
        cells[5 * (i + 1)] = parameter_names[i];
        for (size_t c = 0; c < 4; c++)
            cells[5 * (i + 1) + 1 + c] = c == 0 || row->full ? text[i][c] : "";
    }
    printf("%s: %zu values, %s\n", row->name, row->n,
           row->full ? "least squares on quantiles" : "octile method");
    cli_table(cells, PARAMETERS + 1, 5, "lrrrr");
    printf("log-likelihood %.6g, AIC %.6g", r->log_likelihood, r->aic);
    if (row->full)
        printf("\ngoodness of fit: χ² = %.4g with %zu degrees of freedom, p = %.4g", r->chi2, r->dof, r->p_value);
    printf("\n(c = %g)\n", r->gk.c);
}

/* A table of several: a line a column. */
static void print_many(const cli_fit_row *rows, size_t n_rows)
{
    enum { COLUMNS = 10, WIDE = 2 * CELL };
    static const char *const heads[COLUMNS] = {"column", "n", "A", "B", "g", "k", "log-likelihood", "AIC",
                                               "χ²/d.o.f.", "p"};
    char(*text)[COLUMNS][WIDE] = cli_alloc(n_rows, sizeof *text);
    const char **cells = cli_alloc((n_rows + 1) * COLUMNS, sizeof *cells);
    memcpy(cells, heads, sizeof heads);
    for (size_t i = 0; i < n_rows; i++) {
        const gkv_gk_fit_result *r = &rows[i].result;
        snprintf(text[i][1], WIDE, "%zu", rows[i].n);
        for (size_t p = 0; p < PARAMETERS; p++) {
            char value[CELL];
            put_value(value, estimate(&r->gk, p), rows[i].full ? r->se[p] : NAN, 2);
            if (rows[i].full)
                snprintf(text[i][2 + p], WIDE, "%s ± %.2g", value, r->se[p]);
            else
                snprintf(text[i][2 + p], WIDE, "%s", value);
        }
        snprintf(text[i][6], WIDE, "%.6g", r->log_likelihood);
        snprintf(text[i][7], WIDE, "%.6g", r->aic);
        if (rows[i].full) {
            snprintf(text[i][8], WIDE, "%.3f", r->chi2 / (double)r->dof);
            snprintf(text[i][9], WIDE, "%.3g", r->p_value);
        }
        cells[(i + 1) * COLUMNS] = rows[i].name;
        for (size_t c = 1; c < COLUMNS; c++)
            cells[(i + 1) * COLUMNS + c] = text[i][c];
    }
    cli_table(cells, n_rows + 1, COLUMNS, "lrrrrrrrrr");
    if (rows[0].full)
        puts("(± standard error; estimates ± 1.96 of them are 95% intervals)");
    free(text);
    free(cells);
}

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *json_of(const cli_fit_row *row)
{
    const gkv_gk_fit_result *r = &row->result;
    json_t *object = json_object(), *parameters = json_object();
    for (size_t i = 0; i < PARAMETERS; i++) {
        const double value = estimate(&r->gk, i), se = row->full ? r->se[i] : NAN;
        json_t *one = json_object();
        json_object_set_new(one, "estimate", number(value));
        json_object_set_new(one, "standard_error", number(se));
        json_object_set_new(one, "low", number(value - z_95 * se));
        json_object_set_new(one, "high", number(value + z_95 * se));
        json_object_set_new(parameters, parameter_names[i], one);
    }
    json_object_set_new(object, "column", json_string(row->name));
    json_object_set_new(object, "n", json_integer((json_int_t)row->n));
    json_object_set_new(object, "method", json_string(row->full ? "lm" : "octile"));
    json_object_set_new(object, "parameters", parameters);
    json_object_set_new(object, "c", number(r->gk.c));
    json_object_set_new(object, "log_likelihood", number(r->log_likelihood));
    json_object_set_new(object, "aic", number(r->aic));
    if (row->full) {
        json_object_set_new(object, "bic", number(r->bic));
        json_object_set_new(object, "chi2", number(r->chi2));
        json_object_set_new(object, "degrees_of_freedom", json_integer((json_int_t)r->dof));
        json_object_set_new(object, "p_value", number(r->p_value));
        json_object_set_new(object, "levels", json_integer((json_int_t)r->levels));
        json_object_set_new(object, "converged", json_boolean(r->converged));
        json_object_set_new(object, "at_bound", json_boolean(r->at_bound));
    }
    return object;
}

/* Always an array, also for one column: what reads it need not ask. */
static int print_json(const cli_fit_row *rows, size_t n_rows)
{
    json_t *array = json_array();
    for (size_t i = 0; i < n_rows; i++)
        json_array_append_new(array, json_of(&rows[i]));
    char *text = json_dumps(array, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    json_decref(array);
    if (!text)
        return cli_error(CLI_DATA, "a column's name is no UTF-8 text, which JSON needs");
    puts(text);
    free(text);
    return CLI_OK;
}

/* --- The command --------------------------------------------------------------------------- */

static int fit_column(const fit_arguments *a, const cli_columns_file *file, const cli_column *column,
                      cli_fit_row *row)
{
    if (column->fault)
        return cli_error(CLI_DATA, "%s", column->fault);
    *row = (cli_fit_row){.name = column->name, .n = file->n_rows,
                         .sorted = cli_alloc(file->n_rows, sizeof *row->sorted)};
    memcpy(row->sorted, column->values, file->n_rows * sizeof *row->sorted);
    qsort(row->sorted, row->n, sizeof *row->sorted, ascending);
    const gkv_status status = fit_row(a, row);
    if (status == GKV_OK) {
        warn(row);
        return CLI_OK;
    }
    free(row->sorted);
    row->sorted = NULL;
    return cli_error(cli_code(status), "%s: %s", column->name, gkv_error_message());
}

/* Fits what can be fitted: *n_rows are. Returns the code of the first that cannot. */
static int fit_columns(const fit_arguments *a, const cli_columns_file *file, const size_t *chosen, size_t n_chosen,
                       cli_fit_row *rows, size_t *n_rows)
{
    int first = CLI_OK;
    for (size_t i = 0; i < n_chosen; i++) {
        const int code = fit_column(a, file, &file->columns[chosen[i]], &rows[*n_rows]);
        *n_rows += code == CLI_OK;
        first = first == CLI_OK ? code : first;
    }
    return first;
}

/* Shows the fits; there is at least one. */
static int show(const fit_arguments *a, const cli_fit_row *rows, size_t n_rows)
{
    int code = CLI_OK;
    if (a->json)
        code = print_json(rows, n_rows);
    else if (n_rows == 1)
        print_one(&rows[0]);
    else
        print_many(rows, n_rows);
    return a->picture && code == CLI_OK ? cli_fit_picture(rows, n_rows, a->picture) : code;
}

int cli_fit(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options, .parser = parse, .args_doc = "FILE\n-",
        .doc = "Fits g-and-k distributions to columns of numbers from a text file: CSV, or separated by semicolons, "
               "tabs or blanks; the first line may be a header.\v"
               "Of several columns those that cannot be fitted are reported on standard error, the others printed; "
               "the exit code is then 3."};
    fit_arguments a = {.file = NULL};
    cli_columns_file file = {.n_rows = 0};
    size_t *chosen = NULL, n = 0, n_rows = 0;
    cli_fit_row *rows = NULL;
    int code = CLI_OK;
    CLI_TRY(cli_parse(&argp, argc, argv, &a));
    CLI_TRY(cli_columns_read(a.file, &file));
    CLI_TRY(cli_columns_choose(&file, a.file, a.columns, &chosen, &n));
    if (a.picture && n > 6) {
        code = cli_error(CLI_USAGE, "--picture shows up to six columns, not %zu: choose some by --column", n);
        goto done;
    }
    rows = cli_alloc(n, sizeof *rows);
    code = fit_columns(&a, &file, chosen, n, rows, &n_rows);
    if (n_rows > 0) {
        const int shown = show(&a, rows, n_rows);
        code = shown != CLI_OK ? shown : code;
    }
done:
    for (size_t i = 0; rows && i < n_rows; i++)
        free(rows[i].sorted);
    free(rows);
    free(chosen);
    cli_columns_free(&file);
    return code;
}
