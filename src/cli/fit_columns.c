/* gkvae fit: each column by itself, or the ends of intervals. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "cli_fit.h"
#include "ranks.h"
#include "table_input.h"

/* --- Intervals ------------------------------------------------------------ */

/* The sample of a column. */
static gkv_gk_sample sample_of(const cli_fit_arguments *a, const cli_fit_column *column)
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

/* --- Fits ----------------------------------------------------------------- */

/* The state of progress lines of a bootstrap. */
typedef struct bootstrap_reporter {
    const char *name;
    cli_live live;
    bool quiet;
    double began;
    size_t tenths; /* printed so far, without a terminal */
} bootstrap_reporter;

static bool on_progress(void *context, const gkv_progress *progress)
{
    bootstrap_reporter *reporter = context;
    const size_t done = (size_t)progress->done, replicates = (size_t)progress->total;
    char count[160], rate[64], left[64], time[32];
    const double seconds = cli_seconds() - reporter->began;
    const bool due = cli_live_due(&reporter->live) || (!reporter->live.on && !reporter->quiet &&
                                                       done * 10 / replicates > reporter->tenths);
    if (!due || done == 0)
        return false;
    snprintf(count, sizeof count, "%.80s: bootstrap %zu of %zu", reporter->name, done, replicates);
    const double each_second = (double)done / fmax(seconds, 1e-3);
    snprintf(rate, sizeof rate, "%.*f/s", each_second < 10, each_second);
    snprintf(left, sizeof left, "ETA %s",
             cli_duration(seconds / (double)done * (double)(replicates - done), time));
    reporter->tenths = done * 10 / replicates;
    if (reporter->live.on)
        cli_live_show(&reporter->live, (const char *const[]){count, rate, left}, 3);
    else
        fprintf(stderr, "%s, %s, %s\n", count, rate, left);
    return false;
}

static int bootstrap(const cli_fit_arguments *a, const gkv_gk_sample *sample,
                     const gkv_gk_fit_settings *settings, cli_fit_row *row)
{
    bootstrap_reporter reporter = {.name = row->name, .quiet = a->quiet, .began = cli_seconds()};
    gkv_gk_bootstrap_settings how;
    gkv_gk_bootstrap_defaults(&how);
    how.replicates = a->replicates;
    how.nonparametric = a->nonparametric;
    how.seed = a->seed;
    how.confidence = a->confidence;
    const gkv_run_options options = {.threads = a->threads,
                                     .progress = on_progress,
                                     .context = &reporter,
                                     .stop = &cli_stop,
                                     .dist = cli_ranks()};
    cli_live_start(&reporter.live, !a->quiet);
    const gkv_status status =
        gkv_gk_bootstrap(sample, &row->result, settings, &how, &options, NULL, &row->bootstrap);
    cli_live_clear(&reporter.live);
    row->bootstrapped = status == GKV_OK;
    return status == GKV_OK ? CLI_OK
                            : cli_error(cli_code(status), "%s: %s", row->name, cli_reason());
}

/* The fit of one column. */
typedef struct column_job {
    cli_fit_column column;
    gkv_gk start;
    cli_fit_row row;
} column_job;

/* The columns that are fitted in one batch. Element i of each array belongs to column i. Columns
 * that fail are removed from jobs and samples. */
typedef struct batch {
    size_t n;
    column_job *jobs;
    gkv_gk_sample *samples;
    gkv_gk_fit_result *results;
    gkv_status *statuses;
} batch;

static int refuse(const column_job *job, gkv_status status)
{
    return cli_error(cli_code(status), "%s: %s", job->column.name, cli_reason());
}

/* Keeps the first code that is not CLI_OK. */
static void keep_first(int *first, int code)
{
    if (*first == CLI_OK)
        *first = code;
}

static int start_all(const cli_fit_arguments *a, const cli_fit_data *data, batch *b)
{
    const bool held = cli_fit_holds(a) || cli_fit_starts(a);
    int first = CLI_OK;
    for (size_t i = 0; i < data->n_columns; i++) {
        column_job *job = &b->jobs[b->n];
        gkv_gk_sample *sample = &b->samples[b->n];
        *job = (column_job){.column = data->columns[i], .row = {.name = data->columns[i].name}};
        *sample = sample_of(a, &job->column);
        const gkv_status status = held ? cli_fit_start(a, sample, &job->start) : GKV_OK;
        sample->start = held ? &job->start : NULL;
        if (status == GKV_OK)
            b->n++;
        else
            keep_first(&first, refuse(job, status));
    }
    return first;
}

