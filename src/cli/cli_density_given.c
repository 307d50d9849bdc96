/* gkvae density conditional, outliers */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli_density.h"
#include "named_columns.h"
#include "texts.h"

/* --- conditional ---------------------------------------------------------- */

typedef struct conditional_arguments {
    cli_density_arguments common;
    const char *given;
} conditional_arguments;

static error_t parse_conditional(int key, char *arg, struct argp_state *state)
{
    conditional_arguments *a = state->input;
    if (key == 'g') {
        a->given = arg;
        return 0;
    }
    if (key == ARGP_KEY_ARG && a->common.run && strchr(arg, '='))
        argp_error(state, "known values follow an option: --given %s", arg);
    if (key == ARGP_KEY_END && !a->given)
        argp_error(state, "--given NAME=VALUE,... is needed");
    return cli_density_parse(&a->common, key, arg, state, 1);
}

/* The quantiles that describe a conditional distribution. */
static const double levels[] = {0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99};
enum { LEVELS = sizeof levels / sizeof *levels, SUMMARY_DRAWS = 100000 };

typedef struct summary {
    double mean, sd, quantile[LEVELS];
} summary;

/* Describes each column by draws. */
static int summarise(const cli_density_arguments *a, const gkv_density *density, summary *all)
{
    const size_t d = gkv_density_dimensions(density);
    const gkv_run_options how = cli_density_options(a);
    double *x = cli_alloc(SUMMARY_DRAWS * d, sizeof *x),
           *column = cli_alloc(SUMMARY_DRAWS, sizeof *column);
    int code = CLI_OK;
    CLI_CHECK(gkv_density_sample(density, GKV_DENSITY_CHOSEN, SUMMARY_DRAWS, a->seed, 0, &how, x));
    for (size_t j = 0; j < d; j++) {
        double se;
        for (size_t i = 0; i < SUMMARY_DRAWS; i++)
            column[i] = x[i * d + j];
        all[j].mean = cli_density_mean(SUMMARY_DRAWS, column, NULL, &se);
        all[j].sd = se * sqrt(SUMMARY_DRAWS);
        qsort(column, SUMMARY_DRAWS, sizeof *column, cli_ascending);
        for (size_t l = 0; l < LEVELS; l++)
            all[j].quantile[l] = column[(size_t)(levels[l] * SUMMARY_DRAWS)];
    }
done:
    free(x);
    free(column);
    return code;
}

static json_t *json_of_summary(const gkv_density *density, const char *candidate,
                               const summary *all)
{
    json_t *object = json_object(), *list = json_array();
    for (size_t j = 0; j < gkv_density_dimensions(density); j++) {
        json_t *one = json_object(), *quantiles = json_object();
        json_object_set_new(one, "name", json_string(gkv_density_name(density, j)));
        json_object_set_new(one, "mean", cli_density_number(all[j].mean));
        json_object_set_new(one, "standard_deviation", cli_density_number(all[j].sd));
        for (size_t l = 0; l < LEVELS; l++) {
            char key[16];
            snprintf(key, sizeof key, "%g", levels[l]);
            json_object_set_new(quantiles, key, cli_density_number(all[j].quantile[l]));
        }
        json_object_set_new(one, "quantiles", quantiles);
        json_array_append_new(list, one);
    }
    json_object_set_new(object, "schema", json_string("gkvae-density-conditional-1"));
    json_object_set_new(object, "candidate", json_string(candidate));
    json_object_set_new(object, "columns", list);
    return object;
}

static void print_summary(const gkv_density *density, const summary *all)
{
    enum { COLUMNS = 3 + LEVELS };
    const size_t d = gkv_density_dimensions(density);
    const char **cells = cli_alloc((d + 1) * COLUMNS, sizeof *cells);
    static const char *const headings[COLUMNS] = {"column", "mean", "sd",   "1 %",  "5 %",
                                                  "25 %",   "50 %", "75 %", "95 %", "99 %"};
    cli_texts texts = {0};
    for (size_t c = 0; c < COLUMNS; c++)
        cells[c] = headings[c];
    for (size_t j = 0; j < d; j++) {
        const char **row = cells + (j + 1) * COLUMNS;
        row[0] = gkv_density_name(density, j);
        row[1] = cli_texts_keep(&texts, cli_text("%.4g", all[j].mean));
        row[2] = cli_texts_keep(&texts, cli_text("%.3g", all[j].sd));
        for (size_t l = 0; l < LEVELS; l++)
            row[3 + l] = cli_texts_keep(&texts, cli_text("%.4g", all[j].quantile[l]));
    }
    cli_table(cells, d + 1, COLUMNS, "lrrrrrrrrr");
    cli_texts_free(&texts);
    free(cells);
}

