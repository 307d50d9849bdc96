/* gkvae density eval, sample, log-density */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli_density.h"
#include "named_columns.h"
#include "texts.h"

/* --- eval ----------------------------------------------------------------- */

/* The figures of one candidate on new rows. */
typedef struct figures {
    bool known;
    double mean, se, difference, difference_se, lowest, share_low;
    double *log_density;
} figures;

static int measure(const cli_density_arguments *a, const gkv_density *density, size_t n,
                   const double *x, figures *all)
{
    const gkv_run_options how = cli_density_options(a);
    double *p = cli_alloc(n, sizeof *p);
    int code = CLI_OK;
    for (int64_t c = 0; c < GKV_DENSITY_CANDIDATES; c++) {
        gkv_density_candidate_info info;
        CLI_CHECK(gkv_density_get_candidate(density, c, &info));
        all[c].known = info.fitted;
        if (!info.fitted)
            continue;
        all[c].log_density = cli_alloc(n, sizeof *all[c].log_density);
        CLI_CHECK(gkv_density_log_density(density, c, n, x, &how, all[c].log_density));
        CLI_CHECK(gkv_density_p_values(density, c, n, all[c].log_density, p));
        all[c].mean = cli_density_mean(n, all[c].log_density, NULL, &all[c].se);
        all[c].lowest = INFINITY;
        for (size_t i = 0; i < n; i++) {
            all[c].lowest = fmin(all[c].lowest, all[c].log_density[i]);
            all[c].share_low += (p[i] <= 0.01) / (double)n;
        }
    }
    const figures *chosen = &all[gkv_density_chosen(density)];
    for (int64_t c = 0; c < GKV_DENSITY_CANDIDATES; c++)
        if (all[c].known)
            all[c].difference =
                cli_density_mean(n, all[c].log_density, chosen->log_density, &all[c].difference_se);
done:
    free(p);
    return code;
}

static json_t *json_of_figures(const gkv_density *density, size_t n, const figures *all)
{
    json_t *object = json_object(), *list = json_array();
    for (int64_t c = 0; c < GKV_DENSITY_CANDIDATES; c++) {
        if (!all[c].known)
            continue;
        json_t *one = json_object();
        json_object_set_new(one, "name", json_string(gkv_density_candidate_name(c)));
        json_object_set_new(one, "mean", cli_density_number(all[c].mean));
        json_object_set_new(one, "standard_error", cli_density_number(all[c].se));
        json_object_set_new(one, "difference", cli_density_number(all[c].difference));
        json_object_set_new(one, "difference_standard_error",
                            cli_density_number(all[c].difference_se));
        json_object_set_new(one, "lowest", cli_density_number(all[c].lowest));
        json_object_set_new(one, "share_p_below_0.01", cli_density_number(all[c].share_low));
        json_array_append_new(list, one);
    }
    json_object_set_new(object, "schema", json_string("gkvae-density-eval-1"));
    json_object_set_new(object, "rows", json_integer((json_int_t)n));
    json_object_set_new(object, "chosen",
                        json_string(gkv_density_candidate_name(gkv_density_chosen(density))));
    json_object_set_new(object, "candidates", list);
    return object;
}

static void print_figures(const gkv_density *density, size_t n, const figures *all)
{
    enum { COLUMNS = 6 };
    const char *cells[(GKV_DENSITY_CANDIDATES + 1) * COLUMNS] = {
        "", "candidate", "mean log f", "less the chosen", "lowest", "p ≤ 0.01, in %"};
    cli_texts texts = {0};
    size_t rows = 1;
    for (int64_t c = 0; c < GKV_DENSITY_CANDIDATES; c++) {
        if (!all[c].known)
            continue;
        const char **row = cells + COLUMNS * rows++;
        const bool chosen = c == gkv_density_chosen(density);
        row[0] = chosen ? "*" : "";
        row[1] = gkv_density_candidate_name(c);
        row[2] = cli_texts_with_error(&texts, all[c].mean, all[c].se, 4);
        row[3] =
            chosen ? "" : cli_texts_with_error(&texts, all[c].difference, all[c].difference_se, 4);
        row[4] = cli_texts_number(&texts, all[c].lowest, 1);
        row[5] = cli_texts_number(&texts, 100 * all[c].share_low, 2);
    }
    printf("%zu rows\n\n", n);
    cli_table(cells, rows, COLUMNS, "llrrrr");
    cli_texts_free(&texts);
}