/* Keeps the columns that were fitted, and reports the others. `all` is the status of the batch. */
static int take_results(const cli_fit_arguments *a, const gkv_gk_fit_settings *settings,
                        gkv_status all, batch *b)
{
    const gkv_run_options options = {.threads = a->threads};
    const size_t count = b->n;
    int first = CLI_OK;
    b->n = 0;
    for (size_t i = 0; i < count; i++) {
        gkv_status status = b->statuses[i];
        /* The message may belong to another column, so this one is fitted again. */
        if (status != GKV_OK || all == GKV_ERR_MEMORY)
            status = gkv_gk_fit_many(1, &b->samples[i], settings, &options, &b->results[i], NULL);
        if (status != GKV_OK) {
            keep_first(&first, refuse(&b->jobs[i], status));
            continue;
        }
        cli_fit_warn(a, b->jobs[i].column.name, &b->results[i]);
        column_job *kept = &b->jobs[b->n];
        *kept = b->jobs[i];
        kept->row.result = b->results[i];
        b->samples[b->n] = b->samples[i];
        if (b->samples[b->n].start)
            b->samples[b->n].start = &kept->start;
        b->n++;
    }
    return first;
}

/* --- Output --------------------------------------------------------------- */

static int print(const cli_fit_arguments *a, const column_job *jobs, size_t n)
{
    int code = CLI_OK;
    cli_fit_row *rows = cli_alloc(n, sizeof *rows);
    for (size_t i = 0; i < n; i++)
        rows[i] = jobs[i].row;
    if (a->json)
        code = cli_fit_print_json_rows(a, rows, n);
    else
        cli_fit_print_rows(a, rows, n);
    free(rows);
    return code;
}

static int draw(const cli_fit_arguments *a, const cli_fit_data *data, const column_job *jobs,
                size_t n)
{
    cli_fit_column *columns = cli_alloc(n, sizeof *columns);
    cli_fit_margin *margins = cli_alloc(n, sizeof *margins);
    cli_fit_data fitted = *data;
    for (size_t i = 0; i < n; i++) {
        const cli_fit_row *row = &jobs[i].row;
        columns[i] = jobs[i].column;
        margins[i] = (cli_fit_margin){.components = &row->result.gk, .n_components = 1};
        /* the bands of a density whose c is estimated would need its errors too */
        if (row->result.c.free)
            continue;
        if (row->bootstrapped)
            margins[i].covariance = &row->bootstrap.covariance[0][0];
        else if (row->result.method != GKV_GK_OCTILES)
            margins[i].covariance = &row->result.covariance[0][0];
    }
    fitted.columns = columns;
    fitted.n_columns = n;
    const int code = cli_fit_picture(a, &fitted, margins);
    free(margins);
    free(columns);
    return code;
}

int cli_fit_columns(const cli_fit_arguments *a, const cli_fit_data *data)
{
    gkv_gk_fit_settings settings;
    const gkv_run_options options = {.threads = a->threads};
    batch b = {.jobs = cli_alloc(data->n_columns, sizeof *b.jobs),
               .samples = cli_alloc(data->n_columns, sizeof *b.samples),
               .results = cli_alloc(data->n_columns, sizeof *b.results),
               .statuses = cli_alloc(data->n_columns, sizeof *b.statuses)};
    cli_fit_settings(a, &settings);
    int code = start_all(a, data, &b);
    const gkv_status checked = gkv_gk_fit_many(0, NULL, &settings, &options, NULL, NULL);
    if (b.n > 0 && checked != GKV_OK) { /* the settings are wrong, not a column */
        keep_first(&code, cli_error(cli_code(checked), "%s", cli_reason()));
        b.n = 0;
    }
    if (b.n > 0) {
        const gkv_status all =
            gkv_gk_fit_many(b.n, b.samples, &settings, &options, b.results, b.statuses);
        keep_first(&code, take_results(a, &settings, all, &b));
    }
    if (a->replicates)
        cli_catch_signals();
    for (size_t i = 0; i < b.n && a->replicates && !cli_stop; i++) {
        const int done = bootstrap(a, &b.samples[i], &settings, &b.jobs[i].row);
        if (cli_stop)
            code = done;
        keep_first(&code, done);
    }
    if (b.n > 0) {
        int shown = print(a, b.jobs, b.n);
        if (a->picture && shown == CLI_OK)
            shown = draw(a, data, b.jobs, b.n);
        code = shown != CLI_OK ? shown : code;
    }
    free(b.statuses);
    free(b.results);
    free(b.samples);
    free(b.jobs);
    return code;
}