static int condition(const conditional_arguments *a, const gkv_density *density, int64_t candidate,
                     gkv_density **out)
{
    const size_t d = gkv_density_dimensions(density);
    char **names = cli_density_names(density);
    size_t *given = cli_alloc(d + 1, sizeof *given), count = 0;
    double *values = cli_alloc(d + 1, sizeof *values);
    int code = CLI_OK;
    CLI_TRY(cli_columns_given(&(cli_named_columns){d, names}, a->given, given, values, &count));
    CLI_CHECK(gkv_density_conditional(density, candidate, count, given, values, out));
done:
    free(names);
    free(given);
    free(values);
    return code;
}

int cli_density_conditional(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"given", 'g', "NAME=VALUE,...", CLI_ONCE, "The given values of some columns (required)",
         0},
        {"count", 'n', "N", 0,
         "Write so many draws of the other columns (default: describe them in a table)", 0},
        CANDIDATE,
        {"seed", 'S', "N", 0, "The seed of the draws (default: 1)", 0},
        OUT("With --count, write the draws"),
        THREADS,
        JSON,
        {.name = NULL}};
    static const struct argp argp = {
        .options = options,
        .parser = parse_conditional,
        .args_doc = "FOLDER --given NAME=VALUE,...",
        .doc = "Describes the other columns given values of some: their means, standard deviations "
               "and quantiles, from 100000 draws; or writes draws.\vA flow has no conditional "
               "density in closed form; --candidate chooses another candidate."};
    conditional_arguments a = {.common = {.run = NULL, .seed = 1}};
    gkv_density *density = NULL, *conditional = NULL;
    summary *all = NULL;
    int64_t candidate = 0;
    int code = CLI_OK;
    cli_density_fill_names();
    CLI_TRY(cli_parse(&argp, argc, argv, &a));
    CLI_TRY(cli_density_open(&a.common, &density, &candidate));
    CLI_TRY(condition(&a, density, candidate, &conditional));
    if (a.common.count > 0) {
        code = cli_density_write_draws(&a.common, conditional, GKV_DENSITY_CHOSEN);
        goto done;
    }
    if (a.common.out)
        CLI_TRY(cli_error(CLI_USAGE, "--out needs --count N: draws are written"));
    all = cli_alloc(gkv_density_dimensions(conditional), sizeof *all);
    CLI_TRY(summarise(&a.common, conditional, all));
    if (a.common.json)
        code = cli_density_print_json(
            json_of_summary(conditional, gkv_density_candidate_name(candidate), all));
    else
        print_summary(conditional, all);
done:
    free(all);
    gkv_density_free(conditional);
    gkv_density_free(density);
    return code;
}

/* --- outliers ------------------------------------------------------------- */

typedef struct row_density {
    double log_density, p;
    size_t row; /* in x */
} row_density;

static int by_density(const void *a, const void *b)
{
    const row_density *p = a, *q = b;
    return p->log_density != q->log_density
               ? (p->log_density > q->log_density) - (p->log_density < q->log_density)
               : (p->row > q->row) - (p->row < q->row);
}

/* The column with the greatest score, as in "loss (z = 4.2)". */
static const char *farthest(cli_texts *texts, const gkv_density *density, const double *z)
{
    size_t most = 0;
    for (size_t j = 1; j < gkv_density_dimensions(density); j++)
        if (fabs(z[j]) > fabs(z[most]))
            most = j;
    const char *name = gkv_density_name(density, most);
    return cli_texts_keep(texts, cli_text("%s (z = %.2f)", name, z[most]));
}

