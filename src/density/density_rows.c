/* The fit of margins and of all candidates to some rows; declared in table_density.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "density/flow_log.h"
#include "density/table_density.h"

/* The most rows of each fit. */
enum { COPULA_ROWS = 20000, MIXTURE_ROWS = 20000, FLOW_ROWS = 200000, FLOW_HELD_OUT = 10000 };

bool gki_density_report(gki_density_job *job, const char *stage, uint64_t units)
{
    job->details.stage = stage;
    job->call->details = &job->details;
    return gki_call_advance(job->call, units);
}

/* --- Margins -------------------------------------------------------------- */

static gkv_status fit_margins(const gki_density_job *job, size_t count, const uint32_t *which,
                              gkv_density *density)
{
    gkv_status all = GKV_OK;
#pragma omp parallel for schedule(dynamic, 1) num_threads(job->threads)
    for (size_t j = 0; j < density->d; j++) {
        double *memory = NULL;
        gkv_status status = gki_alloc(4 * count, sizeof *memory, &memory);
        if (status == GKV_OK) {
            const gki_column column =
                gki_table_columns_take(&job->columns, j, count, which, memory);
            status = gki_margin_fit(job->plan[j].kind, job->plan[j].detail, &column,
                                    &density->margins[j]);
            /* a kind that fits all rows may fail for a part of them */
            if (status != GKV_OK && status != GKV_ERR_MEMORY)
                status = gki_margin_fit(GKV_DENSITY_MARGIN_T, 0, &column, &density->margins[j]);
        }
        free(memory);
        gki_margin_describe(&density->margins[j], &density->margin_info[j]);
        if (status != GKV_OK)
#pragma omp atomic write
            all = status;
    }
    return all == GKV_OK ? GKV_OK : gki_fail(all, "a margin cannot be fitted");
}

/* --- Candidates ----------------------------------------------------------- */

/* The rows of a fit: values, spread over their intervals, and scores. */
typedef struct sample {
    size_t n;
    double *x, *z; /* [n × d] */
} sample;

static void copy_rows(const gki_table_columns *columns, size_t count, const uint32_t *which,
                      double *x)
{
    for (size_t j = 0; j < columns->d; j++)
        for (size_t i = 0; i < count; i++)
            x[i * columns->d + j] = columns->spread[j * columns->n + which[i]];
}

static gkv_status fit_copula(const gki_density_job *job, const sample *rows, gkv_density *density)
{
    size_t first = 0, second = 0;
    const size_t used = rows->n < COPULA_ROWS ? rows->n : COPULA_ROWS;
    const gkv_status status =
        gki_copula_fit(used, density->d, rows->z, job->threads, &first, &second, &density->copula);
    if (status == GKV_ERR_DATA)
        return gki_fail(status,
                        "the columns are functions of each other, %s and %s the most, so that "
                        "there is no density; leave one of them out",
                        density->names[first], density->names[second]);
    if (status == GKV_OK) {
        density->list[GKV_DENSITY_COPULA].info.fitted = true;
        density->list[GKV_DENSITY_COPULA].info.freedom = gki_copula_freedom(density->copula);
    }
    return status;
}

/* Fits mixtures of `least` … `most` components. It ends after two mixtures in a row without a
 * better BIC. *best becomes the mixture with the best one, or NULL. */
static gkv_status search_mixture(const gki_density_job *job, size_t n, size_t d, const double *x,
                                 bool normal, size_t least, size_t most, gkv_mgk_mixture **best)
{
    gkv_mgk_mixture_settings settings;
    gkv_mgk_mixture_result result;
    const gkv_run_options options = gki_call_inner(job->call);
    double best_bic = INFINITY;
    gkv_status status = GKV_OK;
    gkv_mgk_mixture_defaults(&settings);
    settings.normal = normal;
    settings.seed = job->settings->seed;
    settings.restarts = 3;
    settings.max_iterations = 100;
    *best = NULL;
    for (size_t k = least, worse = 0; k <= most && worse < 2; k++) {
        gkv_mgk_mixture *mixture = NULL;
        settings.components = k;
        status = gkv_mgk_mixture_fit(n, d, x, &settings, &options, &mixture, &result);
        worse++;
        if (status == GKV_OK && result.bic < best_bic) {
            gkv_mgk_mixture_free(*best);
            *best = mixture;
            best_bic = result.bic;
            worse = 0;
        } else {
            gkv_mgk_mixture_free(mixture);
        }
        if (status != GKV_OK)
            break;
    }
    return status == GKV_ERR_INTERRUPTED || status == GKV_ERR_MEMORY ? status : GKV_OK;
}

/* Fits the mixture with the best BIC of the first fold's rows, or to other rows one of as many
 * components. A mixture that cannot be fitted is left out. */
