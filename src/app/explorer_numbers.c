/* The numbers of an explorer page; declared in explorer_numbers.h. */
#include "app/explorer_numbers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "gkvae/eval.h"
#include "gkvae/refine.h"
#include "vae/model.h"

enum {
    PRIOR_DRAWS = 400,    /* codes of a page without training images */
    REFERENCES = 6,       /* images of gki_explorer_reference() */
    ESTIMATE_SAMPLES = 50 /* of −ELBO of an image */
};
static const uint64_t seed = 1; /* of all noise here */

/* --- Examples ------------------------------------------------------------- */

/* Appends labels, if there are some, and numbers in the data set, as tensors PREFIX.NAME. */
static gkv_status add_names(const gki_explorer_images *images, const char *prefix,
                            gki_tensors *tensors)
{
    gkv_status status = GKV_OK;
    char name[64];
    float *numbers = NULL;
    snprintf(name, sizeof name, "%s.labels", prefix);
    if (images->labels)
        GKV_TRY_GOTO(gki_tensors_bytes(tensors, name, 1, &images->count, images->labels));
    GKV_TRY_GOTO(gki_alloc(images->count, sizeof *numbers, &numbers));
    for (size_t i = 0; i < images->count; i++)
        numbers[i] = (float)images->indices[i];
    snprintf(name, sizeof name, "%s.indices", prefix);
    GKV_TRY_GOTO(gki_tensors_float(tensors, name, 1, &images->count, numbers));
done:
    free(numbers);
    return status;
}

/* Appends the results of a refinement: means, scales, and −ELBO before and after. */
static gkv_status add_refined(const gkv_model *model, const gki_explorer_images *test,
                              const gkv_run_options *options, gki_tensors *tensors)
{
    const size_t n = test->count, d = model->d, shape[] = {n, d};
    gkv_status status = GKV_OK;
    gkv_refiner *refiner = NULL;
    float *mean = NULL, *factor = NULL, *scale = NULL, *bound = NULL;
    double *before = NULL, *after = NULL;
    GKV_TRY_GOTO(gki_alloc(n * d, sizeof *mean, &mean));
    GKV_TRY_GOTO(gki_alloc(n * d, sizeof *scale, &scale));
    GKV_TRY_GOTO(gki_alloc(n * d * d, sizeof *factor, &factor));
    GKV_TRY_GOTO(gki_alloc(2 * n, sizeof *bound, &bound));
    GKV_TRY_GOTO(gki_alloc(n, sizeof *before, &before));
    GKV_TRY_GOTO(gki_alloc(n, sizeof *after, &after));
    GKV_TRY_GOTO(gkv_refiner_create(model, NULL, &refiner));
    const gkv_refined refined = {.mean = mean, .factor = factor, .before = before, .after = after};
    GKV_TRY_GOTO(gkv_refiner_run(refiner, n, test->targets, 0, options, &refined));
    for (size_t i = 0; i < n * d; i++) {
        double sum = 0; /* of the row of L, whose other elements are 0 */
        for (size_t j = 0; j < d; j++)
            sum += (double)factor[i * d + j] * (double)factor[i * d + j];
        scale[i] = (float)sqrt(sum);
    }
    for (size_t i = 0; i < n; i++) {
        bound[i] = (float)before[i];
        bound[n + i] = (float)after[i];
    }
    GKV_TRY_GOTO(gki_tensors_float(tensors, "test.refined.mean", 2, shape, mean));
    GKV_TRY_GOTO(gki_tensors_float(tensors, "test.refined.scale", 2, shape, scale));
    GKV_TRY_GOTO(gki_tensors_float(tensors, "test.before", 1, &n, bound));
    GKV_TRY_GOTO(gki_tensors_float(tensors, "test.after", 1, &n, bound + n));
done:
    gkv_refiner_free(refiner);
    free(mean);
    free(factor);
    free(scale);
    free(bound);
    free(before);
    free(after);
    return status;
}

