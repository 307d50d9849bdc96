/* The public evaluation of gkvae/eval.h. The program calls gkv_evaluate(); images are selected,
 * estimated, refined and summarised here, by estimate.c and evaluate_refined.c. */
#include "gkvae/eval.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <omp.h>

#include "core/file.h"
#include "core/memory.h"
#include "data/dataset.h"
#include "gkvae/image_metrics.h"
#include "infer/estimate.h"
#include "infer/evaluate_refined.h"
#include "infer/refine_iteration.h"
#include "metrics/image_scores.h"

/* Measures active units of the codes, and the quality of the images decoded from them. */
static gkv_status measure_codes(const gki_estimate_job *job, gkv_metrics *metrics)
{
    const gkv_model *model = job->model;
    const size_t n = job->images->count, d = model->d, pixels = model->values;
    gki_real *means = NULL, *probabilities = NULL;
    double *codes = NULL, *mse = NULL, *ssim = NULL;
    float *decoded = NULL, *grey = NULL;
    gkv_status status = GKV_OK;
    size_t first = 0, own = 0; /* the images of this rank */
    gki_estimate_part(job, &first, &own);
    GKV_TRY_GOTO(gki_alloc(n * d, sizeof *means, &means));
    GKV_TRY_GOTO(gki_alloc(n * d, sizeof *codes, &codes));
    GKV_TRY_GOTO(gki_alloc(n * pixels, sizeof *probabilities, &probabilities));
    GKV_TRY_GOTO(gki_alloc(own * pixels, sizeof *decoded, &decoded));
    GKV_TRY_GOTO(gki_alloc(own * pixels, sizeof *grey, &grey));
    GKV_TRY_GOTO(gki_alloc(n, sizeof *mse, &mse));
    GKV_TRY_GOTO(gki_alloc(n, sizeof *ssim, &ssim));
    GKV_TRY_GOTO(gki_codes(job, means, probabilities));
    for (size_t i = 0; i < n * d; i++)
        codes[i] = (double)means[i];
    for (size_t i = 0; i < own; i++) {
        gki_images_original(job->images->dataset, gki_images_index(job->images, first + i),
                            grey + i * pixels);
        for (size_t k = 0; k < pixels; k++)
            decoded[i * pixels + k] = (float)probabilities[(first + i) * pixels + k];
    }
    gki_images_limit(metrics->pixels, own * pixels, decoded);
    if (n > 1) { /* one image has no variance */
        size_t active = 0;
        GKV_TRY_GOTO(gkv_active_units(n, d, codes, GKV_ACTIVE_THRESHOLD, NULL, &active));
        metrics->active_units = active;
    }
    GKV_TRY_GOTO(gki_image_scores_each(own, model->height, model->width, model->channels, decoded,
                                       grey, mse + first, ssim + first));
    GKV_TRY_GOTO(gki_estimate_share(job, sizeof *mse, mse));
    GKV_TRY_GOTO(gki_estimate_share(job, sizeof *ssim, ssim));
    const gkv_image_scores scores = gki_image_scores_mean(n, mse, ssim);
    metrics->mse = scores.mse.mean;
    metrics->psnr = scores.psnr.mean;
    metrics->ssim = scores.ssim.mean;
done:
    free(means);
    free(codes);
    free(probabilities);
    free(decoded);
    free(grey);
    free(mse);
    free(ssim);
    return status;
}

static const char *const set_names[] = {"test", "training", "held-out"};

/* The order in which eval.images limits them. */
static const char *const set_orders[] = {"", " in the random order of their split",
                                         " in the random order of their split"};

/* Selects the images of a set. The caller frees *order, which the selection uses unless it is the
 * test set. */
static gkv_status choose_images(const gkv_model *model, const gkv_dataset *dataset,
                                const gkv_settings *settings, gkv_eval_set set, uint32_t **order,
                                gki_images *out)
{
    const gkv_settings *trained = &model->settings;
    if (set == GKV_EVAL_TEST)
        return gki_images_of_test(settings, dataset, out);
    GKV_TRY(gki_images_check_trained(model, dataset));
    GKV_TRY(gki_images_of_split(trained, dataset, GKV_TRAIN, out));
    const size_t count = out->count, held_out = (size_t)trained->data.validation;
    if (held_out >= count || (set == GKV_EVAL_VALIDATION && held_out == 0))
        return gki_fail(GKV_ERR_CONFIG,
                        "the model held %zu training images out, and there are %zu: none is left "
                        "to evaluate; choose another set or data set",
                        held_out, count);
    GKV_TRY(gki_alloc(count, sizeof **order, order));
    gki_images_split(trained->train.seed, count, *order);
    out->order = set == GKV_EVAL_TRAIN ? *order : *order + (count - held_out);
    out->count = set == GKV_EVAL_TRAIN ? count - held_out : held_out;
    return gki_images_take_first(settings, set_names[set], out);
}

