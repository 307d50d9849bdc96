/* The bootstrap. Replicates are drawn and fitted in blocks. The random numbers of a replicate
 * depend only on the seed and its number, so that results depend neither on blocks nor on
 * threads, nor on the ranks that share the replicates. */
#include "gkvae/gk_bootstrap.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/call.h"
#include "core/memory.h"
#include "core/rng.h"
#include "dist/dist.h"
#include "gk/gk_random.h"
#include "gkfit/fit_family.h"
#include "gkfit/interval_data.h"
#include "gkfit/sorted_sample.h"
#include "num/sort.h"

enum { LEAST = 19, BLOCK_MOST = 256, BLOCK_NUMBERS = 1 << 21, CHUNK = 1024 };

/* What is kept of a replicate. */
typedef struct replicate_fit {
    double estimates[4], chi2, anderson_darling;
    uint64_t good; /* whether it could be fitted */
} replicate_fit;

typedef struct boot {
    const gkv_gk_bootstrap_settings *set;
    gkv_gk_fit_settings fit_set;
    gkv_gk gk;
    size_t drawn;      /* the number of observations of a replicate */
    size_t width;      /* the number of elements of a replicate in `numbers` */
    size_t block;      /* the number of replicates of a block */
    size_t first, own; /* the replicates of this rank */
    gki_call call;
    int threads;
    double resolution; /* of the draws; 0: exact */
    gki_gk_ties ties;  /* the distinct values of the sample, or its intervals without values */
    gki_gk_interval_data data; /* the intervals of a sample by their ends */
    /* [block × width] values, or (nonparametric) how often each value was drawn */
    double *numbers;
    double *ties_memory;     /* the memory of the distinct values */
    gkv_gk_sample *samples;  /* [block] */
    gkv_gk_fit_result *fits; /* [block] */
    gkv_status *statuses;    /* [block] */
    replicate_fit *all;      /* [replicates] */
    /* [4 × replicates] the estimates of replicates that could be fitted */
    double *estimates;
    double *each;        /* [replicates × 4] the same by replicate, for the caller, or NULL */
    size_t used, failed; /* replicates that could, and could not, be fitted */
    /* replicates whose χ², or A², is not below that of the sample */
    size_t chi2_above, a2_above;
} boot;

void gkv_gk_bootstrap_defaults(gkv_gk_bootstrap_settings *settings)
{
    if (settings)
        *settings = (gkv_gk_bootstrap_settings){.replicates = 999, .seed = 1, .confidence = 0.95};
}

static void draw_values(const boot *b, size_t replicate, double *x)
{
    gki_rng_normal_d(gki_rng_at(b->set->seed, GKV_STREAM_BOOTSTRAP, replicate, 0), b->drawn, x);
    gki_gk_random_transform(&b->gk, b->drawn, x);
    const double h = b->resolution, origin = b->ties.x[0];
    for (size_t i = 0; h > 0 && i < b->drawn; i++)
        x[i] = origin + h * nearbyint((x[i] - origin) / h);
}

/* A draw with replacement is represented by weights of the sorted sample. */
static void draw_counts(const boot *b, size_t replicate, double *counts)
{
    double u[CHUNK];
    memset(counts, 0, b->ties.count * sizeof *counts);
    for (size_t i = 0; i < b->drawn; i += CHUNK) {
        const size_t size = b->drawn - i < CHUNK ? b->drawn - i : CHUNK;
        gki_rng_uniform(gki_rng_at(b->set->seed, GKV_STREAM_BOOTSTRAP, replicate, i / CHUNK), size,
                        u);
        for (size_t j = 0; j < size; j++) {
            const double position = u[j] * b->ties.total;
            size_t low = 0, high = b->ties.count - 1;
            while (low < high) { /* finds the first value whose end exceeds `position` */
                const size_t middle = low + (high - low) / 2;
                if (b->ties.end[middle] > position)
                    high = middle;
                else
                    low = middle + 1;
            }
            counts[low] += 1.0;
        }
    }
}

