/* The metrics of generation (gkvae/generation.h): features and distances of all sets of images. */
#include "gkvae/generation.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <omp.h>

#include "core/call.h"
#include "core/memory.h"
#include "data/dataset.h"
#include "core/rng.h"
#include "gkvae/eval.h"
#include "gkvae/generation_metrics.h"
#include "gkvae/image_metrics.h"
#include "metrics/sets.h"
#include "infer/generation_sets.h"
#include "infer/rank_part.h"
#include "vae/images.h"
#include "vae/model.h"

enum { NEAREST_MAX = 2000 };

/* The test images in one form. */
typedef struct test_form {
    float *features; /* [references, dimensions] */
    gkv_reference *reference;
} test_form;

typedef struct generation_job {
    gki_set_source source;
    const gkv_features *network;
    gki_call call;         /* its units are sets of images */
    gkv_run_options inner; /* the options of calls within it */
    size_t references, dimensions, classes, repetitions;
    size_t forms; /* the forms in which test images are compared: as they are, and binarized */
    bool levels;  /* whether levels are drawn, which are compared with test images as they are */
    bool samples_only;
    gkv_kid_settings kid;
    gkv_neighbour_settings neighbours;
    test_form tests[GKV_IMAGE_FORMS];
    uint32_t *order;                 /* a random order of the training images */
    float *targets;                  /* [references, pixels] */
    float *codes;                    /* of one set: [rows, latent] */
    float *means, *pixels;           /* of one set: [rows, pixels] each */
    float *features, *probabilities; /* of one set in one form */
} generation_job;

void gkv_generation_none(gkv_generation *out)
{
    if (!out)
        return;
    memset(out, 0, sizeof *out);
    for (int s = 0; s < GKV_IMAGE_SETS; s++)
        for (int f = 0; f < GKV_IMAGE_FORMS; f++)
            out->figures[s][f] = (gkv_generation_figures){NAN, NAN, NAN, NAN, NAN, NAN, NAN,
                                                          NAN, NAN, NAN, NAN, NAN, NAN};
    out->test_confidence = out->test_confident = out->test_recognised = NAN;
    out->nearest_samples = out->nearest_samples_se = NAN;
    out->nearest_reconstructions = out->nearest_reconstructions_se = NAN;
    out->nearest_test = out->nearest_test_se = NAN;
    out->temperature = out->seconds = NAN;
}

/* Reports a finished step. GKV_ERR_INTERRUPTED if it is time to stop. */
static gkv_status step_done(generation_job *job)
{
    gki_call_advance(&job->call, 1);
    return gki_call_end(&job->call, "the measurement of generation", "sets of images");
}

/* --- features ------------------------------------------------------------- */

/* Computes features[n, dimensions] and job->probabilities of n images, of which this rank has its
 * part. */
static gkv_status apply_features(const generation_job *job, size_t n, const float *images,
                                 float *features)
{
    const gki_part p = gki_part_of(job->inner.dist, n);
    if (p.n > 0)
        GKV_TRY(gkv_features_apply(job->network, p.n, images + p.first * job->source.pixels,
                                   &job->inner, features + p.first * job->dimensions,
                                   job->probabilities + p.first * job->classes));
    GKV_TRY(gki_part_share(job->inner.dist, n, job->dimensions * sizeof *features, features));
    return gki_part_share(job->inner.dist, n, job->classes * sizeof *job->probabilities,
                          job->probabilities);
}

/* --- the test images ------------------------------------------------------ */

/* Returns the fraction of images whose most probable class is their label; NaN without labels. */
static double recognised(const generation_job *job, const gki_set_ops *set, size_t repetition,
                         size_t n)
{
    size_t right = 0;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *label = set->label ? set->label(&job->source, repetition, i) : NULL;
        if (!label)
            return NAN;
        right += gki_most_probable(job->probabilities + i * job->classes, job->classes) == *label;
    }
    return (double)right / (double)n;
}