static json_t *json_of_outliers(const gkv_density *density, const char *candidate, size_t count,
                                const row_density *rows, const size_t *lines, const double *z)
{
    json_t *object = json_object(), *list = json_array();
    const size_t d = gkv_density_dimensions(density);
    for (size_t i = 0; i < count; i++) {
        json_t *one = json_object(), *scores = json_object();
        json_object_set_new(one, "row", json_integer((json_int_t)lines[rows[i].row]));
        json_object_set_new(one, "log_density", cli_density_number(rows[i].log_density));
        json_object_set_new(one, "p_value", cli_density_number(rows[i].p));
        for (size_t j = 0; j < d; j++)
            json_object_set_new(scores, gkv_density_name(density, j),
                                cli_density_number(z[rows[i].row * d + j]));
        json_object_set_new(one, "scores", scores);
        json_array_append_new(list, one);
    }
    json_object_set_new(object, "schema", json_string("gkvae-density-outliers-1"));
    json_object_set_new(object, "candidate", json_string(candidate));
    json_object_set_new(object, "outliers", list);
    return object;
}

static void print_outliers(const gkv_density *density, size_t count, const row_density *rows,
                           const size_t *lines, const double *z)
{
    enum { COLUMNS = 4 };
    const char **cells = cli_alloc((count + 1) * COLUMNS, sizeof *cells);
    cli_texts texts = {0};
    cells[0] = "row";
    cells[1] = "log f";
    cells[2] = "p-value";
    cells[3] = "farthest column";
    for (size_t i = 0; i < count; i++) {
        const char **row = cells + (i + 1) * COLUMNS;
        row[0] = cli_texts_keep(&texts, cli_text("%zu", lines[rows[i].row]));
        row[1] = cli_texts_number(&texts, rows[i].log_density, 2);
        row[2] = cli_texts_keep(&texts, cli_text("%.3g", rows[i].p));
        row[3] = farthest(&texts, density, z + rows[i].row * gkv_density_dimensions(density));
    }
    cli_table(cells, count + 1, COLUMNS, "rrrl");
    cli_texts_free(&texts);
    free(cells);
}

static int list_outliers(const cli_density_arguments *a, const gkv_density *density,
                         int64_t candidate, size_t n, const double *x, const size_t *lines)
{
    const gkv_run_options how = cli_density_options(a);
    double *log_density = cli_alloc(n, sizeof *log_density), *p = cli_alloc(n, sizeof *p),
           *z = cli_alloc(n * gkv_density_dimensions(density), sizeof *z);
    row_density *rows = cli_alloc(n, sizeof *rows);
    const size_t count = a->count < n ? (size_t)a->count : n;
    int code = CLI_OK;
    CLI_CHECK(gkv_density_log_density(density, candidate, n, x, &how, log_density));
    CLI_CHECK(gkv_density_p_values(density, candidate, n, log_density, p));
    CLI_CHECK(gkv_density_scores(density, n, x, &how, z, NULL));
    for (size_t i = 0; i < n; i++)
        rows[i] = (row_density){log_density[i], p[i], i};
    qsort(rows, n, sizeof *rows, by_density);
    if (a->json)
        code = cli_density_print_json(json_of_outliers(
            density, gkv_density_candidate_name(candidate), count, rows, lines, z));
    else
        print_outliers(density, count, rows, lines, z);
done:
    free(rows);
    free(z);
    free(p);
    free(log_density);
    return code;
}

int cli_density_outliers(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"count", 'n', "N", 0, "The number of rows (default: 10)", 0},
        CANDIDATE,
        THREADS,
        JSON,
        QUIET,
        {.name = NULL}};
    static const struct argp argp = {
        .options = options,
        .parser = cli_density_parse_table,
        .children = cli_table_options,
        .args_doc = "FOLDER TABLE",
        .doc = "Lists the rows of a table with the lowest densities. The p-value is the share of "
               "rows as unlikely among the rows that the fits of the validation had not "
               "seen.\vRows are numbered as in the table, from 1 and without the header. Rows with "
               "a missing value are left out."};
    cli_density_arguments a = {.run = NULL, .count = 10};
    gkv_density *density = NULL;
    double *x = NULL;
    size_t n = 0, *lines = NULL;
    int64_t candidate;
    int code = CLI_OK;
    cli_table_begin(&a.input);
    cli_density_fill_names();
    CLI_TRY(cli_parse(&argp, argc, argv, &a));
    CLI_TRY(cli_density_open(&a, &density, &candidate));
    CLI_TRY(cli_density_rows(&a, density, true, &n, &x, &lines));
    code = list_outliers(&a, density, candidate, n, x, lines);
done:
    free(lines);
    free(x);
    gkv_density_free(density);
    cli_table_end(&a.input);
    return code;
}