static gkv_status add_test(const gki_explorer *explorer, const gkv_run_options *options,
                           gki_tensors *tensors)
{
    const gki_explorer_images *const test = &explorer->test;
    const size_t shape[] = {test->count, explorer->model->values};
    if (test->count == 0)
        return GKV_OK;
    GKV_TRY(gki_tensors_levels(tensors, "test.images", 2, shape, test->originals));
    GKV_TRY(gkv_settings_pixels(&explorer->model->settings) == GKV_PIXELS_CONTINUOUS
                ? gki_tensors_float(tensors, "test.targets", 2, shape, test->targets)
                : gki_tensors_levels(tensors, "test.targets", 2, shape, test->targets));
    GKV_TRY(add_names(test, "test", tensors));
    return add_refined(explorer->model, test, options, tensors);
}

/* Appends codes z[n, d] with their ε and log p(z). */
static gkv_status add_places(const gkv_model *model, size_t n, const float *z,
                             const gkv_run_options *options, gki_tensors *tensors)
{
    const size_t shape[] = {n, model->d};
    gkv_status status = GKV_OK;
    float *eps = NULL, *rounded = NULL;
    double *log_prior = NULL;
    GKV_TRY_GOTO(gki_alloc(n * model->d, sizeof *eps, &eps));
    GKV_TRY_GOTO(gki_alloc(n, sizeof *rounded, &rounded));
    GKV_TRY_GOTO(gki_alloc(n, sizeof *log_prior, &log_prior));
    GKV_TRY_GOTO(gkv_model_normalise(model, n, z, options, eps));
    GKV_TRY_GOTO(gkv_model_log_prior(model, n, z, options, log_prior));
    for (size_t i = 0; i < n; i++)
        rounded[i] = (float)log_prior[i];
    GKV_TRY_GOTO(gki_tensors_float(tensors, "cloud.codes", 2, shape, z));
    GKV_TRY_GOTO(gki_tensors_float(tensors, "cloud.eps", 2, shape, eps));
    GKV_TRY_GOTO(gki_tensors_float(tensors, "cloud.log_prior", 1, &n, rounded));
done:
    free(eps);
    free(rounded);
    free(log_prior);
    return status;
}

/* Appends the codes of the training images, or those of draws. */
static gkv_status add_codes(const gki_explorer *explorer, const gkv_run_options *options,
                            gki_tensors *tensors)
{
    const gki_explorer_images *const train = &explorer->train;
    const size_t n = train->count > 0 ? train->count : PRIOR_DRAWS, d = explorer->model->d;
    const size_t images[] = {n, explorer->model->values};
    gkv_status status = GKV_OK;
    float *z = NULL;
    GKV_TRY_GOTO(gki_alloc(n * d, sizeof *z, &z));
    if (train->count > 0) {
        GKV_TRY_GOTO(gkv_model_encode(explorer->model, n, train->targets, options, z));
        GKV_TRY_GOTO(gki_tensors_levels(tensors, "cloud.images", 2, images, train->originals));
        GKV_TRY_GOTO(add_names(train, "cloud", tensors));
    } else {
        GKV_TRY_GOTO(gkv_model_sample(explorer->model, n, seed, 0, 1, options, z));
    }
    status = add_places(explorer->model, n, z, options, tensors);
done:
    free(z);
    return status;
}

gkv_status gki_explorer_examples(const gki_explorer *explorer, const gkv_run_options *options,
                                 json_t *about, gki_tensors *tensors)
{
    if (json_object_set_new(about, "cloud",
                            json_string(explorer->train.count > 0 ? "training" : "prior")))
        return gki_fail(GKV_ERR_MEMORY, "no memory for the description of a page");
    GKV_TRY(add_test(explorer, options, tensors));
    return add_codes(explorer, options, tensors);
}

gkv_status gki_explorer_neg_elbo(const gki_explorer *explorer, const gkv_run_options *options,
                                 double *out)
{
    const size_t n = explorer->test.count;
    gkv_status status = GKV_OK;
    double *bound = NULL;
    *out = NAN;
    if (n == 0)
        return GKV_OK;
    GKV_TRY_GOTO(gki_alloc(n, sizeof *bound, &bound));
    GKV_TRY_GOTO(gkv_estimate(explorer->model, n, explorer->test.targets, ESTIMATE_SAMPLES, seed, 0,
                              options, bound, NULL));
    *out = 0;
    for (size_t i = 0; i < n; i++)
        *out += bound[i] / (double)n;
done:
    free(bound);
    return status;
}

/* --- Reference ------------------------------------------------------------ */

