/* The fit of a density of a table: margins, validation, and the fit to all rows; declared in
 * gkvae/density.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/rng.h"
#include "density/flow_log.h"
#include "density/table_density.h"
#include "density/table_flow.h"
#include "gkvae/gk_fit.h"

/* The rows below which validation has five folds, and three; and the most held-out rows of one
 * split. */
enum { FIVE_FOLDS_BELOW = 1000, THREE_FOLDS_BELOW = 5000, FOLDS_MAX = 20, HELD_OUT_MAX = 50000 };

void gkv_density_defaults(gkv_density_settings *settings)
{
    if (!settings)
        return;
    *settings = (gkv_density_settings){.margin = GKV_DENSITY_MARGIN_AUTO,
                                       .seed = 1,
                                       .flow = GKV_PRIOR_FLOW_REALNVP,
                                       .flow_layers = 6,
                                       .flow_hidden = 64,
                                       .learning_rate = 1e-3,
                                       .weight_decay = 2,
                                       .flow_updates = 6000,
                                       .patience = 12,
                                       .max_freedom = 12};
    for (size_t c = 0; c < GKV_DENSITY_CANDIDATES; c++)
        settings->candidates[c] = true;
}

/* --- Checks --------------------------------------------------------------- */

static gkv_status check_numbers(const gkv_density_settings *s)
{
    if (s->margin != GKV_DENSITY_MARGIN_AUTO && !gki_margin_of(s->margin))
        return gki_fail(GKV_ERR_ARGUMENT, "margin: there is no kind %d", (int)s->margin);
    if (s->folds > FOLDS_MAX)
        return gki_fail(GKV_ERR_ARGUMENT, "folds must be 0 to %d, not %zu", FOLDS_MAX, s->folds);
    if (s->max_components > 64)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "the most components of a mixture must be 0 to 64, not %zu",
                        s->max_components);
    if ((size_t)s->flow >= GKV_PRIOR_FLOWS)
        return gki_fail(GKV_ERR_ARGUMENT, "flow: there is no prior flow %d", (int)s->flow);
    if (s->flow_layers < 1 || s->flow_layers > 64 || s->flow_hidden < 1 || s->flow_hidden > 1024)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "a flow has 1 to 64 layers of a width of 1 to 1024, not %zu of %zu",
                        s->flow_layers, s->flow_hidden);
    if (!(s->learning_rate > 0 && s->learning_rate <= 1) ||
        !(s->weight_decay >= 0 && s->weight_decay * s->learning_rate < 1) ||
        !(s->max_freedom > 1 && s->max_freedom <= 1000) || s->patience < 1 || s->flow_updates < 1 ||
        s->flow_updates > 10000000)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "settings of the flow's training are out of range: learning_rate %g, "
                        "weight_decay %g, max_freedom %g, patience %zu, flow_updates %zu",
                        s->learning_rate, s->weight_decay, s->max_freedom, s->patience,
                        s->flow_updates);
    return GKV_OK;
}

static gkv_status check(const gkv_density_settings *s, size_t n, size_t d)
{
    bool any = false;
    for (size_t c = 0; c < GKV_DENSITY_CANDIDATES; c++)
        any |= s->candidates[c];
    if (!any)
        return gki_fail(GKV_ERR_ARGUMENT, "candidates: none is chosen");
    if (!s->lower != !s->upper)
        return gki_fail(GKV_ERR_ARGUMENT, "lower and upper ends of intervals need each other");
    if (d < 1 || d > GKV_DENSITY_COLUMNS_MAX)
        return gki_fail(GKV_ERR_ARGUMENT, "%zu columns: a density has 1 to %d", d,
                        GKV_DENSITY_COLUMNS_MAX);
    if (n > UINT32_MAX)
        return gki_fail(GKV_ERR_ARGUMENT, "%zu rows are too many: at most %lu", n,
                        (unsigned long)UINT32_MAX);
    for (size_t j = 0; s->resolution && j < d; j++)
        if (!(s->resolution[j] == GKV_GK_RESOLUTION_AUTO ||
              (s->resolution[j] >= 0 && isfinite(s->resolution[j]))))
            return gki_fail(GKV_ERR_ARGUMENT, "the resolution of column %zu is %g", j + 1,
                            s->resolution[j]);
    if (n < GKV_DENSITY_ROWS_MIN)
        return gki_fail(GKV_ERR_DATA, "%zu rows are too few: a density needs at least %d", n,
                        GKV_DENSITY_ROWS_MIN);
    if (s->folds > n)
        return gki_fail(GKV_ERR_ARGUMENT, "%zu folds are more than the %zu rows: give fewer folds",
                        s->folds, n);
    if (n < 2 * d)
        return gki_fail(GKV_ERR_DATA,
                        "%zu rows are too few for %zu columns: at least %zu are needed", n, d,
                        2 * d);
    return check_numbers(s);
}