static gkv_status fit_mixture(gki_density_job *job, int64_t candidate, const sample *rows,
                              gkv_density *density)
{
    const bool normal = candidate == GKV_DENSITY_NORMAL_MIXTURE;
    gki_candidate *fitted = &density->list[candidate];
    const size_t used = rows->n < MIXTURE_ROWS ? rows->n : MIXTURE_ROWS;
    size_t least = job->components[normal], most = least;
    if (least == 0) {
        const size_t fit = used / (4 * density->d), wanted = job->settings->max_components;
        least = 1;
        most = wanted > 0 ? wanted : fit > 8 ? 8 : fit < 1 ? 1 : fit;
    }
    GKV_TRY(search_mixture(job, used, density->d, normal ? rows->z : rows->x, normal, least, most,
                           &fitted->mixture));
    fitted->info.fitted = fitted->mixture != NULL;
    if (fitted->mixture)
        job->components[normal] = fitted->info.components = gkv_mgk_mixture_count(fitted->mixture);
    return GKV_OK;
}

gki_table_flow_spec gki_density_flow_spec(const gki_density_job *job, size_t d)
{
    const gkv_density_settings *s = job->settings;
    return (gki_table_flow_spec){.d = d,
                                 .layers = s->flow_layers,
                                 .hidden = s->flow_hidden,
                                 .family = s->flow,
                                 .max_freedom = s->max_freedom,
                                 .seed = s->seed};
}

static gkv_status fit_flow(gki_density_job *job, size_t fold, const sample *rows, uint64_t updates,
                           gkv_density *density)
{
    const gkv_density_settings *s = job->settings;
    gki_candidate *candidate = &density->list[GKV_DENSITY_FLOW];
    const gki_table_flow_spec spec = gki_density_flow_spec(job, density->d);
    /* the last rows, which are in random order, say when to end */
    const size_t n_held_out = fold == 0                     ? 0
                              : rows->n / 6 < FLOW_HELD_OUT ? rows->n / 6
                                                            : FLOW_HELD_OUT;
    gki_real *w = NULL;
    gkv_status status = GKV_OK;
    gki_flow_training how = {.learning_rate = s->learning_rate,
                             .weight_decay = s->weight_decay,
                             .updates = n_held_out > 0 ? s->flow_updates : updates,
                             .patience = s->patience,
                             .seed = s->seed,
                             .fold = fold,
                             .threads = job->threads};
    GKV_TRY_GOTO(gki_alloc(rows->n * density->d, sizeof *w, &w));
    gki_density_whiten(density, rows->n, rows->z, job->threads, w);
    const gki_flow_rows data = {.fit = w,
                                .held_out = w + (rows->n - n_held_out) * density->d,
                                .n_fit = rows->n - n_held_out,
                                .n_held_out = n_held_out};
    GKV_TRY_GOTO(gki_table_flow_create(&spec, &candidate->flow));
    gki_density_set_flow(density, &spec);
    GKV_TRY_GOTO(gki_flow_log_train(job->log, job, fold, &data, &how, candidate->flow,
                                    &candidate->info.updates));
    candidate->info.fitted = true;
    candidate->info.freedom = gki_table_flow_freedom(candidate->flow);
done:
    free(w);
    return status;
}

static gkv_status fit_candidates(gki_density_job *job, size_t fold, const sample *rows,
                                 uint64_t updates, gkv_density *density)
{
    const bool *wanted = job->settings->candidates;
    if (gki_density_report(job, "t-copula", 1))
        return gki_call_end(job->call, "the fit", "stages");
    GKV_TRY(fit_copula(job, rows, density));
    for (int64_t c = GKV_DENSITY_NORMAL_MIXTURE; c <= GKV_DENSITY_GK_MIXTURE; c++) {
        if (gki_density_report(job, gkv_density_candidate_name(c), 1))
            return gki_call_end(job->call, "the fit", "stages");
        if (wanted[c] && gki_density_owns(job, fold, c))
            GKV_TRY(fit_mixture(job, c, rows, density));
    }
    if (gki_density_report(job, "flow", 1))
        return gki_call_end(job->call, "the fit", "stages");
    if (wanted[GKV_DENSITY_FLOW] && density->d > 1 && gki_density_owns(job, fold, GKV_DENSITY_FLOW))
        GKV_TRY(fit_flow(job, fold, rows, updates, density));
    return GKV_OK;
}

gkv_status gki_density_fit_rows(gki_density_job *job, size_t fold, size_t count,
                                const uint32_t *which, uint64_t updates, gkv_density **out)
{
    const size_t d = job->columns.d;
    sample rows = {.n = count < FLOW_ROWS ? count : FLOW_ROWS};
    gkv_density *density = NULL;
    gkv_status status = GKV_OK;
    const gkv_run_options options = gki_call_inner(job->call);
    *out = NULL;
    job->details.fold = fold;
    GKV_TRY_GOTO(gki_density_alloc(d, job->settings->names, &density));
    density->n = count;
    if (gki_density_report(job, "margins", 0)) {
        status = gki_call_end(job->call, "the fit", "stages");
        goto done;
    }
    GKV_TRY_GOTO(fit_margins(job, count, which, density));
    GKV_TRY_GOTO(gki_alloc(2 * rows.n * d, sizeof *rows.x, &rows.x));
    rows.z = rows.x + rows.n * d;
    copy_rows(&job->columns, rows.n, which, rows.x);
    GKV_TRY_GOTO(gkv_density_scores(density, rows.n, rows.x, &options, rows.z, NULL));
    status = fit_candidates(job, fold, &rows, updates, density);
done:
    free(rows.x);
    if (status != GKV_OK) {
        gkv_density_free(density);
        density = NULL;
    }
    *out = density;
    return status;
}
