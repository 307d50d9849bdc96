/* The margins of the M-step: every column of every component, fitted with the responsibilities as
 * weights. */
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "mixture/em.h"
#include "mixture/shape_prior.h"

/* Weighted samples of margins are made for a block of columns at a time, which limits their memory
 * to this number of doubles. */
enum { SAMPLE_NUMBERS = 1 << 21 };

/* A component with fewer rows gets normal margins: they do not determine g and k. */
static const double least_shape_rows = 20.0;

typedef struct margins_job {
    const unsigned char *frozen; /* [count] 1 for a component whose margins are not fitted */
    /* [count × d] fitted margins; B = 0 for a margin that is not fitted yet */
    gkv_gk *fitted;
    double (*covariance)[16]; /* [count × d] covariances of A, B, g, k */
} margins_job;

gki_mgk_weighted_rows gki_em_weighted_rows(const gki_em *em, size_t k)
{
    const size_t first = em->support[k];
    return (gki_mgk_weighted_rows){.n = em->support[k + 1] - first,
                                   .d = em->d,
                                   .x = em->fit.x,
                                   .row = em->support_row + first,
                                   .weights = em->support_weight + first};
}

/* Normal margins by moments, for normal mixtures, small components, and columns without a g-and-k
 * fit, whose B is 0. */
static gkv_status fit_normals(const gki_em *em, margins_job *job)
{
    const size_t d = em->d;
    const int used = gki_mgk_threads(em->threads, em->count);
    double *moments = NULL;
    GKV_TRY(gki_alloc((size_t)used * d, 2 * sizeof *moments, &moments));
#pragma omp parallel for schedule(dynamic, 1) num_threads(used)
    for (size_t k = 0; k < em->count; k++) {
        gkv_gk *fitted = job->fitted + k * d;
        size_t missing = 0;
        for (size_t j = 0; j < d && !job->frozen[k]; j++)
            missing += fitted[j].b == 0;
        if (missing == 0)
            continue;
        double *mean = moments + (size_t)omp_get_thread_num() * 2 * d, *variance = mean + d;
        const gki_mgk_weighted_rows rows = gki_em_weighted_rows(em, k);
        gki_mgk_weighted_rows_moments(&rows, mean, variance);
        for (size_t j = 0; j < d; j++)
            if (fitted[j].b == 0)
                fitted[j] = (gkv_gk){
                    .a = mean[j], .b = sqrt(variance[j]), .c = em->set->advanced.margins.c};
    }
    free(moments);
    return GKV_OK;
}

/* Distributes the values of column j, in ascending order, with their weights to the components. */
static void distribute_column(const gki_em *em, size_t j, size_t *next, double *x, double *weights)
{
    const gki_em_rows *rows = &em->fit;
    const double *column = em->columns + j * rows->n;
    const uint32_t *order = em->order + j * rows->n;
    memcpy(next, em->support, em->count * sizeof *next);
    for (size_t i = 0; i < rows->n; i++) {
        const uint32_t row = order[i];
        const gki_em_tile *tile = &rows->tiles[row / GKV_MGK_TILE];
        const uint32_t *start = &tile->start[row % GKV_MGK_TILE];
        const double w = rows->weights ? rows->weights[row] : 1.0;
        for (uint32_t e = start[0]; e < start[1]; e++) {
            const size_t position = next[tile->component[e]]++;
            x[position] = column[row];
            weights[position] = w * tile->responsibility[e];
        }
    }
}

/* Fits the margins of columns [first, first + width) of all components in one batch. */
static gkv_status fit_block(const gki_em *em, margins_job *job, size_t first, size_t width,
                            double *memory, size_t *next)
{
    const size_t d = em->d, size = em->support[em->count];
    const int used = gki_mgk_threads(em->threads, width);
#pragma omp parallel for schedule(dynamic, 1) num_threads(used)
    for (size_t c = 0; c < width; c++) {
        double *x = memory + 2 * c * size;
        distribute_column(em, first + c, next + c * em->count, x, x + size);
    }
    gkv_gk_sample *samples = NULL;
    gkv_gk_fit_result *results = NULL;
    gkv_status *statuses = NULL, status = GKV_OK;
    size_t *target = NULL, wanted = 0;
    GKV_TRY_GOTO(gki_alloc(width * em->count, sizeof *samples, &samples));
    GKV_TRY_GOTO(gki_alloc(width * em->count, sizeof *results, &results));
    GKV_TRY_GOTO(gki_alloc(width * em->count, sizeof *statuses, &statuses));
    GKV_TRY_GOTO(gki_alloc(width * em->count, sizeof *target, &target));
    for (size_t c = 0; c < width; c++)
        for (size_t k = 0; k < em->count; k++) {
            if (job->frozen[k] || em->fit.weight[k] < least_shape_rows)
                continue;
            const size_t from = em->support[k];
            const double *x = memory + 2 * c * size;
            target[wanted] = k * d + first + c;
            samples[wanted++] =
                (gkv_gk_sample){.x = x + from,
                                .weights = x + size + from,
                                .n = em->support[k + 1] - from,
                                .sorted = 1,
                                .start = &em->mixture->components[k]->margins[first + c]};
        }
    if (wanted > 0)
        status = gkv_gk_fit_many(wanted, samples, &em->set->advanced.margins,
                                 &(gkv_run_options){.threads = em->threads}, results, statuses);
    if (status == GKV_ERR_DATA || status == GKV_ERR_NUMERIC)
        status = GKV_OK; /* fit_normals() handles the columns that could not be fitted */
    for (size_t i = 0; i < wanted && status == GKV_OK; i++)
        if (statuses[i] == GKV_OK) {
            job->fitted[target[i]] = results[i].gk;
            memcpy(job->covariance[target[i]], results[i].covariance, sizeof *job->covariance);
        }
done:
    free(samples);
    free(results);
    free(statuses);
    free(target);
    return status;
}