static void describe_protocol(const gkv_settings *settings, const gki_images *images,
                              gkv_eval_set set, gkv_metrics *metrics)
{
    char name[GKV_NAME_SIZE];
    if (metrics->pixels == GKV_PIXELS_LEVELS)
        snprintf(metrics->protocol, sizeof metrics->protocol,
                 "256 %s levels; the first %zu %s images%s; %lld importance samples per image",
                 metrics->channels == 1 ? "grey" : "colour", images->count, set_names[set],
                 set_orders[set], (long long)settings->eval.samples);
    else if (metrics->pixels == GKV_PIXELS_CONTINUOUS)
        snprintf(metrics->protocol, sizeof metrics->protocol,
                 "densities of continuous numbers, no probabilities; the first %zu %s images%s; "
                 "%lld importance samples per image",
                 images->count, set_names[set], set_orders[set], (long long)settings->eval.samples);
    else if (metrics->pixels == GKV_PIXELS_MEAN_LEVELS)
        snprintf(metrics->protocol, sizeof metrics->protocol,
                 "grey targets: cross-entropy, not a likelihood; the first %zu %s images%s",
                 images->count, set_names[set], set_orders[set]);
    else
        snprintf(metrics->protocol, sizeof metrics->protocol,
                 "%s binarization in training; the first %zu %s images%s, binarized once from seed "
                 "%llu; %lld importance samples per image",
                 gkv_settings_choice("data.binarization", (int)settings->data.binarization, name),
                 images->count, set_names[set], set_orders[set], (unsigned long long)images->seed,
                 (long long)settings->eval.samples);
}

/* The name of the data set; of images in a file that the settings name, that of the file. */
static void name_images(const gkv_settings *settings, gkv_eval_set set, gkv_metrics *metrics)
{
    const char *file =
        set == GKV_EVAL_TEST ? settings->data.test_images : settings->data.train_images;
    const char *slash = strrchr(file, '/');
    const char *name = !*file ? settings->data.dataset : slash ? slash + 1 : file;
    size_t length = strlen(name);
    if (length >= sizeof metrics->dataset) /* cut before a whole character of UTF-8 */
        for (length = sizeof metrics->dataset - 1;
             length > 0 && ((unsigned char)name[length] & 0xC0) == 0x80;)
            length--;
    snprintf(metrics->dataset, sizeof metrics->dataset, "%.*s", (int)length, name);
}

static void describe_files(const gkv_dataset *images, gkv_metrics *metrics)
{
    snprintf(metrics->images_file, sizeof metrics->images_file, "%s",
             gkv_dataset_path(images, GKV_IMAGES_FILE));
    snprintf(metrics->labels_file, sizeof metrics->labels_file, "%s",
             gkv_dataset_path(images, GKV_LABELS_FILE));
    snprintf(metrics->images_sha256, sizeof metrics->images_sha256, "%s",
             gkv_dataset_sha256(images, GKV_IMAGES_FILE));
    snprintf(metrics->labels_sha256, sizeof metrics->labels_sha256, "%s",
             gkv_dataset_sha256(images, GKV_LABELS_FILE));
}

static gkv_status summarise(const gki_estimates *estimates, const gki_images *images,
                            gkv_metrics *metrics)
{
    gki_estimates_summary s;
    GKV_TRY(gki_estimates_summarise(estimates, images->count,
                                    metrics->pixels != GKV_PIXELS_MEAN_LEVELS, &s));
    metrics->neg_elbo = s.neg_elbo.mean, metrics->neg_elbo_se = s.neg_elbo.se;
    metrics->reconstruction = s.reconstruction.mean,
    metrics->reconstruction_se = s.reconstruction.se;
    metrics->kl = s.kl.mean, metrics->kl_se = s.kl.se;
    metrics->nll = s.nll.mean, metrics->nll_se = s.nll.se;
    metrics->ess = s.ess;
    return GKV_OK;
}

double gkv_bits_per_dimension(double nats, uint64_t values)
{
    return nats / ((double)values * log(2));
}