/* --- The choice of margins ------------------------------------------------ */

static gkv_status choose_margins(gki_density_job *job, gkv_density_margin_info *info)
{
    const gki_table_columns *columns = &job->columns;
    uint8_t *fold = NULL;
    gkv_status all = GKV_OK;
    size_t failed = columns->d;
    GKV_TRY(gki_alloc(columns->n, sizeof *fold, &fold));
    for (size_t i = 0; i < columns->n; i++)
        fold[job->order[i]] = (uint8_t)(i % 3);
#pragma omp parallel for schedule(dynamic, 1) num_threads(job->threads)
    for (size_t j = 0; j < columns->d; j++) {
        gki_margin_choice choice = {.kind = 0};
        const gki_column column = {
            .n = columns->n,
            .x = columns->column + j * columns->n,
            .spread = columns->spread + j * columns->n,
            .lower = columns->by_intervals[j] ? columns->low + j * columns->n : NULL,
            .upper = columns->by_intervals[j] ? columns->high + j * columns->n : NULL,
            .resolution = columns->resolution[j]};
        const gkv_status status =
            gki_call_stopped(job->call)
                ? GKV_OK
                : gki_margin_choose(job->settings->margin, &column, fold, &choice);
        job->plan[j] = (gki_margin_plan){choice.kind, choice.detail};
        memcpy(info[j].held_out, choice.held_out, sizeof choice.held_out);
        info[j].far = choice.far;
#pragma omp critical(gki_density_margins)
        if (status != GKV_OK && j < failed) {
            all = status;
            failed = j;
        }
    }
    free(fold);
    char text[GKV_COLUMN_TEXT];
    if (all == GKV_ERR_MEMORY)
        return gki_fail(all, "out of memory for the margin of column %zu", failed + 1);
    return all == GKV_OK
               ? GKV_OK
               : gki_fail(all, "column %zu (%s): no margin can be fitted to it", failed + 1,
                          gki_column_text(text, job->settings->names, failed));
}

/* --- Validation ----------------------------------------------------------- */

typedef struct fold_rows {
    size_t n_fit, n_held_out;
    uint32_t *fit, *held_out;
} fold_rows;

/* The rows of fold f, from 1. */
static void take_fold(const gki_density_job *job, size_t f, fold_rows *rows)
{
    const size_t n = job->columns.n;
    size_t one = n / 5 < HELD_OUT_MAX ? n / 5 : HELD_OUT_MAX;
    rows->n_fit = rows->n_held_out = 0;
    for (size_t i = 0; i < n; i++) {
        const bool out = job->folds == 1 ? i < one : i % job->folds == f - 1;
        if (out)
            rows->held_out[rows->n_held_out++] = job->order[i];
        else
            rows->fit[rows->n_fit++] = job->order[i];
    }
}

/* Fits to the rows of a fold and evaluates the held-out ones. `x` has room for them. */
static gkv_status validate_fold(gki_density_job *job, size_t f, fold_rows *rows, double *x,
                                gki_validation *validation, gkv_density **fold)
{
    const gki_table_columns *columns = &job->columns;
    take_fold(job, f, rows);
    GKV_TRY(gki_density_fit_rows(job, f, rows->n_fit, rows->fit, fold));
    gki_density_report(job, "validation", 1);
    for (size_t j = 0; j < columns->d; j++)
        for (size_t i = 0; i < rows->n_held_out; i++)
            x[i * columns->d + j] = columns->spread[j * columns->n + rows->held_out[i]];
    for (int64_t c = 0; c < GKV_DENSITY_CANDIDATES; c++) {
        if ((*fold)->candidates[c].info.fitted && job->settings->candidates[c] &&
            validation->unmixed[c])
            GKV_TRY(gki_density_parts(*fold, c, rows->n_held_out, x, job->threads,
                                      validation->unmixed[c] + validation->n,
                                      validation->copula + validation->n));
    }
    validation->n += rows->n_held_out;
    return GKV_OK;
}