static gkv_status measure_test(generation_job *job, gkv_generation *out)
{
    for (size_t f = 0; f < job->forms; f++) {
        const float *images = job->targets;
        if (f == GKV_FORM_MEANS) {
            gki_images_grey(gkv_dataset_pixels(job->source.test, 0),
                            job->references * job->source.pixels, job->means);
            images = job->means;
        }
        test_form *test = &job->tests[f];
        GKV_TRY(apply_features(job, job->references, images, test->features));
        GKV_TRY(gkv_reference_create(job->references, job->dimensions, test->features,
                                     &job->neighbours, &job->inner, &test->reference));
        if (f == GKV_FORM_MEANS) {
            gkv_class_metrics classes;
            GKV_TRY(gkv_class_metrics_of(job->references, job->classes, job->probabilities,
                                         out->test_class_share, &classes));
            out->test_confidence = classes.confidence;
            out->test_confident = classes.confident;
            out->test_recognised =
                recognised(job, &gki_set_table[GKV_SET_RECONSTRUCTIONS], 0, job->references);
        }
    }
    return step_done(job);
}

/* --- one set of images ---------------------------------------------------- */

/* A figure's values over repetitions. */
typedef struct repeated {
    gkv_accumulator frechet, kid, precision, recall, density, coverage, entropy, confidence,
        confident, recognised;
} repeated;

static void summarise(const repeated *from, gkv_generation_figures *figures)
{
    const gkv_mean_se frechet = gkv_accumulator_result(&from->frechet),
                      kid = gkv_accumulator_result(&from->kid);
    const gkv_mean_se coverage = gkv_accumulator_result(&from->coverage);
    *figures = (gkv_generation_figures){
        .frechet = frechet.mean,
        .frechet_se = frechet.se,
        .kid = kid.mean,
        .kid_se = kid.se,
        .precision = from->precision.mean,
        .recall = from->recall.mean,
        .density = from->density.mean,
        .coverage = coverage.mean,
        .coverage_se = coverage.se,
        .class_entropy = from->entropy.mean,
        .confidence = from->confidence.mean,
        .confident = from->confident.mean,
        .recognised = from->recognised.mean,
    };
}

/* Compares n images, of which this rank has its part, with the test images of that form, and adds
 * the figures to *to.
 * class_fractions[classes], unless it is NULL, receives the histogram of classes. */
static gkv_status measure(const generation_job *job, gkv_image_form form, size_t n,
                          const float *images, double *class_fractions, repeated *figures)
{
    const test_form *against = &job->tests[form == GKV_FORM_LEVELS ? GKV_FORM_MEANS : form];
    double frechet = 0;
    gkv_kid kid;
    gkv_neighbour_metrics neighbours;
    gkv_class_metrics classes;
    GKV_TRY(apply_features(job, n, images, job->features));
    GKV_TRY(gkv_frechet_distance(job->references, n, job->dimensions, against->features,
                                 job->features, &frechet));
    GKV_TRY(gkv_kernel_distance(job->references, n, job->dimensions, against->features,
                                job->features, &job->kid, &job->inner, &kid));
    GKV_TRY(
        gkv_neighbour_metrics_of(against->reference, n, job->features, &job->inner, &neighbours));
    GKV_TRY(gkv_class_metrics_of(n, job->classes, job->probabilities, class_fractions, &classes));
    gkv_accumulator_add(&figures->frechet, frechet);
    gkv_accumulator_add(&figures->kid, kid.mean);
    gkv_accumulator_add(&figures->precision, neighbours.precision);
    gkv_accumulator_add(&figures->recall, neighbours.recall);
    gkv_accumulator_add(&figures->density, neighbours.density);
    gkv_accumulator_add(&figures->coverage, neighbours.coverage);
    gkv_accumulator_add(&figures->entropy, classes.entropy);
    gkv_accumulator_add(&figures->confidence, classes.confidence);
    gkv_accumulator_add(&figures->confident, classes.confident);
    return GKV_OK;
}

/* Computes mean and standard error over images[n, pixels] of the distance to the nearest training
 * image. */
static gkv_status measure_nearest(const generation_job *job, size_t n, const float *images,
                                  double *mean, double *se)
{
    double *distance = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(n, sizeof *distance, &distance));
    GKV_TRY_GOTO(gkv_nearest(n, gkv_dataset_count(job->source.training), job->source.pixels, images,
                             gkv_dataset_pixels(job->source.training, 0), &job->inner, NULL,
                             distance));
    const gkv_mean_se result = gkv_mean_se_of(n, distance);
    *mean = result.mean;
    *se = result.se;
done:
    free(distance);
    return status;
}

/* Measures draws of the levels of the images that make() has written to `means`. Images that are
 * not decoded are levels already. */