static gkv_status fit_shapes(const gki_em *em, margins_job *job)
{
    const size_t size = em->support[em->count], fitting = SAMPLE_NUMBERS / (2 * size + 1);
    const size_t width = fitting < 1 ? 1 : fitting < em->d ? fitting : em->d;
    double *memory = NULL;
    size_t *next = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(width * size, 2 * sizeof *memory, &memory));
    GKV_TRY_GOTO(gki_alloc(width, em->count * sizeof *next, &next));
    for (size_t first = 0; first < em->d; first += width)
        GKV_TRY_GOTO(
            fit_block(em, job, first, em->d - first < width ? em->d - first : width, memory, next));
done:
    free(memory);
    free(next);
    return status;
}

/* Shrinks g and k of all columns, as James and Stein do: with at least three columns this reduces
 * the total error. */
static void shrink_shapes(const gki_em *em, margins_job *job)
{
    enum { COLUMNS_MIN = 3 };
    for (size_t k = 0; k < em->count && em->d >= COLUMNS_MIN; k++) {
        gkv_gk *fitted = job->fitted + k * em->d;
        const double(*covariance)[16] = (const double(*)[16])(job->covariance + k * em->d);
        const gki_shape_prior prior = gki_shape_prior_of_errors(em->d, fitted, covariance);
        for (size_t j = 0; j < em->d; j++)
            if (fitted[j].b > 0)
                gki_shape_shrink(covariance[j], &prior, &fitted[j]);
    }
}

/* Sets (g, k) of column j in all components, including frozen ones, to their precision-weighted
 * mean (Σ C⁻¹)⁻¹ Σ C⁻¹(g, k). If no component has a usable covariance, they become those of the
 * first component. */
static void average_shapes(const gki_em *em, margins_job *job, size_t j)
{
    double gg = 0.0, gk = 0.0, kk = 0.0, g = 0.0, k = 0.0;
    for (size_t i = j; i < em->count * em->d; i += em->d) {
        const double *c = job->covariance[i], det = c[10] * c[15] - c[11] * c[11];
        if (!gki_shape_is_known(c))
            continue;
        gg += c[15] / det;
        gk -= c[11] / det;
        kk += c[10] / det;
        g += (c[15] * job->fitted[i].g - c[11] * job->fitted[i].k) / det;
        k += (c[10] * job->fitted[i].k - c[11] * job->fitted[i].g) / det;
    }
    const double det = gg * kk - gk * gk;
    const gkv_gk *now = &em->mixture->components[0]->margins[j];
    const double mean_g = det > 0 ? (kk * g - gk * k) / det : now->g,
                 mean_k = det > 0 ? (gg * k - gk * g) / det : now->k;
    for (size_t i = j; i < em->count * em->d; i += em->d) {
        gkv_gk *fitted = &job->fitted[i];
        if (job->frozen[i / em->d])
            *fitted = em->mixture->components[i / em->d]->margins[j];
        if (gki_shape_is_known(job->covariance[i]))
            gki_shape_take(job->covariance[i], mean_g, mean_k, fitted);
        fitted->g = mean_g;
        fitted->k = mean_k;
    }
}

gkv_status gki_em_fit_margins(const gki_em *em, const unsigned char *frozen, gkv_gk *fitted)
{
    margins_job job = {.frozen = frozen, .fitted = fitted};
    gkv_status status = GKV_OK;
    if (!em->set->normal) {
        GKV_TRY_GOTO(gki_alloc(em->count * em->d, sizeof *job.covariance, &job.covariance));
        GKV_TRY_GOTO(fit_shapes(em, &job));
        if (em->set->advanced.shrink_shapes)
            shrink_shapes(em, &job);
    }
    GKV_TRY_GOTO(fit_normals(em, &job));
    for (size_t j = 0; j < em->d && em->set->advanced.shared_shapes && !em->set->normal; j++)
        average_shapes(em, &job, j);
done:
    free(job.covariance);
    return status;
}