static void draw(boot *b, size_t replicate, size_t i)
{
    double *numbers = b->numbers + i * b->width;
    if (b->set->nonparametric) {
        draw_counts(b, replicate, numbers);
        b->samples[i] = (gkv_gk_sample){.x = b->ties.x,
                                        .weights = numbers,
                                        .n = b->ties.count,
                                        .sorted = true,
                                        .lower = b->data.lower,
                                        .upper = b->data.upper};
    } else {
        draw_values(b, replicate, numbers);
        b->samples[i] = (gkv_gk_sample){.x = numbers, .n = b->drawn};
    }
    b->samples[i].resolution = b->resolution;
}

/* Keeps replicate i of a block. */
static void keep(boot *b, size_t replicate, size_t i)
{
    const gkv_gk_fit_result *r = &b->fits[i];
    b->all[replicate] = (replicate_fit){.estimates = {r->gk.a, r->gk.b, r->gk.g, r->gk.k},
                                        .chi2 = r->chi2,
                                        .anderson_darling = r->anderson_darling,
                                        .good = b->statuses[i] == GKV_OK};
}

/* Adds a replicate to the statistics. */
static void take(boot *b, const gkv_gk_fit_result *fit, size_t replicate)
{
    const replicate_fit *r = &b->all[replicate];
    const bool good = r->good != 0;
    for (size_t j = 0; j < 4; j++) {
        if (b->each)
            b->each[4 * replicate + j] = good ? r->estimates[j] : NAN;
        if (good)
            b->estimates[j * b->set->replicates + b->used] = r->estimates[j];
    }
    b->used += (size_t)good;
    b->failed += (size_t)!good;
    b->chi2_above += (size_t)(good && r->chi2 >= fit->chi2);
    b->a2_above += (size_t)(good && r->anderson_darling >= fit->anderson_darling);
}

/* Fits replicates [first, first + count). */
static gkv_status replicate_range(boot *b, size_t first, size_t count)
{
    for (size_t done = 0; done < count;) {
        const size_t size = count - done < b->block ? count - done : b->block;
#pragma omp parallel for schedule(dynamic, 1) num_threads(b->threads)
        for (size_t i = 0; i < size; i++)
            draw(b, first + done + i, i);
        const gkv_status status =
            gkv_gk_fit_many(size, b->samples, &b->fit_set,
                            &(gkv_run_options){.threads = b->threads}, b->fits, b->statuses);
        if (status != GKV_OK && status != GKV_ERR_DATA && status != GKV_ERR_NUMERIC)
            return status; /* these two statuses only mean that a replicate could not be fitted */
        for (size_t i = 0; i < size; i++)
            keep(b, first + done + i, i);
        done += size;
        const uint64_t by_all = gki_dist_count(b->call.options.dist, done);
        if (gki_call_advance(&b->call, by_all - b->call.done))
            return gki_call_end(&b->call, "the bootstrap", "replicates");
    }
    return GKV_OK;
}

/* Fits this rank's replicates, and takes those of all ranks. `created` is the status so far. */
static gkv_status replicate_all(boot *b, gkv_status created, const gkv_gk_fit_result *fit)
{
    const size_t replicates = b->set->replicates;
    gkv_dist *dist = b->call.options.dist;
    GKV_TRY(
        gkv_dist_agree(dist, created == GKV_OK ? replicate_range(b, b->first, b->own) : created));
    GKV_TRY(gkv_dist_share(dist, replicates, 1, sizeof *b->all, b->all));
    if (b->call.done < replicates) /* what other ranks have done since they told of it */
        gki_call_advance(&b->call, replicates - b->call.done);
    for (size_t i = 0; i < replicates; i++)
        take(b, fit, i);
    if (2 * b->used < replicates)
        return gki_fail_remedy(
            GKV_ERR_NUMERIC, gkv_error_remedy(),
            "the bootstrap could fit only %zu of %zu replicates; the last error was: %s", b->used,
            replicates, gkv_error_message());
    return GKV_OK;
}

