/* The public refiner of gkvae/refine.h: batches of images over threads. The program and
 * evaluate_refined.c call it. */
#include "gkvae/refine.h"

#include <math.h>
#include <stdlib.h>

#include <omp.h>

#include "core/call.h"
#include "core/memory.h"
#include "infer/refine_target.h"

/* The images of a batch. It has fewer if their d × d matrices would have more than BATCH_NUMBERS
 * numbers. */
enum { BATCH_IMAGES = 20, BATCH_NUMBERS = 1 << 20 };

void gkv_refine_defaults(gkv_refine_settings *settings)
{
    if (settings)
        *settings = (gkv_refine_settings){.mode = GKV_REFINE_MEAN,
                                          .iterations = 3,
                                          .curvature_samples = 2,
                                          .prior_weight = 1,
                                          .seed = 1,
                                          .advanced = {.gradient_samples = 16,
                                                       .acceptance_samples = 16,
                                                       .damping = 0.1,
                                                       .rate = 0.7,
                                                       .decay = 0.5}};
}

/* The memory of one thread. */
typedef struct refiner_worker {
    gki_refine_target target;
    gki_refinement refinement;
    gki_real *mean, *sd;   /* [batch, d] each */
    double *cross_entropy; /* [batch] */
    size_t *image;         /* 0, 1, 2, … [batch] */
} refiner_worker;

struct gkv_refiner {
    gkv_refine_settings settings;
    const gkv_model *model;
    size_t batch;
    int threads; /* the number of workers */
    refiner_worker *workers;
};

gkv_status gki_refine_settings_check(const gkv_refine_settings *s)
{
    if (s->mode != GKV_REFINE_MEAN && s->mode != GKV_REFINE_MAP)
        return gki_fail(GKV_ERR_ARGUMENT, "refinement: %d is not a gkv_refine_mode", (int)s->mode);
    const gkv_refine_advanced *advanced = &s->advanced;
    if (s->iterations > 1000)
        return gki_fail(GKV_ERR_ARGUMENT, "refinement: %zu iterations; give 0 to 1000",
                        s->iterations);
    const size_t counts[] = {s->curvature_samples, advanced->gradient_samples,
                             advanced->acceptance_samples};
    static const char *const names[] = {"curvature_samples", "gradient_samples",
                                        "acceptance_samples"};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (counts[i] < 2 || counts[i] > 512 || counts[i] % 2)
            return gki_fail(
                GKV_ERR_ARGUMENT,
                "refinement: %zu %s; they come in pairs: give an even number from 2 to 512",
                counts[i], names[i]);
    if (!(advanced->damping >= 0 && advanced->damping <= 1e12))
        return gki_fail(GKV_ERR_ARGUMENT, "refinement: a damping of %g; give 0 to 1e12",
                        advanced->damping);
    if (!(advanced->rate > 0 && advanced->rate <= 1) ||
        !(advanced->decay >= 0 && isfinite(advanced->decay)))
        return gki_fail(GKV_ERR_ARGUMENT,
                        "refinement: rate %g and decay %g; give a rate above 0, at most 1, and a "
                        "decay of at least 0",
                        advanced->rate, advanced->decay);
    if (!(s->prior_weight >= 0 && s->prior_weight <= 1))
        return gki_fail(GKV_ERR_ARGUMENT, "refinement: the prior's weight is %g; give 0 to 1",
                        s->prior_weight);
    return GKV_OK;
}

static void worker_free(refiner_worker *worker)
{
    gki_refine_target_free(&worker->target);
    gki_refinement_free(&worker->refinement);
    free(worker->mean);
    free(worker->sd);
    free(worker->cross_entropy);
    free(worker->image);
    *worker = (refiner_worker){0};
}

static gkv_status worker_create(const gkv_refiner *refiner, refiner_worker *worker)
{
    const size_t batch = refiner->batch, d = refiner->model->d;
    const double weight =
        refiner->settings.mode == GKV_REFINE_MAP ? refiner->settings.prior_weight : 1;
    GKV_TRY(gki_refine_target_create(refiner->model, weight, batch, &worker->target));
    GKV_TRY(gki_refinement_create(&refiner->settings, &worker->target.target, batch,
                                  &worker->refinement));
    GKV_TRY(gki_alloc(batch * d, sizeof *worker->mean, &worker->mean));
    GKV_TRY(gki_alloc(batch * d, sizeof *worker->sd, &worker->sd));
    GKV_TRY(gki_alloc(batch, sizeof *worker->cross_entropy, &worker->cross_entropy));
    GKV_TRY(gki_alloc(batch, sizeof *worker->image, &worker->image));
    for (size_t i = 0; i < batch; i++)
        worker->image[i] = i;
    return GKV_OK;
}

gkv_status gkv_refiner_create(const gkv_model *model, const gkv_refine_settings *settings,
                              gkv_refiner **out)
{
    gkv_refine_settings defaults;
    gkv_refiner *refiner = NULL;
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(model);
    gkv_refine_defaults(&defaults);
    if (!settings)
        settings = &defaults;
    GKV_TRY(gki_refine_settings_check(settings));
    GKV_TRY(gki_alloc(1, sizeof *refiner, &refiner));
    refiner->settings = *settings;
    refiner->model = model;
    refiner->batch = BATCH_NUMBERS / (model->d * model->d);
    refiner->batch = refiner->batch < 1              ? 1
                     : refiner->batch > BATCH_IMAGES ? BATCH_IMAGES
                                                     : refiner->batch;
    *out = refiner;
    return GKV_OK;
}