gkv_status gkv_evaluate(const gkv_model *model, const gkv_dataset *images, gkv_eval_set set,
                        const gkv_settings *settings, const gkv_refine_settings *refine,
                        const gkv_run_options *options, float *refined_mean, gkv_metrics *metrics)
{
    gki_call call, quiet;
    GKV_NEED(metrics);
    memset(metrics, 0, sizeof *metrics);
    gkv_generation_none(&metrics->generation);
    GKV_NEED(model);
    GKV_NEED(images);
    settings = settings ? settings : &model->settings;
    GKV_TRY(gki_images_check_size(model, images, ""));
    const double began = omp_get_wtime();
    if (refine && refine->mode != GKV_REFINE_MEAN)
        return gki_fail(
            GKV_ERR_ARGUMENT,
            "an evaluation needs posteriors, and MAP refinement has none; use GKV_REFINE_MEAN");
    if (refine) /* an error must not wait for the first round */
        GKV_TRY(gki_refine_settings_check(refine));
    if (set < GKV_EVAL_TEST || set > GKV_EVAL_VALIDATION)
        return gki_fail(GKV_ERR_ARGUMENT, "%d is not a gkv_eval_set", (int)set);
    GKV_TRY(gki_call_begin(&call, options, 0));
    gki_images chosen;
    uint32_t *order = NULL;
    gki_estimates estimates = {0};
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_images_pixels(model, settings, &metrics->pixels));
    GKV_TRY_GOTO(choose_images(model, images, settings, set, &order, &chosen));
    call.total = (refine ? 2 : 1) * chosen.count;
    gki_estimate_job job = {.model = model,
                            .params = &model->params,
                            .images = &chosen,
                            .samples = (size_t)settings->eval.samples,
                            .seed = settings->eval.seed,
                            .likelihood = metrics->pixels != GKV_PIXELS_MEAN_LEVELS,
                            .threads = gki_call_threads(&call, settings->train.threads),
                            .call = &call,
                            .dist = call.options.dist};
    GKV_TRY_GOTO(gki_estimates_create(chosen.count, &estimates));
    GKV_TRY_GOTO(gki_estimate(&job, &estimates));
    metrics->values = model->values;
    metrics->channels = model->channels;
    GKV_TRY_GOTO(summarise(&estimates, &chosen, metrics));
    gki_refined_metrics_none(&metrics->refined);
    if (refine)
        GKV_TRY_GOTO(
            gki_evaluate_refined(&job, refine, &estimates, refined_mean, &metrics->refined));
    const gkv_run_options inner = gki_call_inner(&call);
    GKV_TRY_GOTO(gki_call_begin(&quiet, &inner, chosen.count));
    job.call = &quiet;
    GKV_TRY_GOTO(measure_codes(&job, metrics));
    GKV_TRY_GOTO(gki_class_accuracy_of(model, &chosen, &quiet, job.dist, &metrics->class_accuracy));
    metrics->nll_samples = job.samples;
    metrics->images = chosen.count;
    metrics->parameters = gkv_model_parameters(model);
    metrics->train_seconds = metrics->refit_seconds = NAN;
    metrics->threads = job.threads;
    metrics->seed = model->settings.train.seed;
    metrics->eval_seed = settings->eval.seed;
    name_images(settings, set, metrics);
    describe_files(images, metrics);
    describe_protocol(settings, &chosen, set, metrics);
    metrics->eval_seconds = omp_get_wtime() - began;
done:
    free(order);
    gki_estimates_free(&estimates);
    return status;
}

gkv_status gkv_estimate(const gkv_model *model, size_t n, const float *images, size_t samples,
                        uint64_t seed, uint64_t first, const gkv_run_options *options,
                        double *neg_elbo, double *nll)
{
    gki_call call;
    GKV_NEED(model);
    GKV_NEED(images);
    if (samples < 1)
        return gki_fail(GKV_ERR_ARGUMENT, "an estimate of 0 samples: give 1 or more");
    GKV_TRY(gki_call_begin(&call, options, n));
    const gki_images chosen = {.count = n};
    const gki_estimate_job job = {.model = model,
                                  .params = &model->params,
                                  .images = &chosen,
                                  .x = images,
                                  .first = first,
                                  .samples = samples,
                                  .seed = seed,
                                  .threads = gki_call_threads(&call, model->settings.train.threads),
                                  .call = &call};
    gki_estimates estimates = {0};
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_estimates_create(n, &estimates));
    GKV_TRY_GOTO(gki_estimate(&job, &estimates));
    for (size_t i = 0; neg_elbo && i < n; i++)
        neg_elbo[i] = estimates.reconstruction[i] + estimates.kl[i];
    for (size_t i = 0; nll && i < n; i++)
        nll[i] = estimates.nll[i];
done:
    gki_estimates_free(&estimates);
    return status;
}

gkv_status gkv_targets(const gkv_dataset *images, size_t n, gkv_split split, size_t first,
                       const gkv_settings *settings, float *targets)
{
    gkv_settings defaults;
    GKV_NEED(images);
    GKV_NEED(targets);
    if (!settings) {
        gkv_settings_defaults(&defaults);
        settings = &defaults;
    }
    const size_t count = gkv_dataset_count(images), pixels = gki_dataset_values(images);
    if (first > count || n > count - first)
        return gki_fail(GKV_ERR_ARGUMENT, "images %zu to %zu: there are %zu", first, first + n,
                        count);
    gki_images once;
    gki_real *row = NULL;
    GKV_TRY(gki_images_of_split(settings, images, split, &once));
    GKV_TRY(gki_alloc(pixels, sizeof *row, &row));
    for (size_t i = 0; i < n; i++) {
        gki_images_fetch(&once, first + i, 0, row);
        for (size_t k = 0; k < pixels; k++)
            targets[i * pixels + k] = (float)row[k];
    }
    free(row);
    return GKV_OK;
}