/* Lets all ranks know what each has found in a fold, whose held-out rows begin at `first`. Leaves
 * out candidates that could not be fitted. */
static gkv_status share_fold(const gki_density_job *job, size_t f, size_t first, size_t n,
                             gki_validation *validation, gkv_density *fold)
{
    double *unmixed[GKV_DENSITY_CANDIDATES];
    for (int64_t c = 0; c < GKV_DENSITY_CANDIDATES; c++)
        unmixed[c] = validation->unmixed[c] ? validation->unmixed[c] + first : NULL;
    GKV_TRY(gki_density_share_fold(job, f, n, fold, unmixed));
    for (int64_t c = 0; c < GKV_DENSITY_CANDIDATES; c++)
        if (!fold->candidates[c].info.fitted || !job->settings->candidates[c]) {
            free(validation->unmixed[c]);
            validation->unmixed[c] = NULL;
        }
    return GKV_OK;
}

typedef struct validated {
    gkv_density *fold[FOLDS_MAX + 1];
    fold_rows rows;
    double *x;
    gki_validation all;
} validated;

/* The updates of the fit to all rows: the mean of the best ones of the folds. After one split, that
 * fit continues the training of the split. */
static void plan_updates(gki_density_job *job, const validated *folds)
{
    for (size_t c = 0; c < GKV_DENSITY_CANDIDATES; c++) {
        double updates = 0;
        for (size_t f = 1; f <= job->folds; f++)
            updates += (double)folds->fold[f]->candidates[c].info.updates;
        job->updates[c] =
            (uint64_t)(updates / (double)job->folds * (job->folds == 1 ? 0.2 : 1) + 0.5);
    }
}

static gkv_status validate(gki_density_job *job, validated *folds)
{
    const size_t n = job->columns.n;
    gkv_status status = GKV_OK;
    GKV_TRY(gki_alloc(2 * n, sizeof *folds->rows.fit, &folds->rows.fit));
    folds->rows.held_out = folds->rows.fit + n;
    GKV_TRY(gki_alloc((job->folds == 1 ? HELD_OUT_MAX : n / job->folds + 1) * job->columns.d,
                      sizeof *folds->x, &folds->x));
    GKV_TRY(gki_validation_begin(job->folds == 1 ? HELD_OUT_MAX : n, &folds->all));
    folds->all.n = 0;
    for (size_t f = 1; f <= job->folds && status == GKV_OK; f++)
        status = validate_fold(job, f, &folds->rows, folds->x, &folds->all, &folds->fold[f]);
    GKV_TRY(gkv_dist_agree(job->dist, status));
    for (size_t f = 1, first = 0; f <= job->folds; f++) {
        take_fold(job, f, &folds->rows);
        GKV_TRY(share_fold(job, f, first, folds->rows.n_held_out, &folds->all, folds->fold[f]));
        first += folds->rows.n_held_out;
    }
    plan_updates(job, folds);
    return GKV_OK;
}

/* Counts the held-out values beyond the tail quantiles of each fold's candidates. */
static gkv_status count_tails(gki_density_job *job, validated *folds, gkv_density *density)
{
    const gki_table_columns *columns = &job->columns;
    for (size_t f = 1; f <= job->folds; f++) {
        take_fold(job, f, &folds->rows);
        for (size_t j = 0; j < columns->d; j++)
            for (size_t i = 0; i < folds->rows.n_held_out; i++)
                folds->x[i * columns->d + j] =
                    columns->spread[j * columns->n + folds->rows.held_out[i]];
        for (int64_t c = 0; c < GKV_DENSITY_CANDIDATES; c++) {
            if (!density->candidates[c].info.fitted || !gki_density_counts(job, f, c))
                continue;
            if (gki_density_report(job, "tails", 0))
                return gki_call_end(job->call, "the fit", "stages");
            folds->fold[f]->candidates[c].info.copula_share =
                density->candidates[c].info.copula_share;
            GKV_TRY(gki_validation_tails(folds->fold[f], c, folds->rows.n_held_out, folds->x,
                                         job->settings->seed, job->threads, folds->all.beyond[c]));
        }
    }
    return GKV_OK;
}