static void free_workers(gkv_refiner *refiner)
{
    for (int t = 0; t < refiner->threads; t++)
        worker_free(&refiner->workers[t]);
    free(refiner->workers);
    refiner->workers = NULL;
    refiner->threads = 0;
}

/* Creates workers for so many threads, unless there are as many. A worker's parts point to each
 * other, so workers cannot be moved to a longer array. */
static gkv_status create_workers(gkv_refiner *refiner, int threads)
{
    gkv_status status = GKV_OK;
    if (refiner->threads >= threads)
        return GKV_OK;
    free_workers(refiner);
    GKV_TRY(gki_alloc((size_t)threads, sizeof *refiner->workers, &refiner->workers));
    refiner->threads = threads;
    for (int t = 0; t < threads && status == GKV_OK; t++)
        status = worker_create(refiner, &refiner->workers[t]);
    if (status != GKV_OK)
        free_workers(refiner);
    return status;
}

void gkv_refiner_free(gkv_refiner *refiner)
{
    if (!refiner)
        return;
    free_workers(refiner);
    free(refiner);
}

/* Computes −log p(x|μ) of the batch's images, as out[n]; NULL `out` skips it. */
static void cross_entropy(refiner_worker *worker, size_t n, double *out)
{
    const size_t d = worker->refinement.d;
    if (!out)
        return;
    for (size_t i = 0; i < n * d; i++)
        worker->mean[i] = (gki_real)worker->refinement.now.mean[i];
    gki_refine_target_cross_entropy(&worker->target, n, worker->image, worker->mean, out);
}

static gkv_refine_outcome outcome_of(const gki_refinement_image *image)
{
    if (!image->finite)
        return GKV_REFINE_NOT_FINITE;
    return image->accepted > 0 ? GKV_REFINE_IMPROVED : GKV_REFINE_KEPT;
}

static void report(const refiner_worker *worker, size_t i, size_t row, const gkv_refined *out)
{
    const size_t d = worker->refinement.d;
    const gki_refinement_image *image = &worker->refinement.images[i];
    const double *mean = worker->refinement.now.mean + i * d,
                 *factor = worker->refinement.now.factor + i * d * d;
    for (size_t j = 0; out->mean && j < d; j++)
        out->mean[row * d + j] = (float)mean[j];
    for (size_t j = 0; out->factor && j < d; j++)
        for (size_t k = 0; k < d; k++)
            out->factor[(row * d + j) * d + k] = k <= j ? (float)factor[j * d + k] : 0;
    if (out->before)
        out->before[row] = image->before;
    if (out->after)
        out->after[row] = image->value;
    if (out->accepted)
        out->accepted[row] = image->accepted;
    if (out->outcome)
        out->outcome[row] = outcome_of(image);
}

static void refine_batch(refiner_worker *worker, const gkv_refine_settings *settings, size_t n,
                         const float *images, uint64_t number, size_t first, const gkv_refined *out)
{
    const size_t d = worker->refinement.d;
    gki_refine_target_images(&worker->target, n, images);
    gki_refine_target_begin(&worker->target, settings, n, number, worker->mean, worker->sd);
    for (size_t i = 0; i < n; i++)
        gki_refinement_begin(
            &worker->refinement, i, worker->mean + i * d, worker->sd + i * d,
            gki_posterior_mixing(&worker->target.model->posterior, &worker->target.ws, i),
            number + i);
    cross_entropy(worker, n, out->cross_entropy_before ? out->cross_entropy_before + first : NULL);
    gki_refinement_run(&worker->refinement, n);
    cross_entropy(worker, n, out->cross_entropy_after ? out->cross_entropy_after + first : NULL);
    for (size_t i = 0; i < n; i++)
        report(worker, i, first + i, out);
}

gkv_status gkv_refiner_run(gkv_refiner *refiner, size_t n, const float *images, uint64_t first,
                           const gkv_run_options *options, const gkv_refined *out)
{
    gki_call call;
    GKV_NEED(refiner);
    GKV_NEED(images);
    GKV_NEED(out);
    GKV_TRY(gki_call_begin(&call, options, n));
    const int threads = gki_call_threads(&call, refiner->model->settings.train.threads);
    GKV_TRY(create_workers(refiner, threads));
    const size_t batch = refiner->batch;
    const long batches = (long)((n + batch - 1) / batch);
#pragma omp parallel num_threads(threads)
    {
        refiner_worker *worker = &refiner->workers[omp_get_thread_num()];
        gki_refine_target_pack(&worker->target);
        worker->refinement.call = &call;
#pragma omp for schedule(dynamic, 1)
        for (long b = 0; b < batches; b++) {
            const size_t from = (size_t)b * batch, count = n - from < batch ? n - from : batch;
            refine_batch(worker, &refiner->settings, count, images + from * refiner->model->values,
                         first + from, from, out);
            gki_call_advance(&call, count);
        }
    }
    return gki_call_end(&call, "refinement", "images");
}
