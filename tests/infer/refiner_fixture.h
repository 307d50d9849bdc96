/* Random models, images and results for the tests of refinement. */
#ifndef GKV_TESTS_REFINER_FIXTURE_H
#define GKV_TESTS_REFINER_FIXTURE_H

#include "vae/small.h"

#include "core/rng.h"
#include "gkvae/eval.h"
#include "gkvae/refine.h"
#include "vae/model.h"

enum { PIXELS = 784 };

/* The results of refinement for n images. */
typedef struct answers {
    size_t n, d;
    gkv_refined out;
} answers;

static inline answers answers_of(size_t n, size_t d)
{
    return (answers){n,
                     d,
                     {.mean = test_alloc(n * d * sizeof(float)),
                      .factor = test_alloc(n * d * d * sizeof(float)),
                      .before = test_alloc(n * sizeof(double)),
                      .after = test_alloc(n * sizeof(double)),
                      .cross_entropy_before = test_alloc(n * sizeof(double)),
                      .cross_entropy_after = test_alloc(n * sizeof(double)),
                      .accepted = test_alloc(n * sizeof(size_t)),
                      .outcome = test_alloc(n * sizeof(gkv_refine_outcome))}};
}

static inline void answers_free(answers *found)
{
    free(found->out.mean);
    free(found->out.factor);
    free(found->out.before);
    free(found->out.after);
    free(found->out.cross_entropy_before);
    free(found->out.cross_entropy_after);
    free(found->out.accepted);
    free(found->out.outcome);
}

static inline void assert_same(const answers *a, const answers *b, size_t n)
{
    assert_memory_equal(a->out.mean, b->out.mean, n * a->d * sizeof(float));
    assert_memory_equal(a->out.factor, b->out.factor, n * a->d * a->d * sizeof(float));
    assert_memory_equal(a->out.before, b->out.before, n * sizeof(double));
    assert_memory_equal(a->out.after, b->out.after, n * sizeof(double));
    assert_memory_equal(a->out.cross_entropy_after, b->out.cross_entropy_after, n * sizeof(double));
    assert_memory_equal(a->out.accepted, b->out.accepted, n * sizeof(size_t));
}

/* A model with random weights that are large enough to affect the results. */
static inline gkv_model *random_model(const gkv_settings *settings, size_t height, size_t width)
{
    double *mean = test_alloc(height * width * sizeof *mean);
    for (size_t i = 0; i < height * width; i++)
        mean[i] = 0.1 + 0.3 * (double)i / (double)(height * width);
    gkv_model *model = NULL;
    assert_ok(gkv_model_create(height, width, 1, mean, settings, &model));
    free(mean);
    for (size_t i = 0; i < model->params.count; i++) {
        const gki_param *param = &model->params.list[i];
        if (!param->trainable)
            continue;
        gki_real *noise = test_alloc(param->size * sizeof *noise);
        gki_rng_normal(gki_rng_at(3, GKV_STREAM_USER, 0, i), param->size, noise);
        for (size_t k = 0; k < param->size; k++)
            model->params.values[param->offset + k] += (gki_real)0.1 * noise[k];
        free(noise);
    }
    return model;
}

static inline answers refine_on(const gkv_model *model, const gkv_refine_settings *settings,
                                size_t n, const float *images, const gkv_run_options *options)
{
    gkv_refiner *refiner = NULL;
    answers out = answers_of(n, gkv_model_latent(model));
    assert_ok(gkv_refiner_create(model, settings, &refiner));
    const gkv_status status = gkv_refiner_run(refiner, n, images, 0, options, &out.out);
    assert_int_equal(status,
                     options && options->stop && *options->stop ? GKV_ERR_INTERRUPTED : GKV_OK);
    gkv_refiner_free(refiner);
    return out;
}

static inline answers refine(const gkv_model *model, const gkv_refine_settings *settings, size_t n,
                             const float *images)
{
    return refine_on(model, settings, n, images, NULL);
}

/* The first images of the small test set, binarized. */
static inline float *test_images(const gkv_settings *settings, size_t n)
{
    gkv_dataset *test = NULL;
    float *images = test_alloc(n * PIXELS * sizeof *images);
    assert_ok(gkv_dataset_load(GKV_TEST, &settings->data, &test));
    assert_ok(gkv_targets(test, n, GKV_TEST, 0, settings, images));
    gkv_dataset_free(test);
    return images;
}

static inline gkv_settings kind(const char *flow, const char *base, const char *posterior,
                                const char *posterior_flow)
{
    gkv_settings settings = small_settings();
    set(&settings, "model.prior_flow", flow);
    set(&settings, "model.base", base);
    set(&settings, "model.base_fit", "lm");
    set(&settings, "model.base_components", "3");
    set(&settings, "model.posterior", posterior);
    set(&settings, "model.posterior_flow", posterior_flow);
    set(&settings, "model.posterior_layers", strcmp(posterior_flow, "none") == 0 ? "0" : "2");
    return settings;
}

#endif