/* The sample quantile at rank p(n+1), by linear interpolation between values. */
static double quantile(const double *x, size_t n, double p)
{
    const double rank = fmax(1.0, fmin((double)n, p * ((double)n + 1.0)));
    const size_t below = rank >= (double)n ? n - 1 : (size_t)rank;
    return x[below - 1] + (rank - (double)below) * (x[below] - x[below - 1]);
}

/* Computes the result from the estimates of the replicates. */
static gkv_status summarise(boot *b, const gkv_gk_fit_result *fit, gkv_gk_bootstrap_result *result)
{
    const size_t n = b->used, stride = b->set->replicates;
    const double centre[4] = {fit->gk.a, fit->gk.b, fit->gk.g, fit->gk.k},
                 tail = 0.5 - 0.5 * b->set->confidence;
    double *spare = NULL;
    GKV_TRY(gki_alloc(n, sizeof *spare, &spare));
    for (size_t j = 0; j < 4; j++) {
        double sum = 0.0;
        for (size_t i = 0; i < n; i++)
            sum += b->estimates[j * stride + i] - centre[j];
        result->bias[j] = sum / (double)n;
    }
    for (size_t j = 0; j < 4; j++)
        for (size_t l = 0; l < 4; l++) {
            double sum = 0.0;
            for (size_t i = 0; i < n; i++)
                sum += (b->estimates[j * stride + i] - centre[j] - result->bias[j]) *
                       (b->estimates[l * stride + i] - centre[l] - result->bias[l]);
            result->covariance[j][l] = sum / (double)(n - 1);
        }
    for (size_t j = 0; j < 4; j++) {
        double *column = b->estimates + j * stride;
        gki_sort(n, column, NULL, spare);
        result->se[j] = sqrt(result->covariance[j][j]);
        result->low[j] = quantile(column, n, tail);
        result->high[j] = quantile(column, n, 1.0 - tail);
    }
    free(spare);
    const int test = !b->set->nonparametric;
    const int has_p = fit->test != GKV_GK_TEST_TIES && fit->test != GKV_GK_TEST_HEAPS;
    result->p_chi2 =
        test && has_p && isfinite(fit->chi2) ? (double)(1 + b->chi2_above) / (double)(1 + n) : NAN;
    result->p_anderson_darling =
        test && b->fit_set.anderson_darling ? (double)(1 + b->a2_above) / (double)(1 + n) : NAN;
    result->used = n;
    result->failed = b->failed;
    return GKV_OK;
}

static gkv_status check(const gkv_gk_bootstrap_settings *set, const gkv_gk_fit_settings *fit_set,
                        const gkv_gk_fit_result *fit)
{
    if (fit_set && fit_set->free_c)
        return gki_fail_remedy(GKV_ERR_ARGUMENT, GKV_REMEDY_FIX,
                               "a bootstrap has no estimate of c; hold c at its estimate");
    if (set->replicates < LEAST || set->replicates > UINT32_MAX)
        return gki_fail(GKV_ERR_ARGUMENT, "a bootstrap needs at least %d replicates, not %zu",
                        LEAST, set->replicates);
    if (!(set->confidence > 0 && set->confidence < 1))
        return gki_fail(GKV_ERR_ARGUMENT, "the confidence of intervals must be in (0, 1), not %g",
                        set->confidence);
    return gkv_gk_check(&fit->gk);
}

/* The groups of a sample by the ends of its intervals. */
static gkv_status take_intervals(boot *b, const gkv_gk_sample *sample)
{
    double total = 0.0;
    if (!b->set->nonparametric)
        return gki_fail_remedy(GKV_ERR_ARGUMENT, GKV_REMEDY_NONPARAMETRIC,
                               "censored and binned data have the nonparametric bootstrap only");
    GKV_TRY(gki_gk_interval_data_of(sample, &b->data));
    GKV_TRY(gki_alloc(b->data.count, sizeof(double), &b->ties_memory));
    b->ties = (gki_gk_ties){
        .n = b->data.n, .count = b->data.count, .total = b->data.total, .end = b->ties_memory};
    for (size_t r = 0; r < b->data.count; r++)
        b->ties.end[r] = total += b->data.weight[r];
    return GKV_OK;
}