static gkv_status measure_tails(gki_density_job *job, validated *folds, gkv_density *density)
{
    GKV_TRY(gkv_dist_agree(job->dist, count_tails(job, folds, density)));
    GKV_TRY(gkv_dist_sum(job->dist, GKV_DIST_DOUBLE, GKV_DENSITY_CANDIDATES * GKV_DENSITY_TAILS,
                         *folds->all.beyond)); /* whole numbers */
    gki_validation_shares(&folds->all, density);
    return GKV_OK;
}

/* --- The fit -------------------------------------------------------------- */

static gkv_status fit(gki_density_job *job, gkv_density_margin_info *info, validated *folds,
                      gkv_density **out)
{
    const size_t d = job->columns.d;
    if (gki_density_report(job, "margins", 0))
        return gki_call_end(job->call, "the fit", "stages");
    GKV_TRY(choose_margins(job, info));
    if (gki_density_report(job, "margins", 1))
        return gki_call_end(job->call, "the fit", "stages");
    GKV_TRY(gki_flow_log_begin(job, job->log));
    GKV_TRY(validate(job, folds));
    GKV_TRY(
        gkv_dist_agree(job->dist, gki_density_fit_rows(job, 0, job->columns.n, job->order, out)));
    gkv_density *density = *out;
    GKV_TRY(gki_density_share_fit(job, density));
    for (size_t j = 0; j < d; j++) {
        const gkv_density_margin_info fitted = density->margin_info[j];
        density->margin_info[j] = info[j];
        density->margin_info[j].kind = fitted.kind;
        memcpy(density->margin_info[j].parameters, fitted.parameters, sizeof fitted.parameters);
    }
    for (int64_t c = 0; c < GKV_DENSITY_CANDIDATES; c++)
        density->candidates[c].info.fitted &= folds->all.unmixed[c] != NULL;
    GKV_TRY(gki_validation_choose(&folds->all, density));
    return measure_tails(job, folds, density);
}

gkv_status gkv_density_fit(size_t n, size_t d, const double *x,
                           const gkv_density_settings *settings, const gkv_run_options *options,
                           gkv_density **out)
{
    GKV_NEED(out);
    *out = NULL;
    gkv_density_settings defaults;
    gkv_density_defaults(&defaults);
    settings = settings ? settings : &defaults;
    GKV_NEED(x || settings->lower);
    GKV_TRY(check(settings, n, d));
    gkv_density_settings own = *settings;
    gki_call call;
    gki_flow_log log = {.path = NULL};
    gki_density_job job = {
        .settings = &own, .call = &call, .dist = options ? options->dist : NULL, .log = &log};
    gkv_density_margin_info *info = NULL;
    validated folds = {.x = NULL};
    gkv_status status = GKV_OK;
    if (gkv_dist_size(job.dist) > 1)
        own.checkpoint = NULL;
    job.folds = settings->folds > 0     ? settings->folds
                : n < FIVE_FOLDS_BELOW  ? 5
                : n < THREE_FOLDS_BELOW ? 3
                                        : 1;
    job.details = (gkv_density_progress){.folds = job.folds, .held_out = NAN};
    GKV_TRY(gki_call_begin(&call, options,
                           1 + job.folds * (GKV_DENSITY_CANDIDATES + 1) + GKV_DENSITY_CANDIDATES));
    job.threads = gki_call_threads(&call, 0);
    GKV_TRY_GOTO(gki_alloc(d, sizeof *info, &info));
    GKV_TRY_GOTO(gki_alloc(d, sizeof *job.plan, &job.plan));
    GKV_TRY_GOTO(gki_alloc(n, sizeof *job.order, &job.order));
    gki_rng_permutation(gki_rng_at(settings->seed, GKV_STREAM_TABLE, 0, 0), (uint32_t)n, job.order);
    GKV_TRY_GOTO(gki_table_columns_begin(settings, n, d, x, info, job.threads, &job.columns));
    GKV_TRY_GOTO(fit(&job, info, &folds, out));
    if (own.checkpoint && !own.keep_checkpoint && gki_file_exists(own.checkpoint))
        (void)remove(own.checkpoint);
done:
    for (size_t f = 0; f <= FOLDS_MAX; f++)
        gkv_density_free(folds.fold[f]);
    gki_validation_end(&folds.all);
    gki_flow_log_end(&log);
    gki_table_columns_end(&job.columns);
    free(folds.rows.fit);
    free(folds.x);
    free(job.plan);
    free(job.order);
    free(info);
    if (status != GKV_OK) {
        gkv_density_free(*out);
        *out = NULL;
    }
    return status;
}