static gkv_status measure_levels(generation_job *job, const gki_set_ops *set, size_t repetition,
                                 size_t n, repeated figures[GKV_IMAGE_FORMS])
{
    repeated *levels = &figures[GKV_FORM_LEVELS];
    const gki_part p = gki_part_of(job->inner.dist, n);
    if (!set->codes) {
        *levels = figures[GKV_FORM_MEANS];
        return GKV_OK;
    }
    GKV_TRY(gkv_model_sample_images(job->source.model, p.n,
                                    set->codes(&job->source) + p.first * job->source.model->d,
                                    job->source.seed, repetition * n + p.first, &job->inner,
                                    job->pixels + p.first * job->source.pixels));
    GKV_TRY(measure(job, GKV_FORM_LEVELS, n, job->pixels, NULL, levels));
    gkv_accumulator_add(&levels->recognised, recognised(job, set, repetition, n));
    return GKV_OK;
}

/* How many images a set has; 0 if it is not measured. */
static size_t count_of(const generation_job *job, gkv_image_set which)
{
    return job->samples_only && which != GKV_SET_SAMPLES ? 0
                                                         : gki_set_table[which].count(&job->source);
}

/* Measures all repetitions of a set, in all forms. Fractions of classes and distances to training
 * images are those of the first repetition of the samples. */
static gkv_status measure_set(generation_job *job, gkv_image_set which, gkv_generation *out)
{
    const gki_set_ops *set = &gki_set_table[which];
    const size_t n = count_of(job, which), repetitions = set->repeated ? job->repetitions : 1;
    const size_t nearest = n < NEAREST_MAX ? n : NEAREST_MAX;
    const gki_part p = gki_part_of(job->inner.dist, n);
    const size_t pixels = job->source.pixels;
    float *means = job->means + p.first * pixels; /* of this rank's images */
    repeated figures[GKV_IMAGE_FORMS] = {{.frechet = {0}}};
    for (size_t r = 0; n > 0 && r < repetitions; r++) {
        double *class_fractions = which == GKV_SET_SAMPLES && r == 0 ? out->class_share : NULL;
        GKV_TRY(set->make(&job->source, r, p.first, p.n, means));
        GKV_TRY(
            measure(job, GKV_FORM_MEANS, n, job->means, class_fractions, &figures[GKV_FORM_MEANS]));
        gkv_accumulator_add(&figures[GKV_FORM_MEANS].recognised, recognised(job, set, r, n));
        if (job->forms > GKV_FORM_BINARY) {
            GKV_TRY(gkv_model_sample_pixels(job->source.model, p.n, means, job->source.seed,
                                            r * n + p.first, &job->inner,
                                            job->pixels + p.first * pixels));
            GKV_TRY(measure(job, GKV_FORM_BINARY, n, job->pixels, NULL, &figures[GKV_FORM_BINARY]));
            gkv_accumulator_add(&figures[GKV_FORM_BINARY].recognised, recognised(job, set, r, n));
        }
        if (job->levels)
            GKV_TRY(measure_levels(job, set, r, n, figures));
        if (which == GKV_SET_SAMPLES && r == 0 && !job->samples_only) {
            GKV_TRY(gki_part_share_first(job->inner.dist, n, nearest, pixels * sizeof *means,
                                         job->means));
            GKV_TRY(measure_nearest(job, nearest, job->means, &out->nearest_samples,
                                    &out->nearest_samples_se));
        }
        GKV_TRY(step_done(job));
    }
    for (size_t f = 0; n > 0 && f < job->forms; f++)
        summarise(&figures[f], &out->figures[which][f]);
    if (n > 0 && job->levels)
        summarise(&figures[GKV_FORM_LEVELS], &out->figures[which][GKV_FORM_LEVELS]);
    return GKV_OK;
}

/* Measures the distances of up to NEAREST_MAX test images and of their reconstructions to the
 * training images. The images are drawn from the seed, because the first test images of MNIST are
 * easier than the last. */
