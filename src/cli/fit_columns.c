/* gkvae fit: each column by itself. */
#include <math.h>
#include <stdlib.h>

#include "cli_fit.h"

/* --- Fits ----------------------------------------------------------------- */

/* The state of progress lines of a bootstrap. */
typedef struct reporter {
    const char *name;
    cli_live live;
    bool quiet;
    double began;
    size_t tenths; /* printed so far, without a terminal */
} reporter;

static int on_progress(void *user, size_t done, size_t replicates)
{
    reporter *it = user;
    char count[160], rate[64], left[64], time[32];
    const double seconds = cli_seconds() - it->began;
    const bool due = cli_live_due(&it->live) ||
                     (!it->live.on && !it->quiet && done * 10 / replicates > it->tenths);
    if (!due || done == 0)
        return cli_stop;
    snprintf(count, sizeof count, "%.80s: bootstrap %zu of %zu", it->name, done, replicates);
    const double each_second = (double)done / fmax(seconds, 1e-3);
    snprintf(rate, sizeof rate, "%.*f/s", each_second < 10, each_second);
    snprintf(left, sizeof left, "ETA %s",
             cli_duration(seconds / (double)done * (double)(replicates - done), time));
    it->tenths = done * 10 / replicates;
    if (it->live.on)
        cli_live_show(&it->live, (const char *const[]){count, rate, left}, 3);
    else
        fprintf(stderr, "%s, %s, %s\n", count, rate, left);
    return cli_stop;
}

static int bootstrap(const cli_fit_arguments *a, const gkv_gk_sample *sample,
                     const gkv_gk_fit_settings *settings, cli_fit_row *row)
{
    reporter it = {.name = row->name, .quiet = a->quiet, .began = cli_seconds()};
    gkv_gk_bootstrap_settings how;
    gkv_gk_bootstrap_defaults(&how);
    how.replicates = a->replicates;
    how.nonparametric = a->nonparametric;
    how.seed = a->seed;
    how.threads = a->threads;
    how.confidence = a->confidence;
    how.progress = on_progress;
    how.progress_user = &it;
    cli_live_start(&it.live, !a->quiet);
    const gkv_status status =
        gkv_gk_bootstrap(sample, settings, &row->result, &how, &row->bootstrap);
    cli_live_clear(&it.live);
    row->bootstrapped = status == GKV_OK;
    return status == GKV_OK ? CLI_OK
                            : cli_error(cli_code(status), "%s: %s", row->name, gkv_error_message());
}

/* The fit of one column. jobs[i] belongs to samples[i]; columns that fail are removed from both
 * arrays. */
typedef struct job {
    cli_fit_column column;
    gkv_gk start;
    cli_fit_row row;
} job;

static int refuse(const job *it, gkv_status status)
{
    return cli_error(cli_code(status), "%s: %s", it->column.name, gkv_error_message());
}

/* Keeps the first code that is not CLI_OK. */
static void keep_first(int *first, int code)
{
    if (*first == CLI_OK)
        *first = code;
}

static int start_all(const cli_fit_arguments *a, const cli_fit_data *data, job *jobs,
                     gkv_gk_sample *samples, size_t *n)
{
    const bool held = cli_fit_holds(a);
    int first = CLI_OK;
    *n = 0;
    for (size_t i = 0; i < data->n_columns; i++) {
        job *it = &jobs[*n];
        *it = (job){.column = data->columns[i], .row = {.name = data->columns[i].name}};
        samples[*n] =
            (gkv_gk_sample){.x = it->column.x, .weights = it->column.weights, .n = it->column.n};
        const gkv_status status = held ? cli_fit_start(a, &samples[*n], &it->start) : GKV_OK;
        samples[*n].start = held ? &it->start : NULL;
        if (status == GKV_OK)
            ++*n;
        else
            keep_first(&first, refuse(it, status));
    }
    return first;
}

/* All columns in one batch. */
static int fit_all(const cli_fit_arguments *a, const gkv_gk_fit_settings *settings, job *jobs,
                   gkv_gk_sample *samples, size_t *n)
{
    const size_t count = *n;
    const gkv_status checked = gkv_gk_fit_many(NULL, 0, settings, a->threads, NULL, NULL);
    *n = 0;
    if (checked != GKV_OK) /* the settings are wrong, not a column */
        return cli_error(cli_code(checked), "%s", gkv_error_message());
    gkv_gk_fit_result *results = cli_alloc(count, sizeof *results);
    gkv_status *statuses = cli_alloc(count, sizeof *statuses);
    const gkv_status all = gkv_gk_fit_many(samples, count, settings, a->threads, results, statuses);
    int first = CLI_OK;
    for (size_t i = 0; i < count; i++) {
        gkv_status status = statuses[i];
        /* The message may belong to another column, so this one is fitted again. */
        if (status != GKV_OK || all == GKV_ERR_MEMORY)
            status = gkv_gk_fit_many(&samples[i], 1, settings, a->threads, &results[i], NULL);
        if (status != GKV_OK) {
            keep_first(&first, refuse(&jobs[i], status));
            continue;
        }
        cli_fit_warn(a, jobs[i].column.name, &results[i]);
        jobs[*n] = jobs[i];
        jobs[*n].row.result = results[i];
        samples[*n] = samples[i];
        if (samples[*n].start)
            samples[*n].start = &jobs[*n].start;
        ++*n;
    }
    free(statuses);
    free(results);
    return first;
}

/* --- Output --------------------------------------------------------------- */

static int print(const cli_fit_arguments *a, const job *jobs, size_t n)
{
    int code = CLI_OK;
    if (a->json) {
        /* an array even for one column, so that all outputs have one form */
        json_t *array = json_array();
        for (size_t i = 0; i < n; i++)
            json_array_append_new(array, cli_fit_json_of_row(a, &jobs[i].row));
        code = cli_fit_print_json(array);
    } else {
        cli_fit_row *rows = cli_alloc(n, sizeof *rows);
        for (size_t i = 0; i < n; i++)
            rows[i] = jobs[i].row;
        cli_fit_print_rows(a, rows, n);
        free(rows);
    }
    return code;
}

static int draw(const cli_fit_arguments *a, const cli_fit_data *data, const job *jobs, size_t n)
{
    cli_fit_column *columns = cli_alloc(n, sizeof *columns);
    cli_fit_margin *margins = cli_alloc(n, sizeof *margins);
    cli_fit_data fitted = *data;
    for (size_t i = 0; i < n; i++) {
        const cli_fit_row *row = &jobs[i].row;
        columns[i] = jobs[i].column;
        margins[i] = (cli_fit_margin){.components = &row->result.gk, .n_components = 1};
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
    job *jobs = cli_alloc(data->n_columns, sizeof *jobs);
    gkv_gk_sample *samples = cli_alloc(data->n_columns, sizeof *samples);
    size_t n = 0;
    cli_fit_settings(a, &settings);
    int code = start_all(a, data, jobs, samples, &n);
    if (n > 0)
        keep_first(&code, fit_all(a, &settings, jobs, samples, &n));
    if (a->replicates)
        cli_catch_signals();
    for (size_t i = 0; i < n && a->replicates && !cli_stop; i++) {
        const int done = bootstrap(a, &samples[i], &settings, &jobs[i].row);
        if (cli_stop)
            code = done;
        keep_first(&code, done);
    }
    if (n > 0) {
        int shown = print(a, jobs, n);
        if (a->picture && shown == CLI_OK)
            shown = draw(a, data, jobs, n);
        code = shown != CLI_OK ? shown : code;
    }
    free(samples);
    free(jobs);
    return code;
}