static gkv_status take_values(boot *b, const gkv_gk_sample *sample)
{
    const bool rounded = b->resolution > 0 && b->fit_set.method == GKV_GK_MLE;
    GKV_TRY(gki_alloc(gki_gk_ties_size(sample->n), sizeof(double), &b->ties_memory));
    return gki_gk_ties_of(sample, rounded, b->ties_memory, &b->ties);
}

static gkv_status create(boot *b, const gkv_gk_sample *sample)
{
    const size_t replicates = b->set->replicates;
    GKV_TRY(sample->lower || sample->upper ? take_intervals(b, sample) : take_values(b, sample));
    if (!(b->ties.total < 4e9))
        return gki_fail(GKV_ERR_ARGUMENT, "a bootstrap of %g observations is too large",
                        b->ties.total);
    b->drawn = (size_t)(b->ties.total + 0.5);
    b->width = b->set->nonparametric ? b->ties.count : b->drawn;
    b->block = BLOCK_NUMBERS / b->width;
    b->block = b->block < 8 ? 8 : b->block > BLOCK_MOST ? BLOCK_MOST : b->block;
    b->block = b->block < replicates ? b->block : replicates;
    GKV_TRY(gki_alloc(b->block * b->width, sizeof(double), &b->numbers));
    GKV_TRY(gki_alloc(b->block, sizeof *b->samples, &b->samples));
    GKV_TRY(gki_alloc(b->block, sizeof *b->fits, &b->fits));
    GKV_TRY(gki_alloc(b->block, sizeof *b->statuses, &b->statuses));
    GKV_TRY(gki_alloc(replicates, sizeof *b->all, &b->all));
    return gki_alloc(4 * replicates, sizeof(double), &b->estimates);
}

gkv_status gkv_gk_bootstrap(const gkv_gk_sample *sample, const gkv_gk_fit_result *fit,
                            const gkv_gk_fit_settings *fit_settings,
                            const gkv_gk_bootstrap_settings *settings,
                            const gkv_run_options *options, double *estimates,
                            gkv_gk_bootstrap_result *result)
{
    gkv_gk_bootstrap_settings set;
    GKV_NEED(result);
    memset(result, 0, sizeof *result);
    GKV_NEED(sample);
    GKV_NEED(fit);
    if (settings)
        set = *settings;
    else
        gkv_gk_bootstrap_defaults(&set);
    boot b = {.set = &set, .gk = fit->gk, .each = estimates, .resolution = fit->resolution};
    GKV_TRY(check(&set, fit_settings, fit));
    gkv_dist *dist = options ? options->dist : NULL;
    gkv_dist_range(set.replicates, 1, gkv_dist_rank(dist), gkv_dist_size(dist), &b.first, &b.own);
    GKV_TRY(gki_call_begin(&b.call, options, set.replicates));
    gki_dist_count_begin(dist);
    b.threads = gki_call_threads(&b.call, 0);
    if (fit_settings)
        b.fit_set = *fit_settings;
    else
        gkv_gk_fit_defaults(&b.fit_set);
    b.fit_set.family = (gkv_gk_family)fit->gk.family;
    /* also the values of fixed parameters */
    b.fit_set.start = b.fit_set.method == GKV_GK_OCTILES ? NULL : &b.gk;
    b.fit_set.likelihood = false;
    b.fit_set.intervals = GKV_GK_WALD; /* of replicates; they are not used */
    b.fit_set.advanced.start_competes = false;
    b.fit_set.anderson_darling =
        isfinite(fit->anderson_darling) && fit->anderson_darling > 0 && !set.nonparametric;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(replicate_all(&b, create(&b, sample), fit));
    GKV_TRY_GOTO(summarise(&b, fit, result));
done:
    free(b.ties_memory);
    free(b.data.memory);
    free(b.numbers);
    free(b.samples);
    free(b.fits);
    free(b.statuses);
    free(b.all);
    free(b.estimates);
    return status;
}