/* Writes n targets: the first test images; without these, medians of draws from the prior. */
static gkv_status reference_targets(const gki_explorer *explorer, size_t n,
                                    const gkv_run_options *options, float *targets)
{
    const gkv_model *const model = explorer->model;
    if (explorer->test.count > 0) {
        memcpy(targets, explorer->test.targets, n * model->values * sizeof *targets);
        return GKV_OK;
    }
    gkv_status status = GKV_OK;
    float *z = NULL;
    GKV_TRY_GOTO(gki_alloc(n * model->d, sizeof *z, &z));
    GKV_TRY_GOTO(gkv_model_sample(model, n, seed, PRIOR_DRAWS, 1, options, z));
    GKV_TRY_GOTO(gkv_model_decode_medians(model, n, z, options, targets));
done:
    free(z);
    return status;
}

static gkv_status add_slot(const gki_workspace *ws, gki_slot slot, size_t width, size_t n,
                           const char *name, gki_tensors *tensors)
{
    const size_t shape[] = {n, width};
    gkv_status status = GKV_OK;
    float *rows = NULL;
    GKV_TRY_GOTO(gki_alloc(n * width, sizeof *rows, &rows));
    for (size_t r = 0; r < n; r++)
        for (size_t j = 0; j < width; j++)
            rows[r * width + j] = (float)gki_at(ws, slot, r)[j];
    GKV_TRY_GOTO(gki_tensors_float(tensors, name, 2, shape, rows));
done:
    free(rows);
    return status;
}

/* Appends what a forward pass left in the workspace, and the decoder's means. */
static gkv_status add_pass(const gkv_model *model, gki_workspace *ws, size_t n,
                           gki_tensors *tensors)
{
    const size_t d = model->d;
    float log_prior[REFERENCES];
    for (size_t r = 0; r < n; r++)
        log_prior[r] = (float)gki_pass_log_prior(model, ws, r);
    GKV_TRY(add_slot(ws, model->x, model->values, n, "reference.targets", tensors));
    GKV_TRY(add_slot(ws, model->posterior.u, d, n, "reference.u", tensors));
    GKV_TRY(add_slot(ws, model->encoder->out, d, n, "reference.mean", tensors));
    GKV_TRY(add_slot(ws, model->posterior.sigma, d, n, "reference.scale", tensors));
    GKV_TRY(add_slot(ws, model->posterior.z, d, n, "reference.z", tensors));
    GKV_TRY(add_slot(ws, model->flow->eps, d, n, "reference.eps", tensors));
    GKV_TRY(add_slot(ws, model->posterior.log_q, 1, n, "reference.log_q", tensors));
    GKV_TRY(gki_tensors_float(tensors, "reference.log_prior", 1, &n, log_prior));
    GKV_TRY(add_slot(ws, model->reconstruction, 1, n, "reference.reconstruction", tensors));
    model->likelihood->ops->means(model->likelihood, ws->params, n,
                                  gki_at(ws, model->decoder->out, 0), gki_at(ws, model->x, 0));
    return add_slot(ws, model->x, model->values, n, "reference.images", tensors);
}

gkv_status gki_explorer_reference(const gki_explorer *explorer, const gkv_run_options *options,
                                  gki_tensors *tensors)
{
    const gkv_model *const model = explorer->model;
    const size_t n = explorer->test.count > 0 && explorer->test.count < REFERENCES
                         ? explorer->test.count
                         : REFERENCES;
    gkv_status status = GKV_OK;
    gki_workspace ws = {.rows = 0};
    float *targets = NULL;
    GKV_TRY_GOTO(gki_alloc(n * model->values, sizeof *targets, &targets));
    GKV_TRY_GOTO(reference_targets(explorer, n, options, targets));
    GKV_TRY_GOTO(gki_workspace_create(&model->plan, n, false, &model->params, &ws));
    for (size_t r = 0; r < n; r++) {
        for (size_t j = 0; j < model->values; j++)
            gki_at(&ws, model->x, r)[j] = (gki_real)targets[r * model->values + j];
        gki_rng_normal(gki_rng_at(seed, GKV_STREAM_USER, 0, r), model->d,
                       gki_at(&ws, model->posterior.u, r));
        if (model->base->classes > 0)
            *gki_at(&ws, model->label, r) = 0;
    }
    gki_pass_forward(model, &ws, 0, n);
    status = add_pass(model, &ws, n, tensors);
done:
    gki_workspace_free(&ws);
    free(targets);
    return status;
}