static gkv_status measure_nearest_of_test(generation_job *job, gkv_generation *out)
{
    const size_t n = job->references < NEAREST_MAX ? job->references : NEAREST_MAX,
                 pixels = job->source.pixels;
    uint32_t *selected = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(job->references, sizeof *selected, &selected));
    gki_rng_permutation(gki_rng_at(job->source.seed, GKV_STREAM_CHOICE, 0, 1),
                        (uint32_t)job->references, selected);
    for (size_t i = 0; i < n; i++) {
        gki_images_grey(gkv_dataset_pixels(job->source.test, selected[i]), pixels,
                        job->means + i * pixels);
        memcpy(job->pixels + i * pixels, job->targets + selected[i] * pixels,
               pixels * sizeof *job->pixels);
    }
    GKV_TRY_GOTO(measure_nearest(job, n, job->means, &out->nearest_test, &out->nearest_test_se));
    GKV_TRY_GOTO(gkv_model_encode(job->source.model, n, job->pixels, &job->inner, job->codes));
    GKV_TRY_GOTO(gkv_model_decode(job->source.model, n, job->codes, &job->inner, job->means));
    GKV_TRY_GOTO(measure_nearest(job, n, job->means, &out->nearest_reconstructions,
                                 &out->nearest_reconstructions_se));
    out->nearest_images = n;
    status = step_done(job);
done:
    free(selected);
    return status;
}

/* --- all sets ------------------------------------------------------------- */

static gkv_status check(const gkv_model *model, const gkv_dataset *test,
                        const gkv_dataset *training, const gkv_features *network)
{
    const gkv_dataset *const both[] = {test, training};
    const size_t height = model->height, width = model->width;
    if (gkv_settings_pixels(&model->settings) == GKV_PIXELS_CONTINUOUS)
        return gki_fail(
            GKV_ERR_DATA,
            "metrics of generation are of levels, and the model's images are continuous");
    if (model->channels != 1)
        return gki_fail(GKV_ERR_DATA,
                        "metrics of generation are of grey images, and the model's are in colour");
    for (size_t i = 0; i < 2; i++)
        GKV_TRY(gki_images_check_size(model, both[i], i == 0 ? "test " : "training "));
    if (gkv_features_height(network) != height || gkv_features_width(network) != width)
        return gki_fail(GKV_ERR_DATA,
                        "the feature network \"%s\" is for images of %zu × %zu, but the model's "
                        "are %zu × %zu: give another one by eval.features",
                        gkv_features_name(network), gkv_features_height(network),
                        gkv_features_width(network), height, width);
    return GKV_OK;
}

static gkv_status allocate(generation_job *job)
{
    const size_t training = gkv_dataset_count(job->source.training);
    const size_t rows = job->source.draws > job->references ? job->source.draws : job->references;
    GKV_TRY(gki_alloc(training, sizeof *job->order, &job->order));
    GKV_TRY(gki_alloc(job->references * job->source.pixels, sizeof *job->targets, &job->targets));
    GKV_TRY(gki_alloc(rows * job->source.model->d, sizeof *job->codes, &job->codes));
    GKV_TRY(gki_alloc(rows * job->source.pixels, sizeof *job->means, &job->means));
    GKV_TRY(gki_alloc(rows * job->source.pixels, sizeof *job->pixels, &job->pixels));
    GKV_TRY(gki_alloc(rows * job->dimensions, sizeof *job->features, &job->features));
    GKV_TRY(gki_alloc(rows * job->classes, sizeof *job->probabilities, &job->probabilities));
    for (size_t f = 0; f < job->forms; f++)
        GKV_TRY(gki_alloc(job->references * job->dimensions, sizeof *job->tests[f].features,
                          &job->tests[f].features));
    return GKV_OK;
}

static void release(generation_job *job)
{
    for (size_t f = 0; f < GKV_IMAGE_FORMS; f++) {
        free(job->tests[f].features);
        gkv_reference_free(job->tests[f].reference);
    }
    free(job->order);
    free(job->targets);
    free(job->codes);
    free(job->means);
    free(job->pixels);
    free(job->features);
    free(job->probabilities);
}

static size_t count_steps(const generation_job *job)
{
    /* the test images, and their nearest training images */
    size_t steps = job->samples_only ? 1 : 2;
    for (int s = 0; s < GKV_IMAGE_SETS; s++)
        if (count_of(job, (gkv_image_set)s) > 0)
            steps += gki_set_table[s].repeated ? job->repetitions : 1;
    return steps;
}