int cli_density_eval(int argc, char **argv)
{
    static const struct argp_option options[] = {THREADS, JSON, QUIET, {.name = NULL}};
    static const struct argp argp = {
        .options = options,
        .parser = cli_density_parse_table,
        .children = cli_table_options,
        .args_doc = "FOLDER TABLE",
        .doc = "Measures every candidate of a density on the rows of another table: the mean log "
               "density with its standard error, the paired difference from the chosen candidate, "
               "and the share of rows with a p-value of at most 0.01, which is 1 % if the rows are "
               "like those of the fit.\vRows with a missing value are left out."};
    cli_density_arguments a = {.run = NULL};
    gkv_density *density = NULL;
    figures all[GKV_DENSITY_CANDIDATES] = {{.known = false}};
    double *x = NULL;
    size_t n = 0;
    int64_t candidate;
    int code = CLI_OK;
    cli_table_begin(&a.input);
    CLI_TRY(cli_parse(&argp, argc, argv, &a));
    CLI_TRY(cli_density_open(&a, &density, &candidate));
    CLI_TRY(cli_density_rows(&a, density, true, &n, &x, NULL));
    CLI_TRY(measure(&a, density, n, x, all));
    if (a.json)
        code = cli_density_print_json(json_of_figures(density, n, all));
    else
        print_figures(density, n, all);
done:
    for (size_t c = 0; c < GKV_DENSITY_CANDIDATES; c++)
        free(all[c].log_density);
    free(x);
    gkv_density_free(density);
    cli_table_end(&a.input);
    return code;
}

/* --- sample --------------------------------------------------------------- */

static error_t parse_without_table(int key, char *arg, struct argp_state *state)
{
    return cli_density_parse(state->input, key, arg, state, 1);
}

int cli_density_sample(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"count", 'n', "N", 0, "The number of rows (default: 1000)", 0},
        CANDIDATE,
        {"seed", 'S', "N", 0, "The seed of the draws (default: 1)", 0},
        OUT("Write the rows"),
        THREADS,
        {.name = NULL}};
    static const struct argp argp = {
        .options = options,
        .parser = parse_without_table,
        .args_doc = "FOLDER",
        .doc = "Draws rows from a density. Row i depends on the seed and i only."};
    cli_density_arguments a = {.run = NULL, .count = 1000, .seed = 1};
    gkv_density *density = NULL;
    int64_t candidate;
    int code = CLI_OK;
    cli_density_fill_names();
    CLI_TRY(cli_parse(&argp, argc, argv, &a));
    CLI_TRY(cli_density_open(&a, &density, &candidate));
    code = cli_density_write_draws(&a, density, candidate);
done:
    gkv_density_free(density);
    return code;
}

/* --- log-density ---------------------------------------------------------- */

int cli_density_log_density(int argc, char **argv)
{
    static const struct argp_option options[] = {
        CANDIDATE, OUT("Write the log densities"), THREADS, QUIET, {.name = NULL}};
    static const struct argp argp = {
        .options = options,
        .parser = cli_density_parse_table,
        .children = cli_table_options,
        .args_doc = "FOLDER TABLE",
        .doc = "Writes the log density of each row of a table, in nats and in the units of the "
               "columns. It is nan for a row with a missing value."};
    cli_density_arguments a = {.run = NULL};
    gkv_density *density = NULL;
    cli_rows *output = NULL;
    double *x = NULL, *log_density = NULL;
    size_t n = 0;
    int64_t candidate;
    int code = CLI_OK;
    cli_table_begin(&a.input);
    cli_density_fill_names();
    CLI_TRY(cli_parse(&argp, argc, argv, &a));
    CLI_TRY(cli_density_open(&a, &density, &candidate));
    CLI_TRY(cli_density_rows(&a, density, false, &n, &x, NULL));
    log_density = cli_alloc(n, sizeof *log_density);
    const gkv_run_options how = cli_density_options(&a);
    CLI_CHECK(gkv_density_log_density(density, candidate, n, x, &how, log_density));
    CLI_TRY(cli_rows_begin(a.out, 1, &(const char *){"log_density"}, &output));
    code = cli_rows_add(output, n, log_density);
done:
    code = cli_rows_end(output, code);
    free(log_density);
    free(x);
    gkv_density_free(density);
    cli_table_end(&a.input);
    return code;
}
