/* The fit of margins and of all candidates to some rows; declared in table_density.h. */
#include <stdlib.h>

#include "core/error.h"
#include "core/memory.h"
#include "density/table_density.h"

/* The most rows of a fit of candidates. */
enum { CANDIDATE_ROWS = 200000 };

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

static void copy_rows(const gki_table_columns *columns, size_t count, const uint32_t *which,
                      double *x)
{
    for (size_t j = 0; j < columns->d; j++)
        for (size_t i = 0; i < count; i++)
            x[i * columns->d + j] = columns->spread[j * columns->n + which[i]];
}

static gkv_status fit_candidates(gki_density_job *job, const gki_fit_rows *rows,
                                 gkv_density *density)
{
    for (size_t c = 0; c < GKV_DENSITY_CANDIDATES; c++) {
        gki_candidate *candidate = &density->candidates[c];
        const gki_candidate_ops *ops = candidate->ops;
        if (gki_density_report(job, ops->name, 1))
            return gki_call_end(job->call, "the fit", "stages");
        /* the copula, which the others need, is fitted in any case */
        const bool wanted = job->settings->candidates[c] || ops->is_copula;
        if (wanted && density->d >= ops->columns_min &&
            gki_density_fits(job, rows->fold, candidate->number))
            GKV_TRY(ops->fit(job, rows, density, candidate));
    }
    return GKV_OK;
}

gkv_status gki_density_fit_rows(gki_density_job *job, size_t fold, size_t count,
                                const uint32_t *which, gkv_density **out)
{
    const size_t d = job->columns.d;
    const size_t n = count < CANDIDATE_ROWS ? count : CANDIDATE_ROWS;
    double *x = NULL;
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
    GKV_TRY_GOTO(gki_alloc(2 * n * d, sizeof *x, &x));
    double *z = x + n * d;
    copy_rows(&job->columns, n, which, x);
    GKV_TRY_GOTO(gkv_density_scores(density, n, x, &options, z, NULL));
    status = fit_candidates(job, &(gki_fit_rows){.n = n, .fold = fold, .x = x, .z = z}, density);
done:
    free(x);
    if (status != GKV_OK) {
        gkv_density_free(density);
        density = NULL;
    }
    *out = density;
    return status;
}