static void describe(const generation_job *job, gkv_generation *out)
{
    const size_t subset = job->kid.size,
                 least = job->source.draws < job->references ? job->source.draws : job->references;
    out->draws = job->source.draws;
    out->sets = job->repetitions;
    out->references = job->references;
    out->classes = job->classes;
    out->temperature = job->source.temperature;
    snprintf(out->features, sizeof out->features, "%s", gkv_features_name(job->network));
    snprintf(out->features_sha256, sizeof out->features_sha256, "%s",
             gkv_features_sha256(job->network));
    snprintf(out->protocol, sizeof out->protocol,
             "features of the network \"%s\" (SHA-256 %.8s…); sets of %zu draws at temperature %g "
             "against all %zu test images; KID of %zu subsets of %zu; precision and recall with k "
             "= %zu, density and coverage with k = %zu",
             out->features, out->features_sha256, job->source.draws, job->source.temperature,
             job->references, job->kid.subsets, subset < least ? subset : least,
             job->neighbours.k_precision, job->neighbours.k_density);
}

gkv_status gkv_evaluate_generation(const gkv_model *model, const gkv_dataset *test,
                                   const gkv_dataset *training, const gkv_features *network,
                                   const float *refined, const gkv_settings *settings,
                                   const gkv_run_options *options, gkv_generation *out)
{
    gki_call call;
    GKV_NEED(out);
    gkv_generation_none(out);
    GKV_NEED(model);
    GKV_NEED(test);
    GKV_NEED(training);
    GKV_NEED(network);
    settings = settings ? settings : &model->settings;
    GKV_TRY(gki_call_begin(&call, options, 0));
    if (settings->eval.draws < 0 || settings->eval.draw_sets < 1 ||
        !(settings->eval.temperature >= 0) || isinf(settings->eval.temperature))
        return gki_fail(
            GKV_ERR_ARGUMENT,
            "generation: %" PRId64 " draws in each of %" PRId64
            " sets at temperature %g: there must be one set or more, and no number may be negative",
            settings->eval.draws, settings->eval.draw_sets, settings->eval.temperature);
    if (settings->eval.generation == GKV_GENERATION_NONE)
        return GKV_OK;
    GKV_TRY(check(model, test, training, network));
    gkv_pixels pixels;
    GKV_TRY(gki_images_pixels(model, settings, &pixels));
    const bool samples_only = settings->eval.generation == GKV_GENERATION_SAMPLES;
    const double began = omp_get_wtime();
    const size_t references = gkv_dataset_count(test);
    generation_job job = {
        .source = {.model = model,
                   .test = test,
                   .training = training,
                   .refined = refined,
                   .draws = settings->eval.draws > 0 ? (size_t)settings->eval.draws : references,
                   .pixels = model->values,
                   .seed = settings->eval.seed,
                   .temperature = settings->eval.temperature},
        .network = network,
        .call = call,
        .references = references,
        .dimensions = gkv_features_dimensions(network),
        .classes = gkv_features_classes(network),
        .repetitions = (size_t)settings->eval.draw_sets,
        .samples_only = samples_only,
        .forms = samples_only || pixels != GKV_PIXELS_BINARY ? 1 : 2,
        .levels = !samples_only && pixels == GKV_PIXELS_LEVELS,
    };
    gkv_status status = GKV_OK;
    gkv_kid_defaults(&job.kid);
    gkv_neighbour_defaults(&job.neighbours);
    job.kid.seed = job.source.seed;
    job.inner = gki_call_inner(&job.call);
    job.inner.threads = gki_call_threads(&call, settings->train.threads);
    job.inner.dist = call.options.dist;
    job.source.inner = &job.inner;
    GKV_TRY_GOTO(allocate(&job));
    gki_rng_permutation(gki_rng_at(job.source.seed, GKV_STREAM_CHOICE, 0, 0),
                        (uint32_t)gkv_dataset_count(training), job.order);
    GKV_TRY_GOTO(gkv_targets(test, references, GKV_TEST, 0, settings, job.targets));
    job.source.targets = job.targets;
    job.source.order = job.order;
    job.source.codes = job.codes;
    job.call.total = count_steps(&job);
    GKV_TRY_GOTO(measure_test(&job, out));
    for (int s = 0; s < GKV_IMAGE_SETS; s++)
        GKV_TRY_GOTO(measure_set(&job, (gkv_image_set)s, out));
    if (!job.samples_only)
        GKV_TRY_GOTO(measure_nearest_of_test(&job, out));
    describe(&job, out);
    out->seconds = omp_get_wtime() - began;
done:
    release(&job);
    if (status != GKV_OK)
        gkv_generation_none(out);
    return status;
}
